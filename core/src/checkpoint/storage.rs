//! What the log needs of a storage, and reading and programming it in aligned pieces.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

/// NOR-like storage with a way to make writes durable.
///
/// The log keeps to the rules of NOR flash on every storage: whole sectors are erased, a word is programmed
/// once between two erases, programs are aligned to `WRITE_SIZE`. Erased bytes must read `0xFF`.
pub trait LogStorage: NorFlash {
    /// Makes everything erased and programmed so far durable, and returns only then.
    ///
    /// A flash chip has nothing to do here: an erase or a program that returned is durable. A file calls
    /// `fdatasync`; what was written since the last `sync` may reach the disk in any order.
    ///
    /// # Errors
    /// The storage's own. What was written since the last `sync` may then be durable or not.
    fn sync(&mut self) -> Result<(), Self::Error>;
}

impl<S: LogStorage> LogStorage for &mut S {
    fn sync(&mut self) -> Result<(), Self::Error> {
        S::sync(self)
    }
}

/// Bytes moved at a time, on the stack. A multiple of every allowed read and write size.
pub(super) const CHUNK_BYTES: usize = 64;

/// Bytes read at a time where only their CRC is wanted, or whether they are erased; on the stack.
pub(super) const READ_BYTES: usize =
    if cfg!(all(feature = "alloc", not(feature = "small-code"))) { 4_096 } else { CHUNK_BYTES };

/// Copies as much of `from` as fits, without the panic of `copy_from_slice`.
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Reads any range, aligned or not, through a small buffer that respects `READ_SIZE`; where every range is aligned, at once.
pub(super) fn read<S: ReadNorFlash>(storage: &mut S, address: u32, bytes: &mut [u8]) -> Result<(), S::Error> {
    if S::READ_SIZE == 1 {
        return storage.read(address, bytes);
    }
    let mask = (S::READ_SIZE as u32).wrapping_sub(1);
    let mut address = address;
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut chunk = [0u8; CHUNK_BYTES];
        let skip = (address & mask) as usize;
        let take = rest.len().min(CHUNK_BYTES.saturating_sub(skip));
        let aligned = skip.saturating_add(take).next_multiple_of_power(S::READ_SIZE);
        if let Some(chunk) = chunk.get_mut(..aligned) {
            storage.read(address & !mask, chunk)?;
        }
        let Some((now, later)) = rest.split_at_mut_checked(take) else { break };
        copy(now, chunk.get(skip..).unwrap_or(&[]));
        address = address.saturating_add(take as u32);
        rest = later;
    }
    Ok(())
}

/// Whether every byte of the range is erased.
pub(super) fn is_blank<S: ReadNorFlash>(storage: &mut S, from: u32, to: u32) -> Result<bool, S::Error> {
    let mut from = from;
    while from < to {
        let mut chunk = [0u8; READ_BYTES];
        let take = to.saturating_sub(from).min(READ_BYTES as u32);
        let Some(chunk) = chunk.get_mut(..take as usize) else { break };
        read(storage, from, chunk)?;
        if chunk.iter().any(|byte| *byte != 0xFF) {
            return Ok(false);
        }
        from = from.saturating_add(take);
    }
    Ok(true)
}

/// Programs the parts one after the other from `address` on, padded with `0xFF` to whole words.
pub(super) fn program<S: NorFlash>(storage: &mut S, address: u32, parts: &[&[u8]]) -> Result<(), S::Error> {
    let mut words = Words { address, chunk: [0xFF; CHUNK_BYTES], filled: 0 };
    for part in parts {
        // More code; and not each driver of a flash chip takes bytes from where they are, for want of alignment.
        let rest = if cfg!(feature = "small-code") { part } else { words.pass(storage, part)? };
        for byte in rest {
            words.push(storage, *byte)?;
        }
    }
    words.write(storage, words.filled.next_multiple_of_power(S::WRITE_SIZE))
}

/// Bytes on their way to a storage, gathered to whole words.
struct Words {
    address: u32,
    chunk: [u8; CHUNK_BYTES],
    filled: usize,
}

impl Words {
    fn push<S: NorFlash>(&mut self, storage: &mut S, byte: u8) -> Result<(), S::Error> {
        if let Some(place) = self.chunk.get_mut(self.filled) {
            *place = byte;
        }
        self.filled = self.filled.saturating_add(1);
        if self.filled == CHUNK_BYTES { self.write(storage, CHUNK_BYTES) } else { Ok(()) }
    }

    /// Writes the front of the chunk, which must be whole words, and empties it.
    fn write<S: NorFlash>(&mut self, storage: &mut S, length: usize) -> Result<(), S::Error> {
        match self.chunk.get(..length) {
            Some(words) if !words.is_empty() => storage.write(self.address, words)?,
            _ => return Ok(()),
        }
        self.address = self.address.saturating_add(length as u32);
        self.chunk = [0xFF; CHUNK_BYTES];
        self.filled = 0;
        Ok(())
    }

    /// Programs the whole words of a long part without copying them. Returns what is left of it.
    fn pass<'p, S: NorFlash>(&mut self, storage: &mut S, part: &'p [u8]) -> Result<&'p [u8], S::Error> {
        let missing = self.filled.next_multiple_of_power(S::WRITE_SIZE).saturating_sub(self.filled);
        let Some((first, rest)) = part.split_at_checked(missing) else { return Ok(part) };
        if rest.len() < CHUNK_BYTES {
            return Ok(part);
        }
        for byte in first {
            self.push(storage, *byte)?;
        }
        self.write(storage, self.filled)?;
        let whole = rest.len() & !S::WRITE_SIZE.wrapping_sub(1);
        let (words, rest) = rest.split_at_checked(whole).unwrap_or((&[], rest));
        storage.write(self.address, words)?;
        self.address = self.address.saturating_add(whole as u32);
        Ok(rest)
    }
}

/// Rounding up to a power of two without a division, so without its panic.
pub(super) trait NextMultiple {
    fn next_multiple_of_power(self, power: usize) -> Self;
}

impl NextMultiple for usize {
    fn next_multiple_of_power(self, power: usize) -> Self {
        let mask = power.wrapping_sub(1);
        self.saturating_add(mask) & !mask
    }
}
