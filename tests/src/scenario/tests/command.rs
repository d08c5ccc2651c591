use std::path::PathBuf;

use super::*;
use crate::scenario::command::{Action, CommandError, Options};
use crate::scenario::read::scenarios;

fn parse(arguments: &[&str]) -> Result<Options, CommandError> {
    Options::parse(arguments.iter().map(Into::into))
}

#[test]
fn options_are_read() {
    let action = |arguments: &[&str]| parse(arguments).unwrap().action;
    assert_eq!(action(&["dir"]), Action::Run { restart: false });
    assert_eq!(action(&["dir", "--restart", "file"]), Action::Run { restart: true });
    assert_eq!(action(&["--list", "dir"]), Action::List);
    assert_eq!(action(&["--compact", "out", "dir"]), Action::Compact(PathBuf::from("out")));
    assert_eq!(action(&["--help"]), Action::Help);
    assert_eq!(parse(&["a", "b"]).unwrap().paths, [PathBuf::from("a"), PathBuf::from("b")]);
    for wrong in [&["--restart"] as &[&str], &["--fast", "dir"], &["dir", "--compact"]] {
        assert!(matches!(parse(wrong), Err(CommandError::Usage(_))), "{wrong:?}");
    }
}

#[test]
fn files_that_cannot_be_read_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut wrong = file();
    wrong["steps"][0]["dropped_late"] = json!(-1);
    std::fs::write(path("wrong.json"), wrong.to_string()).unwrap();
    std::fs::write(path("notes.txt"), "not a scenario").unwrap();
    std::fs::create_dir(path("empty")).unwrap();

    let arguments = [&path(""), &path("absent.json"), &path("empty")];
    let options = Options::parse(arguments.map(Into::into)).unwrap();
    let mut out = Vec::new();
    assert!(!options.execute(&mut out).unwrap());
    let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].contains("wrong.json: field `steps[0].dropped_late`: "), "{lines:?}");
    assert!(lines[1].contains("absent.json: "), "{lines:?}");
    assert!(lines[2].contains("no .json or .jsonl file"), "{lines:?}");
    assert_eq!(lines[3], "0 passed, 3 failed");
}

#[test]
fn operators_are_listed_and_the_compact_form_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("one.json"), file().to_string()).unwrap();
    std::fs::write(path("two.json"), refused().to_string()).unwrap();
    let execute = |arguments: &[&str]| {
        let mut out = Vec::new();
        assert!(parse(arguments).unwrap().execute(&mut out).unwrap());
        String::from_utf8(out).unwrap()
    };
    assert_eq!(execute(&["--list", &path("")]), "tumbling 2\n");
    execute(&["--compact", &path("both.jsonl"), &path("one.json"), &path("two.json")]);
    let read: Vec<Scenario> =
        scenarios(path("both.jsonl").as_ref()).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, [scenario(&file()), scenario(&refused())]);
    assert!(execute(&["--help"]).starts_with("usage: conformance "));
}
