//! When to end an epoch and when to commit, from what has happened and the time. Asks no clock itself.

use core::time::Duration;
use std::time::Instant;

use headwater::OutputMode;

use super::Options;
use crate::trigger::Trigger;

/// How long the source is waited for at a time: within this, a stop is noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// The rows of an epoch where what is there is worked off.
const EPOCH_ROWS: u64 = 10_000;

/// Who asks for a commit now, whatever the options say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// The source cannot go on well without.
    pub(super) by_source: bool,
    /// The sink would do something.
    pub(super) by_sink: bool,
}

#[derive(Debug)]
pub(super) struct Schedule {
    trigger: Trigger,
    commit_interval: Duration,
    commit_rows: u64,
    /// In update mode results belong to the commit of the rows that changed them: no commit without a trigger.
    is_update: bool,
    last_trigger: Instant,
    /// Since the last trigger.
    untriggered_rows: u64,
    /// Rows since the last commit.
    uncommitted_rows: u64,
    /// A trigger has given results since the last commit.
    uncommitted_results: bool,
    /// The first of what is not committed.
    uncommitted_since: Option<Instant>,
}

impl Schedule {
    /// For a query that starts now. One that goes on from a checkpoint may hold rows that no trigger has seen.
    pub(super) fn new(options: &Options, mode: OutputMode, restored: bool, now: Instant) -> Self {
        Self {
            trigger: options.trigger,
            commit_interval: options.commit_interval,
            commit_rows: options.commit_rows,
            is_update: mode == OutputMode::Update,
            last_trigger: now,
            untriggered_rows: u64::from(restored),
            uncommitted_rows: 0,
            uncommitted_results: false,
            uncommitted_since: None,
        }
    }

    pub(super) fn row_taken(&mut self, now: Instant) {
        self.untriggered_rows += 1;
        self.uncommitted_rows += 1;
        self.note_uncommitted(now);
    }

    /// There is something to commit, be it no row: a reject, or a message that came before.
    pub(super) fn note_uncommitted(&mut self, now: Instant) {
        self.uncommitted_since.get_or_insert(now);
    }

    /// Results wait for a commit, also where the rows behind them are in one already.
    pub(super) fn triggered(&mut self, now: Instant) {
        self.last_trigger = now;
        self.untriggered_rows = 0;
        self.uncommitted_results = true;
        self.note_uncommitted(now);
    }

    pub(super) fn committed(&mut self) {
        self.uncommitted_rows = 0;
        self.uncommitted_results = false;
        self.uncommitted_since = None;
    }

    pub(super) fn has_untriggered(&self) -> bool {
        self.untriggered_rows > 0
    }

    /// Whether an epoch that ends now would hold anything.
    pub(super) fn has_uncommitted(&self) -> bool {
        self.untriggered_rows > 0 || self.uncommitted_since.is_some()
    }

