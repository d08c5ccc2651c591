//! Each join over a steady stream, with its triggers.

use headwater::operator::SortedTable;
use headwater::{Either, Span, Stream, TimeRange, Timestamp, WithWatermark, operator::Stages};

use super::operators::{alternating, steady, timed};
use super::rows::{KEYS, Reading, delay};
use crate::kernel::Kernel;

/// Rows of one side that have not left: some two to three seconds of them, and of each key one more.
const HELD: usize = 8_192;

/// A row that a join can hold.
type Row = (u32, Timestamp, f64);

pub fn kernels() -> Vec<Kernel> {
    let of = |name, run: fn() -> u64| Kernel::new(format!("operator/{name}"), "row", run);
    vec![
        of("join-static", join_static),
        of("join-inner", || {
            let join = side().join(side()).on(|left| left.0, |right| right.0);
            steady(&join.within(TimeRange::after(Span::secs(1))).inner().append(), HELD, sided)
        }),
        of("join-left-outer", || {
            let join = side().join(side()).on(|left| left.0, |right| right.0);
            steady(&join.within(TimeRange::after(Span::secs(1))).left_outer().append(), HELD, sided)
        }),
        of("join-as-of", || {
            let join = side().as_of_join(side(), |left| left.0, |right| right.0, Span::secs(10));
            steady(&join.left_outer().append(), HELD, sided)
        }),
    ]
}

/// Each row with what a table says of its key.
fn join_static() -> u64 {
    let places: Vec<(u32, u32)> = (0..KEYS).map(|key| (key, key / 10)).collect();
    let table = SortedTable::new(&places).expect("in order");
    let plan = timed().join_static(table, |row| row.key).inner().append();
    steady(&plan, 1, |_, row| *row)
}

fn side() -> Stream<Row, impl Stages<Row, Out = Row>, WithWatermark> {
    Stream::new().with_watermark(|row: &Row| row.1, delay())
}

fn sided(number: usize, row: &Reading) -> Either<Row, Row> {
    let of = |row: Reading| (row.key, row.at, row.value);
    match alternating(number, row) {
        Either::Left(row) => Either::Left(of(row)),
        Either::Right(row) => Either::Right(of(row)),
    }
}
