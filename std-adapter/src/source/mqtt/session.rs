//! The session over all its connections: connecting again, subscribing, acknowledging. Rows are none of its business.

use core::time::Duration;
use std::collections::VecDeque;
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::redelivery::{MessageKey, Recent};
use super::{Cause, Connector, Event, Message, MqttOptions};
use crate::source::mqtt::connection::{Closed, Connection};
use crate::source::{RejectPosition, SourceError};

/// QoS 1.
const AT_LEAST_ONCE: u8 = 1;

/// Where an [`MqttSource`](super::MqttSource) is: what it needs to recognize messages that come again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MqttPosition {
    /// Messages taken since the very beginning, those dropped and rejected included.
    pub(super) received: u64,
    /// The topics that the broker has confirmed for this session.
    pub(super) subscribed: Vec<String>,
    pub(super) recent: Recent,
    pub(super) rejects: RejectPosition,
}

/// What a turn of the session brought.
#[derive(Debug)]
pub(super) enum Turn {
    Message(Message),
    /// Something else happened; there may be more at once.
    Other,
    /// The time is up.
    Nothing,
}

/// A message whose acknowledgement waits for a commit.
#[derive(Debug)]
struct Unacknowledged {
    connection: u64,
    packet_id: u16,
    /// Its count in [`MqttPosition::received`].
    number: u64,
    at: Instant,
}

pub(super) struct Session {
    options: MqttOptions,
    connector: Box<dyn Connector>,
    connection: Option<Box<dyn Connection>>,
    /// Counts connections; acknowledgements are tagged with it.
    number: u64,
    connected: bool,
    try_again_at: Instant,
    backoff: Duration,
    /// Connections in a row that ended for the same cause.
    failures: (Cause, u32),
    unacknowledged: VecDeque<Unacknowledged>,
    position: MqttPosition,
    last_event: Instant,
    /// The clock as it was read last, at the latest when something was waited for.
    now: Instant,
    reconnects: u64,
    lost_sessions: u64,
}

impl Session {
    pub(super) fn new(connector: Box<dyn Connector>, options: MqttOptions) -> Self {
        let now = Instant::now();
        Self {
            backoff: options.backoff.0,
            options,
            connector,
            connection: None,
            number: 0,
            connected: false,
            try_again_at: now,
            failures: (Cause::Network, 0),
            unacknowledged: VecDeque::new(),
            position: MqttPosition::default(),
            last_event: now,
            now,
            reconnects: 0,
            lost_sessions: 0,
        }
    }

    pub(super) fn options(&self) -> &MqttOptions {
        &self.options
    }

    pub(super) fn reconnects(&self) -> u64 {
        self.reconnects
    }

    pub(super) fn lost_sessions(&self) -> u64 {
        self.lost_sessions
    }

    pub(super) fn position(&self) -> MqttPosition {
        self.position.clone()
    }

    /// Connects for the first time; a broker that cannot be reached now is an error.
    pub(super) fn open(&mut self, committed: MqttPosition) -> Result<(), SourceError> {
        self.options.check()?;
        self.position = committed;
        self.connect();
        let wait = self.options.connect_timeout + Duration::from_secs(1);
        let event = self.connection.as_mut().and_then(|connection| connection.receive(wait));
        match event {
            Some(Event::Connected { session_present }) => {
                self.on_connected(session_present);
                Ok(())
            }
            Some(Event::Closed(Closed { detail, .. })) => {
                Err(self.broker_error(format!("cannot connect: {detail}")))
            }
            _ => Err(self.broker_error(format!("no answer to CONNECT within {wait:?}"))),
        }
    }

    /// What came together with the event before, if there is more of it.
    pub(super) fn received(&mut self) -> Result<Option<Turn>, SourceError> {
        match self.connection.as_mut().and_then(|connection| connection.received()) {
            Some(event) => self.on_event(event).map(Some),
            None => Ok(None),
        }
    }

    /// Connects if need be, and takes the next event until `deadline`.
    pub(super) fn turn(&mut self, deadline: Instant) -> Result<Turn, SourceError> {
        self.now = Instant::now();
        let Some(connection) = &mut self.connection else {
            if self.now < self.try_again_at {
                thread::sleep(self.try_again_at.min(deadline).saturating_duration_since(self.now));
                self.now = Instant::now();
            }
            if self.now < self.try_again_at {
                return Ok(Turn::Nothing);
            }
            self.reconnects += 1;
            self.connect();
            return Ok(Turn::Other);
        };
        let event = connection.receive(deadline.saturating_duration_since(self.now));
        self.now = Instant::now();
        let Some(event) = event else { return Ok(Turn::Nothing) };
        self.last_event = self.now;
        self.on_event(event)
    }

    fn on_event(&mut self, event: Event) -> Result<Turn, SourceError> {
        match event {
            Event::Connected { session_present } => self.on_connected(session_present),
            Event::Subscribed { granted } => self.on_subscribed(&granted)?,
            Event::Message(message) => {
                self.on_message(&message);
                return Ok(Turn::Message(message));
            }
            Event::Closed(closed) => self.on_closed(&closed)?,
        }
        Ok(Turn::Other)
    }

    fn connect(&mut self) {
        self.number += 1;
        self.connected = false;
        self.connection = Some(self.connector.connect());
    }

