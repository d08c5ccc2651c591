//! SIGINT and SIGTERM end the gateway cleanly: what it has read is committed and its file closed; it goes on from there.

mod common;

use std::fs;

use common::{assert_same, batch_sessions, csv, gateway_succeeds, rows, start, wait_until, written};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn a_signal_ends_the_gateway_cleanly_and_it_goes_on_later() {
    let rows = rows(11, 900);
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let options = format!(
        "--input {} --window session:2s --watermark 4s --out {} --state {}",
        path("rows.csv"),
        path("out"),
        path("state"),
    );
    for (taken, signal) in [(300, Signal::INT), (600, Signal::TERM)] {
        fs::write(path("rows.csv"), csv(&rows[..taken])).unwrap();
        let mut gateway = start(&format!("{options} --trigger 10ms --progress"));
        wait_until(&mut gateway, "read the file", |gateway| gateway.progress().rows_in == taken as u64);
        kill_process(Pid::from_raw(gateway.id().try_into().unwrap()).unwrap(), signal).unwrap();
        let status = gateway.wait().unwrap();
        assert!(status.success(), "{signal:?}: {status}");
        let open = fs::read_dir(path("out")).unwrap().filter(|file| {
            file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "part")
        });
        assert_eq!(open.count(), 0, "{signal:?}: a file is still open");
    }
    fs::write(path("rows.csv"), csv(&rows)).unwrap();
    gateway_succeeds(directory.path(), &format!("{options} --trigger available-now --drain"));
    assert_same(batch_sessions(&rows, 2_000), written(&directory.path().join("out")), "three runs");
}
