//! Event times at the ends of what can be written: nothing overflows, loops or is lost.

use headwater::{OnFull, OutputMode, QueryPlan, Timestamp};
use headwater_tests::line::{IntoLine, Line};
use headwater_tests::model::Model;
use headwater_tests::properties::check;
use headwater_tests::reading::{Reading, Removed};
use headwater_tests::run::batch;
use headwater_tests::shape::{PlanVisitor, Shape, Windows, shapes};
use proptest::prelude::*;

/// The last moment that counts as event time.
const EDGE: i64 = Timestamp::EVENT_TIME_MAX.as_micros();

fn has_time(row: &Reading) -> bool {
    row.at.is_some_and(|at| (-EDGE..=EDGE).contains(&at))
}

fn extreme_readings() -> impl Strategy<Value = Vec<Reading>> {
    let at = prop_oneof![
        (i64::MIN..i64::MIN + 40),
        (i64::MAX - 40..=i64::MAX),
        (-EDGE - 3..-EDGE + 40),
        (EDGE - 40..EDGE + 3),
        -20_i64..20,
        Just(i64::MIN),
        Just(i64::MAX),
    ];
    let row = (0_u8..3, at, 1_u32..12).prop_map(|(device, at, gap)| Reading {
        device,
        at: Some(at),
        value: Some(1.0),
        gap,
        removed: Removed::No,
    });
    prop::collection::vec(row, 0..30)
}

/// Each row, a trigger after every third, and the end of the stream. Returns the results and the rows left.
struct Drained<'r> {
    rows: &'r [Reading],
    capacity: usize,
}

impl PlanVisitor for Drained<'_> {
    type Answer = (Vec<Line>, headwater::Progress);

    fn visit<P>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut state = plan.allocate(self.capacity);
        let mut query = plan.bind(&mut state);
        let lines = core::cell::RefCell::new(Vec::new());
        for (number, row) in self.rows.iter().enumerate() {
            // A row that comes back is counted.
            let _ = query.push_with(*row, &mut Early(&lines));
            if number % 3 == 2 {
                let end = query.trigger(Timestamp::EPOCH, |row| lines.borrow_mut().push(row.into_line()));
                assert!(end.is_ok());
                let _ = query.next_deadline();
            }
        }
        let end = query.drain(Timestamp::EPOCH, |row| lines.borrow_mut().push(row.into_line()));
        assert!(end.is_ok());
        let progress = query.progress();
        (lines.into_inner(), progress)
    }
}

struct Early<'l>(&'l core::cell::RefCell<Vec<Line>>);

impl<O: IntoLine> headwater::Side<Reading, O> for Early<'_> {
    fn early(&mut self, row: O) -> Result<(), headwater::operator::NotNow> {
        self.0.borrow_mut().push(row.into_line());
        Ok(())
    }
}

#[test]
fn every_row_is_counted_and_all_state_leaves() {
    let policies = &[OnFull::Refuse, OnFull::EvictOldest, OnFull::Drop];
    check(3200, &(shapes(policies), extreme_readings(), 1_usize..30), |(shape, rows, capacity)| {
        let (lines, progress) = shape.visit(Drained { rows: &rows, capacity });
        prop_assert!(progress.rows.balance());
        if shape.mode != OutputMode::Append {
            return Ok(());
        }
        prop_assert_eq!(progress.state_rows, 0);
        if !matches!(shape.windows, Windows::Sliding { .. }) {
            let counted: u64 = lines.iter().map(|line| line.values.rows).sum();
            prop_assert_eq!(counted, progress.rows.used);
        }
        Ok(())
    });
}

#[test]
fn a_batch_ends() {
    check(1600, &(shapes(&[OnFull::Refuse]), extreme_readings()), |(shape, rows)| {
        let shape = Shape { initial: None, ..shape };
        let counted: u64 = batch(&shape, &rows).iter().map(|line| line.values.rows).sum();
        let expected: u64 = match shape.windows {
            Windows::None => rows.len() as u64,
            _ => rows.iter().filter(|row| has_time(row)).map(|row| Model::windows_holding(&shape, row)).sum(),
        };
        prop_assert_eq!(counted, expected);
        Ok(())
    });
}
