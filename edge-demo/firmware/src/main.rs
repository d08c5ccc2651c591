//! Two queries on a Cortex-M4F. See `docs/FIRMWARE.md`.
#![no_std]
#![no_main]

use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::debug;
use embedded_io::Write;
use headwater::QueryPlan;
use headwater::checkpoint::Log;
use headwater_firmware::board::{clock::Clock, console::Console, stack, uart::Uart};
use headwater_firmware::chip::Chip;
use headwater_firmware::flash::Region;
use headwater_firmware_query::plans::{self, MeansRow, MeansState, SessionsRow, SessionsState};
use headwater_firmware_query::{Fault, FrameFormat, Lane, RECORD_BYTES, ROWS, Reading, error, recording};
use static_cell::{ConstStaticCell, StaticCell};

type RegionLog = Log<Region, RECORD_BYTES>;
type LogCell = StaticCell<RegionLog>;

#[cfg(not(feature = "text"))]
type Format = headwater_firmware_query::Cobs;
#[cfg(feature = "text")]
type Format = headwater_firmware_query::Text;
/// Readings that the sensor keeps while the processor sleeps.
const FIFO_ROWS: usize = 16;

// The states have their budgets where they are defined.
const _: () = assert!(size_of::<RegionLog>() <= 384, "a log has 384 bytes");

static CHIP: StaticCell<Chip> = StaticCell::new();
static MEANS_STATE: ConstStaticCell<MeansState> = ConstStaticCell::new(MeansState::EMPTY);
static MEANS_LOG: LogCell = LogCell::new();
static SESSIONS_STATE: ConstStaticCell<SessionsState> = ConstStaticCell::new(SessionsState::EMPTY);
static SESSIONS_LOG: LogCell = LogCell::new();

/// Something that there is once was taken twice.
const TWICE: &str = "something that there is once was taken twice";

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let ran = run(&mut console);
    console.number("stack", stack::deepest());
    let status = match ran {
        Ok(()) => debug::EXIT_SUCCESS,
        Err(why) => {
            error!("{=str}", why);
            console.line(why);
            debug::EXIT_FAILURE
        }
    };
    loop {
        debug::exit(status);
    }
}

/// Wakes the processor; the clock does the rest.
#[exception]
fn SysTick() {}

fn run(console: &mut Console) -> Result<(), &'static str> {
    let mut counter = Peripherals::take().ok_or(TWICE)?.SYST;
    let chip = Chip::open().ok_or("no flash: flash.bin is missing")?;
    let chip = CHIP.try_init(chip).ok_or(TWICE)?;
    let means_log = open(&MEANS_LOG, chip, 0)?;
    let sessions_log = open(&SESSIONS_LOG, chip, 1)?;
    let (means, sessions) = (plans::means(), plans::sessions());
    let mut means = means.bind(MEANS_STATE.try_take().ok_or(TWICE)?);
    let mut sessions = sessions.bind(SESSIONS_STATE.try_take().ok_or(TWICE)?);
    console.number("means-query", size_of_val(&means) as u32);
    console.number("sessions-query", size_of_val(&sessions) as u32);
    let mut means = Lane::<Format, _, _, _>::new(&mut means, means_log);
    let mut sessions = Lane::<Format, _, _, _>::new(&mut sessions, sessions_log);
    means.restore().map_err(Fault::text)?;
    sessions.restore().map_err(Fault::text)?;

    let mut wire = Uart::results();
    let Ok(_) = wire.write(Format::START);
    let clock = process_rows(&mut counter, &mut means, &mut sessions, &mut wire).map_err(Fault::text)?;
    console.number("sleeps", clock.sleeps());
    console.number("wakes", clock.wakes());
    Ok(())
}

/// Opens a log in its place: its way over the stack ends here.
#[inline(never)]
fn open(
    place: &'static LogCell,
    chip: &'static Chip,
    region: u32,
) -> Result<&'static mut RegionLog, &'static str> {
    let log = Log::open(Region::of(chip, region)).map_err(|why| {
        error!("log {}: not opened: {}", region, why);
        "a log is damaged, or its flash has another shape"
    })?;
    place.try_init(log).ok_or(TWICE)
}

/// Takes the rows that no commit covers. The processor sleeps until the sensor's memory is full or a query has a result
/// to give, whichever comes first. Returns the clock that counted this.
fn process_rows<P, Q>(
    counter: &mut SYST,
    means: &mut Lane<'_, '_, Format, P, u16, Region>,
    sessions: &mut Lane<'_, '_, Format, Q, u16, Region>,
    wire: &mut Uart,
) -> Result<Clock, Fault>
where
    P: QueryPlan<Row = Reading, Output = MeansRow>,
    Q: QueryPlan<Row = Reading, Output = SessionsRow>,
{
    let first = means.next_row().min(sessions.next_row());
    let rows = (first..).zip(recording().skip(first as usize));
    let mut fifo = recording().skip((first as usize).saturating_add(FIFO_ROWS));
    let mut clock = Clock::starting_at(0);
    for (number, reading) in rows {
        let fifo_full_ms = fifo.next().map_or(reading.arrival_ms, |last| last.arrival_ms);
        if number == first {
            clock = Clock::starting_at(reading.arrival_ms);
        }
        if clock.now_ms() < reading.arrival_ms {
            let wake_ms = [means.next_deadline(), sessions.next_deadline()]
                .into_iter()
                .flatten()
                .fold(fifo_full_ms, |wake_ms, deadline| wake_ms.min(deadline.as_millis()));
            clock.sleep_until(counter, wake_ms.max(reading.arrival_ms));
        }
        means.take(number, &reading, wire)?;
        sessions.take(number, &reading, wire)?;
    }
    means.finish(ROWS as u32, wire)?;
    sessions.finish(ROWS as u32, wire)?;
    Ok(clock)
}
