//! A storage that fails on purpose: power cuts, torn words, interrupted erases, lost page caches, flipped bits, errors.

mod cut;
mod decay;
mod error;
mod page_cache;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

pub use error::FaultError;
use page_cache::PageCache;

use super::storage::LogStorage;

/// Wraps a storage and makes it fail where it is told to.
///
/// - Power: [`cut_after_programmed_bytes`](Self::cut_after_programmed_bytes), [`cut_during_erase`](Self::cut_during_erase),
///   [`cut_now`](Self::cut_now), and what a page cache then loses: [`lose_unsynced_pages`](Self::lose_unsynced_pages).
/// - Errors with the power on: [`fail_read`](Self::fail_read), [`fail_write`](Self::fail_write), [`fail_sync`](Self::fail_sync).
/// - Decay: [`flip_bit`](Self::flip_bit), [`flip_bits`](Self::flip_bits).
///
/// After a power cut every operation fails with [`FaultError::PowerLost`] until
/// [`power_on`](Self::power_on). What is undefined after a cut (the word being programmed, the sector being
/// erased, writes not yet synced) is drawn from the seed, so a run can be repeated.
#[derive(Debug, Clone)]
pub struct FaultyStorage<S> {
    inner: S,
    random: u64,
    powered: bool,
    program_budget: Option<u64>,
    erase_budget: Option<u64>,
    sync_faults: Countdown,
    read_faults: Countdown,
    write_faults: Countdown,
    cache: Option<PageCache>,
    programmed_bytes: u64,
    erases: u64,
    syncs: u64,
}

/// Counts operations down to the one that fails.
#[derive(Debug, Clone, Copy, Default)]
struct Countdown(Option<u64>);

impl Countdown {
    fn strikes(&mut self) -> bool {
        match self.0 {
            Some(0) => {
                self.0 = None;
                true
            }
            Some(left) => {
                self.0 = Some(left.saturating_sub(1));
                false
            }
            None => false,
        }
    }
}

impl<S: LogStorage> FaultyStorage<S> {
    /// Wraps a storage without any fault yet; `seed` decides everything that is undefined after a cut.
    pub fn new(inner: S, seed: u64) -> Self {
        Self {
            inner,
            random: seed,
            powered: true,
            program_budget: None,
            erase_budget: None,
            sync_faults: Countdown(None),
            read_faults: Countdown(None),
            write_faults: Countdown(None),
            cache: None,
            programmed_bytes: 0,
            erases: 0,
            syncs: 0,
        }
    }

    /// Starts the sequence of random draws anew.
    pub fn reseed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// Cuts the power after `bytes` more programmed bytes. The word in which the cut falls is torn: it keeps
    /// its old content, has its new one, or reads anything else.
    pub fn cut_after_programmed_bytes(&mut self, bytes: u64) {
        self.program_budget = Some(bytes);
    }

    /// Cuts the power in the middle of an erase, after `erases` more whole ones. The sector then holds a
    /// mixture of its old bytes, erased bytes and noise.
    pub fn cut_during_erase(&mut self, erases: u64) {
        self.erase_budget = Some(erases);
    }

    /// Cuts the power now.
    ///
    /// # Errors
    /// That of the wrapped storage, while the lost pages are put back.
    pub fn cut_now(&mut self) -> Result<(), FaultError<S::Error>> {
        self.powered = false;
        self.lose_pages()
    }

    /// Makes one `sync` fail, after `syncs` more good ones; with a page cache nothing becomes durable by it.
    pub fn fail_sync(&mut self, syncs: u64) {
        self.sync_faults = Countdown(Some(syncs));
    }

    /// Makes one read fail, after `reads` more good ones.
    pub fn fail_read(&mut self, reads: u64) {
        self.read_faults = Countdown(Some(reads));
    }

    /// Makes one write report an error, after `writes` more good ones; its bytes are programmed all the same.
    pub fn fail_write(&mut self, writes: u64) {
        self.write_faults = Countdown(Some(writes));
    }

