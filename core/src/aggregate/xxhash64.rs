//! XXH64, the 64-bit hash that Spark's `xxhash64` and `approx_count_distinct` use.
//!
//! From the specification by Yann Collet (`xxhash_spec.md`, version 0.1.1). It reads bytes as little-endian numbers, so it
//! is the same on every machine.

const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_4: u64 = 0x85eb_ca77_c2b2_ae63;
const PRIME_5: u64 = 0x27d4_eb2f_1656_67c5;

const STRIPE_BYTES: usize = 32;

#[inline]
pub(super) fn xxhash64(bytes: &[u8], seed: u64) -> u64 {
    let (stripes, tail) = bytes.as_chunks::<STRIPE_BYTES>();
    let start = if stripes.is_empty() { seed.wrapping_add(PRIME_5) } else { of_stripes(stripes, seed) };
    avalanche(with_tail(start.wrapping_add(bytes.len() as u64), tail))
}

fn of_stripes(stripes: &[[u8; STRIPE_BYTES]], seed: u64) -> u64 {
    let mut lanes = [
        seed.wrapping_add(PRIME_1).wrapping_add(PRIME_2),
        seed.wrapping_add(PRIME_2),
        seed,
        seed.wrapping_sub(PRIME_1),
    ];
    for stripe in stripes {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let [a, b, c, d] = lanes;
    let rotated = [a.rotate_left(1), b.rotate_left(7), c.rotate_left(12), d.rotate_left(18)];
    let sum = rotated.into_iter().fold(0, u64::wrapping_add);
    lanes
        .into_iter()
        .fold(sum, |hash, lane| (hash ^ round(0, lane)).wrapping_mul(PRIME_1).wrapping_add(PRIME_4))
}

#[inline]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2)).rotate_left(31).wrapping_mul(PRIME_1)
}

/// Takes in the fewer than 32 bytes after the last stripe.
#[inline]
fn with_tail(mut hash: u64, tail: &[u8]) -> u64 {
    let (words, tail) = tail.as_chunks();
    for word in words {
        hash ^= round(0, u64::from_le_bytes(*word));
        hash = hash.rotate_left(27).wrapping_mul(PRIME_1).wrapping_add(PRIME_4);
    }
    let (halves, tail) = tail.as_chunks();
    for half in halves {
        hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(PRIME_1);
        hash = hash.rotate_left(23).wrapping_mul(PRIME_2).wrapping_add(PRIME_3);
    }
    for byte in tail {
        hash ^= u64::from(*byte).wrapping_mul(PRIME_5);
        hash = hash.rotate_left(11).wrapping_mul(PRIME_1);
    }
    hash
}

#[inline]
fn avalanche(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::xxhash64;

    /// Answers of the reference implementation (libxxhash 0.8.1) to the input that its own sanity check generates.
    #[test]
    fn reference_vectors() {
        const SEED: u64 = 2_654_435_761;
        let mut generator = SEED;
        let mut input = [0_u8; 222];
        for byte in &mut input {
            *byte = (generator >> 56) as u8;
            generator = generator.wrapping_mul(11_400_714_785_074_694_797);
        }
        let vectors = [
            (0, 0xef46_db37_51d8_e999, 0xac75_fda2_929b_17ef),
            (1, 0xe934_a84a_db05_2768, 0x5014_6076_43a9_b4c3),
            (4, 0x9136_a0dc_a574_57ee, 0xcaab_286b_d8e9_fdb5),
            (14, 0x8282_dcc4_994e_35c8, 0xc3bd_6bf6_3deb_6df0),
            (31, 0x299b_39a2_90e6_d783, 0xda67_3d5f_eb5c_1d79),
            (32, 0x18b2_1649_2bb4_4b70, 0xb3f3_3bdf_93ad_e409),
            (63, 0xa9ef_be0f_a0f3_f4e7, 0x6c91_1fad_b05b_6fc2),
            (222, 0xb641_ae8c_b691_c174, 0x20cb_8ab7_ae10_c14a),
        ];
        for (bytes, unseeded, seeded) in vectors {
            let hash = |seed| input.get(..bytes).map(|input| xxhash64(input, seed));
            assert_eq!(hash(0), Some(unseeded), "{bytes} bytes");
            assert_eq!(hash(SEED), Some(seeded), "{bytes} bytes, seeded");
        }
    }

    /// From the documentation of Spark's function: `xxhash64('Spark', array(123), 2)`, the hash of each value the
    /// seed of the next.
    #[test]
    fn spark_vector() {
        let hash = xxhash64(b"Spark", 42);
        let hash = xxhash64(&123_i32.to_le_bytes(), hash);
        assert_eq!(xxhash64(&2_i32.to_le_bytes(), hash) as i64, 5_602_566_077_635_097_486);
    }
}
