use std::fs::OpenOptions;
use std::io::Write;

use serde::Deserialize;
use tempfile::TempDir;

use super::*;

#[derive(Debug, Deserialize, PartialEq, Eq, Clone, PartialOrd, Ord)]
struct Row {
    n: u32,
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn json(directory: &Path) -> FileSource<Row> {
    FileSource::new(directory, Format::JsonLines).with_poll_interval(Duration::ZERO)
}

/// Rows up to the next pause.
fn read(source: &mut FileSource<Row>) -> Vec<u32> {
    let mut rows = Vec::new();
    while let Next::Row(row) = source.next(Duration::ZERO).unwrap() {
        rows.push(row.n);
    }
    rows
}

fn line(n: u32) -> String {
    format!("{{\"n\":{n}}}\n")
}

#[test]
fn a_file_that_grows_by_single_bytes_gives_each_row_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.csv");
    append(&path, "");
    let mut source = FileSource::<Row>::new(&path, Format::Csv).with_poll_interval(Duration::ZERO);
    source.open(None).unwrap();
    let mut rows = Vec::new();
    for byte in "n\n1\n22\r\n\n3\n".chars() {
        append(&path, &byte.to_string());
        rows.extend(read(&mut source));
    }
    assert_eq!(rows, [1, 22, 3]);
    assert_eq!(source.metrics().rejected, 0);
}

#[test]
fn a_directory_is_read_in_order_of_names_and_files_may_grow_and_appear() {
    let directory = TempDir::new().unwrap();
    append(&directory.path().join("b"), &line(3));
    append(&directory.path().join("a"), &(line(1) + &line(2)));
    append(&directory.path().join("_hidden"), &line(99));
    append(&directory.path().join("c.part"), &line(99));
    let mut source = json(directory.path());
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2, 3]);
    append(&directory.path().join("b"), &line(5));
    append(&directory.path().join("a"), &line(4));
    append(&directory.path().join("c"), &line(6));
    assert_eq!(read(&mut source), [4, 5, 6]);
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Idle);
}

#[test]
fn a_restart_at_any_row_loses_and_doubles_nothing() {
    let directory = TempDir::new().unwrap();
    let rejects = TempDir::new().unwrap();
    let rejects = rejects.path().join("rejects.jsonl");
    for file in 0..4 {
        let mut text = "x,n\n".to_owned();
        for row in 0..5 {
            text += &format!("\"a,b\",{}\n", file * 5 + row);
            text += if row == 2 { "1,2,3\n" } else { "" };
        }
        append(&directory.path().join(format!("{file}.csv")), &text);
    }
    let new = || {
        FileSource::<Row>::new(directory.path(), Format::Csv)
            .growing_files(2)
            .with_poll_interval(Duration::ZERO)
            .with_rejects(&rejects)
    };
    let mut expected_rejects = None;
    for stop_after in 0..=20 {
        let _ = fs::remove_file(&rejects);
        let mut first = new();
        first.open(None).unwrap();
        let mut rows: Vec<u32> = Vec::new();
        for _ in 0..stop_after {
            let Next::Row(row) = first.next(Duration::ZERO).unwrap() else { panic!("there are 20 rows") };
            rows.push(row.n);
        }
        let position = first.prepare().unwrap();
        assert!(position.begun.len() <= 3, "{position:?}");
        // Rows after the commit come again.
        let _ = read(&mut first);
        first.prepare().unwrap();

        let bytes = serde_json::to_vec(&position).unwrap();
        let mut second = new();
        second.open(Some(serde_json::from_slice(&bytes).unwrap())).unwrap();
        rows.extend(read(&mut second));
        assert_eq!(rows, (0..20).collect::<Vec<_>>(), "stopped after {stop_after}");
        assert_eq!(second.prepare().unwrap().rejects.count, 4);
        let written = fs::read_to_string(&rejects).unwrap();
        assert_eq!(expected_rejects.get_or_insert(written.clone()), &written, "stopped after {stop_after}");
        assert!(
            written.starts_with("{\"file\":\"0.csv\",\"line\":5,\"reason\":\"3 fields, expected 2\""),
            "{written}"
        );
    }
}

