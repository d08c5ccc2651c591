//! Windows.

use headwater::Span;
use headwater::window::{Session, Sliding, Tumbling, WindowError};

use super::error::DeclarationReason;
use super::{Checked, time};
use crate::declared::checked::TimeWindow;
use crate::declared::declaration::DeclaredWindow;
use crate::dynamic::Schema;
use crate::expression::IntervalExpression;

/// Windows that go by time, or by rows.
pub(super) enum CheckedWindow {
    Time(TimeWindow),
    Count { rows: u32, step: u32 },
}

/// The windows over rows of `schema`.
pub(super) fn window(declared: &DeclaredWindow, schema: &Schema, field: &str) -> Checked<CheckedWindow> {
    let at = |name: &str| format!("{field}.{name}");
    let time_window = match declared {
        DeclaredWindow::Tumbling { size_ms, start_offset_ms } => {
            let size = time::positive_span(*size_ms, Span::WINDOW_MAX, &at("size_ms"))?;
            let offset = offset(*start_offset_ms, size, &at("start_offset_ms"))?;
            TimeWindow::Tumbling(Tumbling::of(size).with_offset(offset))
        }
        DeclaredWindow::Sliding { size_ms, slide_ms, start_offset_ms } => {
            let size = time::positive_span(*size_ms, Span::WINDOW_MAX, &at("size_ms"))?;
            let slide = time::positive_span(*slide_ms, Span::MAX, &at("slide_ms"))?;
            let windows = Sliding::of(size, slide).map_err(|error| match error {
                WindowError::TooLong { .. } => DeclarationReason::Window(error).at(at("size_ms")),
                _ => DeclarationReason::Window(error).at(at("slide_ms")),
            })?;
            TimeWindow::Sliding(windows.with_offset(offset(*start_offset_ms, slide, &at("start_offset_ms"))?))
        }
        DeclaredWindow::Session { gap_ms: Some(gap_ms), gap_expr: None } => TimeWindow::Session(
            Session::with_gap(time::positive_span(*gap_ms, Span::WINDOW_MAX, &at("gap_ms"))?),
        ),
        DeclaredWindow::Session { gap_ms: None, gap_expr: Some(text) } => {
            let gap = IntervalExpression::parse(text, schema);
            TimeWindow::SessionBy(
                gap.map_err(|error| DeclarationReason::Expression(error).at(at("gap_expr")))?,
            )
        }
        DeclaredWindow::Session { .. } => return Err(DeclarationReason::OneGap.at(field)),
        DeclaredWindow::Count { rows, step } => return count(*rows, step.unwrap_or(*rows), field),
    };
    Ok(CheckedWindow::Time(time_window))
}

fn count(rows: u32, step: u32, field: &str) -> Checked<CheckedWindow> {
    if rows == 0 {
        return Err(DeclarationReason::Zero.at(format!("{field}.rows")));
    }
    if step == 0 {
        return Err(DeclarationReason::Zero.at(format!("{field}.step")));
    }
    if step > rows {
        return Err(DeclarationReason::StepOverRows { step, rows }.at(format!("{field}.step")));
    }
    Ok(CheckedWindow::Count { rows, step })
}

/// An offset, brought between zero and `step`, above zero, by whole steps: windows repeat.
fn offset(millis: i64, step: Span, field: &str) -> Checked<Span> {
    let micros = time::signed_micros(millis, field)?;
    let within = micros.checked_rem_euclid(step.as_micros()).unwrap_or(0);
    Ok(Span::from_micros(within).unwrap_or(Span::ZERO))
}
