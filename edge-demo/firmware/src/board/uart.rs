//! The serial ports: CMSDK APB UARTs, as in the reference manual of Arm's MPS2 boards.

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};

/// Where the first port's registers are.
const FIRST: usize = 0x4000_4000;
/// Where the second port's registers are.
const SECOND: usize = 0x4000_5000;

const DATA: usize = 0x0;
const STATE: usize = 0x4;
const CONTROL: usize = 0x8;
const DIVIDER: usize = 0x10;

/// Bit of [`STATE`]: the transmitter holds a byte.
const TRANSMITTER_FULL: u32 = 1;
/// Bit of [`CONTROL`].
const TRANSMITTER_ON: u32 = 1;
/// 25 MHz / 217 = 115,207 baud.
const DIVIDER_115200: u32 = 217;

/// A serial port, sending only.
#[derive(Debug)]
pub struct Uart {
    base: usize,
}

impl Uart {
    /// The port that results leave by, at 115,200 baud.
    #[must_use]
    pub fn results() -> Self {
        Self::at(FIRST)
    }

    /// The port that log messages leave by, at 115,200 baud.
    #[must_use]
    pub fn log() -> Self {
        Self::at(SECOND)
    }

    fn at(base: usize) -> Self {
        let port = Self { base };
        port.store(DIVIDER, DIVIDER_115200);
        port.store(CONTROL, TRANSMITTER_ON);
        port
    }

    fn wait(&self) {
        while self.load(STATE) & TRANSMITTER_FULL != 0 {}
    }

    #[expect(unsafe_code, reason = "registers are memory")]
    fn store(&self, register: usize, value: u32) {
        // SAFETY: the constants above are a UART's registers: aligned, always mapped, and known to nobody else.
        unsafe { (self.base.wrapping_add(register) as *mut u32).write_volatile(value) }
    }

    #[expect(unsafe_code, reason = "registers are memory")]
    fn load(&self, register: usize) -> u32 {
        // SAFETY: as for `store`; reading STATE changes nothing.
        unsafe { (self.base.wrapping_add(register) as *const u32).read_volatile() }
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            self.wait();
            self.store(DATA, u32::from(*byte));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.wait();
        Ok(())
    }
}
