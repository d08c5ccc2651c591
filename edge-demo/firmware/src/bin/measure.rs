//! Instructions of each step of the two queries, counted in QEMU: see *Instructions* in `docs/FIRMWARE.md`.
//!
//! Under `-icount shift=10` an instruction takes 1,024 ns, so 25.6 ticks of the counter at 25 MHz. Writes a line `step ticks` for each
//! step to the host's file `ticks.txt`.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug;
use headwater::checkpoint::Log;
use headwater::{Query, QueryPlan, Span, Timestamp};
use headwater_firmware::board::console::Console;
use headwater_firmware::chip::Chip;
use headwater_firmware::flash::Region;
use headwater_firmware_query::plans::{self, MeansState, SessionsState};
use headwater_firmware_query::{COMMIT_ROWS, RECORD_BYTES, Reading, recording};
use static_cell::{ConstStaticCell, StaticCell};

/// The counter has 24 bits and counts down.
const COUNTER_MAX: u32 = 0xFF_FFFF;

static CHIP: StaticCell<Chip> = StaticCell::new();
static MEANS: ConstStaticCell<MeansState> = ConstStaticCell::new(MeansState::EMPTY);
static SESSIONS: ConstStaticCell<SessionsState> = ConstStaticCell::new(SessionsState::EMPTY);
static ONE_KEY: ConstStaticCell<MeansState> = ConstStaticCell::new(MeansState::EMPTY);
static FULL: ConstStaticCell<MeansState> = ConstStaticCell::new(MeansState::EMPTY);

#[entry]
fn main() -> ! {
    let status = if run().is_some() { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE };
    loop {
        debug::exit(status);
    }
}

fn run() -> Option<()> {
    let mut meter = Meter::new(Peripherals::take()?.SYST);
    meter.step("empty", || ());
    let chip = CHIP.try_init(Chip::open()?)?;
    let means = plans::means();
    let steps = Steps { row: "means-row", epoch: "means-epoch", commit: "means-commit" };
    recorded(&mut meter, &steps, means.bind(MEANS.try_take()?), Region::of(chip, 0))?;
    let sessions = plans::sessions();
    let steps = Steps { row: "sessions-row", epoch: "sessions-epoch", commit: "sessions-commit" };
    recorded(&mut meter, &steps, sessions.bind(SESSIONS.try_take()?), Region::of(chip, 1))?;
    at_occupancy(&mut meter, "row-at-1-key", ONE_KEY.try_take()?, 1)?;
    at_occupancy(&mut meter, "row-at-32-keys", FULL.try_take()?, 32)
}

/// What the steps of a query are called.
struct Steps {
    row: &'static str,
    epoch: &'static str,
    commit: &'static str,
}

/// The recording, with a commit every [`COMMIT_ROWS`] rows.
fn recorded<P: QueryPlan<Row = Reading>>(
    meter: &mut Meter,
    steps: &Steps,
    mut query: Query<'_, P, u16>,
    region: Region,
) -> Option<()> {
    let mut log = Log::<_, RECORD_BYTES>::open(region).ok()?;
    for (number, reading) in (1_u32..).zip(recording()) {
        meter.step(steps.row, || query.push_ref(&reading, &mut ())).ok()?;
        if query.next_deadline().is_some_and(|deadline| deadline <= reading.at) {
            let sink = |row| {
                black_box(row);
            };
            meter.step(steps.epoch, || query.trigger(reading.at, sink)).ok()?;
        }
        if number.is_multiple_of(COMMIT_ROWS) {
            meter.step(steps.commit, || query.commit(&mut log, &number)).ok()?;
        }
    }
    Some(())
}

/// Rows for windows that are there, with `keys` of 32 windows open.
fn at_occupancy(meter: &mut Meter, step: &str, state: &'static mut MeansState, keys: u8) -> Option<()> {
    let plan = plans::means();
    let mut query = plan.bind(state);
    let start = Timestamp::from_secs(1_000_000);
    for round in 0..8 {
        for device in 0..keys {
            let at = start + Span::millis(round);
            let reading = Reading { arrival_ms: 0, device, at, round_trip_ms: 7 };
            if round == 0 {
                query.push_ref(&reading, &mut ()).ok()?;
            } else {
                meter.step(step, || query.push_ref(&reading, &mut ())).ok()?;
            }
        }
    }
    Some(())
}

struct Meter {
    /// Kept so that nobody else sets it.
    _counter: SYST,
    lines: Console,
}

impl Meter {
    fn new(mut counter: SYST) -> Self {
        counter.set_clock_source(SystClkSource::Core);
        counter.set_reload(COUNTER_MAX);
        counter.clear_current();
        counter.enable_counter();
        Self { _counter: counter, lines: Console::to(c"ticks.txt") }
    }

    fn step<T>(&mut self, name: &str, work: impl FnOnce() -> T) -> T {
        let before = SYST::get_current();
        let done = work();
        let ticks = before.wrapping_sub(SYST::get_current()) & COUNTER_MAX;
        self.lines.number(name, ticks);
        done
    }
}