    fn on_connected(&mut self, session_present: bool) {
        let (broker, number) = (self.options.broker(), self.number);
        tracing::info!(broker, connection = number, session_present, "connected");
        self.connected = true;
        self.last_event = Instant::now();
        if !session_present && !self.position.subscribed.is_empty() {
            self.lost_sessions += 1;
            self.position.subscribed.clear();
            tracing::error!(
                broker,
                client_id = self.options.client_id,
                "the broker has lost the session: messages published since the last connection may be lost"
            );
        }
        let Some(connection) = &mut self.connection else { return };
        for topic in self.position.subscribed.iter().filter(|topic| !self.options.topics.contains(topic)) {
            connection.unsubscribe(topic);
        }
        self.position.subscribed.retain(|topic| self.options.topics.contains(topic));
        let missing = self.missing_topics();
        if let (false, Some(connection)) = (missing.is_empty(), &mut self.connection) {
            connection.subscribe(&missing);
        }
    }

    /// Topics wanted and not confirmed, in the order in which they are asked for.
    fn missing_topics(&self) -> Vec<String> {
        let confirmed = &self.position.subscribed;
        self.options.topics.iter().filter(|topic| !confirmed.contains(topic)).cloned().collect()
    }

    fn on_subscribed(&mut self, granted: &[Option<u8>]) -> Result<(), SourceError> {
        let asked = self.missing_topics();
        for (index, topic) in asked.into_iter().enumerate() {
            let reason = match granted.get(index) {
                Some(Some(qos)) if *qos >= AT_LEAST_ONCE => {
                    self.position.subscribed.push(topic);
                    continue;
                }
                Some(Some(_)) => "only QoS 0 was granted, which loses messages when a connection breaks",
                _ => "the subscription was refused; look at the broker's access rules",
            };
            return Err(SourceError::Subscription {
                broker: self.options.broker(),
                topic,
                reason: reason.to_owned(),
            });
        }
        Ok(())
    }

    fn on_message(&mut self, message: &Message) {
        self.position.received += 1;
        if message.packet_id != 0 {
            self.unacknowledged.push_back(Unacknowledged {
                connection: self.number,
                packet_id: message.packet_id,
                number: self.position.received,
                at: self.last_event,
            });
        }
        self.backoff = self.options.backoff.0;
        // The messages before one that is too large come on every attempt: they are no progress.
        if self.failures.0 != Cause::TooLarge {
            self.failures.1 = 0;
        }
    }

    /// The connection's acknowledgements die with it: the broker sends those messages again, on another connection.
    fn on_closed(&mut self, closed: &Closed) -> Result<(), SourceError> {
        let connected = core::mem::take(&mut self.connected);
        self.connection = None;
        self.unacknowledged.clear();
        let Closed { cause, detail } = closed;
        let in_a_row = if self.failures.0 == *cause { self.failures.1 + 1 } else { 1 };
        self.failures = (*cause, in_a_row);
        let broker = self.options.broker();
        tracing::warn!(broker, cause = ?cause, detail, in_a_row, pause = ?self.backoff, "connection lost");
        if *cause != Cause::Network && in_a_row >= self.options.refusals_allowed {
            let advice = match cause {
                Cause::TooLarge => "; raise the packet limit, or remove the message from the broker's queue",
                Cause::Refused => "; check client id, user name and password",
                Cause::Protocol | Cause::Network => "; is this an MQTT 3.1.1 broker?",
            };
            return Err(self.broker_error(format!("{in_a_row} connections in a row ended: {detail}{advice}")));
        }
        if connected && *cause == Cause::Network && in_a_row == self.options.refusals_allowed {
            tracing::warn!(
                broker,
                client_id = self.options.client_id,
                "connections keep breaking before a message comes: does another client use this client id?"
            );
        }
        self.try_again_at = Instant::now() + self.backoff;
        self.backoff = (self.backoff * 2).min(self.options.backoff.1);
        Ok(())
    }

    pub(super) fn is_redelivery(&mut self, key: MessageKey, duplicate: bool) -> bool {
        self.position.recent.is_redelivery(key, duplicate, usize::from(self.options.redelivery_window))
    }

    /// Acknowledges what `position` holds, in the order of receipt, all at once.
    pub(super) fn committed(&mut self, position: &MqttPosition) {
        let waiting = &self.unacknowledged;
        let held = waiting.partition_point(|message| message.number <= position.received);
        let of_this_connection = |message: &Unacknowledged| message.connection == self.number;
        let packet_ids: Vec<u16> = self
            .unacknowledged
            .drain(..held)
            .filter(of_this_connection)
            .map(|message| message.packet_id)
            .collect();
        if let (false, Some(connection)) = (packet_ids.is_empty(), &mut self.connection) {
            connection.acknowledge(packet_ids);
        }
        self.now = Instant::now();
        self.last_event = self.now;
    }

    pub(super) fn wants_commit(&self) -> bool {
        let nearly_full = usize::from(self.options.in_flight_window).div_ceil(4) * 3;
        let oldest = self.unacknowledged.front();
        self.unacknowledged.len() >= nearly_full
            || oldest.is_some_and(|message| {
                self.now.saturating_duration_since(message.at) >= self.options.acknowledge_after
            })
    }

    /// Whether the broker, connected and subscribed, has had nothing to say for the quiet time.
    pub(super) fn is_quiet(&self) -> bool {
        self.connected
            && self.missing_topics().is_empty()
            && self.unacknowledged.len() < usize::from(self.options.in_flight_window)
            && self.last_event.elapsed() >= self.options.quiet_time
    }

    fn broker_error(&self, reason: String) -> SourceError {
        SourceError::Broker { broker: self.options.broker(), reason }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let (Some(connection), true) = (&mut self.connection, self.connected) {
            connection.close();
        }
    }
}
