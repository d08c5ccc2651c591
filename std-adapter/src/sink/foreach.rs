//! A closure that gets the rows of each epoch (Spark's `foreachBatch`).

use core::fmt;

use super::{Sink, SinkError};

type Failure = Box<dyn core::error::Error + Send + Sync>;

/// Calls a closure at each commit with the commit's number and all rows since the commit before.
///
/// The closure runs *before* the commit: when it returns, its rows must be safe. After a crash between the two it is
/// called again with **the same number**; the rows then begin with the same ones, but there may be more or fewer of
/// them. So a closure that must not count rows twice replaces what it stored under that number, for instance in one
/// transaction: delete where epoch = n, then insert. It is called for the first commit of a run even without rows, since
/// rows may be stored under that number, and for later ones only with rows.
pub struct ForeachSink<Row, F> {
    rows: Vec<Row>,
    each: F,
    /// No commit of this run has been made.
    first: bool,
}

impl<Row, F> ForeachSink<Row, F>
where
    F: FnMut(u64, &[Row]) -> Result<(), Failure>,
{
    /// `each(epoch, rows)` at each commit.
    pub fn new(each: F) -> Self {
        Self { rows: Vec::new(), each, first: true }
    }
}

impl<Row, F> fmt::Debug for ForeachSink<Row, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeachSink").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl<Row, F> Sink<Row> for ForeachSink<Row, F>
where
    Row: Clone,
    F: FnMut(u64, &[Row]) -> Result<(), Failure>,
{
    type Position = ();

    fn open(&mut self, _committed: Option<()>) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, row: &Row) -> Result<(), SinkError> {
        self.rows.push(row.clone());
        Ok(())
    }

    fn prepare(&mut self, epoch: u64) -> Result<(), SinkError> {
        if self.rows.is_empty() && !self.first {
            return Ok(());
        }
        (self.each)(epoch, &self.rows).map_err(SinkError::Other)
    }

    fn committed(&mut self, _epoch: u64) -> Result<(), SinkError> {
        self.rows.clear();
        self.first = false;
        Ok(())
    }

    fn description(&self) -> String {
        "ForeachSink".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_comes_once_with_its_rows_and_an_error_keeps_them() {
        let mut calls = Vec::new();
        let mut fail = true;
        let mut sink = ForeachSink::new(|epoch, rows: &[i32]| {
            calls.push((epoch, rows.to_vec()));
            if core::mem::take(&mut fail) { Err("the database is away".into()) } else { Ok(()) }
        });
        sink.open(None).unwrap();
        sink.write(&1).unwrap();
        sink.write(&2).unwrap();
        assert_eq!(sink.prepare(7).unwrap_err().to_string(), "the database is away");
        sink.prepare(7).unwrap();
        sink.committed(7).unwrap();
        sink.prepare(8).unwrap();
        sink.committed(8).unwrap();
        sink.write(&3).unwrap();
        sink.prepare(9).unwrap();
        sink.committed(9).unwrap();
        drop(sink);
        assert_eq!(calls, [(7, vec![1, 2]), (7, vec![1, 2]), (9, vec![3])]);
    }
}
