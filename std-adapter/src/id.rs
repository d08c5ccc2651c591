//! Ids of queries and runs.

use core::hash::{BuildHasher, Hasher};
use std::hash::RandomState;

/// 128 random bits in the form of a UUID (RFC 9562, version 4), from the keys the standard library draws for its hash maps.
pub(crate) fn random_id() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    let high = draw() & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = draw() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
