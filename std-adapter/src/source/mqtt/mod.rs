//! MQTT as a source: QoS 1, one lasting session, and a message acknowledged only when the commit that holds it is durable.
//!
//! # What is guaranteed
//! While the broker keeps the session, no message published at QoS 1 is lost: not when the gateway is killed, not when the
//! connection breaks. The broker sends again what was not acknowledged; what had been committed is recognized and
//! dropped:
//!
//! - by the producer's [`Identity`], where rows have one ([`MqttSource::with_identity`]): with any broker, and the
//!   producer's own repetitions as well;
//! - else by DUP flag, packet id, topic and payload together, which needs a broker that keeps the packet id of a message it
//!   sends again and sets DUP, as mosquitto does. Over a broker that does not (rumqttd), **a message whose
//!   acknowledgement was lost counts twice: the guarantee is then at least once.** A broker that uses a packet id again
//!   within the last [`MqttOptions::with_redelivery_window`] messages could make a new message pass for an old one only
//!   if topic and payload are equal too and the first attempt to send it was lost; a time or a number in the payload rules
//!   that out.
//!
//! Messages published at QoS 0 are taken, but a broken connection loses them. When the broker itself has forgotten the
//! session, what it held is gone: this is counted in [`SourceMetrics::lost_sessions`] and reported through `tracing` as an
//! error.
//!
//! # The exchange
//! Every connection has a new client; acknowledgements belong to the connection their message came on and die with it.
//! They go out in the order of receipt, after the commit, those of a commit together. The broker stops sending at a number of unacknowledged
//! messages (20 for mosquitto), so a commit is asked for before that; a larger window there and in
//! [`MqttOptions::with_in_flight_window`] makes for fewer commits. The session is subscribed only when it is new, or
//! when no commit says that it has been: subscribing again would bring retained messages again.

mod connection;
mod options;
mod redelivery;
mod rumqtt;
mod session;

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;

use serde::de::DeserializeOwned;

use super::reject::{Origin, Rejects};
use super::{Next, Source, SourceError, SourceMetrics};
use connection::{Cause, Connector, Event, Message};
pub use options::MqttOptions;
pub use redelivery::Identity;
use redelivery::MessageKey;
use rumqtt::RumqttConnector;
pub use session::MqttPosition;
use session::{Session, Turn};

type Decode<R> = Box<dyn Fn(&str, &[u8]) -> Result<R, String> + Send>;
type Identify<R> = Box<dyn Fn(&R) -> Option<Identity> + Send>;

/// Rows `R` from the messages of an MQTT 3.1.1 session.
///
/// ```no_run
/// use headwater_std::source::mqtt::{Identity, MqttOptions, MqttSource};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Reading { device: String, number: u64, value: f64 }
///
/// let options = MqttOptions::new("localhost", 1883, "gateway-1", ["sensors/+/reading"]);
/// let source = MqttSource::<Reading>::json(options)
///     .with_identity(|row| Some(Identity::new(&row.device, row.number)))
///     .with_rejects("rejects.jsonl");
/// ```
pub struct MqttSource<R> {
    session: Session,
    decode: Decode<R>,
    identify: Identify<R>,
    rejects: Rejects,
    rows: u64,
    redelivered: u64,
    /// Whether to end when nothing has come for the quiet time.
    limited: bool,
}

impl<R> fmt::Debug for MqttSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttSource").field("options", self.session.options()).finish_non_exhaustive()
    }
}

impl<R> MqttSource<R> {
    /// Rows made by `decode` from topic and payload. Its error says what is wrong with the message, which is then a
    /// reject: counted, kept in the reject file, and acknowledged with the others.
    #[must_use]
    pub fn new(
        options: MqttOptions,
        decode: impl Fn(&str, &[u8]) -> Result<R, String> + Send + 'static,
    ) -> Self {
        let connector = Box::new(RumqttConnector::new(options.clone()));
        Self::over(connector, options, Box::new(decode))
    }

    /// Rows from payloads that are JSON.
    #[must_use]
    pub fn json(options: MqttOptions) -> Self
    where
        R: DeserializeOwned,
    {
        Self::new(options, |_, payload| {
            serde_json::from_slice(payload).map_err(|error| super::file::json_reason(&error))
        })
    }

