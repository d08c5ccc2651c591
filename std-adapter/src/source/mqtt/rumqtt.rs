//! Connections through `rumqttc`, each with an event loop, a runtime and a thread of its own.
//!
//! `rumqttc` would reconnect by itself, but an event loop used again replays events of the old connection and sends its
//! acknowledgements on the new one, where they can acknowledge another message. So a loop ends with its connection.

use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rumqttc::mqttbytes::Error as PacketError;
use rumqttc::{
    AsyncClient, ConnectionError, EventLoop, NetworkOptions, Outgoing, Packet, QoS, StateError,
    SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::oneshot;

use super::connection::{Cause, Closed, Connection, Connector, Event, Message};
use super::options::MqttOptions;

/// Requests that may wait in the client. There are never more: each acknowledgement waiting belongs to a packet id not yet
/// free again, and there are 65,535 of those. The channel takes memory only for what is in it.
const REQUESTS: usize = 70_000;
/// Messages that may wait for the source beyond the broker's window.
const EVENTS: usize = 256;
/// How long a clean end may take.
const CLOSE_TIME: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct RumqttConnector {
    options: MqttOptions,
}

impl RumqttConnector {
    pub(super) fn new(options: MqttOptions) -> Self {
        Self { options }
    }
}

impl Connector for RumqttConnector {
    fn connect(&mut self) -> Box<dyn Connection> {
        let ours = &self.options;
        let mut options = rumqttc::MqttOptions::new(&ours.client_id, &ours.host, ours.port);
        options
            .set_keep_alive(ours.keep_alive)
            .set_clean_session(false)
            .set_manual_acks(true)
            .set_max_packet_size(ours.largest_packet_bytes, ours.largest_packet_bytes);
        if let Some((user, password)) = &ours.credentials {
            options.set_credentials(user, password);
        }
        let (client, mut event_loop) = AsyncClient::new(options, REQUESTS);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(ours.connect_timeout.as_secs().max(1));
        // Acknowledgements are small, and the broker waits for them: they must not be held back to be sent together.
        network.set_tcp_nodelay(true);
        event_loop.set_network_options(network);

        let (sender, events) = sync_channel(usize::from(ours.in_flight_window) + EVENTS);
        let (cancel, cancelled) = oneshot::channel();
        let largest = ours.largest_packet_bytes;
        let run = move || poll_until_closed(event_loop, &sender, cancelled, largest);
        let thread = thread::Builder::new().name("headwater-mqtt".to_owned()).spawn(run);
        let (thread, failed) = match thread {
            Ok(thread) => (Some(thread), None),
            Err(error) => (None, Some(format!("cannot start the client's thread: {error}"))),
        };
        Box::new(RumqttConnection { client, events: Some(events), failed, cancel: Some(cancel), thread })
    }
}

struct RumqttConnection {
    client: AsyncClient,
    events: Option<Receiver<Event>>,
    /// Why the connection cannot be used, until it is told.
    failed: Option<String>,
    cancel: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RumqttConnection {
    fn request(&mut self, request: Result<(), rumqttc::ClientError>) {
        // The loop has ended, which its last event tells; or it does not take requests any more, which nothing else would.
        if request.is_err() && self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            self.failed = Some("the client takes no more requests".to_owned());
        }
    }
}

impl Connection for RumqttConnection {
    fn receive(&mut self, wait: Duration) -> Option<Event> {
        if let Some(detail) = self.failed.take() {
            self.events = None;
            return Some(Event::Closed(Closed { cause: Cause::Network, detail }));
        }
        let events = self.events.as_ref()?;
        match events.recv_timeout(wait) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.events = None;
                let detail = "the client's thread has ended".to_owned();
                Some(Event::Closed(Closed { cause: Cause::Network, detail }))
            }
        }
    }

    fn subscribe(&mut self, topics: &[String]) {
        let filters = topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
        let request = self.client.try_subscribe_many(filters);
        self.request(request);
    }

    fn unsubscribe(&mut self, topic: &str) {
        let request = self.client.try_unsubscribe(topic);
        self.request(request);
    }

    fn acknowledge(&mut self, packet_id: u16) {
        let mut publish = rumqttc::Publish::new("", QoS::AtLeastOnce, Vec::new());
        publish.pkid = packet_id;
        let request = self.client.try_ack(&publish);
        self.request(request);
    }

    fn close(&mut self) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        let until = Instant::now() + CLOSE_TIME;
        // Taking the events keeps the loop from waiting for room; the messages among them will come again.
        while let Some(wait) = until.checked_duration_since(Instant::now()) {
            match self.receive(wait) {
                None | Some(Event::Closed(_)) => break,
                Some(_) => {}
            }
        }
    }
}

