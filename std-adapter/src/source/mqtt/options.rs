//! How to reach the broker, and the limits that keep the exchange with it sound.

use core::time::Duration;

use crate::source::SourceError;

/// What a record of the checkpoint log has room for, with 8 bytes each.
const REDELIVERY_WINDOW_MAX: u16 = 3_000;

/// The broker, the session and its limits.
///
/// The client id names the session that the broker keeps while the gateway is down, so it must stay the same from run to
/// run and be used by nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttOptions {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) client_id: String,
    pub(super) topics: Vec<String>,
    pub(super) credentials: Option<(String, String)>,
    pub(super) keep_alive: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) in_flight_window: u16,
    pub(super) redelivery_window: u16,
    pub(super) acknowledge_after: Duration,
    pub(super) largest_packet_bytes: usize,
    pub(super) backoff: (Duration, Duration),
    pub(super) refusals_allowed: u32,
    pub(super) quiet_time: Duration,
}

impl MqttOptions {
    /// A session `client_id` at the broker `host:port`, subscribed to `topics` (filters may have `+` and `#`).
    #[must_use]
    pub fn new<T: Into<String>>(
        host: impl Into<String>,
        port: u16,
        client_id: impl Into<String>,
        topics: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            client_id: client_id.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            credentials: None,
            keep_alive: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            in_flight_window: 20,
            redelivery_window: 128,
            acknowledge_after: Duration::from_secs(1),
            largest_packet_bytes: 1 << 20,
            backoff: (Duration::from_millis(100), Duration::from_secs(30)),
            refusals_allowed: 5,
            quiet_time: Duration::from_secs(1),
        }
    }

    /// User name and password.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Time without traffic after which the connection is probed; at least 1 s, 30 s unless said otherwise.
    #[must_use]
    pub fn with_keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// How long a connection attempt may take; 5 s unless said otherwise, whole seconds.
    #[must_use]
    pub fn with_connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How many messages the broker sends before it waits for acknowledgements: 20 for mosquitto
    /// (`max_inflight_messages`) unless configured otherwise. A commit is asked for when three quarters of it are used.
    #[must_use]
    pub fn with_in_flight_window(mut self, messages: u16) -> Self {
        self.in_flight_window = messages;
        self
    }

    /// How many of the last messages are remembered to tell those that come again; 128 unless said otherwise. Must be more
    /// than the in-flight window and at most 3,000. Each takes 8 bytes in every commit.
    #[must_use]
    pub fn with_redelivery_window(mut self, messages: u16) -> Self {
        self.redelivery_window = messages;
        self
    }

    /// Asks for a commit when a message has waited this long for its acknowledgement; 1 s unless said otherwise.
    #[must_use]
    pub fn with_acknowledge_after(mut self, time: Duration) -> Self {
        self.acknowledge_after = time;
        self
    }

    /// Largest packet taken; 1 MiB unless said otherwise. MQTT 3.1.1 has no way to refuse a single message, so a larger
    /// one stops the source after some attempts, with an error that says so.
    #[must_use]
    pub fn with_largest_packet(mut self, bytes: usize) -> Self {
        self.largest_packet_bytes = bytes;
        self
    }

    /// First and longest pause between connection attempts; it doubles from 100 ms to 30 s unless said otherwise.
    #[must_use]
    pub fn with_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest.max(first));
        self
    }

    /// After how many connections in a row that ended for the same cause, other than a broker that is away, the source
    /// gives up; 5 unless said otherwise. An absent broker is waited for without end once the source has started.
    #[must_use]
    pub fn with_refusals_allowed(mut self, connections: u32) -> Self {
        self.refusals_allowed = connections;
        self
    }

    /// For the triggers that read what is available now: a broker from which nothing came for this time has nothing more;
    /// 1 s unless said otherwise.
    #[must_use]
    pub fn with_quiet_time(mut self, time: Duration) -> Self {
        self.quiet_time = time;
        self
    }

    /// `host:port`, for messages.
    pub(super) fn broker(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(super) fn check(&self) -> Result<(), SourceError> {
        let refuse = |option, reason: String| Err(SourceError::Option { option, reason });
        if self.client_id.is_empty() {
            return refuse(
                "client_id",
                "it is empty, but it names the session kept at the broker".to_owned(),
            );
        }
        if self.topics.is_empty() {
            return refuse("topics", "there is none to subscribe to".to_owned());
        }
        if let Some(topic) = self.topics.iter().find(|topic| !rumqttc::valid_filter(topic)) {
            return refuse("topics", format!("`{topic}` is not a topic filter (MQTT 3.1.1, section 4.7)"));
        }
        if self.in_flight_window == 0 || self.redelivery_window <= self.in_flight_window {
            let (redelivery, in_flight) = (self.redelivery_window, self.in_flight_window);
            let reason = format!(
                "{redelivery} must be more than the in-flight window of {in_flight}, itself at least 1"
            );
            return refuse("redelivery_window", reason);
        }
        if self.redelivery_window > REDELIVERY_WINDOW_MAX {
            let reason = format!("{} is more than {REDELIVERY_WINDOW_MAX}", self.redelivery_window);
            return refuse("redelivery_window", reason);
        }
        if self.keep_alive < Duration::from_secs(1) {
            return refuse("keep_alive", format!("{:?} is less than 1 s", self.keep_alive));
        }
        Ok(())
    }
}