    fn over(connector: Box<dyn Connector>, options: MqttOptions, decode: Decode<R>) -> Self {
        Self {
            session: Session::new(connector, options),
            decode,
            identify: Box::new(|_| None),
            rejects: Rejects::default(),
            rows: 0,
            redelivered: 0,
            limited: false,
        }
    }

    /// The producer's identity of a row, by which a message that comes again is recognized with any broker. `None` for rows
    /// that have none.
    #[must_use]
    pub fn with_identity(mut self, identify: impl Fn(&R) -> Option<Identity> + Send + 'static) -> Self {
        self.identify = Box::new(identify);
        self
    }

    /// Keeps each message that cannot be read in this file: a JSON object a line, with `topic`, `reason` and `text`
    /// (`bytes_hex` if it is not UTF-8; at most 4 KiB of it).
    #[must_use]
    pub fn with_rejects(mut self, path: impl Into<PathBuf>) -> Self {
        self.rejects.keep_in(path.into());
        self
    }

    /// The row of a message, unless it came before or cannot be read.
    fn row(&mut self, message: &Message) -> Result<Option<R>, SourceError> {
        let decoded = (self.decode)(&message.topic, &message.payload);
        let identity = decoded.as_ref().ok().and_then(|row| (self.identify)(row));
        let key = match identity {
            Some(identity) => Some(MessageKey::of_identity(identity)),
            // QoS 0 is never sent again.
            None => (message.packet_id != 0).then(|| MessageKey::of_delivery(message)),
        };
        if key.is_some_and(|key| self.session.is_redelivery(key, message.duplicate)) {
            self.redelivered += 1;
            tracing::debug!(
                topic = message.topic,
                packet_id = message.packet_id,
                "dropped: delivered before"
            );
            return Ok(None);
        }
        match decoded {
            Ok(row) => {
                self.rows += 1;
                Ok(Some(row))
            }
            Err(reason) => {
                self.rejects.add(Origin::Message { topic: &message.topic }, &reason, &message.payload)?;
                Ok(None)
            }
        }
    }
}

impl<R> Source for MqttSource<R> {
    type Row = R;
    type Position = MqttPosition;

    fn open(&mut self, committed: Option<MqttPosition>) -> Result<(), SourceError> {
        let committed = committed.unwrap_or_default();
        self.rejects.open(committed.rejects)?;
        self.session.open(committed)
    }

    fn limit_to_available(&mut self) -> Result<(), SourceError> {
        self.limited = true;
        Ok(())
    }

    fn next(&mut self, wait: Duration) -> Result<Next<R>, SourceError> {
        let mut deadline = None;
        loop {
            let turn = match self.session.received()? {
                Some(turn) => turn,
                None => {
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + wait);
                    self.session.turn(deadline)?
                }
            };
            match turn {
                Turn::Message(message) => {
                    if let Some(row) = self.row(&message)? {
                        return Ok(Next::Row(row));
                    }
                    // Messages dropped or rejected count against the broker's window too.
                    if self.wants_commit() {
                        return Ok(Next::Idle);
                    }
                }
                Turn::Other => {}
                Turn::Nothing if self.limited && self.session.is_quiet() => return Ok(Next::End),
                Turn::Nothing => return Ok(Next::Idle),
            }
        }
    }

    fn prepare(&mut self) -> Result<MqttPosition, SourceError> {
        Ok(MqttPosition { rejects: self.rejects.prepare()?, ..self.session.position() })
    }

    fn committed(&mut self, position: &MqttPosition) -> Result<(), SourceError> {
        self.session.committed(position);
        Ok(())
    }

    fn wants_commit(&self) -> bool {
        self.session.wants_commit()
    }

    fn description(&self) -> String {
        let options = self.session.options();
        format!("MqttSource[{} as {}: {}]", options.broker(), options.client_id, options.topics.join(", "))
    }

    fn metrics(&self) -> SourceMetrics {
        SourceMetrics {
            rows: self.rows,
            rejected: self.rejects.count(),
            redelivered: self.redelivered,
            reconnects: self.session.reconnects(),
            lost_sessions: self.session.lost_sessions(),
            ..SourceMetrics::default()
        }
    }
}

#[cfg(test)]
mod tests;
