//! All of them in one query: sizes, capacities taken from the state's type, restarts, and logs of other capacities.

use headwater::aggregate::{
    ApproxCountDistinct, Collect, Collected, ExponentialMean, Frequent, Histogram, HistogramCounts,
    MostFrequent, Quantiles, approx_count_distinct, collect, exponential_mean, histogram, most_frequent,
    quantile, quantiles,
};
use headwater::checkpoint::{Log, RamFlash};
use headwater::window::Sliding;
use headwater::{
    Difference, GlobalState, QueryPlan, RestoreError, SlidingState, Span, Stream, Timestamp, WindowRow,
};

use super::{seeded, share};

/// What is kept per group in a user's `static`; the documentation of each state gives these numbers.
#[test]
fn sizes_of_states() {
    let sizes = [
        ("ApproxCountDistinct", size_of::<ApproxCountDistinct>(), 512),
        ("ApproxCountDistinct<64>", size_of::<ApproxCountDistinct<64>>(), 64),
        ("Quantiles<256>", size_of::<Quantiles<256>>(), 4 * 257 + 52),
        ("Quantiles<512>", size_of::<Quantiles<512>>(), 4 * 513 + 52),
        ("Quantiles<128, 1, 7>", size_of::<Quantiles<128, 1, 7>>(), 4 * 129 + 52),
        ("MostFrequent<u32, 8>", size_of::<MostFrequent<u32, 8>>(), 200),
        ("Histogram<10>", size_of::<Histogram<10>>(), 96),
        ("ExponentialMean", size_of::<ExponentialMean>(), 32),
        ("Collect<f64, 8>", size_of::<Collect<f64, 8>>(), 144),
    ];
    for (state, size, documented) in sizes {
        assert_eq!(size, documented, "bytes of {state}");
    }
}

#[derive(Debug, Clone, Copy)]
struct Row {
    at: Timestamp,
    device: u8,
    code: u32,
    value: f64,
}

type Answers = (
    u64,
    Option<[f64; 3]>,
    heapless::Vec<Frequent<u32>, 4>,
    HistogramCounts<3>,
    Option<f64>,
    Collected<u32, 3>,
);
type States = (
    ApproxCountDistinct<128>,
    Quantiles<64, 8, 7>,
    MostFrequent<u32, 4>,
    Histogram<3>,
    ExponentialMean,
    Collect<u32, 3>,
);
type State = SlidingState<u8, States, 64>;

fn plan() -> impl QueryPlan<
    Row = Row,
    Output = WindowRow<u8, Answers>,
    Shape = headwater::state::Keyed<u8, headwater::PaneRecord<States>>,
> {
    let value = |row: &Row| row.value;
    let code = |row: &Row| row.code;
    Stream::<Row>::new()
        .with_watermark(|row| row.at, Span::secs(5))
        .group_by(|row| row.device)
        .window(Sliding::of(Span::secs(30), Span::secs(10)).expect("a slide within the size"))
        .aggregate((
            approx_count_distinct(code).registers::<128>(),
            quantiles(value, [0.1, 0.5, 0.9]).expect("from 0 to 1"),
            most_frequent(code),
            histogram(value, [0.0, 10.0, 20.0]).expect("ascending"),
            exponential_mean(value, |row: &Row| row.at, Span::secs(10)).expect("not zero"),
            collect(code),
        ))
        .append()
}

fn rows() -> Vec<Row> {
    let mut random = seeded();
    (0..600)
        .map(|step| Row {
            at: Timestamp::from_millis(500 * step - 3000 * random.below(2) as i64),
            device: random.below(2) as u8,
            code: random.below(9) as u32,
            value: 30.0 * share(&mut random) - 5.0,
        })
        .collect()
}

/// The log needs room for the largest entry: the states of one pane take up to 1 KiB in the checkpoint.
const BUFFER: usize = 2048;
type Flash = RamFlash<{ 256 * 1024 }, 4, 4096>;

