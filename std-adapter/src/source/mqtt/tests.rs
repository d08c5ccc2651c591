//! The rules of the exchange, against a broker played from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::connection::{Closed, Connection};
use super::*;

/// What the source did, in order: `connect 1`, `ack 1:5` (connection and packet id), `subscribe 1 a,b`, …
type Log = Arc<Mutex<Vec<String>>>;

/// One script of events per connection.
struct Script {
    connections: VecDeque<Vec<Event>>,
    number: u32,
    log: Log,
}

struct Played {
    events: VecDeque<Event>,
    number: u32,
    log: Log,
}

impl Connector for Script {
    fn connect(&mut self) -> Box<dyn Connection> {
        self.number += 1;
        self.log.lock().unwrap().push(format!("connect {}", self.number));
        let events = self.connections.pop_front().unwrap_or_default().into();
        Box::new(Played { events, number: self.number, log: Arc::clone(&self.log) })
    }
}

impl Played {
    fn note(&self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Connection for Played {
    /// Half of the events come together with others.
    fn received(&mut self) -> Option<Event> {
        if self.events.len().is_multiple_of(2) { self.events.pop_front() } else { None }
    }

    fn receive(&mut self, _wait: Duration) -> Option<Event> {
        self.events.pop_front()
    }

    fn subscribe(&mut self, topics: &[String]) {
        self.note(format!("subscribe {} {}", self.number, topics.join(",")));
    }

    fn unsubscribe(&mut self, topic: &str) {
        self.note(format!("unsubscribe {} {topic}", self.number));
    }

    fn acknowledge(&mut self, packet_ids: Vec<u16>) {
        packet_ids.iter().for_each(|packet_id| self.note(format!("ack {}:{packet_id}", self.number)));
    }

    fn close(&mut self) {
        self.note(format!("close {}", self.number));
    }
}

fn connected(session_present: bool) -> Event {
    Event::Connected { session_present }
}

fn subscribed() -> Event {
    Event::Subscribed { granted: vec![Some(1)] }
}

fn message(packet_id: u16, payload: &str) -> Event {
    received(packet_id, payload, false)
}

fn again(packet_id: u16, payload: &str) -> Event {
    received(packet_id, payload, true)
}

fn received(packet_id: u16, payload: &str, duplicate: bool) -> Event {
    let payload = payload.to_owned().into();
    Event::Message(Message { topic: "t".to_owned(), payload, packet_id, duplicate })
}

fn closed(cause: Cause) -> Event {
    Event::Closed(Closed { cause, detail: "it broke".to_owned() })
}

fn options() -> MqttOptions {
    MqttOptions::new("broker", 1883, "gateway", ["t"])
        .with_backoff(Duration::ZERO, Duration::ZERO)
        .with_acknowledge_after(Duration::from_secs(3600))
}

/// A source of numbers over the script, and what it does.
fn play(options: MqttOptions, connections: Vec<Vec<Event>>) -> (MqttSource<u64>, Log) {
    let log = Log::default();
    let script = Script { connections: connections.into(), number: 0, log: Arc::clone(&log) };
    let decode = |_: &str, payload: &[u8]| serde_json::from_slice(payload).map_err(|error| error.to_string());
    (MqttSource::over(Box::new(script), options, Box::new(decode)), log)
}

fn read(source: &mut MqttSource<u64>) -> Vec<u64> {
    let mut rows = Vec::new();
    while let Next::Row(row) = source.next(Duration::ZERO).unwrap() {
        rows.push(row);
    }
    rows
}

fn commit(source: &mut MqttSource<u64>) -> MqttPosition {
    let position = source.prepare().unwrap();
    // As the checkpoint keeps it.
    let mut bytes = [0; 4_096];
    let bytes = postcard::to_slice(&position, &mut bytes).unwrap();
    let position: MqttPosition = postcard::from_bytes(bytes).unwrap();
    source.committed(&position).unwrap();
    position
}

fn taken(log: &Log) -> Vec<String> {
    core::mem::take(&mut log.lock().unwrap())
}

#[test]
fn messages_are_acknowledged_in_order_of_receipt_and_only_after_the_commit_that_holds_them() {
    let events = vec![connected(false), subscribed(), message(7, "1"), message(3, "2"), message(9, "3")];
    let (mut source, log) = play(options(), vec![events]);
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(2));
    let position = source.prepare().unwrap();
    // A row taken between the preparation and the commit does not belong to it.
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(3));
    assert_eq!(taken(&log), ["connect 1", "subscribe 1 t"]);
    source.committed(&position).unwrap();
    assert_eq!(taken(&log), ["ack 1:7", "ack 1:3"]);
    commit(&mut source);
    assert_eq!(taken(&log), ["ack 1:9"]);
    drop(source);
    assert_eq!(taken(&log), ["close 1"]);
}

