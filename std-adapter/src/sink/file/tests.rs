use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use super::*;

#[derive(Debug, Clone, Copy, Serialize)]
struct Row {
    n: u32,
    x: Option<f64>,
}

fn row(n: u32) -> Row {
    Row { n, x: (!n.is_multiple_of(3)).then(|| f64::from(n) / 2.0) }
}

/// Name and text of every file with rows.
fn contents(directory: &Path) -> BTreeMap<String, String> {
    let mut files = all_contents(directory);
    files.retain(|name, _| !name.starts_with('.'));
    files
}

fn all_contents(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn open(sink: &mut FileSink, committed: Option<FileSinkPosition>) -> Result<(), SinkError> {
    Sink::<Row>::open(sink, committed)
}

fn prepare(sink: &mut FileSink) -> FileSinkPosition {
    Sink::<Row>::prepare(sink, 0).unwrap()
}

fn committed(sink: &mut FileSink) {
    Sink::<Row>::committed(sink, 0).unwrap();
}

fn small(directory: &Path, format: Format) -> FileSink {
    of_query("a", FileSink::new(directory, format).with_largest_file(30))
}

fn of_query(id: &str, mut sink: FileSink) -> FileSink {
    Sink::<Row>::set_query_id(&mut sink, id);
    sink
}

/// Writes epochs of rows in one go.
fn run(sink: &mut FileSink, epochs: core::ops::Range<u32>) -> Vec<FileSinkPosition> {
    epochs
        .map(|epoch| {
            (3 * epoch..3 * epoch + 3).for_each(|n| sink.write(&row(n)).unwrap());
            let position = prepare(sink);
            committed(sink);
            position
        })
        .collect()
}

fn finish(sink: &mut FileSink) {
    Sink::<Row>::finish(sink);
    prepare(sink);
    committed(sink);
}

#[test]
fn small_epochs_share_a_file_and_only_finished_files_have_finished_names() {
    let directory = TempDir::new().unwrap();
    let mut sink = FileSink::new(directory.path().join("new/out"), Format::Csv);
    open(&mut sink, None).unwrap();
    run(&mut sink, 0..2);
    let out = directory.path().join("new/out");
    let text = "n,x\n0,\n1,0.5\n2,1.0\n3,\n4,2.0\n5,2.5\n";
    assert_eq!(contents(&out), [("part-000000.csv.part".to_owned(), text.to_owned())].into());
    finish(&mut sink);
    assert_eq!(contents(&out), [("part-000000.csv".to_owned(), text.to_owned())].into());
}

/// After each of the commits: any cut of the files' later bytes, with and without the steps after the commit, ends in the
/// same output as a run without a crash.
#[test]
fn recovery_from_any_byte_gives_the_output_of_an_undisturbed_run() {
    for format in [Format::Csv, Format::JsonLines] {
        let undisturbed = TempDir::new().unwrap();
        let mut sink = small(undisturbed.path(), format);
        open(&mut sink, None).unwrap();
        run(&mut sink, 0..6);
        finish(&mut sink);
        let expected = contents(undisturbed.path());
        assert!(expected.len() > 2 && expected.keys().all(|name| !name.ends_with(".part")));

        for epoch in 0..6 {
            let crashed = TempDir::new().unwrap();
            let mut sink = small(crashed.path(), format);
            open(&mut sink, None).unwrap();
            let before = run(&mut sink, 0..epoch).last().copied();
            let files_before = contents(crashed.path());
            (3 * epoch..3 * epoch + 3).for_each(|n| sink.write(&row(n)).unwrap());
            let after = prepare(&mut sink);
            let files_after = contents(crashed.path());
            let hidden = fs::read_to_string(crashed.path().join(".owner")).unwrap();
            drop(sink);
            // The crash was before the commit: what is on disk of the new epoch may be any part of it.
            for (name, text) in &files_after {
                let old_length = files_before.get(name).map_or(0, String::len);
                for cut in old_length..=text.len() {
                    let directory = TempDir::new().unwrap();
                    files_after
                        .iter()
                        .for_each(|(name, text)| fs::write(directory.path().join(name), text).unwrap());
                    fs::write(directory.path().join(name), &text[..cut]).unwrap();
                    fs::write(directory.path().join(".owner"), &hidden).unwrap();
                    let mut sink = small(directory.path(), format);
                    open(&mut sink, before).unwrap();
                    assert_eq!(
                        contents(directory.path()),
                        files_before,
                        "epoch {epoch}, {name} cut at {cut}"
                    );
                    if cut == text.len() {
                        run(&mut sink, epoch..6);
                        finish(&mut sink);
                        assert_eq!(
                            contents(directory.path()),
                            expected,
                            "epoch {epoch}, {name} cut at {cut}"
                        );
                    }
                }
            }
            // The crash was after the commit and before the renaming; rows of the next epoch cannot be there yet.
            let mut sink = small(crashed.path(), format);
            open(&mut sink, Some(after)).unwrap();
            run(&mut sink, epoch + 1..6);
            finish(&mut sink);
            assert_eq!(contents(crashed.path()), expected, "epoch {epoch}, after the commit");
        }
    }
}

#[test]
fn a_file_is_closed_by_age_without_new_rows() {
    let directory = TempDir::new().unwrap();
    let mut sink = FileSink::new(directory.path(), Format::JsonLines).with_longest_open(Duration::ZERO);
    open(&mut sink, None).unwrap();
    assert!(!Sink::<Row>::wants_commit(&sink));
    sink.write(&row(1)).unwrap();
    assert_eq!(prepare(&mut sink), FileSinkPosition { file: 1, length: 0 });
    committed(&mut sink);
    assert_eq!(
        contents(directory.path()),
        [("part-000000.jsonl".to_owned(), "{\"n\":1,\"x\":0.5}\n".to_owned())].into()
    );

    drop(sink);
    let mut sink = FileSink::new(directory.path(), Format::JsonLines);
    open(&mut sink, Some(FileSinkPosition { file: 1, length: 0 })).unwrap();
    sink.write(&row(2)).unwrap();
    let position = prepare(&mut sink);
    assert_eq!(position.file, 1);
    let mut sink = sink.with_longest_open(Duration::ZERO);
    assert!(Sink::<Row>::wants_commit(&sink));
    assert_eq!(prepare(&mut sink), FileSinkPosition { file: 2, length: 0 });
}

#[test]
fn output_that_does_not_belong_to_the_checkpoint_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let mut sink = small(directory.path(), Format::Csv);
    open(&mut sink, None).unwrap();
    let positions = run(&mut sink, 0..6);
    finish(&mut sink);
    drop(sink);
    let before = contents(directory.path());
    let error = open(&mut small(directory.path(), Format::Csv), None).unwrap_err().to_string();
    assert!(error.contains("earlier run"), "{error}");
    let error = open(&mut small(directory.path(), Format::Csv), Some(positions[0])).unwrap_err().to_string();
    assert!(error.contains("newer than the checkpoint"), "{error}");
    assert_eq!(contents(directory.path()), before);

    let missing = TempDir::new().unwrap();
    let error = open(&mut small(missing.path(), Format::Csv), Some(FileSinkPosition { file: 2, length: 9 }));
    assert!(error.unwrap_err().to_string().contains("part-000002.csv.part"));
    fs::write(missing.path().join("part-000002.csv.part"), "n,x\n").unwrap();
    let error = open(&mut small(missing.path(), Format::Csv), Some(FileSinkPosition { file: 2, length: 9 }));
    assert!(error.unwrap_err().to_string().contains("it has 4 bytes, but 9 were committed"));
}

