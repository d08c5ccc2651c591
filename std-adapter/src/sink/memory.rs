//! Rows in a vector, for tests and programs that use results themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Sink, SinkError};

/// Puts rows into a shared vector once they are committed.
///
/// After a restart with the same vector ([`MemorySink::into_rows_of`]) it holds each row once.
#[derive(Debug)]
pub struct MemorySink<Row> {
    rows: Arc<Mutex<Vec<Row>>>,
    uncommitted: Vec<Row>,
    replacing: bool,
    /// The uncommitted rows take the place of all others.
    replace_all: bool,
}

impl<Row> Default for MemorySink<Row> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Row> MemorySink<Row> {
    /// A sink with a vector of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::into_rows_of(Arc::default())
    }

    /// A sink into a vector that is there already.
    #[must_use]
    pub fn into_rows_of(rows: Arc<Mutex<Vec<Row>>>) -> Self {
        Self { rows, uncommitted: Vec::new(), replacing: false, replace_all: false }
    }

    /// Keeps only the results of the last trigger: the result table of a query in complete mode.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        self.replacing = true;
        self
    }

    /// The committed rows; empty them as you like while the query is not started again.
    #[must_use]
    pub fn rows(&self) -> Arc<Mutex<Vec<Row>>> {
        Arc::clone(&self.rows)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        // A vector is whole whatever its user did when he panicked.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Row: Clone> Sink<Row> for MemorySink<Row> {
    /// Rows committed.
    type Position = u64;

    fn open(&mut self, committed: Option<u64>) -> Result<(), SinkError> {
        let committed = usize::try_from(committed.unwrap_or(0)).unwrap_or(usize::MAX);
        self.lock().truncate(committed);
        Ok(())
    }

    fn begin(&mut self) {
        if self.replacing {
            self.uncommitted.clear();
            self.replace_all = true;
        }
    }

    fn write(&mut self, row: &Row) -> Result<(), SinkError> {
        self.uncommitted.push(row.clone());
        Ok(())
    }

    fn prepare(&mut self, _epoch: u64) -> Result<u64, SinkError> {
        let kept = if self.replace_all { 0 } else { self.lock().len() };
        Ok((kept + self.uncommitted.len()) as u64)
    }

    fn committed(&mut self, _epoch: u64) -> Result<(), SinkError> {
        let rows = core::mem::take(&mut self.uncommitted);
        let mut shown = self.lock();
        if self.replace_all {
            shown.clear();
        }
        shown.extend(rows);
        drop(shown);
        self.replace_all = false;
        Ok(())
    }

    fn description(&self) -> String {
        "MemorySink".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_show_after_the_commit_and_a_restart_takes_back_what_the_checkpoint_does_not_hold() {
        let mut sink = MemorySink::new();
        let rows = sink.rows();
        sink.open(None).unwrap();
        sink.write(&1).unwrap();
        let position = sink.prepare(1).unwrap();
        assert!(rows.lock().unwrap().is_empty());
        sink.committed(1).unwrap();
        sink.write(&2).unwrap();
        sink.prepare(2).unwrap();
        sink.committed(2).unwrap();
        assert_eq!(*rows.lock().unwrap(), [1, 2]);
        MemorySink::<i32>::into_rows_of(Arc::clone(&rows)).open(Some(position)).unwrap();
        assert_eq!(*rows.lock().unwrap(), [1]);
    }

    #[test]
    fn a_replacing_sink_holds_the_last_table() {
        let mut sink = MemorySink::new().replacing();
        let rows = sink.rows();
        sink.open(None).unwrap();
        for table in [&[1, 2][..], &[1, 2, 3], &[4]] {
            sink.begin();
            table.iter().for_each(|row| sink.write(row).unwrap());
        }
        assert_eq!(sink.prepare(3).unwrap(), 1);
        sink.committed(3).unwrap();
        sink.prepare(4).unwrap();
        sink.committed(4).unwrap();
        assert_eq!(*rows.lock().unwrap(), [4]);
    }
}
