//! What a power cut leaves of the word being programmed and of the sector being erased.

use alloc::vec;
use alloc::vec::Vec;

use super::{FaultError, FaultyStorage};
use crate::checkpoint::storage::LogStorage;

impl<S: LogStorage> FaultyStorage<S> {
    /// Programs what the budget allows, and the word in which it ends with an undefined content.
    pub(super) fn write_until_cut(
        &mut self,
        offset: u32,
        bytes: &[u8],
        budget: u64,
    ) -> Result<(), FaultError<S::Error>> {
        let word_bytes = S::WRITE_SIZE.max(1);
        let mut left = budget;
        let mut address = offset;
        for word in bytes.chunks(word_bytes) {
            if left < word_bytes as u64 {
                let torn: Vec<u8> = match self.draw() % 4 {
                    0 => vec![0xFF; word.len()],
                    1 => word.to_vec(),
                    2 => word.iter().map(|byte| byte | self.draw() as u8).collect(),
                    _ => word.iter().map(|_| self.draw() as u8).collect(),
                };
                if torn.iter().any(|byte| *byte != 0xFF) {
                    self.inner.write(address, &torn).map_err(FaultError::Storage)?;
                }
                break;
            }
            self.inner.write(address, word).map_err(FaultError::Storage)?;
            self.programmed_bytes = self.programmed_bytes.saturating_add(word_bytes as u64);
            left = left.saturating_sub(word_bytes as u64);
            address = address.saturating_add(word_bytes as u32);
        }
        self.cut_now()?;
        Err(FaultError::PowerLost)
    }

    /// Leaves a sector as an interrupted erase may: pieces of it old, erased or noise.
    pub(super) fn half_erase(&mut self, address: u32) -> Result<(), FaultError<S::Error>> {
        let mut bytes = vec![0; S::ERASE_SIZE];
        self.inner.read(address, &mut bytes).map_err(FaultError::Storage)?;
        for piece in bytes.chunks_mut(S::WRITE_SIZE.max(32)) {
            match self.draw() % 4 {
                0 | 1 => piece.fill(0xFF),
                2 => {}
                _ => piece.iter_mut().for_each(|byte| *byte |= self.draw() as u8),
            }
        }
        self.put_sector(address, &bytes)?;
        self.cut_now()
    }
}
