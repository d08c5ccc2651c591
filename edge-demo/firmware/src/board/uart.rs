//! The first serial port: a CMSDK APB UART, as in the reference manual of Arm's MPS2 boards.

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};

const BASE: usize = 0x4000_4000;
const DATA: usize = BASE;
const STATE: usize = BASE + 0x4;
const CONTROL: usize = BASE + 0x8;
const DIVIDER: usize = BASE + 0x10;

/// Bit of [`STATE`]: the transmitter holds a byte.
const TRANSMITTER_FULL: u32 = 1;
/// Bit of [`CONTROL`].
const TRANSMITTER_ON: u32 = 1;
/// 25 MHz / 217 = 115,207 baud.
const DIVIDER_115200: u32 = 217;

/// The first serial port, sending only.
#[derive(Debug)]
pub struct Uart(());

impl Uart {
    /// Switches the transmitter on, at 115,200 baud.
    #[must_use]
    pub fn new() -> Self {
        store(DIVIDER, DIVIDER_115200);
        store(CONTROL, TRANSMITTER_ON);
        Self(())
    }

    fn wait(&self) {
        while load(STATE) & TRANSMITTER_FULL != 0 {}
    }
}

impl Default for Uart {
    fn default() -> Self {
        Self::new()
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            self.wait();
            store(DATA, u32::from(*byte));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.wait();
        Ok(())
    }
}

#[expect(unsafe_code, reason = "registers are memory")]
fn store(register: usize, value: u32) {
    // SAFETY: the constants above are this UART's registers: aligned, always mapped, and known to nobody else.
    unsafe { (register as *mut u32).write_volatile(value) }
}

#[expect(unsafe_code, reason = "registers are memory")]
fn load(register: usize) -> u32 {
    // SAFETY: as for `store`; reading STATE changes nothing.
    unsafe { (register as *const u32).read_volatile() }
}
