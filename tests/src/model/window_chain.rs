//! The model of chains of two windowed aggregates: [`crate::chains`].

use headwater::{Timestamp, WindowRow};

use super::append_window::{AppendWindows, Filled, Grid, Placed};
use super::chain::{Chain, Union};
use super::row::{Epoch, Row};
use super::stage::{Moved, Running, Stage, Taken};
use super::watermark::Inputs;
use crate::chains::{Held, Level, Shape, Windows, half};

/// The model of sessions: rules 10, 19.
#[derive(Debug, Clone)]
struct Sessions<T> {
    gap: i64,
    open: Vec<Filled<T>>,
}

/// The model of one level.
#[derive(Debug, Clone)]
enum Level1<T> {
    Grid(AppendWindows<T>),
    Sessions(Sessions<T>),
}

impl<T> Level1<T> {
    fn new(windows: Windows) -> Self {
        let grid = match windows {
            Windows::Session { gap } => {
                return Self::Sessions(Sessions { gap: i64::from(gap), open: Vec::new() });
            }
            Windows::Tumbling { size, offset } => {
                Grid { size: size.into(), slide: size.into(), offset: offset.into() }
            }
            Windows::Sliding { size, slide, offset } => {
                Grid { size: size.into(), slide: slide.into(), offset: offset.into() }
            }
        };
        Self::Grid(AppendWindows::new(grid))
    }
}

impl<T: Clone> Stage for Level1<T> {
    type In = Placed<T>;
    type Out = Filled<T>;

    fn moves_watermark(&self, _: usize, row: &Placed<T>) -> Option<i64> {
        row.at
    }

    fn take(&mut self, input: usize, row: Placed<T>, watermark: Option<i64>) -> Taken<Filled<T>> {
        let Sessions { gap, open } = match self {
            Self::Grid(grid) => return grid.take(input, row, watermark),
            Self::Sessions(sessions) => sessions,
        };
        let Some(at) = row.at else { return Taken::Given(Vec::new()) };
        if watermark.is_some_and(|watermark| at + *gap <= watermark) {
            return Taken::Late;
        }
        let mut joined = Filled { key: row.key, window: (at, at + *gap), rows: vec![row.row] };
        let touches = |one: &Filled<T>, other: &Filled<T>| {
            one.key == other.key && one.window.0 <= other.window.1 && other.window.0 <= one.window.1
        };
        while let Some(found) = open.iter().position(|other| touches(other, &joined)) {
            let other = open.remove(found);
            joined.window = (joined.window.0.min(other.window.0), joined.window.1.max(other.window.1));
            joined.rows.extend(other.rows);
        }
        open.push(joined);
        Taken::Given(Vec::new())
    }

    fn close(&mut self, watermark: Moved, now: i64) -> Vec<Filled<T>> {
        match self {
            Self::Grid(grid) => grid.close(watermark, now),
            Self::Sessions(sessions) => {
                let open = core::mem::take(&mut sessions.open);
                let (closed, open) =
                    open.into_iter().partition(|session| watermark.reached(session.window.1));
                sessions.open = open;
                closed
            }
        }
    }

    /// 45, for sessions too.
    fn late_after(&self, watermark: Option<i64>) -> Option<i64> {
        watermark.map(|watermark| watermark - 1)
    }
}

/// An operator whose rows come in any number at a time.
#[derive(Debug, Clone)]
struct Each<B>(B);

impl<B: Stage> Stage for Each<B> {
    type In = Vec<B::In>;
    type Out = B::Out;

    fn moves_watermark(&self, _: usize, _: &Vec<B::In>) -> Option<i64> {
        None
    }

    fn take(&mut self, input: usize, rows: Vec<B::In>, watermark: Option<i64>) -> Taken<B::Out> {
        let mut given = Vec::new();
        for row in rows {
            match self.0.take(input, row, watermark) {
                Taken::Late => return Taken::Late,
                Taken::Given(rows) => given.extend(rows),
            }
        }
        Taken::Given(given)
    }

    fn close(&mut self, watermark: Moved, now: i64) -> Vec<B::Out> {
        self.0.close(watermark, now)
    }

    fn late_after(&self, watermark: Option<i64>) -> Option<i64> {
        self.0.late_after(watermark)
    }
}

fn total(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(|sum, value| sum + value)
}

fn level(window: (i64, i64), key: Option<u8>, value: Held) -> Level {
    let time = Timestamp::from_micros;
    let window = headwater::window::Window { start: time(window.0), end: time(window.1) };
    WindowRow { window, key, value, early: false }
}

/// The result of the first level.
#[must_use]
pub fn result_of_rows(filled: &Filled<Row>) -> Level {
    let numbers = || filled.rows.iter().map(|row| i64::from(row.number));
    let sum = total(filled.rows.iter().map(|row| row.value));
    level(filled.window, filled.key, (filled.rows.len() as u64, sum, numbers().min(), numbers().max()))
}

/// The result of a later level.
#[must_use]
pub fn result_of_results(filled: &Filled<Level>) -> Level {
    let from = filled.rows.iter().map(|row| row.window.start.as_micros()).min();
    let to = filled.rows.iter().map(|row| row.window.end.as_micros()).max();
    let sum = total(filled.rows.iter().map(|row| row.value.1));
    level(filled.window, filled.key, (filled.rows.len() as u64, sum, from, to))
}

/// A result on its way into the next level.
#[must_use]
pub fn onward(row: Level) -> Placed<Level> {
    Placed { key: half(row.key), at: Some(row.window.end.as_micros() - 1), row }
}

/// The model's answer for each epoch, and what is left for a drain.
///
/// # Panics
/// If a result of the first is late for the second.
#[must_use]
pub fn model(shape: &Shape, epochs: &[Epoch]) -> (Vec<(Vec<Level>, Option<i64>)>, Vec<Level>) {
    let placed = |row: Row| Some(Placed { key: row.key, at: row.at, row });
    let first = Chain::new(Union, placed, Level1::new(shape.first));
    let between = |filled: Filled<Row>| {
        let rows = Shape::copies(shape.multiplies, &result_of_rows(&filled));
        Some(rows.into_iter().map(onward).collect())
    };
    let chain = Chain::new(first, between, Each(Level1::new(shape.second)));
    let inputs = Inputs::new(&[Some(shape.delay.into())]);
    let inputs = match shape.initial {
        None => inputs,
        Some(initial) => inputs.starting_at(initial),
    };
    let mut running = Running::new(inputs, chain);
    let lines = |filled: Vec<Filled<Level>>| filled.iter().map(result_of_results).collect();
    let answers =
        running.run(epochs).into_iter().map(|answer| (lines(answer.results), answer.watermark)).collect();
    let left = lines(running.drain());
    assert!(running.stage.late_downstream.is_empty(), "nothing that the first gives is late for the second");
    (answers, left)
}
