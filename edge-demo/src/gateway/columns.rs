//! The output files and their columns.

use headwater::OutputMode;
use headwater_std::sink::{FileSink, MapSink};

use super::options::Options;
use super::plan::SummaryRow;
use super::reading::{AnswerRow, DeviceId};

/// A line of the files, whose writing allocates nothing.
type Line = AnswerRow<DeviceId>;

/// Files in `--out`: rows appended, or in complete mode one file that holds the whole result.
pub(super) fn files(options: &Options) -> MapSink<FileSink, fn(&SummaryRow) -> Line, Line> {
    let sink = FileSink::new(&options.out, options.format);
    let sink = if options.mode == OutputMode::Complete { sink.replacing() } else { sink };
    MapSink::new(sink, columns)
}

fn columns(row: &SummaryRow) -> Line {
    let (count, mean, min, max) = row.value;
    AnswerRow {
        device: row.key.clone(),
        window_start_ms: row.window.start.as_millis(),
        window_end_ms: row.window.end.as_millis(),
        count,
        mean,
        min,
        max,
    }
}
