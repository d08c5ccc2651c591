//! The gateway killed without warning (SIGKILL) at seeded moments: started again with the same state, it leaves files equal
//! to the batch answer.
//!
//! `HEADWATER_KILLS=50 cargo test -p edge-demo --test gateway_kill` runs more moments than the everyday three.

mod common;

use core::time::Duration;
use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Instant;

use common::{GATEWAY, Random, Row, assert_same, batch_sessions, batch_windows, csv, rows, written};
use edge_demo::broker::Broker;
use edge_demo::demo::{Device, GatewayProcess};

/// Rows of one run with a kill.
const ROWS: u64 = 2_000;
const CLIENT_ID: &str = "kill-test";
const PATIENCE: Duration = Duration::from_secs(60);

fn kills() -> u64 {
    env::var("HEADWATER_KILLS").map_or(3, |kills| kills.parse().expect("HEADWATER_KILLS is a number"))
}

fn start(options: &str) -> GatewayProcess {
    GatewayProcess::start(Path::new(GATEWAY), options.split_whitespace().map(Into::into).collect()).unwrap()
}

/// Waits for the gateway; fails with its own words if it ends instead.
fn wait_until(gateway: &mut GatewayProcess, what: &str, mut done: impl FnMut(&mut GatewayProcess) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(gateway) {
        if let Some(status) = gateway.ended().unwrap() {
            panic!("waiting to {what}: the gateway ended with {status}: {}", gateway.message());
        }
        assert!(
            Instant::now() < deadline,
            "the gateway did not {what}: {} {:?}",
            gateway.message(),
            gateway.progress()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the gateway when it has taken `rows` and some hundred microseconds more have passed.
fn kill_after(gateway: &mut GatewayProcess, rows: u64, extra: Duration) {
    wait_until(gateway, "take rows", |gateway| gateway.progress().rows_in >= rows);
    thread::sleep(extra);
    gateway.kill().unwrap();
}

fn payload(row: &Row, seq: usize) -> String {
    serde_json::json!({ "device": row.device, "at": row.at_ms, "value": row.value, "seq": seq }).to_string()
}

/// Plays `rows` over MQTT while the gateway is killed at each of `moments` (rows taken, extra time).
fn mqtt_run(
    rows: &[Row],
    window: &str,
    moments: &[(u64, Duration)],
) -> Vec<edge_demo::gateway::reading::AnswerRow> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let broker = Broker::start().unwrap();
    let mut gateway = start(&format!(
        "--broker {} --topic site/+/reading --client-id {CLIENT_ID} --window {window} --watermark 4s --trigger 20ms \
         --drain --progress --out {} --state {}",
        broker.address(),
        path("out"),
        path("state"),
    ));
    wait_until(&mut gateway, "subscribe", |_| broker.is_subscribed(CLIENT_ID));
    let address = broker.address();
    thread::scope(|scope| {
        let publishing = scope.spawn(move || {
            let mut device = Device::connect(address, "site").unwrap();
            for (seq, row) in rows.iter().enumerate() {
                device.publish(&payload(row, seq)).unwrap();
            }
        });
        for (taken, extra) in moments {
            kill_after(&mut gateway, *taken, *extra);
            gateway.restart().unwrap();
        }
        publishing.join().unwrap();
    });
    wait_until(&mut gateway, "take all messages", |gateway| {
        gateway.is_running() && broker.backlog(CLIENT_ID) == 0
    });
    let status = gateway.stop(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", gateway.message());
    written(&directory.path().join("out"))
}

#[test]
fn mqtt_input_killed_at_random_moments() {
    let mut random = Random(7);
    for kill in 0..kills() {
        let rows = rows(1_000 + kill, ROWS);
        let moment = (random.below(ROWS), Duration::from_micros(random.below(60_000)));
        println!("kill {kill} at {moment:?}");
        let answer = mqtt_run(&rows, "tumbling:10s", &[moment]);
        assert_same(batch_windows(&rows, 10_000, 10_000), answer, &format!("kill {kill} at {moment:?}"));
    }
}

#[test]
fn mqtt_input_killed_several_times_in_one_run() {
    let mut random = Random(8);
    let rows = rows(2_000, 1_200);
    let moments: Vec<_> =
        (1..=5).map(|kill| (kill * 200, Duration::from_micros(random.below(20_000)))).collect();
    assert_same(
        batch_sessions(&rows, 2_000),
        mqtt_run(&rows, "session:2s", &moments),
        &format!("{moments:?}"),
    );
}

/// Appends `text` in pieces that end anywhere, also within a line, while the gateway reads.
fn grow(path: &Path, text: &str, seed: u64) {
    let mut random = Random(seed);
    let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + random.below(120) as usize));
        file.write_all(piece).unwrap();
        rest = after;
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_growing_file_killed_at_random_moments() {
    let mut random = Random(9);
    for kill in 0..kills() {
        let rows = rows(3_000 + kill, ROWS);
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let input = directory.path().join("rows.csv");
        fs::write(&input, "").unwrap();
        let mut gateway = start(&format!(
            "--input {} --window sliding:10s/4s --watermark 4s --trigger row --drain --progress --out {} --state {}",
            path("rows.csv"),
            path("out"),
            path("state"),
        ));
        let moment = (random.below(ROWS), Duration::from_micros(random.below(60_000)));
        println!("kill {kill} at {moment:?}");
        thread::scope(|scope| {
            let growing = scope.spawn(|| grow(&input, &csv(&rows), kill));
            kill_after(&mut gateway, moment.0, moment.1);
            gateway.restart().unwrap();
            growing.join().unwrap();
        });
        wait_until(&mut gateway, "read the file", |gateway| {
            gateway.is_running() && gateway.progress().rows_in == ROWS
        });
        let status = gateway.stop(PATIENCE).unwrap();
        assert!(status.success(), "{status}: {}", gateway.message());
        let answer = written(&directory.path().join("out"));
        assert_same(batch_windows(&rows, 10_000, 4_000), answer, &format!("kill {kill} at {moment:?}"));
    }
}
