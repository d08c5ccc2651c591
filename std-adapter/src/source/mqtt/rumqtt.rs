//! Connections through `rumqttc`, each with an event loop, a runtime and a thread of its own.
//!
//! `rumqttc` connects and turns bytes into packets and back. Its event loop does no more: used again after a broken connection it replays events
//! of the old one and sends its acknowledgements on the new one, where they can acknowledge another message; and it wakes, locks and flushes for
//! each acknowledgement. Here packets are handed over as many at a time as have arrived, and the acknowledgements of a commit leave in one write.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::vec;

use rumqttc::mqttbytes::Error as PacketError;
use rumqttc::{
    ConnectionError, EventLoop, NetworkOptions, Packet, PubAck, QoS, StateError, Subscribe, SubscribeFilter,
    SubscribeReasonCode, Unsubscribe,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::connection::{Cause, Closed, Connection, Connector, Event, Message};
use super::options::MqttOptions;

/// Events handed over at a time, at most.
const BATCH: usize = 256;
/// Batches that may wait for the source; when there are more, the broker waits.
const BATCHES: usize = 16;
/// How long messages gather in the socket after some were handed over: to wake two threads for each message takes more time than to
/// read it.
const GATHERING: Duration = Duration::from_millis(1);
/// With a smaller window the broker would wait instead of sending more.
const GATHERING_WINDOW: u16 = 256;
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
            .set_max_packet_size(ours.largest_packet_bytes, ours.largest_packet_bytes);
        if let Some((user, password)) = &ours.credentials {
            options.set_credentials(user, password);
        }
        // Requests do not go through its queue.
        let mut event_loop = EventLoop::new(options, 1);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(ours.connect_timeout.as_secs().max(1));
        // Acknowledgements are small, and the broker waits for them: they must not be held back to be sent together.
        network.set_tcp_nodelay(true);
        event_loop.set_network_options(network);

        let (sender, batches) = sync_channel(BATCHES);
        let (requests, requested) = unbounded_channel();
        let (cancel, cancelled) = oneshot::channel();
        let exchange = Exchange {
            event_loop,
            events: sender,
            requests: requested,
            keep_alive: ours.keep_alive,
            longest_write: ours.connect_timeout,
            largest_packet_bytes: ours.largest_packet_bytes,
            packet_id: 0,
            awaits_answer: false,
            gathering: if ours.in_flight_window < GATHERING_WINDOW { Duration::ZERO } else { GATHERING },
            read_again_at: tokio::time::Instant::now(),
        };
        let thread =
            thread::Builder::new().name("headwater-mqtt".to_owned()).spawn(move || exchange.run(cancelled));
        let (thread, failed) = match thread {
            Ok(thread) => (Some(thread), None),
            Err(error) => (None, Some(format!("cannot start the client's thread: {error}"))),
        };
        let (batch, batches) = (Vec::new().into_iter(), Some(batches));
        Box::new(RumqttConnection { batch, batches, requests, failed, cancel: Some(cancel), thread })
    }
}

/// What the connection is asked for.
#[derive(Debug)]
enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(String),
    Acknowledge(Vec<u16>),
    Disconnect,
}

struct RumqttConnection {
    /// What has been received and not yet been asked for.
    batch: vec::IntoIter<Event>,
    batches: Option<Receiver<Vec<Event>>>,
    /// Never long: each acknowledgement in it belongs to a packet id not yet free again, and there are 65,535 of those.
    requests: UnboundedSender<Request>,
    /// Why the connection cannot be used, until it is told.
    failed: Option<String>,
    cancel: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RumqttConnection {
    fn request(&self, request: Request) {
        // It is not taken if the connection has ended, which its last event tells.
        let _ = self.requests.send(request);
    }
}

impl Connection for RumqttConnection {
    fn received(&mut self) -> Option<Event> {
        self.batch.next()
    }