#[test]
fn a_message_sent_again_on_a_new_connection_is_dropped_and_acknowledged_there_alone() {
    let first =
        vec![connected(false), subscribed(), message(1, "1"), message(2, "2"), closed(Cause::Network)];
    let second = vec![connected(true), again(1, "1"), again(2, "2"), message(3, "3")];
    let (mut source, log) = play(options(), vec![first, second]);
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(2));
    let position = source.prepare().unwrap();
    // The connection breaks while the commit is under way; nothing of it may be acknowledged on the new one.
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(3));
    source.committed(&position).unwrap();
    assert_eq!(taken(&log), ["connect 1", "subscribe 1 t", "connect 2"]);
    commit(&mut source);
    assert_eq!(taken(&log), ["ack 2:1", "ack 2:2", "ack 2:3"]);
    let SourceMetrics { rows, redelivered, reconnects, .. } = source.metrics();
    assert_eq!((rows, redelivered, reconnects), (3, 2, 1));
}

#[test]
fn after_a_crash_committed_messages_are_dropped_and_uncommitted_ones_are_taken() {
    let (mut source, _) =
        play(options(), vec![vec![connected(false), subscribed(), message(1, "1"), message(2, "2")]]);
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    let position = source.prepare().unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(2));
    drop(source);
    // The first was committed and its acknowledgement lost; redelivery comes before anything else.
    let (mut source, log) =
        play(options(), vec![vec![connected(true), again(1, "1"), again(2, "2"), message(3, "1")]]);
    source.open(Some(position)).unwrap();
    assert_eq!(read(&mut source), [2, 1]);
    commit(&mut source);
    assert_eq!(taken(&log), ["connect 1", "ack 1:1", "ack 1:2", "ack 1:3"]);
}

#[test]
fn with_an_identity_a_broker_without_packet_ids_and_flags_is_enough() {
    let first =
        vec![connected(false), subscribed(), message(1, "1"), message(2, "2"), closed(Cause::Network)];
    // As rumqttd: other packet ids, no DUP.
    let second = vec![connected(true), message(5, "1"), message(6, "2"), message(7, "3")];
    let (source, _) = play(options(), vec![first.clone(), second.clone()]);
    let mut source = source.with_identity(|row| Some(Identity::new("device", *row)));
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2, 3]);
    // Without one they count twice.
    let (mut source, _) = play(options(), vec![first, second]);
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2, 1, 2, 3]);
}

#[test]
fn a_lost_session_is_subscribed_again_and_counted() {
    let first = vec![connected(false), subscribed(), message(1, "1"), closed(Cause::Network)];
    let second = vec![connected(false), message(1, "2"), subscribed(), closed(Cause::Network)];
    let (mut source, log) = play(options(), vec![first, second, vec![connected(true)]]);
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1, 2]);
    let _ = read(&mut source);
    assert_eq!(taken(&log), ["connect 1", "subscribe 1 t", "connect 2", "subscribe 2 t", "connect 3"]);
    assert_eq!(source.metrics().lost_sessions, 1);

    // The same across a restart: the checkpoint knows that there was a session.
    let position = commit(&mut source);
    let (mut source, _) = play(options(), vec![vec![connected(false)]]);
    source.open(Some(position)).unwrap();
    assert_eq!(source.metrics().lost_sessions, 1);
}

#[test]
fn a_session_whose_subscription_no_commit_confirms_is_subscribed_again_and_old_topics_are_left() {
    let (mut source, log) = play(options(), vec![vec![connected(true), subscribed(), message(1, "1")]]);
    source.open(None).unwrap();
    assert_eq!(read(&mut source), [1]);
    assert_eq!(taken(&log), ["connect 1", "subscribe 1 t"]);
    let position = commit(&mut source);
    drop(source);
    taken(&log);
    let other = MqttOptions::new("broker", 1883, "gateway", ["u", "t"]);
    let (mut source, log) = play(other, vec![vec![connected(true), subscribed()]]);
    source.open(Some(position.clone())).unwrap();
    assert_eq!(taken(&log), ["connect 1", "subscribe 1 u"]);
    let other = MqttOptions::new("broker", 1883, "gateway", ["u"]);
    let (mut source, log) = play(other, vec![vec![connected(true), subscribed()]]);
    source.open(Some(position)).unwrap();
    assert_eq!(taken(&log), ["connect 1", "unsubscribe 1 t", "subscribe 1 u"]);
}

