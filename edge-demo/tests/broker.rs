//! The demo's broker against a real MQTT client that is cut off again and again: nothing is lost, order is kept.

use core::time::Duration;
use std::thread;

use edge_demo::broker::Broker;
use edge_demo::demo::Device;
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, Publish, QoS};

const MESSAGES: usize = 2_000;
const SUBSCRIBER: &str = "subscriber";

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough to pick moments.
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

fn connect(broker: &Broker) -> (Client, Connection, bool) {
    let address = broker.address();
    let mut options = MqttOptions::new(SUBSCRIBER, address.ip().to_string(), address.port());
    options.set_clean_session(false).set_manual_acks(true).set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = Client::new(options, 100);
    loop {
        if let Event::Incoming(Packet::ConnAck(answer)) = connection.recv().unwrap().unwrap() {
            return (client, connection, answer.session_present);
        }
    }
}

fn next_message(connection: &mut Connection) -> Publish {
    loop {
        if let Event::Incoming(Packet::Publish(publish)) = connection.recv().unwrap().unwrap() {
            return publish;
        }
    }
}

fn number(publish: &Publish) -> usize {
    core::str::from_utf8(&publish.payload).unwrap().parse().unwrap()
}

fn subscribe(broker: &Broker) {
    let (client, mut connection, session_present) = connect(broker);
    assert!(!session_present);
    client.subscribe("site/+/reading", QoS::AtLeastOnce).unwrap();
    loop {
        if let Event::Incoming(Packet::SubAck(_)) = connection.recv().unwrap().unwrap() {
            return;
        }
    }
}

fn publish_all(broker: &Broker) -> thread::JoinHandle<()> {
    let mut devices = ["a", "b", "c"].map(|name| Device::connect(broker.address(), name).unwrap());
    thread::spawn(move || {
        for n in 0..MESSAGES {
            devices[n % 3].publish(&n.to_string()).unwrap();
        }
    })
}

#[test]
fn a_subscriber_cut_off_at_random_moments_misses_nothing() {
    let seed = 20_141_110;
    println!("seed {seed}");
    let mut random = Random(seed);
    let broker = Broker::start().unwrap();
    subscribe(&broker);
    let publishing = publish_all(&broker);
    // Highest message the subscriber has taken and acknowledged; what it took after it dies with the connection.
    let mut taken = 0;
    let mut cuts = 0;
    while taken < MESSAGES {
        let (client, mut connection, session_present) = connect(&broker);
        assert!(session_present, "the session is gone after {cuts} cuts");
        let mut expected: Option<usize> = None;
        for _ in 0..=random.below(60) {
            if taken == MESSAGES {
                break;
            }
            let publish = next_message(&mut connection);
            let number = number(&publish);
            assert!(number <= taken, "message {taken} is missing, {number} came");
            assert!(
                expected.is_none_or(|expected| expected == number),
                "out of order: {number} after {expected:?}"
            );
            expected = Some(number + 1);
            // The acknowledgement of an earlier message may have died with the connection: then it comes again, marked.
            assert!(number == taken || publish.dup);
            if random.below(4) > 0 || number < taken {
                taken = taken.max(number + 1);
                client.ack(&publish).unwrap();
            } else {
                break;
            }
        }
        cuts += 1;
    }
    publishing.join().unwrap();
    assert!(cuts > 20, "only {cuts} cuts");
}

#[test]
fn redelivery_keeps_packet_ids_and_marks_duplicates() {
    let broker = Broker::start().unwrap();
    subscribe(&broker);
    publish_all(&broker).join().unwrap();
    let read = || {
        let (client, mut connection, _) = connect(&broker);
        let messages: Vec<_> = (0..20).map(|_| next_message(&mut connection)).collect();
        drop(client);
        messages.iter().map(|publish| (publish.pkid, publish.dup, number(publish))).collect::<Vec<_>>()
    };
    let (first, second) = (read(), read());
    // The first connection may have been sent some before it was cut, which only the broker can know: ids and order count.
    let without_dup =
        |messages: &[(u16, bool, usize)]| messages.iter().map(|m| (m.0, m.2)).collect::<Vec<_>>();
    assert_eq!(without_dup(&first), (0..20).map(|n| (n as u16 + 1, n)).collect::<Vec<_>>());
    assert_eq!(without_dup(&second), without_dup(&first));
    assert!(second.iter().all(|(_, dup, _)| *dup));
    assert_eq!(broker.backlog(SUBSCRIBER), MESSAGES);
}
