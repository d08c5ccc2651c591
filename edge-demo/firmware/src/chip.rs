//! The flash chip: the file `flash.bin` in the host's working directory, which it leaves the factory with every byte `0xFF`.

use crate::board::host::{HostFile, Mode};

/// What an erased byte reads.
pub const ERASED: u8 = 0xFF;
/// Bytes erased at a time.
const PIECE_BYTES: usize = 128;
static ERASED_PIECE: [u8; PIECE_BYTES] = [ERASED; PIECE_BYTES];

/// The chip. It knows no rules; [`flash`](crate::flash) does.
#[derive(Debug)]
pub struct Chip(HostFile);

impl Chip {
    /// Opens it; `None` if there is no such file.
    #[must_use]
    pub fn open() -> Option<Self> {
        HostFile::open(c"flash.bin", Mode::Update).map(Self)
    }

    /// Reads from `address` on. Returns whether the chip answered, as all of these do.
    pub fn read(&self, address: u32, bytes: &mut [u8]) -> bool {
        self.0.read(address, bytes)
    }

    /// Programs erased words.
    pub fn program(&self, address: u32, bytes: &[u8]) -> bool {
        self.0.write(address, bytes)
    }

    /// Erases `bytes`, whole sectors.
    pub fn erase(&self, address: u32, bytes: u32) -> bool {
        (0..bytes).step_by(PIECE_BYTES).all(|piece| self.0.write(address.wrapping_add(piece), &ERASED_PIECE))
    }
}
