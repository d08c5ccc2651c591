//! The handle of a running query.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::error::QueryError;
use crate::progress::QueryProgress;

/// What a query is doing (Spark's `StreamingQueryStatus`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryStatus {
    /// In words.
    pub message: &'static str,
    /// Whether rows were there the last time the source was asked.
    pub is_data_available: bool,
    /// Whether an epoch is ending just now.
    pub is_trigger_active: bool,
    /// Whether the query still runs.
    pub is_active: bool,
}

/// A running query (Spark's `StreamingQuery`). Dropping the handle stops the query.
#[derive(Debug)]
pub struct QueryHandle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl QueryHandle {
    pub(super) fn new(shared: Arc<Shared>, thread: JoinHandle<()>) -> Self {
        Self { shared, thread: Some(thread) }
    }

    /// Asks the query to end its epoch, commit, and stop. Returns at once; [`QueryHandle::wait`] waits.
    pub fn stop(&self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }

    /// Waits until the query has ended (Spark's `awaitTermination`).
    ///
    /// # Errors
    /// Why it failed.
    pub fn wait(mut self) -> Result<(), QueryError> {
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| QueryError::Panicked)?;
        }
        self.shared.lock().outcome.take().unwrap_or(Ok(()))
    }

    /// Whether the query still runs.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.shared.lock().ended
    }

    /// What it is doing.
    #[must_use]
    pub fn status(&self) -> QueryStatus {
        let inner = self.shared.lock();
        let message = match (inner.ended, inner.trigger_active, inner.data_available) {
            (true, ..) => "Stopped",
            (false, true, _) => "Processing new data",
            (false, false, true) => "Reading from the source",
            (false, false, false) => "Waiting for data to arrive",
        };
        QueryStatus {
            message,
            is_data_available: inner.data_available,
            is_trigger_active: inner.trigger_active,
            is_active: !inner.ended,
        }
    }

    /// The report of the last commit.
    #[must_use]
    pub fn last_progress(&self) -> Option<Arc<QueryProgress>> {
        self.shared.lock().recent.back().cloned()
    }

    /// The reports of the last commits, oldest first.
    #[must_use]
    pub fn recent_progress(&self) -> Vec<Arc<QueryProgress>> {
        self.shared.lock().recent.iter().cloned().collect()
    }

    /// Waits until everything that the source had when this was called is in committed results, or the query has ended.
    pub fn process_all_available(&self) {
        let mut inner = self.shared.lock();
        inner.asked = inner.asked.wrapping_add(1);
        let mine = inner.asked;
        while !inner.ended && inner.served < mine {
            inner = self.shared.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for QueryHandle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop();
            let _ = thread.join();
        }
    }
}

/// What handle and thread share.
#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
    progress_kept: usize,
}

#[derive(Debug, Default)]
struct Inner {
    stop: bool,
    ended: bool,
    outcome: Option<Result<(), QueryError>>,
    recent: VecDeque<Arc<QueryProgress>>,
    data_available: bool,
    trigger_active: bool,
    /// How often `process_all_available` was called.
    asked: u64,
    /// Up to which of those calls everything is committed.
    served: u64,
}

impl Shared {
    pub(super) fn new(progress_kept: usize) -> Self {
        Self { inner: Mutex::default(), changed: Condvar::new(), progress_kept }
    }

    /// No code panics while it holds the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stop_asked(&self) -> bool {
        self.lock().stop
    }

    /// The newest call of `process_all_available` that is not served.
    pub(super) fn unserved(&self) -> Option<u64> {
        let inner = self.lock();
        (inner.served < inner.asked).then_some(inner.asked)
    }

    pub(super) fn serve(&self, asked: u64) {
        self.lock().served = asked;
        self.changed.notify_all();
    }

    pub(super) fn set_data_available(&self, available: bool) {
        self.lock().data_available = available;
    }

    pub(super) fn set_trigger_active(&self, active: bool) {
        self.lock().trigger_active = active;
    }

    pub(super) fn report(&self, progress: QueryProgress) {
        let mut inner = self.lock();
        while inner.recent.len() >= self.progress_kept {
            inner.recent.pop_front();
        }
        inner.recent.push_back(Arc::new(progress));
    }

    pub(super) fn end(&self, outcome: Result<(), QueryError>) {
        let mut inner = self.lock();
        inner.ended = true;
        inner.outcome = Some(outcome);
        drop(inner);
        self.changed.notify_all();
    }
}
