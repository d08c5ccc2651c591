//! Rows that did not count, on standard error: one line with how many, why, and where the watermark stands.
//!
//! A gateway that drops rows says so also where nobody asked for `--progress`. What has been told is kept beside the
//! checkpoint, because the query's counts go on after a restart and would be told again.

use core::fmt::Write as _;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use headwater_std::QueryProgress;
use serde::{Deserialize, Serialize};

/// Shortest time between two lines.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
/// In `--state`, what was told up to the last line.
const TOLD_FILE: &str = "told.json";

/// Rows that did not count, since the query first started; rejects since this run of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Counts {
    late: u64,
    dropped: u64,
    handed_back: u64,
    filtered: u64,
    #[serde(skip)]
    rejected: u64,
}

impl Counts {
    fn of(report: &QueryProgress) -> Self {
        Self {
            late: report.rows.late,
            dropped: report.rows.dropped,
            handed_back: report.rows.refused,
            filtered: report.rows.filtered,
            rejected: report.sources.iter().map(|source| source.metrics.rejected).sum(),
        }
    }

    /// What came since `told`, in words; nothing if nothing came.
    fn since(&self, told: &Self) -> Option<String> {
        let parts = [
            (self.late, told.late, "late"),
            (self.dropped, told.dropped, "dropped, state was full"),
            (self.rejected, told.rejected, "rejected, see rejects.jsonl in --state"),
            (self.handed_back, told.handed_back, "handed back, state was full, and tried again"),
            (self.filtered, told.filtered, "filtered, further ahead of the clock than --ahead"),
        ];
        let mut text = String::new();
        for (count, told, what) in parts {
            let new = count.saturating_sub(told);
            if new > 0 {
                let before = if text.is_empty() { "" } else { "; " };
                // Writing to a String cannot fail.
                let _ = write!(text, "{before}{new} {what}");
            }
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Tells of rows that did not count, not more often than every 10 s.
pub(super) struct Losses {
    path: PathBuf,
    told: Counts,
    last_line: Option<Instant>,
}

impl Losses {
    /// Goes on from what earlier runs with the checkpoint in `state` told.
    pub(super) fn new(state: &Path) -> Self {
        let path = state.join(TOLD_FILE);
        // A lost or torn file costs no more than counts that are told again.
        let told = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { path, told: told.unwrap_or_default(), last_line: None }
    }

    /// Prints a line if there is something to tell and the last one is 10 s old, or the query has ended.
    pub(super) fn tell(&mut self, report: &QueryProgress, ended: bool) {
        let Some(what) = self.due(Counts::of(report), Instant::now(), ended) else { return };
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "none yet".to_owned());
        eprintln!(
            "gateway: rows since the last such line: {what} (watermark {}, highest event time {})",
            time(&report.event_time.watermark),
            time(&report.event_time.max)
        );
        let written = serde_json::to_vec(&self.told).map_err(Into::into);
        if let Err(error) = written.and_then(|text| fs::write(&self.path, text)) {
            eprintln!("gateway: cannot write {}: {error}", self.path.display());
        }
    }

    fn due(&mut self, counts: Counts, now: Instant, ended: bool) -> Option<String> {
        let is_recent = |last| now.saturating_duration_since(last) < INTERVAL_MIN;
        if !ended && self.last_line.is_some_and(is_recent) {
            return None;
        }
        let what = counts.since(&self.told)?;
        self.told = counts;
        self.last_line = Some(now);
        Some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_after_ten_seconds_and_at_the_end_and_tells_only_what_is_new() {
        let directory = tempfile::tempdir().unwrap();
        let mut losses = Losses::new(directory.path());
        let start = Instant::now();
        assert_eq!(losses.due(Counts::default(), start, true), None, "nothing to tell");
        let counts = Counts { late: 3, rejected: 1, ..Counts::default() };
        let line = losses.due(counts, start, false).unwrap();
        assert_eq!(line, "3 late; 1 rejected, see rejects.jsonl in --state");
        let counts = Counts { late: 5, dropped: 2, handed_back: 4, filtered: 6, ..counts };
        assert_eq!(losses.due(counts, start + Duration::from_millis(9_999), false), None);
        let line = losses.due(counts, start + INTERVAL_MIN, false).unwrap();
        for part in ["2 late", "2 dropped", "4 handed back", "6 filtered"] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("rejected"), "{line}");
        let counts = Counts { late: 6, ..counts };
        assert_eq!(losses.due(counts, start + INTERVAL_MIN, true).as_deref(), Some("1 late"), "the end");
    }
}
