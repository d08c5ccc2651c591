//! A 64-bit hash that is the same in every release, because checkpoints hold it.

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over the parts, each preceded by its length so that `("a", "bc")` differs from `("ab", "c")`,
/// with the finalizer of MurmurHash3 to spread the last bytes.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u64 {
    let mut hash = FNV_OFFSET;
    for part in parts {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(*part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(fingerprint(&[b"a", b"bc"]), fingerprint(&[b"ab", b"c"]));
    }

    #[test]
    fn value_is_fixed_because_checkpoints_hold_it() {
        assert_eq!(fingerprint(&[b"device-1", &7_u64.to_le_bytes()]), 0xbe7a_4fbe_d9f7_1b72);
    }
}
