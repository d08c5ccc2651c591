//! Storage that costs next to nothing, so that what is counted is the log's.

use core::convert::Infallible;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use headwater::checkpoint::LogStorage;

const BYTES: usize = 4 << 20;

/// Memory in the place of flash. [`RamFlash`](headwater::checkpoint::RamFlash) looks at each byte to see whether it may be programmed.
pub struct Flash(Vec<u8>);

impl Flash {
    pub fn erased() -> Self {
        Self(vec![0xFF; BYTES])
    }
}

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let from = offset as usize;
        bytes.copy_from_slice(&self.0[from..from + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4_096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.0[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let from = offset as usize;
        self.0[from..from + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl LogStorage for Flash {
    fn sync(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
