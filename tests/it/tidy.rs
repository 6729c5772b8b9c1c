//! The tidy test: the house rules of the floors, walked over the real files; it names the offending line.
//! Not here: the rules themselves and their self-tests (`tidy/rules.rs`, `tidy/secrets.rs`), and what the house is built from
//! (`tidy/supply.rs`).

mod code;
mod proofs;
mod rules;
mod secrets;
mod supply;

use carepass::model::event::ReasonCode;
use carepass::model::failure::FailureCode;
use carepass::model::person::Language;
use code::Source;
use rules::Offence;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("src"));
    assert!(sources.len() > 3, "the walk finds the files");

    let all = || rules::RULES.iter().chain(&secrets::RULES);
    let offences = sources.iter().flat_map(|source| all().flat_map(|rule| rule(source)));
    assert_none(offences.collect());
}

#[test]
fn tests_and_benchmarks_have_the_shape_of_the_house() {
    let offences = ["tests", "benches"].iter().flat_map(|folder| {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
        assert!(!sources.is_empty(), "the walk finds the files of {folder}");
        let shape = |source: &Source| rules::shape_of(&format!("{folder}/{}", source.path), &source.text);
        sources.iter().flat_map(shape).collect::<Vec<_>>()
    });
    assert_none(offences.collect());
}

#[test]
fn every_failure_code_has_its_runbook_heading() {
    let codes: Vec<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RUNBOOK.md");
    let text = fs::read_to_string(path).unwrap_or_default();
    assert_none(rules::runbook(&codes, &text));
    assert_none(rules::runbook_sections(&codes, &text));
}

#[test]
fn every_reason_of_a_refusal_stands_in_the_page_about_events() {
    let reasons: Vec<_> =
        ReasonCode::ALL.iter().map(|reason| (reason.code(), reason.text(Language::English))).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/EVENTS.md");
    assert_none(rules::reasons(&reasons, &fs::read_to_string(path).unwrap_or_default()));
}

#[test]
fn every_effect_has_crash_points_and_every_planted_bug_is_hunted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let product = sources(&root.join("src"));
    let tests = sources(&root.join("tests"));
    assert!(carepass::planted::Bug::ALL.len() >= 30, "fewer prove too little");
    assert_none(proofs::effects(&product));
    assert_none(proofs::bugs(&product, &tests));
}

fn assert_none(mut offences: Vec<Offence>) {
    offences.sort();
    let report: Vec<_> = offences.iter().map(ToString::to_string).collect();
    assert!(report.is_empty(), "{} offences against the house rules:\n{}", report.len(), report.join("\n"));
}

fn sources(src: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    collect(src, &mut files);
    files.sort();
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(src).expect("found below it").to_str().expect("our names are ASCII");
        Source::new(path, &fs::read_to_string(file).expect("our files are readable text"))
    };
    files.iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("our folders are readable") {
        let path = entry.expect("our folders are readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
