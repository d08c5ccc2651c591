//! The gateway killed without warning (SIGKILL) at seeded moments: started again with the same state, it leaves files equal
//! to the batch answer.
//!
//! `HEADWATER_KILLS=50 cargo test -p edge-demo --test gateway_kill` runs more moments than the everyday three.

mod common;

use core::time::Duration;
use std::env;
use std::fs;
use std::io::Write;
use std::thread;

use common::{
    Random, Row, assert_same, batch_sessions, batch_windows, csv, gateway_succeeds, rows, start, stop,
    wait_until, written,
};
use edge_demo::broker::Broker;
use edge_demo::demo::Device;
use edge_demo::gateway::reading::AnswerRow;

/// Rows of one run with a kill.
const ROWS: u64 = 2_000;
/// Messages published while the gateway is dead.
const MISSED: usize = 50;
const CLIENT_ID: &str = "kill-test";

fn kills() -> u64 {
    env::var("HEADWATER_KILLS").map_or(3, |kills| kills.parse().expect("HEADWATER_KILLS is a number"))
}

/// When to kill: before this message or piece of the file, and after this time.
type Moment = (usize, Duration);

/// A moment among `count` messages or pieces, up to 60 ms after it.
fn moment(random: &mut Random, count: u64) -> Moment {
    (random.below(count) as usize, Duration::from_micros(random.below(60_000)))
}

fn payload(row: &Row, seq: usize) -> String {
    serde_json::json!({ "device": row.device, "at": row.at_ms, "value": row.value, "seq": seq }).to_string()
}

/// Plays `rows` over MQTT while the gateway is killed at each of `moments` and misses the next `MISSED` messages.
fn mqtt_run(rows: &[Row], window: &str, moments: &[Moment]) -> Vec<AnswerRow> {
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
    let mut device = Device::connect(broker.address(), "site").unwrap();
    for (seq, row) in rows.iter().enumerate() {
        for (kill_at, extra) in moments {
            if seq == *kill_at {
                thread::sleep(*extra);
                gateway.kill().unwrap();
            }
            if seq == (kill_at + MISSED).min(rows.len() - 1) {
                gateway.restart().unwrap();
            }
        }
        device.publish(&payload(row, seq)).unwrap();
    }
    wait_until(&mut gateway, "take all messages", |gateway| {
        gateway.is_running() && broker.backlog(CLIENT_ID) == 0
    });
    println!("{} messages sent again", broker.redelivered(CLIENT_ID));
    stop(&mut gateway);
    written(&directory.path().join("out"))
}

#[test]
fn mqtt_input_killed_at_random_moments() {
    let mut random = Random(7);
    for kill in 0..kills() {
        let rows = rows(1_000 + kill, ROWS);
        let moment = moment(&mut random, ROWS - 1);
        println!("kill {kill} at {moment:?}");
        let answer = mqtt_run(&rows, "tumbling:10s", &[moment]);
        assert_same(batch_windows(&rows, 10_000, 10_000), answer, &format!("kill {kill} at {moment:?}"));
    }
}

#[test]
fn mqtt_input_killed_several_times_in_one_run() {
    let mut random = Random(8);
    let rows = rows(2_000, 1_200);
    let moments: Vec<Moment> =
        (1..=5).map(|kill| (kill * 200, Duration::from_micros(random.below(20_000)))).collect();
    assert_same(
        batch_sessions(&rows, 2_000),
        mqtt_run(&rows, "session:2s", &moments),
        &format!("{moments:?}"),
    );
}

/// Pieces of `text` of 1 to 120 bytes, which end anywhere, also within a line.
fn pieces<'t>(text: &'t str, random: &mut Random) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + random.below(120) as usize));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[test]
fn a_growing_file_killed_at_random_moments() {
    let mut random = Random(9);
    for kill in 0..kills() {
        let rows = rows(3_000 + kill, ROWS);
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let mut input = fs::File::create(path("rows.csv")).unwrap();
        let options = format!(
            "--input {} --window sliding:10s/4s --watermark 4s --out {} --state {}",
            path("rows.csv"),
            path("out"),
            path("state"),
        );
        let mut gateway = start(&format!("{options} --trigger row --progress"));
        let text = csv(&rows);
        let pieces = pieces(&text, &mut random);
        let moment = moment(&mut random, pieces.len() as u64);
        println!("kill {kill} at {moment:?}");
        for (index, piece) in pieces.into_iter().enumerate() {
            if index == moment.0 {
                thread::sleep(moment.1);
                gateway.kill().unwrap();
                gateway.restart().unwrap();
            }
            input.write_all(piece).unwrap();
            // The file grows for about a second, in which the gateway looks at it ten times.
            thread::sleep(Duration::from_millis(1));
        }
        // It cannot be seen from outside how far the second life has come, so a third one reads the rest.
        wait_until(&mut gateway, "run", |gateway| gateway.is_running());
        stop(&mut gateway);
        gateway_succeeds(directory.path(), &format!("{options} --trigger available-now --drain"));
        let answer = written(&directory.path().join("out"));
        assert_same(batch_windows(&rows, 10_000, 4_000), answer, &format!("kill {kill} at {moment:?}"));
    }
}
