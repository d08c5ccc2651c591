//! A process behind windows, and windows behind a process.

use headwater::aggregate::count;
use headwater::window::Tumbling;
use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRow};
use headwater_tests::model::append_window::{AppendWindows, Filled, Grid, Placed};
use headwater_tests::model::chain::Chain;
use headwater_tests::model::process::{Clock, Fires, Process as Model};
use headwater_tests::model::row::{Epoch, Row};
use headwater_tests::model::stage::{Moved, Running, Stage, Taken};
use headwater_tests::model::streams::streams;
use headwater_tests::properties::{Random, check};
use headwater_tests::stepped::{straight, unmoved_by_trouble};
use proptest::prelude::*;

use crate::machine::{Given, Machine};
use crate::{at, every_fires, in_event_time, same, watermark};

/// The result of a window as a row for the machine.
fn row_of(key: Option<u8>, end: i64, rows: u64) -> Row {
    let number = (end.rem_euclid(1000) as u32) * 7 + rows as u32;
    Row { number, key, at: Some(end - 1), value: Some(rows as f64) }
}

fn plan(delay: u32, size: u32, fires: Fires) -> impl QueryPlan<Row = Row, Item = Row, Output = Given> {
    Stream::<Row>::new()
        .with_watermark(at, Span::micros(delay))
        .group_by(|row: &Row| row.key)
        .window(Tumbling::of(Span::micros(size)))
        .aggregate(count())
        .then()
        .map(|window: &WindowRow<Option<u8>, u64>| {
            row_of(window.key, window.window.end.as_micros(), window.value)
        })
        .group_by(|row: &Row| row.key)
        .process(in_event_time(Machine::new(Clock::Event), fires))
        .append()
}

/// The model of windows over rows as they come. What it gives is in order, since the machine goes by the order of its rows.
#[derive(Debug, Clone)]
struct Windows(AppendWindows<Row>);

impl Stage for Windows {
    type In = Row;
    type Out = Filled<Row>;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    fn take(&mut self, input: usize, row: Row, watermark: Option<i64>) -> Taken<Filled<Row>> {
        self.0.take(input, Placed { key: row.key, at: row.at, row }, watermark)
    }

    fn close(&mut self, watermark: Moved, now: i64) -> Vec<Filled<Row>> {
        let mut closed = self.0.close(watermark, now);
        closed.sort_by_key(|window| window.window);
        closed
    }

    fn late_after(&self, watermark: Option<i64>) -> Option<i64> {
        self.0.late_after(watermark)
    }
}

#[test]
fn a_process_takes_the_results_of_windows() {
    let inputs = (streams(1, 0..60), every_fires(), 0_u32..8, 1_u32..12, any::<u64>());
    check(300, &inputs, |(epochs, fires, delay, size, seed): (Vec<Epoch>, _, _, _, _)| {
        let windows = Windows(AppendWindows::new(Grid::tumbling(i64::from(size))));
        let between =
            |window: Filled<Row>| Some(row_of(window.key, window.window.1, window.rows.len() as u64));
        let process = Model::new(Machine::new(Clock::Event), fires);
        let expected = Running::new(watermark(delay), Chain::new(windows, between, process)).run(&epochs);
        let plan = plan(delay, size, fires);
        same(&straight(&plan, 100, &epochs).epochs, &expected)?;
        unmoved_by_trouble(&plan, 100, &epochs, seed).map(|_| ())
    });
}

/// Of the results of a process none is late for windows behind it, not even that of a timer set in the past.
#[test]
fn windows_take_every_result_of_a_process() {
    check(
        300,
        &(streams(1, 0..60), every_fires(), 0_u32..8, 1_u32..12),
        |(mut epochs, fires, delay, size)| {
            for epoch in &mut epochs {
                // The result of rows without event time has none either, and is in no window.
                epoch.rows.retain(|(_, row)| row.at.is_some());
            }
            let far = Row { number: 4, key: Some(3), at: Some(1_000_000), value: None };
            epochs.push(Epoch { rows: vec![(0, far)], now: 10_000 });
            let process = || in_event_time(Machine::new(Clock::Event), fires);
            let rows =
                || Stream::<Row>::new().with_watermark(at, Span::micros(delay)).group_by(|row: &Row| row.key);
            let alone = straight(&rows().process(process()).append(), 100, &epochs);
            let windows = rows()
                .process(process())
                .then()
                .group_by(|given: &Given| given.key)
                .window(Tumbling::of(Span::micros(size)))
                .aggregate(count())
                .append();
            let windows = straight(&windows, 100, &epochs);
            let given: usize = alone.epochs.iter().map(|epoch| epoch.results.len()).sum();
            // The window of the last row is still open.
            let last = alone.epochs.last().map_or(&[][..], |epoch| &epoch.results);
            let open = last.iter().filter(|given| given.timer.is_none()).count();
            let counted: u64 =
                windows.epochs.iter().flat_map(|epoch| &epoch.results).map(|row| row.value).sum();
            prop_assert_eq!(counted as usize + open, given);
            Ok(())
        },
    );
}

/// A trigger that a sink interrupted may go on as a drain: more windows close then, for keys whose timers wait for the next trigger.
#[test]
fn an_interrupted_trigger_can_be_drained() {
    check(
        300,
        &(streams(1, 0..60), every_fires(), 1_u32..12, any::<u64>()),
        |(epochs, fires, size, seed)| {
            let (plan, mut random) = (plan(3, size, fires), Random(seed));
            let mut state = plan.allocate(100);
            let mut query = plan.bind(&mut state);
            for epoch in &epochs {
                for (_, row) in &epoch.rows {
                    query.push(*row).expect("there is room");
                }
                // Timers set again for ever keep a drain going while its sink takes but a few results.
                for _ in 0..1000 {
                    let mut accepts = if random.below(8) == 0 { u64::MAX } else { random.below(3) };
                    let sink = |_| {
                        accepts = accepts.checked_sub(1).ok_or(())?;
                        Ok::<(), ()>(())
                    };
                    let now = Timestamp::from_micros(epoch.now);
                    let ended =
                        if random.below(8) == 0 { query.drain(now, sink) } else { query.trigger(now, sink) };
                    if ended.is_ok() {
                        break;
                    }
                }
                // Nothing is owed any more.
                prop_assert!(query.next_deadline() != Some(Timestamp::MIN));
                prop_assert!(query.progress().rows.balance());
            }
            Ok(())
        },
    );
}
