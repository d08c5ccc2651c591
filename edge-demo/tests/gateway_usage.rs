//! Wrong use of the gateway: one clear line on standard error, a status that is not zero, and nothing written.

mod common;

use std::fs;
use std::path::Path;

use common::{gateway, gateway_succeeds};

/// The one line the gateway complains with.
fn complaint(directory: &Path, options: &str, status: i32) -> String {
    let output = gateway(directory, options);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "gateway {options}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "gateway {options}: {stderr}");
    stderr
}

#[test]
fn a_wrong_command_line_ends_with_status_2() {
    let directory = tempfile::tempdir().unwrap();
    let fine = "--input rows.csv --out out --state state";
    for (options, expected) in [
        (String::new(), "--"),
        (format!("{fine} --fast"), "--fast"),
        (format!("{fine} --window sliding:10s/20s"), "slide"),
        (format!("{fine} --window tumbling:0s"), "zero"),
        (format!("{fine} --window session:10s --mode update"), "--mode update"),
        (format!("{fine} --keys 0"), "--keys"),
        (format!("{fine} --keys 67108865"), "67108864"),
        (format!("{fine} --ahead soon"), "--ahead"),
        ("--input rows.csv --out both --state both".to_owned(), "the same"),
        ("--input rows.csv --out out --state out".to_owned(), "--state and --out are the same"),
        ("--broker localhost:1 --out out --state state".to_owned(), "--topic"),
    ] {
        let stderr = complaint(directory.path(), &options, 2);
        assert!(stderr.contains(expected), "{options}: {stderr}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "something was written");
}

#[test]
fn help_goes_to_standard_output() {
    let output = gateway(Path::new("."), "--help");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for option in
        ["--broker", "--input", "--window", "--watermark", "--on-full", "--drain", "--state", "--ahead"]
    {
        assert!(text.contains(option), "{option}");
    }
}

#[test]
fn an_unreachable_broker_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let options = format!("--broker {address} --topic a/b --out out --state state");
    let stderr = complaint(directory.path(), &options, 1);
    assert!(stderr.contains(&address.to_string()), "{stderr}");
}

#[test]
fn a_missing_input_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let stderr =
        complaint(directory.path(), "--input none.csv --trigger available-now --out out --state state", 1);
    assert!(stderr.contains("none.csv"), "{stderr}");
}

#[test]
fn a_directory_that_cannot_be_made_is_said() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rows.csv"), "device,at,value\na,1,2\n").unwrap();
    fs::write(directory.path().join("occupied"), "a file, so no directory").unwrap();
    for options in
        ["--out occupied --state state", "--out out --state occupied", "--out occupied/out --state state"]
    {
        let stderr =
            complaint(directory.path(), &format!("--input rows.csv --trigger available-now {options}"), 1);
        assert!(stderr.contains("occupied"), "{options}: {stderr}");
    }
}

#[test]
fn the_state_of_another_query_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rows.csv"), "device,at,value\na,1,2\nb,100000,3\n").unwrap();
    let fine = "--input rows.csv --trigger available-now --out out --state state";
    gateway_succeeds(directory.path(), &format!("{fine} --window tumbling:10s"));
    let before = files(&directory.path().join("state"));
    for other in ["--window tumbling:20s", "--window session:10s", "--window sliding:10s/5s"] {
        let stderr = complaint(directory.path(), &format!("{fine} {other}"), 1);
        assert!(stderr.contains("state"), "{other}: {stderr}");
    }
    assert_eq!(files(&directory.path().join("state")), before);
    gateway_succeeds(directory.path(), &format!("{fine} --window tumbling:10s"));
}

#[test]
fn a_state_that_no_longer_fits_names_the_option_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let rows: String = (0..60).map(|device| format!("dev-{device},1,2\n")).collect();
    fs::write(directory.path().join("rows.csv"), format!("device,at,value\n{rows}")).unwrap();
    let fine = "--input rows.csv --trigger available-now --out out --state state";
    gateway_succeeds(directory.path(), &format!("{fine} --keys 60"));
    let stderr = complaint(directory.path(), &format!("{fine} --keys 1"), 1);
    assert!(stderr.contains("--keys"), "{stderr}");
    gateway_succeeds(directory.path(), &format!("{fine} --keys 60"));
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}
