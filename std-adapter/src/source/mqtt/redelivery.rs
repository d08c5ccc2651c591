//! Telling messages that come again from new ones.
//!
//! MQTT's QoS 1 is at least once: a message whose acknowledgement was lost is sent again (MQTT 3.1.1, section 4.3.2).
//! The keys of the last messages are remembered, and committed with the position, so this also works across restarts.

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// The keys of the last messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    /// Oldest first.
    keys: VecDeque<[u8; 8]>,
    /// How often each is among them: what a key is looked up in.
    counts: HashMap<[u8; 8], u32, BuildHasherDefault<KeyItself>>,
}

impl Recent {
    /// Whether the message came before; if not it is remembered, in place of the oldest of `window`.
    pub(super) fn is_redelivery(&mut self, key: MessageKey, duplicate: bool, window: usize) -> bool {
        let bytes = key.hash.to_le_bytes();
        if (duplicate || !key.needs_duplicate_flag) && self.counts.contains_key(&bytes) {
            return true;
        }
        while self.keys.len() >= window.max(1) {
            self.forget_oldest();
        }
        self.remember(bytes);
        false
    }

    fn remember(&mut self, key: [u8; 8]) {
        self.keys.push_back(key);
        *self.counts.entry(key).or_default() += 1;
    }

    fn forget_oldest(&mut self) {
        let Some(key) = self.keys.pop_front() else { return };
        if let Entry::Occupied(mut count) = self.counts.entry(key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl PartialEq for Recent {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for Recent {}

/// In the checkpoint the keys; in a report, which nobody reads them from, how many there are.
impl Serialize for Recent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_u64(self.keys.len() as u64);
        }
        self.keys.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Recent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut recent = Self::default();
        Vec::deserialize(deserializer)?.into_iter().for_each(|key| recent.remember(key));
        Ok(recent)
    }
}

/// The hash of a key is the key: it is one already.
#[derive(Debug, Clone, Copy, Default)]
struct KeyItself(u64);

impl Hasher for KeyItself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    /// The length of a key, always the same.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(packet_id: u16, payload: &str, duplicate: bool) -> Message {
        let payload = payload.to_owned().into();
        Message { topic: "t".to_owned(), payload, packet_id, duplicate }
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
    fn an_equal_message_is_known_until_the_last_of_its_kind_is_forgotten() {
        let mut recent = Recent::default();
        for payload in ["a", "a", "b", "c", "d"] {
            assert!(!came_before(&mut recent, &message(1, payload, false)));
        }
        assert!(came_before(&mut recent, &message(1, "a", true)), "the first of two is forgotten");
        assert!(!came_before(&mut recent, &message(1, "e", false)));
        assert!(!came_before(&mut recent, &message(1, "a", true)));
    }

    #[test]
    fn the_keys_come_back_from_a_checkpoint_and_a_report_has_their_number() {
        let mut recent = Recent::default();
        for payload in ["a", "b", "b"] {
            assert!(!came_before(&mut recent, &message(1, payload, false)));
        }
        let mut bytes = [0; 64];
        let bytes = postcard::to_slice(&recent, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 1 + 3 * 8);
        let mut restored: Recent = postcard::from_bytes(bytes).unwrap();
        assert_eq!(restored, recent);
        assert!(came_before(&mut restored, &message(1, "b", true)));
        assert_eq!(serde_json::to_value(&recent).unwrap(), 3);
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
        assert_eq!((recent.keys.len(), recent.counts.len()), (4, 4));
    }
}
