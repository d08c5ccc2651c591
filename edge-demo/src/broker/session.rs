//! What the broker remembers of one client: its filters, the messages waiting and those sent but not acknowledged.
//!
//! No sockets here, so the rules of redelivery can be read and tested alone.

use std::collections::VecDeque;

use rumqttc::mqttbytes::v4::Publish;
use rumqttc::{QoS, matches};

/// Messages sent and not yet acknowledged, at most: mosquitto's default.
pub(super) const IN_FLIGHT_MAX: usize = 20;

/// Messages a session holds at most. Beyond it publishers get no acknowledgement, so nothing accepted is lost.
const BACKLOG_MAX: usize = 100_000;

/// A client's session. It lives on without a connection unless it is clean.
#[derive(Debug, Default)]
pub(super) struct Session {
    link: Option<u64>,
    clean: bool,
    filters: Vec<(String, QoS)>,
    /// Sent and not acknowledged, in order of sending.
    in_flight: VecDeque<Publish>,
    /// How many of `in_flight` have been sent on the present connection.
    sent: usize,
    waiting: VecDeque<Publish>,
    last_packet_id: u16,
    redelivered: u64,
}

impl Session {
    /// Starts a connection: everything in flight is to be sent again first.
    pub(super) fn attach(&mut self, link: u64, clean: bool) {
        self.link = Some(link);
        self.clean = clean;
        self.sent = 0;
        for publish in &mut self.in_flight {
            publish.dup = true;
        }
    }

    pub(super) fn detach(&mut self) {
        self.link = None;
        // QoS 0 is for whoever is connected now.
        self.waiting.retain(|publish| publish.qos != QoS::AtMostOnce);
    }

    pub(super) fn link(&self) -> Option<u64> {
        self.link
    }

    pub(super) fn is_clean(&self) -> bool {
        self.clean
    }

    pub(super) fn is_subscribed(&self) -> bool {
        !self.filters.is_empty()
    }

    pub(super) fn backlog(&self) -> usize {
        self.in_flight.len() + self.waiting.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.backlog() >= BACKLOG_MAX
    }

    pub(super) fn redelivered(&self) -> u64 {
        self.redelivered
    }

    /// Adds a filter or replaces the one with the same text; returns the QoS granted, 1 at most.
    pub(super) fn subscribe(&mut self, filter: &str, asked: QoS) -> QoS {
        let granted = if asked == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        self.unsubscribe(filter);
        self.filters.push((filter.to_owned(), granted));
        granted
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.filters.retain(|(present, _)| present != filter);
    }

    /// Whether the message is for this session: a filter matches, and QoS 0 finds it connected.
    pub(super) fn wants(&self, message: &Publish) -> bool {
        self.granted(message).is_some_and(|qos| qos != QoS::AtMostOnce || self.link.is_some())
    }

    /// The QoS the message goes out with: the lower of its own and the highest of the matching filters.
    fn granted(&self, message: &Publish) -> Option<QoS> {
        let highest =
            self.filters.iter().filter(|(filter, _)| matches(&message.topic, filter)).map(|(_, qos)| *qos);
        highest
            .max_by_key(|qos| *qos as u8)
            .map(|qos| if (message.qos as u8) < (qos as u8) { message.qos } else { qos })
    }

    pub(super) fn enqueue(&mut self, mut message: Publish) {
        message.qos = self.granted(&message).unwrap_or(QoS::AtMostOnce);
        message.dup = false;
        message.retain = false;
        self.waiting.push_back(message);
    }

    /// The next packet for the wire: what is to be redelivered, then what waits, while the window has room.
    pub(super) fn next_to_send(&mut self) -> Option<Publish> {
        if let Some(again) = self.in_flight.get(self.sent) {
            self.sent += 1;
            self.redelivered += 1;
            return Some(again.clone());
        }
        let next_is_qos0 = self.waiting.front()?.qos == QoS::AtMostOnce;
        if !next_is_qos0 && self.in_flight.len() >= IN_FLIGHT_MAX {
            return None;
        }
        let mut publish = self.waiting.pop_front()?;
        if !next_is_qos0 {
            publish.pkid = self.free_packet_id();
            self.in_flight.push_back(publish.clone());
            self.sent += 1;
        }
        Some(publish)
    }

    /// Takes a PUBACK; an unknown packet id, as after a takeover, is ignored.
    pub(super) fn acknowledge(&mut self, packet_id: u16) {
        let position = self.in_flight.iter().take(self.sent).position(|publish| publish.pkid == packet_id);
        if let Some(position) = position {
            self.in_flight.remove(position);
            self.sent -= 1;
        }
    }

    /// Not zero and not in flight (MQTT-2.3.1-1 and -2); the window is far smaller than the range, so one is found.
    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if self.in_flight.iter().all(|publish| publish.pkid != self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribed() -> Session {
        let mut session = Session::default();
        session.attach(1, false);
        session.subscribe("site/+/reading", QoS::AtLeastOnce);
        session
    }

    fn message(payload: usize) -> Publish {
        Publish::new("site/a/reading", QoS::AtLeastOnce, payload.to_string())
    }

    fn drain(session: &mut Session) -> Vec<(u16, bool, String)> {
        core::iter::from_fn(|| session.next_to_send())
            .map(|p| (p.pkid, p.dup, String::from_utf8_lossy(&p.payload).into_owned()))
            .collect()
    }

    #[test]
    fn the_window_holds_back_until_an_acknowledgement() {
        let mut session = subscribed();
        (0..IN_FLIGHT_MAX + 3).for_each(|n| session.enqueue(message(n)));
        assert_eq!(drain(&mut session).len(), IN_FLIGHT_MAX);
        session.acknowledge(1);
        let next = drain(&mut session);
        assert_eq!(next, [(21, false, "20".to_owned())]);
        assert_eq!(session.backlog(), IN_FLIGHT_MAX + 2);
    }

    #[test]
    fn redelivers_in_order_with_the_same_ids_and_dup_before_anything_new() {
        let mut session = subscribed();
        (0..3).for_each(|n| session.enqueue(message(n)));
        assert_eq!(drain(&mut session).len(), 3);
        session.acknowledge(2);
        session.detach();
        session.enqueue(message(3));
        session.attach(2, false);
        let expected = [(1, true, "0".to_owned()), (3, true, "2".to_owned()), (4, false, "3".to_owned())];
        assert_eq!(drain(&mut session), expected);
        assert_eq!(session.redelivered(), 2);
    }

    #[test]
    fn an_acknowledgement_of_a_message_not_yet_sent_again_is_ignored() {
        let mut session = subscribed();
        session.enqueue(message(0));
        drain(&mut session);
        session.attach(2, false);
        session.acknowledge(1);
        assert_eq!(session.backlog(), 1);
    }

    #[test]
    fn qos0_reaches_only_a_connected_client_and_needs_no_acknowledgement() {
        let mut session = subscribed();
        let mut quick = message(0);
        quick.qos = QoS::AtMostOnce;
        assert!(session.wants(&quick));
        session.enqueue(quick.clone());
        assert_eq!(drain(&mut session), [(0, false, "0".to_owned())]);
        assert_eq!(session.backlog(), 0);
        session.detach();
        assert!(!session.wants(&quick));
        assert!(session.wants(&message(1)));
    }
}
