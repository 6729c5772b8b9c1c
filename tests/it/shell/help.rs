//! The words of every command, as a picture; what a shell completes, and the manual, made of the same. Not here: what commands do.

use super::story::run;

/// Every command with its help, in the order of the help itself.
fn pages(path: &[&str], pages: &mut Vec<String>) {
    let ran = run(&[path, &["--help"]].concat());
    assert_eq!(ran.code, Some(0), "{path:?}: {}", ran.notes);
    pages.push(format!("## carepass {}\n{}", path.join(" "), ran.out));
    let commands = ran.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| line.starts_with("  ")) {
        // A summary that is longer than the line goes on further to the right.
        let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) else { continue };
        let name = name.split(' ').next().expect("a name");
        if name != "help" {
            self::pages(&[path, &[name]].concat(), pages);
        }
    }
}

/// On a deliberate change of the command line: copy the text from the failure into the file, and read the difference.
#[test]
fn the_help_of_every_command() {
    let mut all = Vec::new();
    pages(&[], &mut all);
    let found: Vec<String> = all.join("\n").lines().map(|line| line.trim_end().to_owned()).collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/shell/help.txt");
    let expected = std::fs::read_to_string(file).expect("the picture");
    let expected: Vec<&str> = expected.lines().collect();
    assert!(all.len() > 40, "{} commands", all.len());
    assert_eq!(found, expected, "{}", found.join("\n"));
}

#[test]
fn shells_and_the_manual_know_every_command() {
    for (shell, mark) in
        [("bash", "complete -F"), ("zsh", "#compdef carepass"), ("fish", "complete -c carepass")]
    {
        let script = run(&["completions", shell]).done();
        assert!(script.contains(mark) && script.contains("username"), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).code, Some(2));

    let page = run(&["man"]).done();
    assert!(page.contains(".TH carepass 1") && page.contains("Exit codes"), "{page}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("man1");
    run(&["man", "--out", out.to_str().expect("a plain path")]).done();
    let pages: Vec<String> = std::fs::read_dir(&out)
        .expect("it was made")
        .map(|page| page.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    for page in ["carepass.1", "carepass-plan.1", "carepass-order-adopt.1", "carepass-ledger-export.1"] {
        assert!(pages.iter().any(|found| found == page), "{page}: {pages:?}");
    }
}
