//! Chains of two windowed aggregates over the models' rows.

use headwater::aggregate::{Aggregate, count, max, min, sum};
use headwater::state::Chained;
use headwater::window::{Session, Sliding, Tumbling};
use headwater::{OnFull, QueryPlan, Span, Stream, Timestamp, WindowRow};
use proptest::prelude::*;

use crate::model::row::Row;

/// What a window holds: rows, the sum of their values, and the span of what they were made of.
pub type Held = (u64, Option<f64>, Option<i64>, Option<i64>);

/// The result of each level.
pub type Level = WindowRow<Option<u8>, Held>;

/// The windows of one level; lengths in microseconds.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields are those of the windows")]
pub enum Windows {
    Tumbling { size: u32, offset: u32 },
    Sliding { size: u32, slide: u32, offset: u32 },
    Session { gap: u32 },
}

/// A chain of two.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The windows over rows.
    pub first: Windows,
    /// The windows over results.
    pub second: Windows,
    /// How far the watermark trails, in microseconds.
    pub delay: u32,
    /// The watermark before the first row.
    pub initial: Option<i64>,
    /// Whether each result of the first goes on as none, one or two rows, by what it holds.
    pub multiplies: bool,
    /// What happens when state is full.
    pub on_full: OnFull,
}

impl Shape {
    /// A result of the first as it goes on: none, one or two rows, of different keys.
    #[must_use]
    pub fn copies(multiplies: bool, row: &Level) -> Vec<Level> {
        let copies = if multiplies { (row.value.0 % 3) as u8 } else { 1 };
        let copy = |number: u8| Level { key: row.key.map(|key| key ^ (2 * number)), ..row.clone() };
        (0..copies).map(copy).collect()
    }
}

/// Windows side by side.
pub fn tumbling() -> impl Strategy<Value = Windows> {
    (1_u32..20, 0_u32..30).prop_map(|(size, offset)| Windows::Tumbling { size, offset })
}

fn sliding() -> impl Strategy<Value = Windows> {
    (1_u32..25, 1_u32..25, 0_u32..30).prop_map(|(one, other, offset)| Windows::Sliding {
        size: one.max(other),
        slide: one.min(other),
        offset,
    })
}

fn session() -> impl Strategy<Value = Windows> {
    (1_u32..12).prop_map(|gap| Windows::Session { gap })
}

/// Chains of every kind.
pub fn shapes() -> impl Strategy<Value = Shape> {
    let windows = prop_oneof![
        (tumbling(), tumbling()),
        (tumbling(), sliding()),
        (sliding(), tumbling()),
        (sliding(), sliding()),
        (tumbling(), session()),
        (session(), tumbling()),
    ];
    let delay = prop_oneof![0_u32..4, 0_u32..25];
    let initial = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(-20))];
    (windows, delay, initial, any::<bool>()).prop_map(|((first, second), delay, initial, multiplies)| Shape {
        first,
        second,
        delay,
        initial,
        multiplies,
        on_full: OnFull::Refuse,
    })
}

/// What is done with the plan of a [`Shape`].
pub trait Visitor {
    /// What comes of it.
    type Answer;

    /// Does it.
    fn visit<P, A, B>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Row, Output = Level, Shape = Chained<A, B>>,
        A: headwater::state::Shape,
        B: headwater::state::Shape;
}

/// What the first level keeps of rows.
pub fn of_rows() -> impl Aggregate<Row, Output = Held> {
    let number = |row: &Row| Some(i64::from(row.number));
    (count(), sum(|row: &Row| row.value), min(number), max(number))
}

/// What later levels keep of results.
pub fn of_results() -> impl Aggregate<Level, Output = Held> {
    let from = |row: &Level| Some(row.window.start.as_micros());
    let to = |row: &Level| Some(row.window.end.as_micros());
    (count(), sum(|row: &Level| row.value.1), min(from), max(to))
}

/// The event time as the engine's type.
#[must_use]
pub fn time(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

/// Keys meet at the second level.
#[must_use]
pub fn half(key: Option<u8>) -> Option<u8> {
    key.map(|key| key / 2)
}

fn side_by_side(windows: Windows) -> Tumbling {
    let Windows::Tumbling { size, offset } = windows else { panic!("{windows:?}") };
    Tumbling::of(Span::micros(size)).with_offset(Span::micros(offset))
}

fn overlapping(windows: Windows) -> Sliding {
    let Windows::Sliding { size, slide, offset } = windows else { panic!("{windows:?}") };
    let sliding = Sliding::of(Span::micros(size), Span::micros(slide)).expect("a slide of at most the size");
    sliding.with_offset(Span::micros(offset))
}

fn sessions(windows: Windows) -> Session {
    let Windows::Session { gap } = windows else { panic!("{windows:?}") };
    Session::with_gap(Span::micros(gap))
}

impl Shape {
    /// Makes the plan and hands it to `visitor`.
    ///
    /// # Panics
    /// If there is no such chain.
    pub fn visit<V: Visitor>(&self, visitor: V) -> V::Answer {
        let Self { first, second, multiplies, on_full, .. } = *self;
        let delay = Span::micros(self.delay);
        let rows = Stream::<Row>::new();
        let rows = match self.initial {
            None => rows.with_watermark(time, delay),
            Some(initial) => rows.with_watermark_from(time, delay, Timestamp::from_micros(initial)),
        };
        let rows = rows.group_by(|row| row.key);
        macro_rules! visit {
            ($first:ident, $second:ident) => {
                visitor.visit(
                    &rows
                        .window($first(first))
                        .aggregate(of_rows())
                        .then()
                        .flat_map(move |row: &Level| Self::copies(multiplies, row))
                        .group_by(|row: &Level| half(row.key))
                        .window($second(second))
                        .aggregate(of_results())
                        .append()
                        .on_full(on_full),
                )
            };
        }
        match (first, second) {
            (Windows::Tumbling { .. }, Windows::Tumbling { .. }) => visit!(side_by_side, side_by_side),
            (Windows::Tumbling { .. }, Windows::Sliding { .. }) => visit!(side_by_side, overlapping),
            (Windows::Sliding { .. }, Windows::Tumbling { .. }) => visit!(overlapping, side_by_side),
            (Windows::Sliding { .. }, Windows::Sliding { .. }) => visit!(overlapping, overlapping),
            (Windows::Tumbling { .. }, Windows::Session { .. }) => visit!(side_by_side, sessions),
            (Windows::Session { .. }, Windows::Tumbling { .. }) => visit!(sessions, side_by_side),
            _ => panic!("no such chain: {self:?}"),
        }
    }
}