impl Drop for RumqttConnection {
    /// Ends the thread, so that no old attempt can take the session over from a new one.
    fn drop(&mut self) {
        self.events = None;
        self.cancel = None;
        if let Some(thread) = self.thread.take() {
            // The loop ends at once; a panic of it has been printed and has no further meaning.
            let _ = thread.join();
        }
    }
}

/// Runs the event loop until its connection ends, the source has gone, or it is cancelled.
fn poll_until_closed(
    mut event_loop: EventLoop,
    events: &SyncSender<Event>,
    mut cancelled: oneshot::Receiver<()>,
    largest_packet_bytes: usize,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let detail = format!("cannot start the client's runtime: {error}");
            let _ = events.send(Event::Closed(Closed { cause: Cause::Network, detail }));
            return;
        }
    };
    runtime.block_on(async {
        loop {
            let polled = tokio::select! {
                polled = event_loop.poll() => polled,
                _ = &mut cancelled => return,
            };
            let (event, last) = match polled {
                Ok(rumqttc::Event::Outgoing(Outgoing::Disconnect)) => (Some(closed_by_us()), true),
                Ok(rumqttc::Event::Outgoing(_)) => (None, false),
                Ok(rumqttc::Event::Incoming(packet)) => (incoming(packet), false),
                Err(error) => (Some(Event::Closed(closed(&error, largest_packet_bytes))), true),
            };
            // A full channel blocks this thread, and so the broker, until the source has caught up.
            if event.is_some_and(|event| events.send(event).is_err()) || last {
                return;
            }
        }
    });
}

fn closed_by_us() -> Event {
    Event::Closed(Closed { cause: Cause::Network, detail: "closed by this side".to_owned() })
}

fn incoming(packet: Packet) -> Option<Event> {
    match packet {
        Packet::ConnAck(answer) => Some(Event::Connected { session_present: answer.session_present }),
        Packet::SubAck(answer) => {
            let granted = answer.return_codes.iter().map(|code| match code {
                SubscribeReasonCode::Success(qos) => Some(*qos as u8),
                SubscribeReasonCode::Failure => None,
            });
            Some(Event::Subscribed { granted: granted.collect() })
        }
        Packet::Publish(publish) => Some(Event::Message(Message {
            topic: publish.topic,
            payload: publish.payload.into(),
            packet_id: publish.pkid,
            duplicate: publish.dup,
        })),
        _ => None,
    }
}

fn closed(error: &ConnectionError, largest_packet_bytes: usize) -> Closed {
    let cause = match error {
        ConnectionError::MqttState(StateError::Deserialization(PacketError::PayloadSizeLimitExceeded(
            bytes,
        ))) => {
            let detail = format!("a packet of {bytes} bytes, more than the {largest_packet_bytes} allowed");
            return Closed { cause: Cause::TooLarge, detail };
        }
        ConnectionError::ConnectionRefused(_) => Cause::Refused,
        ConnectionError::MqttState(StateError::Deserialization(PacketError::Io(_))) => Cause::Network,
        ConnectionError::NotConnAck(_)
        | ConnectionError::MqttState(
            StateError::Deserialization(_) | StateError::WrongPacket | StateError::InvalidState,
        ) => Cause::Protocol,
        _ => Cause::Network,
    };
    Closed { cause, detail: error.to_string() }
}
