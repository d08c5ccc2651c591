//! A small MQTT 3.1.1 broker in a thread, for the demo and its tests: loopback only, memory only.
//!
//! It exists so that the demo needs nothing but Rust. What it keeps is the promise the gateway's exactly-once rests on:
//! a QoS 1 message is acknowledged to its publisher only when it is in the queue of every matching session, a session
//! with `clean_session = false` outlives its connection, and what the subscriber had not acknowledged comes again after
//! a reconnect, in order, with its packet id and the DUP flag (MQTT 3.1.1, 4.4).
//!
//! Why not a broker crate: rumqttd 0.20 without default features passed the same experiment (three `kill -9`, 6,000
//! messages, none lost), but brings about 170 more crates (an HTTP server, a metrics exporter, a command line) and one and
//! a half minutes of building, never sets DUP, and cannot say which free port it took. The
//! packets here are rumqttc's codec, which the gateway carries anyway.
//!
//! Left out: QoS 2, retained messages, wills, authentication, TLS. A client that asks for QoS 2 gets QoS 1 as
//! subscriber and is cut off as publisher.

mod connection;
mod session;

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{ConnAck, Connect, ConnectReturnCode, Packet, Publish};
use session::Session;

/// Largest packet read or written, bytes.
pub const PACKET_BYTES_MAX: usize = 64 * 1024;

/// A subscriber that does not read for this long is cut off; its persistent session keeps what it missed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A running broker; stops when dropped.
///
/// ```
/// let broker = edge_demo::broker::Broker::start()?;
/// assert!(broker.address().ip().is_loopback());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Broker {
    /// Listens on a free port of 127.0.0.1 and serves clients in background threads.
    ///
    /// # Errors
    /// When the loopback interface gives no port or the thread cannot start.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::Builder::new().name("broker".into()).spawn(move || accept(&listener, &accepting))?;
        Ok(Self { address, shared })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Messages the session of `client_id` holds: waiting, or sent and not acknowledged. 0 if there is no such session.
    #[must_use]
    pub fn backlog(&self, client_id: &str) -> usize {
        self.shared.lock().sessions.get(client_id).map_or(0, Session::backlog)
    }

    /// Messages sent again, with DUP, to the session of `client_id` after its reconnects.
    #[must_use]
    pub fn redelivered(&self, client_id: &str) -> u64 {
        self.shared.lock().sessions.get(client_id).map_or(0, Session::redelivered)
    }

    /// Whether the session of `client_id` exists and subscribes to something: from here on it misses no message.
    #[must_use]
    pub fn is_subscribed(&self, client_id: &str) -> bool {
        self.shared.lock().sessions.get(client_id).is_some_and(Session::is_subscribed)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopping = true;
        for stream in state.links.values() {
            // A link that is already gone needs no closing.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the accepting thread, which then sees `stopping`.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.lock().stopping {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // Without a thread for it the connection closes, and the client tries again.
        let _ = thread::Builder::new()
            .name("broker-link".into())
            .spawn(move || connection::serve(stream, &shared));
    }
}

/// What all connections share. One lock: every message passes through it, which also gives all messages one order.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<String, Session>,
    links: BTreeMap<u64, TcpStream>,
    next_link: u64,
    stopping: bool,
}

impl Shared {
    /// A panic in one connection thread leaves queues that are still whole, so the others go on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attaches a connection to its session, answers CONNACK and redelivers. Returns the number of the link.
    fn connect(&self, connect: &Connect, stream: &TcpStream) -> io::Result<u64> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let mut state = self.lock();
        if state.stopping {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let link = state.next_link;
        state.next_link += 1;
        // A second connection of the same client id takes the session over (MQTT-3.1.4-2).
        let earlier = state.sessions.get(&connect.client_id).and_then(Session::link);
        if let Some(stream) = earlier.and_then(|earlier| state.links.remove(&earlier)) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if connect.clean_session {
            state.sessions.remove(&connect.client_id);
        }
        let session_present = state.sessions.contains_key(&connect.client_id);
        send(stream, &Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, session_present)))?;
        state.links.insert(link, stream.try_clone()?);
        let session = state.sessions.entry(connect.client_id.clone()).or_default();
        session.attach(link, connect.clean_session);
        state.deliver(&connect.client_id);
        Ok(link)
    }

    /// Detaches a connection; a clean session ends with it.
    fn disconnect(&self, client_id: &str, link: u64) {
        let mut state = self.lock();
        state.links.remove(&link);
        let Some(session) = state.sessions.get_mut(client_id) else { return };
        if session.link() == Some(link) {
            session.detach();
            if session.is_clean() {
                state.sessions.remove(client_id);
            }
        }
    }

    /// Puts a message into every session that subscribes to its topic.
    ///
    /// # Errors
    /// When a queue is full: the message is in none of them and must not be acknowledged.
    fn publish(&self, message: &Publish) -> io::Result<()> {
        let mut state = self.lock();
        let matching: Vec<String> = state
            .sessions
            .iter()
            .filter(|(_, session)| session.wants(message))
            .map(|(id, _)| id.clone())
            .collect();
        if matching.iter().any(|id| state.sessions.get(id).is_some_and(Session::is_full)) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the queue of a subscriber is full"));
        }
        for client_id in &matching {
            if let Some(session) = state.sessions.get_mut(client_id) {
                session.enqueue(message.clone());
            }
            state.deliver(client_id);
        }
        Ok(())
    }

    /// Runs `change` on the session of a client if `link` still is its connection, then delivers what it may now send.
    fn with_session(&self, client_id: &str, link: u64, change: impl FnOnce(&mut Session)) {
        let mut state = self.lock();
        let Some(session) = state.sessions.get_mut(client_id) else { return };
        if session.link() == Some(link) {
            change(session);
            state.deliver(client_id);
        }
    }
}

impl State {
    /// Sends what the session's window allows. A link that fails is cut; the messages stay in the session.
    fn deliver(&mut self, client_id: &str) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        let Some(link) = session.link() else { return };
        let Some(stream) = self.links.get(&link) else { return };
        while let Some(publish) = session.next_to_send() {
            if send(stream, &Packet::Publish(publish)).is_err() {
                let _ = stream.shutdown(Shutdown::Both);
                session.detach();
                return;
            }
        }
    }
}

fn send(mut stream: &TcpStream, packet: &Packet) -> io::Result<()> {
    let mut bytes = BytesMut::with_capacity(256);
    packet.write(&mut bytes, PACKET_BYTES_MAX).map_err(io::Error::other)?;
    stream.write_all(&bytes)
}
