//! Time by the SysTick counter: sleeping, and counting ticks.

use cortex_m::asm;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

use super::CLOCK_HZ;

/// The longest sleep at a time: the counter has 24 bits, 671 ms at 25 MHz.
const NAP_MS_MAX: u32 = 500;
const TICKS_PER_MS: u32 = CLOCK_HZ / 1_000;

/// A clock of milliseconds that moves only while it sleeps: a board reads its real-time clock instead.
#[derive(Debug)]
pub struct Clock {
    now_ms: i64,
    naps: u32,
}

impl Clock {
    /// A clock that shows `now_ms`.
    #[must_use]
    pub fn starting_at(now_ms: i64) -> Self {
        Self { now_ms, naps: 0 }
    }

    /// What it shows.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// How often it woke the processor.
    #[must_use]
    pub fn naps(&self) -> u32 {
        self.naps
    }

    /// Stops the processor until the clock shows `wake_ms`.
    pub fn sleep_until(&mut self, counter: &mut SYST, wake_ms: i64) {
        while self.now_ms < wake_ms {
            let left_ms = wake_ms.saturating_sub(self.now_ms);
            let nap_ms = u32::try_from(left_ms).unwrap_or(NAP_MS_MAX).min(NAP_MS_MAX);
            nap(counter, nap_ms);
            self.now_ms = self.now_ms.wrapping_add(i64::from(nap_ms));
            self.naps = self.naps.wrapping_add(1);
        }
    }
}

fn nap(counter: &mut SYST, nap_ms: u32) {
    counter.set_clock_source(SystClkSource::Core);
    counter.set_reload(nap_ms.wrapping_mul(TICKS_PER_MS).wrapping_sub(1));
    counter.clear_current();
    counter.enable_interrupt();
    counter.enable_counter();
    while !counter.has_wrapped() {
        asm::wfi();
    }
    counter.disable_counter();
    counter.disable_interrupt();
}
