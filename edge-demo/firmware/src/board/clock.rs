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
    sleeps: u32,
    wakes: u32,
}

impl Clock {
    /// A clock that shows `now_ms`.
    #[must_use]
    pub fn starting_at(now_ms: i64) -> Self {
        Self { now_ms, sleeps: 0, wakes: 0 }
    }

    /// What it shows.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// How often somebody slept.
    #[must_use]
    pub fn sleeps(&self) -> u32 {
        self.sleeps
    }

    /// How often it woke the processor: more than once for a sleep that is longer than the counter is wide.
    #[must_use]
    pub fn wakes(&self) -> u32 {
        self.wakes
    }

    /// Stops the processor until the clock shows `wake_ms`.
    pub fn sleep_until(&mut self, counter: &mut SYST, wake_ms: i64) {
        self.sleeps = self.sleeps.wrapping_add(u32::from(self.now_ms < wake_ms));
        while self.now_ms < wake_ms {
            let left_ms = wake_ms.saturating_sub(self.now_ms);
            let nap_ms = u32::try_from(left_ms).unwrap_or(NAP_MS_MAX).min(NAP_MS_MAX);
            nap(counter, nap_ms);
            self.now_ms = self.now_ms.wrapping_add(i64::from(nap_ms));
            self.wakes = self.wakes.wrapping_add(1);
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