#[test]
fn a_directory_has_one_writer_at_a_time() {
    let directory = TempDir::new().unwrap();
    for replacing in [false, true] {
        let new = || {
            let sink = FileSink::new(directory.path(), Format::Csv);
            if replacing { sink.replacing() } else { sink }
        };
        let mut first = new();
        open(&mut first, None).unwrap();
        let error = open(&mut new(), None).unwrap_err().to_string();
        assert!(error.contains("is in use by another process"), "{error}");
        open(&mut first, None).unwrap();
        drop(first);
        open(&mut new(), None).unwrap();
    }
}

#[test]
fn uncommitted_rows_are_cut_off_only_for_the_query_that_wrote_them() {
    let directory = TempDir::new().unwrap();
    let new = |query| of_query(query, FileSink::new(directory.path(), Format::Csv));
    let mut sink = new("a");
    open(&mut sink, None).unwrap();
    sink.write(&row(1)).unwrap();
    prepare(&mut sink);
    drop(sink);
    // Before the very first commit: another query is refused, its own starts again by itself.
    let left = contents(directory.path());
    for position in [None, Some(FileSinkPosition { file: 0, length: 3 })] {
        let error = open(&mut new("b"), position).unwrap_err().to_string();
        assert!(error.contains("part-000000.csv.part") && error.contains("another query"), "{error}");
    }
    let error = open(&mut FileSink::new(directory.path(), Format::Csv), None).unwrap_err().to_string();
    assert!(error.contains("an earlier run"), "{error}");
    assert_eq!(contents(directory.path()), left);
    let mut sink = new("a");
    open(&mut sink, None).unwrap();
    assert!(contents(directory.path()).is_empty());

    // Once there was a commit, an empty checkpoint is a lost one.
    sink.write(&row(2)).unwrap();
    let position = prepare(&mut sink);
    committed(&mut sink);
    drop(sink);
    let left = contents(directory.path());
    let error = open(&mut new("a"), None).unwrap_err().to_string();
    assert!(error.contains("checkpoint is empty") && error.contains("move the file away"), "{error}");
    assert_eq!(contents(directory.path()), left);
    open(&mut new("a"), Some(position)).unwrap();
    assert_eq!(contents(directory.path()), left);

    // An empty file is nobody's.
    fs::remove_file(directory.path().join("part-000000.csv.part")).unwrap();
    fs::write(directory.path().join("part-000003.csv.part"), "").unwrap();
    open(&mut new("b"), None).unwrap();
    assert!(contents(directory.path()).is_empty());
}

