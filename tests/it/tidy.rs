//! The tidy test: the house rules of the floors, walked over the real files; it names the offending line.
//! Not here: the rules themselves and their self-tests (`tidy/rules.rs`).

mod code;
mod rules;

use code::Source;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("src"));
    assert!(sources.len() > 3, "the walk finds the files");

    let failures = sources.iter().find(|source| source.path == "model/failure.rs");
    let runbook = fs::read_to_string(root.join("docs/RUNBOOK.md")).unwrap_or_default();
    let mut offences = rules::runbook(failures, &runbook);
    for source in &sources {
        offences.extend(rules::RULES.iter().flat_map(|rule| rule(source)));
    }

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
