//! Where `defmt` sends its frames: the second serial port.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::{interrupt, register::primask};
use embedded_io::Write;

use super::uart::Uart;

/// The logger of this image; `defmt` finds it when linking.
#[defmt::global_logger]
struct SerialLogger;

struct Shared(UnsafeCell<defmt::Encoder>);

#[expect(unsafe_code, reason = "one encoder for everybody who logs")]
// SAFETY: used between `acquire` and `release` only, with interrupts off, on the one core there is.
unsafe impl Sync for Shared {}

static ENCODER: Shared = Shared(UnsafeCell::new(defmt::Encoder::new()));
static INTERRUPTS_WERE_ON: AtomicBool = AtomicBool::new(false);

#[expect(unsafe_code, reason = "the contract of `defmt::Logger`")]
// SAFETY: `acquire` turns interrupts off until `release`, so nobody else writes in between.
unsafe impl defmt::Logger for SerialLogger {
    fn acquire() {
        let were_on = primask::read().is_active();
        interrupt::disable();
        INTERRUPTS_WERE_ON.store(were_on, Ordering::Relaxed);
        encode(|encoder| encoder.start_frame(send));
    }

    unsafe fn flush() {
        let Ok(()) = Uart::log().flush();
    }

    unsafe fn release() {
        encode(|encoder| encoder.end_frame(send));
        if INTERRUPTS_WERE_ON.load(Ordering::Relaxed) {
            // SAFETY: they were on when the logger was acquired.
            unsafe { interrupt::enable() }
        }
    }

    unsafe fn write(bytes: &[u8]) {
        encode(|encoder| encoder.write(bytes, send));
    }
}

#[expect(unsafe_code, reason = "one encoder for everybody who logs")]
fn encode(step: impl FnOnce(&mut defmt::Encoder)) {
    // SAFETY: called between `acquire` and `release` only; `step` does not log.
    step(unsafe { &mut *ENCODER.0.get() });
}

fn send(bytes: &[u8]) {
    let Ok(_) = Uart::log().write(bytes);
}