#[test]
fn a_commit_is_asked_for_before_the_brokers_window_is_full() {
    let mut events = vec![connected(false), subscribed()];
    events.extend((1..=20).map(|id| message(id, "1")));
    let (mut source, _) = play(options(), vec![events]);
    source.open(None).unwrap();
    for _ in 0..14 {
        assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
        assert!(!source.wants_commit());
    }
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    assert!(source.wants_commit());
    commit(&mut source);
    assert!(!source.wants_commit());

    let (mut source, _) = play(
        options().with_acknowledge_after(Duration::ZERO),
        vec![vec![connected(false), subscribed(), message(1, "1")]],
    );
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    assert!(source.wants_commit());
}

#[test]
fn rejects_and_dropped_messages_alone_make_it_ask_for_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rejects.jsonl");
    let mut events = vec![connected(false), subscribed()];
    events.extend((1..=40).map(|id| message(id, "not a number")));
    let (source, log) = play(options(), vec![events]);
    let mut source = source.with_rejects(&path);
    source.open(None).unwrap();
    let mut commits = 0;
    while source.metrics().rejected < 40 {
        assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Idle);
        commit(&mut source);
        commits += 1;
    }
    assert_eq!(commits, 3);
    assert_eq!(taken(&log).iter().filter(|line| line.starts_with("ack 1:")).count(), 40);
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 40);
    assert!(text.starts_with("{\"topic\":\"t\",\"reason\":\"expected ident"), "{text}");
}

#[test]
fn the_first_connection_must_succeed_and_later_ones_are_tried_again() {
    let (mut source, _) = play(options(), vec![vec![closed(Cause::Network)]]);
    let error = source.open(None).unwrap_err().to_string();
    assert_eq!(error, "broker broker:1883: cannot connect: it broke");

    let mut connections = vec![vec![connected(false), subscribed(), closed(Cause::Network)]];
    connections.extend((0..50).map(|_| vec![closed(Cause::Network)]));
    connections.push(vec![connected(true), message(1, "1")]);
    let (mut source, _) = play(options(), connections);
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::from_secs(60)).unwrap(), Next::Row(1));
    assert_eq!(source.metrics().reconnects, 51);
}

#[test]
fn a_message_over_the_limit_stops_the_source_although_others_come_before_it() {
    let first = vec![connected(false), subscribed(), message(1, "1"), closed(Cause::TooLarge)];
    let mut connections = vec![first];
    connections.extend((0..10).map(|_| vec![connected(true), again(1, "1"), closed(Cause::TooLarge)]));
    let (mut source, log) = play(options().with_refusals_allowed(3), connections);
    source.open(None).unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    let error = source.next(Duration::from_secs(60)).unwrap_err().to_string();
    assert!(error.contains("3 connections in a row ended") && error.contains("packet limit"), "{error}");
    assert_eq!(taken(&log).iter().filter(|line| line.starts_with("connect")).count(), 3);
}

#[test]
fn a_subscription_that_is_refused_or_downgraded_is_an_error() {
    for (granted, reason) in [(None, "refused"), (Some(0), "QoS 0")] {
        let events = vec![connected(false), Event::Subscribed { granted: vec![granted] }];
        let (mut source, _) = play(options(), vec![events]);
        source.open(None).unwrap();
        let error = source.next(Duration::from_secs(60)).unwrap_err().to_string();
        assert!(error.contains("topic t") && error.contains(reason), "{error}");
    }
}

#[test]
fn options_that_cannot_work_are_refused_before_connecting() {
    let good = || MqttOptions::new("broker", 1883, "gateway", ["t"]);
    let bad = [
        (MqttOptions::new("broker", 1883, "", ["t"]), "client_id"),
        (MqttOptions::new("broker", 1883, "gateway", [""; 0]), "topics"),
        (MqttOptions::new("broker", 1883, "gateway", ["a/#/b"]), "topics"),
        (good().with_redelivery_window(20), "redelivery_window"),
        (good().with_redelivery_window(3_001), "redelivery_window"),
        (good().with_keep_alive(Duration::from_millis(1)), "keep_alive"),
    ];
    for (options, name) in bad {
        let (mut source, log) = play(options, vec![]);
        let error = source.open(None).unwrap_err().to_string();
        assert!(error.starts_with(&format!("option {name}: ")), "{error}");
        assert!(taken(&log).is_empty());
    }
}

#[test]
fn what_is_available_ends_when_the_broker_is_quiet() {
    let events = vec![connected(true), subscribed(), message(1, "1")];
    let (mut source, _) = play(options().with_quiet_time(Duration::ZERO), vec![events]);
    source.open(None).unwrap();
    source.limit_to_available().unwrap();
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::Row(1));
    assert_eq!(source.next(Duration::ZERO).unwrap(), Next::End);
}
