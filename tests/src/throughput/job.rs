//! The two jobs as queries: count, sum, least and most per key and window, 2 s of disorder, append.

use headwater::aggregate::{Aggregate, Count, Max, Min, Sum, count, max, min, sum};
use headwater::operator::Stages;
use headwater::state::Keyed;
use headwater::window::{Sliding, Tumbling};
use headwater::{
    Grouped, PaneRecord, QueryPlan, Span, Start, Stream, WindowRecord, WindowRow, WithWatermark,
};

use super::answer::Aggregated;
use super::rows::{DISORDER_MS, Reading};

/// Which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Windows of 10 s.
    Tumbling,
    /// Windows of 60 s, one each second.
    Sliding,
}

impl Job {
    /// The job's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tumbling => "tumbling",
            Self::Sliding => "sliding",
        }
    }

    /// Records for `keys` keys: the windows or panes that the disorder keeps open, and those of one epoch that spans `epoch_rows` ms.
    #[must_use]
    pub const fn capacity(self, keys: u32, epoch_rows: u32) -> usize {
        let epoch_secs = epoch_rows.div_ceil(1_000) + 1;
        let per_key = match self {
            Self::Tumbling => 2 + epoch_secs.div_ceil(10),
            Self::Sliding => 60 + 3 + epoch_secs,
        };
        keys as usize * per_key as usize
    }
}

/// What the jobs keep per record.
pub type Aggregates = (Count, Sum<f64>, Min<f64>, Max<f64>);

fn by_key()
-> Grouped<Reading, impl Stages<Reading, Out = Reading>, WithWatermark, impl Fn(&Reading) -> u32, Start> {
    Stream::<Reading>::new()
        .with_watermark(Reading::at, Span::millis(DISORDER_MS))
        .group_by(|reading| reading.key)
}

fn aggregates() -> impl Aggregate<Reading, State = Aggregates, Output = Aggregated> {
    (
        count(),
        sum(|reading: &Reading| reading.value),
        min(|reading: &Reading| reading.value),
        max(|reading: &Reading| reading.value),
    )
}

/// Windows of 10 s.
pub fn tumbling()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u32, WindowRecord<Aggregates>>, Output = WindowRow<u32, Aggregated>>
{
    by_key().window(Tumbling::of(Span::secs(10))).aggregate(aggregates()).append().named("tumbling", 1)
}

/// Windows of 60 s, one each second.
pub fn sliding()
-> impl QueryPlan<Row = Reading, Shape = Keyed<u32, PaneRecord<Aggregates>>, Output = WindowRow<u32, Aggregated>>
{
    let window = Sliding::of(Span::secs(60), Span::secs(1)).expect("a slide of 1 s fits a window of 60 s");
    by_key().window(window).aggregate(aggregates()).append().named("sliding", 1)
}