    /// How long the source may be waited for.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let until_trigger = match self.trigger {
            Trigger::Interval(interval) if self.has_untriggered() => {
                interval.saturating_sub(now.saturating_duration_since(self.last_trigger))
            }
            _ => WAIT_MAX,
        };
        let until_commit = match self.uncommitted_since {
            Some(first) if !self.commits_with_trigger() && self.trigger != Trigger::Once => {
                self.commit_interval.saturating_sub(now.saturating_duration_since(first))
            }
            _ => WAIT_MAX,
        };
        until_trigger.min(until_commit).min(WAIT_MAX)
    }

    pub(super) fn trigger_due(&self, now: Instant) -> bool {
        self.has_untriggered()
            && match self.trigger {
                Trigger::Interval(interval) => now.saturating_duration_since(self.last_trigger) >= interval,
                Trigger::EveryRow => true,
                Trigger::AvailableNow => self.untriggered_rows >= EPOCH_ROWS,
                Trigger::Once => false,
            }
    }

    /// Whether to commit, in update mode with a trigger before it. After an interval's trigger at once if commits are no
    /// rarer; else when enough has come together, or the source needs it.
    pub(super) fn commit_due(&self, wanted: Wanted, now: Instant) -> bool {
        if wanted.by_source {
            return true;
        }
        if self.commits_with_trigger() {
            return false;
        }
        if wanted.by_sink {
            return true;
        }
        let Some(first) = self.uncommitted_since else { return false };
        let much = self.uncommitted_rows >= self.commit_rows
            || now.saturating_duration_since(first) >= self.commit_interval;
        match self.trigger {
            Trigger::Interval(interval) => {
                let just_triggered = self.uncommitted_results && !self.has_untriggered();
                much || (just_triggered && interval >= self.commit_interval)
            }
            Trigger::EveryRow | Trigger::AvailableNow => much,
            Trigger::Once => false,
        }
    }

    /// Whether a trigger has to come before a commit.
    pub(super) fn commit_needs_trigger(&self) -> bool {
        self.is_update && self.has_untriggered()
    }

    /// Whether a trigger or a commit is due by a number of rows.
    pub(super) fn burst_is_over(&self, source_wants_commit: bool) -> bool {
        match self.trigger {
            Trigger::Once => false,
            Trigger::AvailableNow if self.untriggered_rows >= EPOCH_ROWS => true,
            _ if source_wants_commit => true,
            _ => self.uncommitted_rows >= self.commit_rows && !self.commits_with_trigger(),
        }
    }

    /// Whether the commit waits for the interval's trigger: a trigger forced by it would break the interval.
    fn commits_with_trigger(&self) -> bool {
        matches!(self.trigger, Trigger::Interval(_)) && self.commit_needs_trigger()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const NOBODY: Wanted = Wanted { by_source: false, by_sink: false };
    const SOURCE: Wanted = Wanted { by_source: true, by_sink: false };
    const SINK: Wanted = Wanted { by_source: false, by_sink: true };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn schedule(trigger: Trigger, mode: OutputMode, commit: (u64, u64), now: Instant) -> Schedule {
        Schedule::new(&options(trigger, commit), mode, false, now)
    }

    fn options(trigger: Trigger, commit: (u64, u64)) -> Options {
        Options {
            checkpoint: PathBuf::new(),
            name: String::new(),
            trigger,
            commit_interval: seconds(commit.0),
            commit_rows: commit.1,
            drain: false,
            log_bytes: 0,
            progress_kept: 1,
        }
    }

    #[test]
    fn an_interval_triggers_at_its_interval_and_commits_then() {
        let start = Instant::now();
        let mut schedule = schedule(Trigger::Interval(seconds(5)), OutputMode::Append, (5, 100), start);
        assert!(!schedule.trigger_due(start + seconds(9)), "no row came");
        schedule.row_taken(start + seconds(1));
        assert!(!schedule.trigger_due(start + seconds(4)));
        assert_eq!(schedule.wait(start + seconds(5)), Duration::ZERO);
        assert!(schedule.trigger_due(start + seconds(5)));
        assert!(!schedule.commit_due(NOBODY, start + seconds(5)));
        schedule.triggered(start + seconds(5));
        assert!(schedule.commit_due(NOBODY, start + seconds(5)));
        schedule.committed();
        assert!(!schedule.has_uncommitted() && !schedule.commit_due(NOBODY, start + seconds(99)));
    }

    #[test]
    fn in_append_mode_commits_come_by_time_and_rows_between_triggers() {
        let start = Instant::now();
        let mut schedule = schedule(Trigger::Interval(seconds(60)), OutputMode::Append, (2, 3), start);
        schedule.row_taken(start);
        assert!(!schedule.commit_due(NOBODY, start + seconds(1)) && schedule.commit_due(SINK, start));
        assert!(schedule.commit_due(NOBODY, start + seconds(2)) && !schedule.commit_needs_trigger());
        schedule.row_taken(start);
        schedule.row_taken(start);
        assert!(schedule.commit_due(NOBODY, start) && schedule.burst_is_over(false));
    }

    #[test]
    fn in_update_mode_a_shorter_commit_interval_does_not_force_triggers() {
        let start = Instant::now();
        let mut schedule = schedule(Trigger::Interval(seconds(60)), OutputMode::Update, (1, 3), start);
        (0..10).for_each(|_| schedule.row_taken(start));
        let later = start + seconds(59);
        assert!(!schedule.commit_due(NOBODY, later) && !schedule.commit_due(SINK, later));
        assert!(!schedule.burst_is_over(false), "each row would be a burst of its own");
        assert!(schedule.wait(start + seconds(30)) > Duration::ZERO, "it would spin");
        assert!(schedule.commit_due(SOURCE, start) && schedule.commit_needs_trigger());
        assert!(schedule.burst_is_over(true));
        assert!(schedule.trigger_due(start + seconds(60)));
        schedule.triggered(start + seconds(60));
        assert!(schedule.commit_due(NOBODY, start + seconds(60)));
    }

    #[test]
    fn rejects_alone_are_committed_within_the_interval_and_not_one_by_one() {
        let start = Instant::now();
        for mode in [OutputMode::Append, OutputMode::Update] {
            let mut schedule = schedule(Trigger::Interval(seconds(2)), mode, (2, 3), start);
            schedule.note_uncommitted(start);
            schedule.note_uncommitted(start + seconds(1));
            assert!(schedule.has_uncommitted() && !schedule.trigger_due(start + seconds(9)));
            assert!(!schedule.commit_due(NOBODY, start + seconds(1)));
            assert_eq!(schedule.wait(start + seconds(2)), Duration::ZERO);
            assert!(schedule.commit_due(NOBODY, start + seconds(2)));
        }
    }

    #[test]
    fn a_restored_query_triggers_once_without_a_row() {
        let start = Instant::now();
        let options = options(Trigger::Interval(seconds(5)), (5, 100));
        let mut schedule = Schedule::new(&options, OutputMode::Append, true, start);
        assert!(schedule.trigger_due(start + seconds(5)) && schedule.has_uncommitted());
        schedule.triggered(start + seconds(5));
        schedule.committed();
        assert!(!schedule.trigger_due(start + seconds(99)));
    }

    #[test]
    fn once_waits_for_the_end_and_available_now_has_epochs_of_bounded_size() {
        let start = Instant::now();
        for (trigger, due) in [(Trigger::Once, false), (Trigger::AvailableNow, true)] {
            let mut schedule = schedule(trigger, OutputMode::Update, (1, 3), start);
            (0..EPOCH_ROWS).for_each(|_| schedule.row_taken(start));
            let later = start + seconds(99);
            assert_eq!(schedule.trigger_due(later), due);
            assert_eq!(schedule.commit_due(NOBODY, later), due);
            assert_eq!(schedule.burst_is_over(false), due);
            assert_eq!(schedule.wait(later), if due { Duration::ZERO } else { WAIT_MAX });
            assert!(schedule.commit_due(SOURCE, later));
        }
    }
}
