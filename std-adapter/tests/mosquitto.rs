//! The MQTT source against a real mosquitto, where there is one.

use core::time::Duration;
use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use headwater_std::source::mqtt::{MqttOptions, MqttPosition, MqttSource};
use headwater_std::source::{Next, Source};
use rumqttc::{Client, Event, MqttOptions as ClientOptions, NetworkOptions, Packet, QoS};
use tempfile::TempDir;

/// A mosquitto on loopback that keeps its sessions in a directory.
struct Broker {
    process: Child,
    directory: TempDir,
    port: u16,
}

impl Broker {
    /// `None`, and a word on standard error, if there is no mosquitto here.
    fn start() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\npersistence true\nuser root\n\
             persistence_location {}/\n",
            directory.path().display()
        );
        fs::write(directory.path().join("conf"), text).unwrap();
        let Some(process) = spawn(directory.path()) else {
            eprintln!("skipped: mosquitto is not installed");
            return None;
        };
        let broker = Self { process, directory, port };
        broker.wait_until_up();
        Some(broker)
    }

    fn wait_until_up(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("mosquitto does not listen on port {}", self.port);
    }

    /// Stops it, so that it saves its sessions, and starts it again.
    fn restart(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap();
        self.process = spawn(self.directory.path()).unwrap();
        self.wait_until_up();
    }

    /// Publishes at QoS 1 and returns when the broker has all of it.
    fn publish(&self, payloads: impl Iterator<Item = String>) {
        let mut options = ClientOptions::new("publisher", "127.0.0.1", self.port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 10_000);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        let mut waiting = 0;
        for payload in payloads {
            client.publish("readings/1", QoS::AtLeastOnce, false, payload).unwrap();
            waiting += 1;
        }
        while waiting > 0 {
            if let Event::Incoming(Packet::PubAck(_)) = connection.recv().unwrap().unwrap() {
                waiting -= 1;
            }
        }
        client.disconnect().unwrap();
        while connection.recv().is_ok_and(|event| event.is_ok()) {}
    }

    fn options(&self) -> MqttOptions {
        MqttOptions::new("127.0.0.1", self.port, "gateway", ["readings/#"])
            .with_backoff(Duration::from_millis(10), Duration::from_millis(50))
            .with_quiet_time(Duration::from_millis(300))
    }

    fn source(&self) -> MqttSource<u64> {
        MqttSource::json(self.options())
    }

    /// Makes the session, so that what is published later waits for it.
    fn subscribe(&self) -> MqttPosition {
        let mut source = self.source();
        source.open(None).unwrap();
        source.limit_to_available().unwrap();
        while source.next(Duration::from_secs(1)).unwrap() != Next::End {}
        source.prepare().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(directory: &Path) -> Option<Child> {
    let candidates = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    candidates.iter().find_map(|program| {
        let mut command = Command::new(program);
        command.arg("-c").arg(directory.join("conf")).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok()
    })
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Reads, commits, loses acknowledgements, and starts again at random; each message must be in a commit exactly once and
/// in order.
#[test]
fn each_message_is_committed_once_through_crashes_lost_acknowledgements_and_a_broker_restart() {
    let Some(mut broker) = Broker::start() else { return };
    let mut committed = broker.subscribe();
    let mut rows: Vec<u64> = Vec::new();
    broker.publish((0..400).map(|number: u64| number.to_string()));
    let seed = 20_260_101;
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut starts = 0;
    while rows.len() < 400 {
        starts += 1;
        assert!(starts < 500, "no progress: {} rows", rows.len());
        if starts == 5 {
            broker.restart();
        }
        let mut source = broker.source();
        source.open(Some(committed.clone())).unwrap();
        let mut uncommitted = Vec::new();
        for _ in 0..random.below(60) {
            match source.next(Duration::from_millis(300)).unwrap() {
                Next::Row(row) => uncommitted.push(row),
                Next::Idle | Next::End => {}
            }
            if starts == 8 && uncommitted.len() == 3 {
                broker.restart();
            }
            if !source.wants_commit() && random.below(20) > 0 {
                continue;
            }
            let position = source.prepare().unwrap();
            if random.below(4) == 0 {
                // Killed before the commit.
                break;
            }
            committed = position;
            rows.append(&mut uncommitted);
            if random.below(4) == 0 {
                // Killed before the acknowledgement.
                break;
            }
            source.committed(&committed).unwrap();
        }
    }
    assert_eq!(rows, (0..400).collect::<Vec<_>>());
}

#[test]
fn a_connection_that_breaks_is_made_again_without_losing_or_doubling_rows() {
    let Some(mut broker) = Broker::start() else { return };
    let position = broker.subscribe();
    broker.publish((0..60).map(|number: u64| number.to_string()));
    let mut source = broker.source();
    source.open(Some(position)).unwrap();
    let mut rows = Vec::new();
    let mut idle = 0;
    while rows.len() < 60 && idle < 200 {
        match source.next(Duration::from_millis(100)).unwrap() {
            Next::Row(row) => rows.push(row),
            _ => idle += 1,
        }
        if rows.len() == 10 && source.metrics().reconnects == 0 {
            broker.restart();
            // The rows taken are not acknowledged: they come again on the new connection and are dropped there.
            while source.metrics().reconnects == 0 {
                if let Next::Row(row) = source.next(Duration::from_millis(10)).unwrap() {
                    rows.push(row);
                }
            }
        }
        if source.wants_commit() {
            let position = source.prepare().unwrap();
            source.committed(&position).unwrap();
        }
    }
    assert_eq!(rows, (0..60).collect::<Vec<_>>());
    let metrics = source.metrics();
    assert!(metrics.redelivered >= 10 && metrics.lost_sessions == 0, "{metrics:?}");
}

#[test]
fn a_message_over_the_limit_stops_the_source_with_a_reason() {
    let Some(broker) = Broker::start() else { return };
    let position = broker.subscribe();
    broker.publish(["1".to_owned(), format!("\"{}\"", "x".repeat(5_000)), "2".to_owned()].into_iter());
    let options = broker.options().with_largest_packet(2_000).with_refusals_allowed(3);
    let mut source = MqttSource::<u64>::json(options);
    source.open(Some(position)).unwrap();
    let mut rows = BTreeSet::new();
    let error = loop {
        match source.next(Duration::from_secs(5)) {
            Ok(Next::Row(row)) => assert!(rows.insert(row)),
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("packet limit"), "{error}");
}

#[test]
fn a_broker_that_is_not_there_is_an_error_that_names_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut source = MqttSource::<u64>::json(MqttOptions::new("127.0.0.1", port, "gateway", ["t"]));
    let error = source.open(None).unwrap_err().to_string();
    assert!(error.contains(&format!("broker 127.0.0.1:{port}: cannot connect")), "{error}");
}