#[test]
fn a_replaced_file_holds_the_last_table_of_the_last_commit() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let table = |sink: &mut FileSink, rows: core::ops::Range<u32>| {
        Sink::<Row>::begin(sink);
        rows.for_each(|n| sink.write(&row(n)).unwrap());
    };
    let mut sink = FileSink::new(path, Format::JsonLines).replacing();
    open(&mut sink, None).unwrap();
    table(&mut sink, 1..2);
    table(&mut sink, 1..3);
    let first = prepare(&mut sink);
    committed(&mut sink);
    let file = |text: &str| BTreeMap::from([("result.jsonl".to_owned(), text.to_owned())]);
    let one = file("{\"n\":1,\"x\":0.5}\n{\"n\":2,\"x\":1.0}\n");
    assert_eq!(contents(path), one);
    // A commit without a trigger leaves it.
    assert_eq!(prepare(&mut sink), first);
    committed(&mut sink);
    assert_eq!(contents(path), one);
    // A crash before the commit.
    table(&mut sink, 2..3);
    let second = prepare(&mut sink);
    drop(sink);
    let copy = contents(path);
    let mut sink = FileSink::new(path, Format::JsonLines).replacing();
    open(&mut sink, Some(first)).unwrap();
    assert_eq!(contents(path), one);
    // A crash after it.
    copy.iter().for_each(|(name, text)| fs::write(path.join(name), text).unwrap());
    open(&mut sink, Some(second)).unwrap();
    assert_eq!(contents(path), file("{\"n\":2,\"x\":1.0}\n"));
    // An empty table.
    table(&mut sink, 0..0);
    prepare(&mut sink);
    committed(&mut sink);
    assert_eq!(contents(path), file(""));
}

#[test]
fn columns_can_be_named_and_rows_that_do_not_fit_say_why() {
    let directory = TempDir::new().unwrap();
    let mut sink =
        FileSink::new(directory.path(), Format::Csv).with_columns(["start", "end", "key", "count"]);
    Sink::<((i64, i64), &str, u64)>::open(&mut sink, None).unwrap();
    sink.write(&((0, 10), "a,b", 3_u64)).unwrap();
    finish(&mut sink);
    assert_eq!(contents(directory.path())["part-000000.csv"], "start,end,key,count\n0,10,\"a,b\",3\n");
    let error = sink.write(&(1, 2)).unwrap_err().to_string();
    assert!(error.ends_with("it has 2 fields and there are 4 columns"), "{error}");

    #[derive(Serialize)]
    struct Nested {
        inner: Row,
    }
    let directory = TempDir::new().unwrap();
    let mut sink = FileSink::new(directory.path(), Format::Csv);
    Sink::<Nested>::open(&mut sink, None).unwrap();
    let error = sink.write(&Nested { inner: row(1) }).unwrap_err().to_string();
    assert!(error.contains("CSV rows must be flat"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    // Writes to /dev/full fail as a full disk does.
    let directory = TempDir::new().unwrap();
    let mut sink = FileSink::new(directory.path(), Format::Csv);
    open(&mut sink, None).unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.path().join("part-000000.csv.part")).unwrap();
    let outcome = sink.write(&row(1)).and_then(|()| Sink::<Row>::prepare(&mut sink, 1));
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("part-000000.csv.part") && error.contains("space"), "{error}");
}