#[test]
fn available_now_takes_a_last_line_without_newline_and_later_runs_go_on_behind_it() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a");
    append(&path, "{\"n\":1}\n{\"n\":2}");
    let mut source = json(directory.path());
    source.open(None).unwrap();
    source.limit_to_available().unwrap();
    append(&path, "\n{\"n\":3}");
    assert_eq!(read(&mut source), [1, 2]);
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::End);
    let position = source.prepare().unwrap();

    let mut again = json(directory.path());
    again.open(Some(position.clone())).unwrap();
    again.limit_to_available().unwrap();
    assert_eq!(read(&mut again), [3]);

    fs::write(&path, "{\"n\":1}\n{\"n\":2}4}\n").unwrap();
    let mut again = json(directory.path());
    again.open(Some(position)).unwrap();
    let error = again.next(Duration::ZERO).unwrap_err().to_string();
    assert!(error.contains("line 2 was longer"), "{error}");
}

#[test]
fn a_file_that_is_not_the_one_read_before_is_an_error() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a");
    append(&path, &(line(1) + &line(2)));
    let mut source = json(&path);
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2]);
    let position = source.prepare().unwrap();
    for (text, message) in [("{\"n\":1}\n", "only 8 bytes"), (&*(line(1000) + &line(1)), "no line begins")] {
        fs::write(&path, text).unwrap();
        let mut again = json(&path);
        again.open(Some(position.clone())).unwrap();
        let error = again.next(Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let missing = json(&directory.path().join("none")).open(None).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read ") && missing.contains("none"), "{missing}");
}

#[test]
fn the_position_stays_small_and_a_file_among_the_finished_is_reported() {
    let directory = TempDir::new().unwrap();
    let mut source = json(directory.path()).growing_files(2);
    source.open(None).unwrap();
    for file in 0..40 {
        append(&directory.path().join(format!("{:03}", 2 * file)), &line(file));
        assert_eq!(read(&mut source), [file]);
        assert!(source.prepare().unwrap().begun.len() <= 2);
    }
    append(&directory.path().join("005"), &line(1000));
    // Finished files may go; this one grows without being looked at.
    fs::remove_file(directory.path().join("000")).unwrap();
    append(&directory.path().join("002"), &line(1000));
    for _ in 0..2 {
        assert!(read(&mut source).is_empty());
        append(&directory.path().join("005"), &line(1000));
        append(&directory.path().join("002"), &line(1000));
    }
    assert_eq!((source.metrics().ignored_files, source.metrics().grown_files), (1, 1));
    append(&directory.path().join("078"), &line(7));
    assert_eq!(read(&mut source), [7]);
    assert_eq!(source.metrics().ignored_files, 1);
}

#[test]
fn columns_can_be_given_for_files_without_header() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.data");
    append(&path, "x;1\ny;2\n");
    let mut source =
        FileSource::<Row>::new(&path, Format::Csv).with_delimiter(b';').with_columns(["name", "n"]);
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2]);
}

#[test]
fn a_header_without_a_needed_column_is_an_error_and_not_a_reject_of_each_line() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.csv");
    let new = || FileSource::<Row>::new(&path, Format::Csv).with_poll_interval(Duration::ZERO);
    // The header may be read, and its end committed, before the first line comes.
    append(&path, "x,m\n");
    let mut source = new();
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Idle);
    let mut position = Some(source.prepare().unwrap());
    append(&path, "1,2\n3,4\n");
    for _ in 0..2 {
        let mut source = new();
        source.open(position).unwrap();
        let error = source.next(Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("a.csv are `x,m`: missing field `n`"), "{error}");
        // What the query commits then does not pass the line over.
        position = Some(source.prepare().unwrap());
        assert_eq!(source.metrics().rejected, 0);
    }
    fs::write(&path, "x,n\n1,2\n3,4\n").unwrap();
    let mut source = new();
    source.open(position).unwrap();
    assert_eq!(read(&mut source), [2, 4]);
    let mut given = new().with_columns(["x", "y"]);
    given.open(None).unwrap();
    assert!(given.next(Duration::ZERO).unwrap_err().to_string().contains("missing field `n`"));
}

#[test]
fn a_line_over_the_limit_is_a_reject() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a");
    append(&path, &(line(1) + &"x".repeat(5000) + "\n" + &line(2)));
    // Among the input files, and not read as one.
    let rejects = directory.path().join("rejects");
    let mut source = json(directory.path()).with_longest_line(4096).with_rejects(&rejects);
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2]);
    source.prepare().unwrap();
    let written = fs::read_to_string(rejects).unwrap();
    assert!(
        written.contains("\"line\":2,\"reason\":\"the line has 5000 bytes, more than the 4096 allowed\""),
        "{written}"
    );
}
