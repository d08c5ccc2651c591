//! A sink behind a function on its rows.

use core::fmt;
use core::marker::PhantomData;

use super::{Sink, SinkError};

/// Gives each row to another sink in another form, for instance as a flat struct with the columns' names.
///
/// ```
/// use headwater_std::sink::{MapSink, MemorySink, Sink};
///
/// let lengths = MemorySink::new();
/// let rows = lengths.rows();
/// let mut sink = MapSink::new(lengths, |text: &&str| text.len());
/// sink.open(None)?;
/// sink.write(&"abc")?;
/// sink.prepare(1)?;
/// sink.committed(1)?;
/// assert_eq!(*rows.lock().unwrap(), [3]);
/// # Ok::<(), headwater_std::sink::SinkError>(())
/// ```
pub struct MapSink<S, F, To> {
    sink: S,
    map: F,
    to: PhantomData<fn() -> To>,
}

impl<S, F, To> MapSink<S, F, To> {
    /// `sink` gets `map(row)` for each row.
    pub fn new<Row>(sink: S, map: F) -> Self
    where
        F: Fn(&Row) -> To,
        S: Sink<To>,
    {
        Self { sink, map, to: PhantomData }
    }
}

impl<S: fmt::Debug, F, To> fmt::Debug for MapSink<S, F, To> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapSink").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl<Row, To, F: Fn(&Row) -> To, S: Sink<To>> Sink<Row> for MapSink<S, F, To> {
    type Position = S::Position;

    fn set_query_id(&mut self, id: &str) {
        self.sink.set_query_id(id);
    }

    fn open(&mut self, committed: Option<S::Position>) -> Result<(), SinkError> {
        self.sink.open(committed)
    }

    fn begin(&mut self) {
        self.sink.begin();
    }

    fn write(&mut self, row: &Row) -> Result<(), SinkError> {
        self.sink.write(&(self.map)(row))
    }

    fn prepare(&mut self, epoch: u64) -> Result<S::Position, SinkError> {
        self.sink.prepare(epoch)
    }

    fn committed(&mut self, epoch: u64) -> Result<(), SinkError> {
        self.sink.committed(epoch)
    }

    fn finish(&mut self) {
        self.sink.finish();
    }

    fn wants_commit(&self) -> bool {
        self.sink.wants_commit()
    }

    fn description(&self) -> String {
        self.sink.description()
    }
}