    fn receive(&mut self, wait: Duration) -> Option<Event> {
        if let Some(event) = self.batch.next() {
            return Some(event);
        }
        if let Some(detail) = self.failed.take() {
            self.batches = None;
            return Some(Event::Closed(Closed { cause: Cause::Network, detail }));
        }
        let batches = self.batches.as_ref()?;
        match batches.recv_timeout(wait) {
            Ok(batch) => {
                self.batch = batch.into_iter();
                self.batch.next()
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.batches = None;
                let detail = "the client's thread has ended".to_owned();
                Some(Event::Closed(Closed { cause: Cause::Network, detail }))
            }
        }
    }

    fn subscribe(&mut self, topics: &[String]) {
        self.request(Request::Subscribe(topics.to_vec()));
    }

    fn unsubscribe(&mut self, topic: &str) {
        self.request(Request::Unsubscribe(topic.to_owned()));
    }

    fn acknowledge(&mut self, packet_ids: Vec<u16>) {
        self.request(Request::Acknowledge(packet_ids));
    }

    fn close(&mut self) {
        self.request(Request::Disconnect);
        let until = Instant::now() + CLOSE_TIME;
        // Taking the events keeps the thread from waiting for room; the messages among them will come again.
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
        self.batches = None;
        self.cancel = None;
        if let Some(thread) = self.thread.take() {
            // The thread ends at once; a panic of it has been printed and has no further meaning.
            let _ = thread.join();
        }
    }
}

/// Reads as soon as it is time.
async fn read_at<T>(at: tokio::time::Instant, read: impl Future<Output = T>) -> T {
    // A timer that is due waits for its next whole millisecond all the same.
    if at > tokio::time::Instant::now() {
        tokio::time::sleep_until(at).await;
    }
    read.await
}

/// The thread's side of a connection.
struct Exchange {
    event_loop: EventLoop,
    events: SyncSender<Vec<Event>>,
    requests: UnboundedReceiver<Request>,
    keep_alive: Duration,
    longest_write: Duration,
    largest_packet_bytes: usize,
    /// Of the last packet sent that needs one.
    packet_id: u16,
    /// Nothing has come since the last PINGREQ.
    awaits_answer: bool,
    gathering: Duration,
    read_again_at: tokio::time::Instant,
}

/// Why the exchange ends.
enum Ended {
    Failed(Box<ConnectionError>),
    /// As this side asked for.
    Disconnected,
    /// Nobody listens any more.
    Unheard,
}

impl From<ConnectionError> for Ended {
    fn from(error: ConnectionError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<StateError> for Ended {
    fn from(error: StateError) -> Self {
        ConnectionError::MqttState(error).into()
    }
}

impl Exchange {
    /// Runs until the connection ends, the source has gone, or it is cancelled.
    fn run(mut self, mut cancelled: oneshot::Receiver<()>) {
        let closed = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let ended = runtime.block_on(async {
                    tokio::select! {
                        ended = self.exchange() => ended,
                        _ = &mut cancelled => Ended::Unheard,
                    }
                });
                match ended {
                    Ended::Failed(error) => closed(&error, self.largest_packet_bytes),
                    Ended::Disconnected => {
                        Closed { cause: Cause::Network, detail: "closed by this side".to_owned() }
                    }
                    Ended::Unheard => return,
                }
            }
            Err(error) => {
                let detail = format!("cannot start the client's runtime: {error}");
                Closed { cause: Cause::Network, detail }
            }
        };
        // If nobody listens, nobody needs to know.
        let _ = self.events.send(vec![Event::Closed(closed)]);
    }

