//! Telling messages that come again from new ones.
//!
//! MQTT's QoS 1 is at least once: a message whose acknowledgement was lost is sent again (MQTT 3.1.1, section 4.3.2).
//! The keys of the last messages are remembered, and committed with the position, so this also works across restarts.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::connection::Message;
use crate::fingerprint::fingerprint;

/// A message's identity given by its producer: a source and a sequence number that the source uses once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    source: u64,
    sequence: u64,
}

impl Identity {
    /// Message `sequence` of the producer named `source`.
    #[must_use]
    pub fn new(source: impl AsRef<[u8]>, sequence: u64) -> Self {
        Self { source: fingerprint(&[source.as_ref()]), sequence }
    }
}

/// What a message is remembered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MessageKey {
    hash: u64,
    /// Only a message with the DUP flag can be one that came before.
    needs_duplicate_flag: bool,
}

impl MessageKey {
    /// By what the producer says; enough by itself.
    pub(super) fn of_identity(identity: Identity) -> Self {
        let parts: [&[u8]; 3] =
            [b"identity", &identity.source.to_le_bytes(), &identity.sequence.to_le_bytes()];
        Self { hash: fingerprint(&parts), needs_duplicate_flag: false }
    }

    /// By packet id, topic and payload, for brokers that keep the packet id of a message they send again and set DUP.
    /// None of these would be enough alone: packet ids are used again, and two messages may be equal.
    pub(super) fn of_delivery(message: &Message) -> Self {
        let parts: [&[u8]; 4] =
            [b"delivery", &message.packet_id.to_le_bytes(), message.topic.as_bytes(), &message.payload];
        Self { hash: fingerprint(&parts), needs_duplicate_flag: true }
    }
}

/// The keys of the last messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Recent(VecDeque<[u8; 8]>);

impl Recent {
    /// Whether the message came before; if not it is remembered, in place of the oldest of `window`.
    pub(super) fn is_redelivery(&mut self, key: MessageKey, duplicate: bool, window: usize) -> bool {
        let bytes = key.hash.to_le_bytes();
        if (duplicate || !key.needs_duplicate_flag) && self.0.contains(&bytes) {
            return true;
        }
        while self.0.len() >= window.max(1) {
            self.0.pop_front();
        }
        self.0.push_back(bytes);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(packet_id: u16, payload: &str, duplicate: bool) -> Message {
        Message { topic: "t".to_owned(), payload: payload.into(), packet_id, duplicate }
    }

    fn came_before(recent: &mut Recent, message: &Message) -> bool {
        recent.is_redelivery(MessageKey::of_delivery(message), message.duplicate, 4)
    }

    #[test]
    fn without_identity_all_of_flag_packet_id_and_content_must_agree() {
        let mut recent = Recent::default();
        assert!(!came_before(&mut recent, &message(1, "a", false)));
        assert!(!came_before(&mut recent, &message(1, "a", false)), "an equal message, not sent again");
        assert!(!came_before(&mut recent, &message(2, "a", true)), "another packet id");
        assert!(!came_before(&mut recent, &message(1, "b", true)), "another payload: never arrived before");
        assert!(came_before(&mut recent, &message(1, "a", true)));
    }

    #[test]
    fn an_identity_is_enough_and_is_forgotten_after_the_window() {
        let mut recent = Recent::default();
        let mut seen = |sequence| {
            recent.is_redelivery(MessageKey::of_identity(Identity::new("device", sequence)), false, 4)
        };
        assert!(!seen(1));
        assert!(seen(1));
        assert!((2..=5).all(|sequence| !seen(sequence)));
        assert!(seen(5));
        assert!(!seen(1));
        assert_eq!(recent.0.len(), 4);
    }
}
