//! The two queries. A plan is code; what it holds is in a type of its own, whose size is checked here.

use headwater::aggregate::{Count, Max, Mean, count, max, mean};
use headwater::state::Keyed;
use headwater::window::{Session, Tumbling};
use headwater::{QueryPlan, SessionRecord, SessionState, Span, Stream, WindowRecord, WindowRow, WindowState};

use crate::Reading;

/// How far a row may lag behind the newest one and still count.
const DELAY: Span = Span::secs(3);
/// A round trip above this is slow.
const SLOW_MS: u16 = 200;

/// What the tumbling query keeps per window.
pub type MeansAggregate = (Count, Mean);
/// State of the tumbling query: 32 open windows over all devices.
pub type MeansState = WindowState<u8, MeansAggregate, 32>;
/// A result of the tumbling query: rows and mean of one device's window.
pub type MeansRow = WindowRow<u8, (u64, Option<f64>)>;

/// What the session query keeps per session.
pub type SessionsAggregate = (Count, Max<u16>);
/// State of the session query: 16 open sessions over all devices.
pub type SessionsState = SessionState<u8, SessionsAggregate, 16>;
/// A result of the session query: rows and slowest answer of one device's session.
pub type SessionsRow = WindowRow<u8, (u64, Option<u16>)>;

// Over budget is an error of the compiler.
const _: () = assert!(size_of::<MeansState>() <= 2048, "the tumbling query's state has 2 KiB");
const _: () = assert!(size_of::<SessionsState>() <= 1280, "the session query's state has 1.25 KiB");

/// The mean round trip of each device over windows of 10 s.
pub fn means()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u8, WindowRecord<MeansAggregate>>, Output = MeansRow> {
    Stream::<Reading>::new()
        .with_watermark(|r| r.at, DELAY)
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(10)))
        .aggregate((count(), mean(|r: &Reading| r.round_trip_ms)))
        .append()
        .named("means", 1)
}

/// Stretches in which a device was slow: readings above 200 ms no more than a second apart. The filter stands after the watermark, so that
/// all readings move it.
pub fn sessions()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u8, SessionRecord<SessionsAggregate>>, Output = SessionsRow> {
    Stream::<Reading>::new()
        .with_watermark(|r| r.at, DELAY)
        .filter(|r| r.round_trip_ms > SLOW_MS)
        .group_by(|r| r.device)
        .window(Session::with_gap(Span::secs(1)))
        .aggregate((count(), max(|r: &Reading| r.round_trip_ms)))
        .append()
        .named("slow", 1)
}
