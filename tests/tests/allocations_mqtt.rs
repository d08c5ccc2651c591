//! What a message costs the allocator: one text for its topic, which is the client library's, and nothing of ours.

use core::time::Duration;
use std::alloc::System;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use headwater_std::source::mqtt::{Identity, MqttOptions, MqttSource};
use headwater_std::source::{Next, Source};
use serde::Deserialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const IN_FLIGHT: u16 = 2_000;
const WARM_UP: u64 = 4_000;
const MESSAGES: u64 = 60_000;

#[derive(Deserialize)]
struct Reading {
    device: heapless::String<32>,
    seq: u64,
    value: f64,
}

/// The messages as they go over the wire.
fn published() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..WARM_UP + MESSAGES {
        let payload = format!(r#"{{"device":"sensor-{}","seq":{number},"value":21.25}}"#, number % 100);
        let topic = "plant/hall-1/reading";
        let packet_id = (number % 65_535 + 1) as u16;
        let length = 2 + topic.len() + 2 + payload.len();
        assert!(length < 128, "the length takes one byte");
        bytes.extend([0x32, length as u8, 0, topic.len() as u8]);
        bytes.extend(topic.as_bytes());
        bytes.extend(packet_id.to_be_bytes());
        bytes.extend(payload.as_bytes());
    }
    bytes
}

fn read_packet(stream: &mut TcpStream) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut rest = [0; 128];
    stream.read_exact(&mut rest[..usize::from(head[1])]).unwrap();
}

/// Takes one connection and one subscription, and sends everything. Allocates nothing while it does.
fn serve(listener: TcpListener, messages: Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    read_packet(&mut stream);
    stream.write_all(&[0x20, 2, 0, 0]).unwrap();
    read_packet(&mut stream);
    stream.write_all(&[0x90, 3, 0, 1, 1]).unwrap();
    stream.write_all(&messages).unwrap();
    // Acknowledgements, until the source goes.
    let mut acknowledgements = [0; 4_096];
    while stream.read(&mut acknowledgements).is_ok_and(|bytes| bytes > 0) {}
}

#[test]
fn a_message_allocates_its_topic_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let messages = published();
    let broker = thread::spawn(move || serve(listener, messages));
    let options = MqttOptions::new("127.0.0.1", port, "gateway", ["plant/+/reading"])
        .with_in_flight_window(IN_FLIGHT)
        .with_redelivery_window(IN_FLIGHT + 1);
    let mut source =
        MqttSource::<Reading>::json(options).with_identity(|row| Some(Identity::new(&row.device, row.seq)));
    source.open(None).unwrap();
    let (mut taken, mut values, mut region) = (0, 0.0, None);
    while taken < WARM_UP + MESSAGES {
        if taken == WARM_UP {
            region = Some(Region::new(ALLOCATOR));
        }
        match source.next(Duration::from_secs(10)).unwrap() {
            Next::Row(row) => values += row.value,
            Next::Idle | Next::End => panic!("nothing came for 10 s after {taken} messages"),
        }
        taken += 1;
        if source.wants_commit() {
            let position = source.prepare().unwrap();
            source.committed(&position).unwrap();
        }
    }
    let change = region.unwrap().change();
    assert_eq!(values, 21.25 * (WARM_UP + MESSAGES) as f64);
    drop(source);
    broker.join().unwrap();
    let each = (change.allocations + change.reallocations) as f64 / MESSAGES as f64;
    println!("{each:.4} allocations a message: {change:?}");
    // The topic; the read buffer and the batch are shared by many messages, acknowledgements by those of a commit. Somewhat less where
    // the client's thread had read ahead.
    assert!(each < 1.25, "{each:.4} allocations a message: {change:?}");
}