/// The results of all rows in epochs of 40; with a restart from the log after each of them, or with none.
fn run(rows: &[Row], restarts: bool) -> Vec<String> {
    let mut flash = Box::new(Flash::new());
    let mut results = Vec::new();
    let plan = plan();
    let mut state = Box::new(State::EMPTY);
    let mut done = 0;
    while done < rows.len() {
        let mut query = plan.bind(&mut *state);
        let mut log = Log::<_, BUFFER>::open(&mut *flash).expect("a log that was written whole");
        let position: Option<u32> = query.restore(&mut log).expect("the same query");
        assert_eq!(position.unwrap_or(0) as usize, done);
        let end = if restarts { done + 40 } else { rows.len() };
        for epoch in rows[done..end].chunks(40) {
            for row in epoch {
                query.push(*row).expect("room for the panes");
            }
            query.trigger(Timestamp::EPOCH, |row| results.push(format!("{row:?}"))).expect("a willing sink");
            done += epoch.len();
            query.commit(&mut log, &(done as u32)).expect("the log has room");
        }
    }
    results
}

#[test]
fn a_restart_after_each_epoch_changes_nothing() {
    let rows = rows();
    let straight = run(&rows, false);
    assert!(straight.len() > 50, "{} results", straight.len());
    let restarted = run(&rows, true);
    assert_eq!(restarted.len(), straight.len());
    for (restarted, straight) in restarted.iter().zip(&straight) {
        assert_eq!(restarted, straight);
    }
}

/// Writes a log with the state of one capacity and opens it with another.
fn opened_with_another<P, S, Q, T>(plan: P, mut state: S, other_plan: Q, mut other_state: T)
where
    P: QueryPlan<Row = f64>,
    Q: QueryPlan<Row = f64>,
    S: headwater::state::State<Shape = P::Shape>,
    T: headwater::state::State<Shape = Q::Shape>,
{
    let mut flash = Box::new(Flash::new());
    let mut log = Log::<_, BUFFER>::open(&mut *flash).expect("an empty log");
    let mut query = plan.bind(&mut state);
    query.push(1.0).expect("room for a row");
    query.trigger(Timestamp::EPOCH, |_| ()).expect("a willing sink");
    query.commit(&mut log, &1_u32).expect("the log has room");
    let refused = other_plan.bind(&mut other_state).restore::<u32, _, BUFFER>(&mut log);
    assert!(matches!(refused, Err(RestoreError::OtherQuery(Difference::Aggregates))), "{refused:?}");
    drop(query);
    let same: Option<u32> = plan.bind(&mut state).restore(&mut log).expect("the same query");
    assert_eq!(same, Some(1));
}

/// Plans with the same aggregate, whose capacity is taken from the state's type.
macro_rules! refuses_another {
    ($aggregate:expr, $state:ty, $other:ty) => {
        opened_with_another(
            Stream::<f64>::new().aggregate($aggregate).update(),
            GlobalState::<$state>::EMPTY,
            Stream::<f64>::new().aggregate($aggregate).update(),
            GlobalState::<$other>::EMPTY,
        );
    };
}

#[test]
fn a_log_of_another_capacity_is_refused() {
    let value = |row: &f64| *row;
    refuses_another!(quantile(value, 0.5).expect("0.5"), Quantiles<33>, Quantiles<64>);
    refuses_another!(quantile(value, 0.5).expect("0.5"), Quantiles<64>, Quantiles<64, 2>);
    refuses_another!(quantile(value, 0.5).expect("0.5"), Quantiles<64, 1, 35>, Quantiles<64, 1, 34>);
    refuses_another!(most_frequent(value), MostFrequent<f64, 8>, MostFrequent<f64, 9>);
    refuses_another!(collect(value), Collect<f64, 8>, Collect<f64, 9>);
    let distinct = approx_count_distinct(value);
    opened_with_another(
        Stream::<f64>::new().aggregate(distinct).update(),
        GlobalState::<ApproxCountDistinct>::EMPTY,
        Stream::<f64>::new().aggregate(distinct.registers::<256>()).update(),
        GlobalState::<ApproxCountDistinct<256>>::EMPTY,
    );
    opened_with_another(
        Stream::<f64>::new().aggregate(histogram(value, [0.0]).expect("one edge")).update(),
        GlobalState::<Histogram<1>>::EMPTY,
        Stream::<f64>::new().aggregate(histogram(value, [0.0, 1.0]).expect("ascending")).update(),
        GlobalState::<Histogram<2>>::EMPTY,
    );
}
