//! What the source needs of an MQTT client: one connection at a time, and its events. The client itself is behind this, so
//! that it can be replaced, and so that tests can play a broker.

use core::time::Duration;

use bytes::Bytes;

/// Makes connections; each is new from the ground up, so that nothing of an old one, no event and no
/// acknowledgement, can reach a later one.
pub(super) trait Connector: Send {
    /// Begins to connect; the outcome is the connection's first event.
    fn connect(&mut self) -> Box<dyn Connection>;
}

/// One connection. No call blocks, but for `receive` up to its time, and `close` shortly.
pub(super) trait Connection: Send {
    /// An event that has been received together with the one before. Asks no clock and takes no lock.
    fn received(&mut self) -> Option<Event>;
    /// The next event; `None` if there is none within the time. After [`Event::Closed`] there is none any more.
    fn receive(&mut self, wait: Duration) -> Option<Event>;
    /// Subscribes at QoS 1; [`Event::Subscribed`] or [`Event::Closed`] follows.
    fn subscribe(&mut self, topics: &[String]);
    fn unsubscribe(&mut self, topic: &str);
    /// Sends a PUBACK for each, in this order. Any may be lost with the connection; the broker then sends the message again.
    fn acknowledge(&mut self, packet_ids: Vec<u16>);
    /// Sends what was asked for so far, then DISCONNECT, and waits for that shortly.
    fn close(&mut self);
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// CONNACK: the broker kept the session or not.
    Connected { session_present: bool },
    /// SUBACK: for each topic the QoS granted, or `None` if it was refused.
    Subscribed { granted: Vec<Option<u8>> },
    /// PUBLISH. May come before SUBACK.
    Message(Message),
    /// The connection has ended or never came about.
    Closed(Closed),
}

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    /// A part of what was read from the network at once, not a copy.
    pub(super) payload: Bytes,
    /// 0 at QoS 0, which is not acknowledged.
    pub(super) packet_id: u16,
    /// The DUP flag.
    pub(super) duplicate: bool,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) cause: Cause,
    /// In words, from the client.
    pub(super) detail: String,
}

/// Causes that call for different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// No network, no broker there, or the connection broke: try again.
    Network,
    /// CONNACK with a refusal.
    Refused,
    /// A packet over the limit.
    TooLarge,
    /// Bytes that are not MQTT, or packets where they must not be.
    Protocol,
}
