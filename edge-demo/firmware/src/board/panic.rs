//! What a panic would do. None can be reached: the `no-panic` script fails if this is in the image.

use core::panic::PanicInfo;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE};

/// Ends the run as a fault does.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        debug::exit(EXIT_FAILURE);
    }
}