    /// Turns the power on again, with no cut and no error planned.
    pub fn power_on(&mut self) {
        self.powered = true;
        self.program_budget = None;
        self.erase_budget = None;
        self.sync_faults = Countdown(None);
        self.read_faults = Countdown(None);
        self.write_faults = Countdown(None);
    }

    /// Whether no cut has happened since the last [`power_on`](Self::power_on).
    pub fn is_powered(&self) -> bool {
        self.powered
    }

    /// Bytes programmed so far.
    pub fn programmed_bytes(&self) -> u64 {
        self.programmed_bytes
    }

    /// Sectors erased so far.
    pub fn erases(&self) -> u64 {
        self.erases
    }

    /// Syncs so far.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The wrapped storage.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The wrapped storage, for example to damage its image.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the wrapped storage back.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The next number of a splitmix64 sequence (Steele, Lea, Flood: Fast splittable pseudorandom number
    /// generators, 2014).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn check_power(&self) -> Result<(), FaultError<S::Error>> {
        if self.powered { Ok(()) } else { Err(FaultError::PowerLost) }
    }

    /// Writes a whole sector past the log's rules: its content after something undefined.
    fn put_sector(&mut self, address: u32, bytes: &[u8]) -> Result<(), FaultError<S::Error>> {
        let end = address.saturating_add(S::ERASE_SIZE as u32);
        self.inner.erase(address, end).map_err(FaultError::Storage)?;
        for (word, at) in bytes.chunks(S::WRITE_SIZE.max(1)).zip((address..).step_by(S::WRITE_SIZE.max(1))) {
            if word.iter().any(|byte| *byte != 0xFF) {
                self.inner.write(at, word).map_err(FaultError::Storage)?;
            }
        }
        Ok(())
    }
}

impl<S: LogStorage> ErrorType for FaultyStorage<S> {
    type Error = FaultError<S::Error>;
}

impl<S: LogStorage> ReadNorFlash for FaultyStorage<S> {
    const READ_SIZE: usize = S::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.check_power()?;
        if self.read_faults.strikes() {
            return Err(FaultError::Injected);
        }
        self.inner.read(offset, bytes).map_err(FaultError::Storage)
    }

    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}

impl<S: LogStorage> NorFlash for FaultyStorage<S> {
    const WRITE_SIZE: usize = S::WRITE_SIZE;
    const ERASE_SIZE: usize = S::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.check_power()?;
        for address in (from..to).step_by(S::ERASE_SIZE) {
            if let Some(budget) = self.erase_budget {
                if budget == 0 {
                    self.half_erase(address)?;
                    return Err(FaultError::PowerLost);
                }
                self.erase_budget = Some(budget.saturating_sub(1));
            }
            let end = address.saturating_add(S::ERASE_SIZE as u32);
            self.inner.erase(address, end).map_err(FaultError::Storage)?;
            self.erases = self.erases.saturating_add(1);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.check_power()?;
        if let Some(budget) = self.program_budget {
            if budget < bytes.len() as u64 {
                return self.write_until_cut(offset, bytes, budget);
            }
            self.program_budget = Some(budget.saturating_sub(bytes.len() as u64));
        }
        self.inner.write(offset, bytes).map_err(FaultError::Storage)?;
        self.programmed_bytes = self.programmed_bytes.saturating_add(bytes.len() as u64);
        if self.write_faults.strikes() { Err(FaultError::Injected) } else { Ok(()) }
    }
}

impl<S: LogStorage> LogStorage for FaultyStorage<S> {
    fn sync(&mut self) -> Result<(), Self::Error> {
        self.check_power()?;
        if self.sync_faults.strikes() {
            return Err(FaultError::Injected);
        }
        self.inner.sync().map_err(FaultError::Storage)?;
        self.syncs = self.syncs.saturating_add(1);
        self.keep_pages()
    }
}
