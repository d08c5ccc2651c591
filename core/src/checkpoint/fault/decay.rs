//! Bits that flip at rest: charge that leaks, cells that are worn, radiation.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{FaultError, FaultyStorage};
use crate::checkpoint::storage::LogStorage;

impl<S: LogStorage> FaultyStorage<S> {
    /// Flips one bit of what is stored, whichever way: a cell may lose charge as well as gain it. Bit `n` is bit `n % 8` of byte
    /// `n / 8`, counted from the lowest; beyond the capacity nothing happens. Works with the power on or off.
    ///
    /// The rest of the sector is read, erased and put back, which counts as an erase of the wrapped storage and not of this one.
    ///
    /// # Errors
    /// That of the wrapped storage.
    pub fn flip_bit(&mut self, bit: u64) -> Result<(), FaultError<S::Error>> {
        let byte = usize::try_from(bit >> 3).unwrap_or(usize::MAX);
        if byte >= self.inner.capacity() {
            return Ok(());
        }
        let mask = 1 << (bit & 7);
        let start = byte & !S::ERASE_SIZE.wrapping_sub(1);
        let mut sector = vec![0; S::ERASE_SIZE];
        self.inner.read(start as u32, &mut sector).map_err(FaultError::Storage)?;
        if let Some(place) = sector.get_mut(byte.saturating_sub(start)) {
            *place ^= mask;
        }
        self.put_sector(start as u32, &sector)?;
        // It has decayed on the disk, too.
        if let Some(place) = self.cache.as_mut().and_then(|cache| cache.durable.get_mut(byte)) {
            *place ^= mask;
        }
        Ok(())
    }

    /// Flips so many different bits, drawn from the seed, in the bytes at these addresses; all of them if there are fewer. Returns
    /// which, as [`flip_bit`](Self::flip_bit) counts them.
    ///
    /// ```
    /// use headwater::checkpoint::{FaultyStorage, RamFlash};
    ///
    /// let mut storage = FaultyStorage::new(RamFlash::<4096, 4, 1024>::new(), 7);
    /// let flipped = storage.flip_bits(3, 0..1024)?;
    /// assert_eq!(flipped.len(), 3);
    /// let ones: u32 = storage.inner().image().iter().map(|byte| byte.count_ones()).sum();
    /// assert_eq!(ones, 4096 * 8 - 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// That of the wrapped storage.
    pub fn flip_bits(&mut self, count: u32, bytes: Range<u32>) -> Result<Vec<u64>, FaultError<S::Error>> {
        let end = u64::from(bytes.end).min(self.inner.capacity() as u64).saturating_mul(8);
        let start = u64::from(bytes.start).saturating_mul(8);
        let bits = end.saturating_sub(start);
        // Floyd's way to draw different numbers (Bentley: More programming pearls, 1987).
        let mut flipped = Vec::new();
        for last in bits.saturating_sub(u64::from(count))..bits {
            let drawn = start.saturating_add(self.draw().checked_rem(last.saturating_add(1)).unwrap_or(0));
            let bit = if flipped.contains(&drawn) { start.saturating_add(last) } else { drawn };
            self.flip_bit(bit)?;
            flipped.push(bit);
        }
        Ok(flipped)
    }
}