    async fn exchange(&mut self) -> Ended {
        if let Err(ended) = self.connect().await {
            return ended;
        }
        let mut ping = interval(self.keep_alive);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once.
        ping.tick().await;
        loop {
            if let Err(ended) = self.turn(&mut ping).await {
                return ended;
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Ended> {
        loop {
            if let rumqttc::Event::Incoming(packet @ Packet::ConnAck(_)) = self.event_loop.poll().await? {
                return self.hand_over(incoming(packet).into_iter().collect());
            }
        }
    }

    /// Waits for one thing to do and does it. Acknowledgements come first: the broker waits for them.
    async fn turn(&mut self, ping: &mut Interval) -> Result<(), Ended> {
        let Some(network) = &mut self.event_loop.network else {
            return Err(ConnectionError::RequestsDone.into());
        };
        tokio::select! {
            biased;
            request = self.requests.recv() => self.send(request.ok_or(Ended::Unheard)?).await,
            _ = ping.tick() => self.ping().await,
            packet = read_at(self.read_again_at, network.read()) => self.take(packet?),
        }
    }

    /// Takes a packet and all that can be had without waiting, and hands over what they say.
    fn take(&mut self, first: Packet) -> Result<(), Ended> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut next: Result<Packet, StateError> = Ok(first);
        self.awaits_answer = false;
        let outcome = loop {
            match next {
                Ok(packet) => batch.extend(incoming(packet)),
                Err(error) => break Err(error.into()),
            }
            if batch.len() == BATCH {
                break Ok(());
            }
            match self.read_now() {
                Some(read) => next = read,
                None => break Ok(()),
            }
        };
        if batch.len() < BATCH {
            self.read_again_at = tokio::time::Instant::now() + self.gathering;
        }
        // What came before an error has come.
        self.hand_over(batch)?;
        outcome
    }

    /// A packet, if a whole one has arrived.
    fn read_now(&mut self) -> Option<Result<Packet, StateError>> {
        let read = pin!(self.event_loop.network.as_mut()?.read());
        // The waker is not lost: a turn that has to wait reads once more, with its own.
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        }
    }

    /// A full channel blocks this thread, and so the broker, until the source has caught up.
    fn hand_over(&self, batch: Vec<Event>) -> Result<(), Ended> {
        if batch.is_empty() {
            return Ok(());
        }
        self.events.send(batch).map_err(|_| Ended::Unheard)
    }

    async fn send(&mut self, request: Request) -> Result<(), Ended> {
        match request {
            Request::Subscribe(topics) => {
                let filters = topics.into_iter().map(|topic| SubscribeFilter::new(topic, QoS::AtLeastOnce));
                let mut subscribe = Subscribe::new_many(filters);
                subscribe.pkid = self.next_packet_id();
                self.write([Packet::Subscribe(subscribe)]).await
            }
            Request::Unsubscribe(topic) => {
                let mut unsubscribe = Unsubscribe::new(topic);
                unsubscribe.pkid = self.next_packet_id();
                self.write([Packet::Unsubscribe(unsubscribe)]).await
            }
            Request::Acknowledge(packet_ids) => {
                self.write(packet_ids.into_iter().map(|packet_id| Packet::PubAck(PubAck::new(packet_id))))
                    .await
            }
            Request::Disconnect => {
                self.write([Packet::Disconnect]).await?;
                Err(Ended::Disconnected)
            }
        }
    }

    /// Writes packets, and what is left of them in the buffer at the end.
    async fn write(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), Ended> {
        let Some(network) = &mut self.event_loop.network else {
            return Err(ConnectionError::RequestsDone.into());
        };
        let writing = async {
            for packet in packets {
                network.write(packet).await?;
            }
            network.flush().await
        };
        match timeout(self.longest_write, writing).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(ConnectionError::FlushTimeout.into()),
        }
    }

    async fn ping(&mut self) -> Result<(), Ended> {
        if core::mem::replace(&mut self.awaits_answer, true) {
            return Err(ConnectionError::MqttState(StateError::AwaitPingResp).into());
        }
        self.write([Packet::PingReq]).await
    }

    /// Packet ids of this side are only used to subscribe, a few times in a connection.
    fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
        self.packet_id
    }
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
            payload: publish.payload,
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
