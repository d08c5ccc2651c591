//! Windows find their start by multiplication with a reciprocal: against the division itself, over all times and spans.

use headwater::window::{Sliding, Tumbling};
use headwater::{Span, Timestamp};
use proptest::prelude::*;

/// The last multiple of `step`, shifted by `offset`, at or before `at`; the earliest time if it would lie before that.
fn by_division(at: i64, step: i64, offset: i64) -> i64 {
    let (at, step, offset) = (i128::from(at), i128::from(step), i128::from(offset));
    let start = at - (at - offset).rem_euclid(step);
    i64::try_from(start).unwrap_or(i64::MIN)
}

fn span(micros: i64) -> Span {
    Span::from_micros(micros).expect("not negative")
}

/// Of every magnitude, and those beside a power of two, where a reciprocal is at its worst.
fn magnitudes(bits_max: u32) -> impl Strategy<Value = i64> {
    let any = (0..bits_max, any::<i64>()).prop_map(|(bits, seed)| (seed & i64::MAX) >> (62 - bits));
    let beside = (0..bits_max, -2..=2_i64).prop_map(|(bits, by)| (1_i64 << bits) + by);
    prop_oneof![any, beside, Just(1_000_000_i64), Just(3_600_000_000_i64)]
}

fn spans() -> impl Strategy<Value = i64> {
    magnitudes(60).prop_map(|micros| micros.clamp(1, Span::WINDOW_MAX.as_micros()))
}

fn times() -> impl Strategy<Value = i64> {
    let signed = (magnitudes(62), any::<bool>()).prop_map(|(at, before)| if before { -at } else { at });
    prop_oneof![4 => signed, 1 => any::<i64>(), 1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(-1), Just(0)]]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_tumbling_window_starts_where_division_says(
        at in times(), near in -3..=3_i64, step in spans(), offset in magnitudes(62),
    ) {
        let windows = Tumbling::of(span(step)).with_offset(span(offset.max(0)));
        // Also right beside a start, where a wrong quotient shows.
        for at in [at, by_division(at, step, offset.max(0)).saturating_add(near)] {
            let expected = by_division(at, step, offset.max(0));
            prop_assert_eq!(windows.start_of(Timestamp::from_micros(at)).as_micros(), expected, "{} {}", at, step);
        }
    }

    #[test]
    fn panes_and_windows_that_slide_start_where_division_says(
        at in times(), slide in spans(), slides in 1..60_i64, divisor in 1..7_i64, offset in magnitudes(62),
    ) {
        let size = slide.saturating_mul(slides).saturating_add(slide / divisor).min(Span::WINDOW_MAX.as_micros());
        let windows = Sliding::of(span(size), span(slide)).expect("the slide fits").with_offset(span(offset.max(0)));
        let at = at / 4;
        let time = Timestamp::from_micros(at);
        let pane = by_division(at, windows.pane().as_micros(), offset.max(0));
        prop_assert_eq!(windows.pane_of(time).as_micros(), pane);
        let last_end = by_division(at, slide, offset.max(0)) + size;
        prop_assert_eq!(windows.last_end(time).as_micros(), last_end);
        let first_end = by_division(at - size, slide, offset.max(0)) + slide + size;
        prop_assert_eq!(windows.first_end(time).as_micros(), first_end);
        let watermark = at.saturating_add(size / 2);
        let closed = if watermark < first_end { 0 } else { (last_end.min(watermark) - first_end) / slide + 1 };
        prop_assert_eq!(windows.windows_closed(time, Timestamp::from_micros(watermark)), closed.unsigned_abs());
    }
}
