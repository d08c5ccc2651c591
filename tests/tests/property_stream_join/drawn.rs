//! What is joined: rows and joins drawn at random, and their plans.

use headwater::state::State;
use headwater::watermark::MultipleWatermarks;
use headwater::{Either, JoinState, JoinType, OnFull, QueryPlan, TimeRange, Timestamp};
use headwater_tests::model::row::Row;
use headwater_tests::model::stream_join::{Join, Kind, NullKeys, Pair, Timeless};
use headwater_tests::model::watermark::{Inputs, Policy};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of the model as the engine takes it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub number: u32,
    pub key: Option<u8>,
    pub at: Option<i64>,
    pub value: Option<f64>,
}

impl Sent {
    pub fn of(row: &Row) -> Self {
        Self { number: row.number, key: row.key, at: row.at, value: row.value }
    }

    pub fn row(self) -> Row {
        Row { number: self.number, key: self.key, at: self.at, value: self.value }
    }

    pub fn event_time(&self) -> Option<Timestamp> {
        self.at.map(Timestamp::from_micros)
    }
}

pub type Pushed = Either<Sent, Sent>;
pub type Given = (Option<Sent>, Option<Sent>);

pub fn pair_of((left, right): Given) -> Pair {
    (left.map(Sent::row), right.map(Sent::row))
}

pub fn row_of(row: &Pushed) -> Row {
    match row {
        Either::Left(row) | Either::Right(row) => row.row(),
    }
}

/// A row of key 1.
pub fn sent(number: u32, at: i64) -> Sent {
    Sent { number, key: Some(1), at: Some(at), value: None }
}

/// What is joined, and how its inputs' watermarks go.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub join: Join,
    pub delays: [i64; 2],
    pub policy: Policy,
}

impl Drawn {
    pub fn inputs(&self) -> Inputs {
        Inputs::new(&self.delays.map(Some)).with_policy(self.policy)
    }

    pub fn join_type(&self) -> JoinType {
        match self.join.kind {
            Kind::Inner => JoinType::Inner,
            Kind::Left => JoinType::LeftOuter,
            Kind::Right => JoinType::RightOuter,
            Kind::Full => JoinType::FullOuter,
            Kind::LeftSemi => JoinType::LeftSemi,
        }
    }

    pub fn policy(&self) -> MultipleWatermarks {
        match self.policy {
            Policy::Min => MultipleWatermarks::Min,
            Policy::Max => MultipleWatermarks::Max,
        }
    }

    /// The key of both sides.
    pub fn key(&self) -> impl Fn(&Sent) -> Option<Option<u8>> + use<> {
        let null_keys = self.join.null_keys;
        move |row| match null_keys {
            NullKeys::MatchNothing => row.key.map(Some),
            NullKeys::AsSpark => Some(row.key),
        }
    }

    pub fn condition(&self) -> impl Fn(&Sent, &Sent) -> bool + use<> {
        let condition = self.join.condition;
        move |left, right| condition(&left.row(), &right.row())
    }

    pub fn range(&self) -> TimeRange {
        let (lower, upper) = self.join.range.expect("joins with a range");
        TimeRange::micros(lower, upper)
    }
}

pub fn rising(left: &Row, right: &Row) -> bool {
    left.value < right.value
}

pub fn always(_: &Row, _: &Row) -> bool {
    true
}

pub fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Inner, Kind::Left, Kind::Right, Kind::Full, Kind::LeftSemi])
}

pub fn drawn(delays: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Drawn> {
    let condition = prop::sample::select(vec![always as fn(&Row, &Row) -> bool, rising]);
    let policy = prop::sample::select(vec![Policy::Min, Policy::Max]);
    // Also ranges on one side of zero only, and empty ones.
    (kinds(), -12_i64..12, -1_i64..12, condition, any::<bool>(), policy, [delays.clone(), delays]).prop_map(
        |(kind, lower, length, condition, as_spark, policy, delays)| {
            let null_keys =
                if as_spark && kind == Kind::Full { NullKeys::AsSpark } else { NullKeys::MatchNothing };
            let range = Some((lower, lower + length));
            let join = Join { kind, range, condition, null_keys, timeless: Timeless::AtOnce };
            Drawn { join, delays, policy }
        },
    )
}

/// The streams of the two sides with their watermarks, as a pair.
macro_rules! sides {
    ($drawn:expr) => {{
        let side = |delay| {
            let delay = headwater::Span::from_micros(delay).expect("a delay is not negative");
            headwater::Stream::<$crate::drawn::Sent>::new()
                .with_watermark($crate::drawn::Sent::event_time, delay)
        };
        (side($drawn.delays[0]), side($drawn.delays[1]))
    }};
}

/// Two streams joined, before range and kind.
macro_rules! joined {
    ($drawn:expr, $sides:expr) => {{
        let (left, right) = $sides;
        left.join(right).on($drawn.key(), $drawn.key()).and($drawn.condition()).watermarks($drawn.policy())
    }};
}

/// Two streams joined within the range, before the kind.
macro_rules! ranged {
    ($drawn:expr) => {
        joined!($drawn, sides!($drawn)).within($drawn.range())
    };
}

pub fn plan(
    drawn: &Drawn,
    on_full: OnFull,
) -> impl QueryPlan<Row = Pushed, Item = Pushed, Output = Given, Shape = <JoinStateOf<1> as State>::Shape> {
    ranged!(drawn).kind(drawn.join_type()).append().on_full(on_full)
}

pub type JoinStateOf<const N: usize> = JoinState<Option<u8>, Sent, Sent, N, N>;
