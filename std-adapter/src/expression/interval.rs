//! Lengths of time as Spark writes them: `10 seconds`, `1 minute 30 seconds`.

use headwater::Span;

use super::error::IntervalError;

/// The length of time that `text` says, as Spark writes intervals: numbers and units in turn, added up.
///
/// Units are week, day, hour, minute, second, millisecond and microsecond, in singular or plural and any case; seconds may have a
/// fraction, cut off beyond microseconds; the word `interval` may stand before. Months and years have no fixed length and are refused.
///
/// ```
/// use headwater::Span;
/// use headwater_std::expression::parse_interval;
/// assert_eq!(parse_interval("1 minute 30 seconds")?, Span::secs(90));
/// assert_eq!(parse_interval("interval 1.5 SECONDS")?, Span::millis(1_500));
/// assert!(parse_interval("1 month").is_err());
/// # Ok::<(), headwater_std::expression::IntervalError>(())
/// ```
///
/// # Errors
/// [`IntervalError`] if the text is something else, the sum is negative, or beyond [`Span::MAX`].
pub fn parse_interval(text: &str) -> Result<Span, IntervalError> {
    let micros = micros_of(text)?;
    Span::from_micros(micros).ok_or_else(|| error(text, "it is negative, a length of time is not".to_owned()))
}

/// The same in microseconds, which may be negative: an interval to add to a moment.
pub(super) fn micros_of(text: &str) -> Result<i64, IntervalError> {
    let mut words = text.split_whitespace().peekable();
    words.next_if(|word| word.eq_ignore_ascii_case("interval"));
    if words.peek().is_none() {
        return Err(error(text, format!("{EXAMPLE} expected")));
    }
    let mut sum = 0_i64;
    while let Some(word) = words.next() {
        // A sign may stand apart from its number.
        let (sign, digits) = match word.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, word.strip_prefix('+').unwrap_or(word)),
        };
        let digits = if digits.is_empty() { words.next().unwrap_or_default() } else { digits };
        let unit = words
            .next()
            .ok_or_else(|| error(text, format!("no unit after `{digits}`, {EXAMPLE} expected")))?;
        let micros = unit_micros(unit).map_err(|reason| error(text, reason))?;
        sum = quantity(digits, micros)
            .map_err(|reason| error(text, reason))?
            .checked_mul(sign)
            .and_then(|part| sum.checked_add(part))
            .ok_or_else(|| error(text, BEYOND.to_owned()))?;
    }
    Ok(sum)
}

const EXAMPLE: &str = "a number and a unit such as `10 seconds`";
const BEYOND: &str = "it is beyond 292,000 years";
const MICROS_PER_SECOND: i64 = 1_000_000;

fn unit_micros(unit: &str) -> Result<i64, String> {
    let lower = unit.to_ascii_lowercase();
    match lower.strip_suffix('s').unwrap_or(&lower) {
        "microsecond" => Ok(1),
        "millisecond" => Ok(1_000),
        "second" => Ok(MICROS_PER_SECOND),
        "minute" => Ok(60 * MICROS_PER_SECOND),
        "hour" => Ok(3_600 * MICROS_PER_SECOND),
        "day" => Ok(86_400 * MICROS_PER_SECOND),
        "week" => Ok(7 * 86_400 * MICROS_PER_SECOND),
        "month" | "year" => Err(format!("a {unit} has no fixed length; write days")),
        _ => Err(format!(
            "`{unit}` is no unit; the units are week, day, hour, minute, second, millisecond, microsecond"
        )),
    }
}

/// So many times the unit. Only seconds have a fraction.
fn quantity(digits: &str, unit_micros: i64) -> Result<i64, String> {
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if unit_micros == MICROS_PER_SECOND => (whole, fraction),
        Some(_) => return Err(format!("`{digits}` is no whole number; only seconds have a fraction")),
        None => (digits, ""),
    };
    let not_a_number = || format!("`{digits}` is no number");
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(not_a_number());
    }
    let count: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| BEYOND.to_owned())? };
    let micros: i64 =
        format!("{fraction:0<6}").get(..6).unwrap_or_default().parse().map_err(|_| not_a_number())?;
    count.checked_mul(unit_micros).and_then(|sum| sum.checked_add(micros)).ok_or_else(|| BEYOND.to_owned())
}

fn error(text: &str, reason: String) -> IntervalError {
    IntervalError { text: text.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        let micros = |text| micros_of(text).unwrap();
        assert_eq!(micros("10 seconds"), 10_000_000);
        assert_eq!(micros(" Interval  2 WEEKS 1 day 3 hours "), (15 * 24 + 3) * 3_600_000_000);
        assert_eq!(micros("1 minute -30 seconds"), 30_000_000);
        assert_eq!(micros("- 5 milliseconds"), -5_000);
        assert_eq!(micros("0.0000019 seconds"), 1);
        assert_eq!(micros(".5 second"), 500_000);
        assert_eq!(micros("7 microseconds"), 7);
        assert_eq!(parse_interval("0 seconds"), Ok(Span::ZERO));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let reason = |text| parse_interval(text).unwrap_err().reason;
        assert_eq!(reason(""), "a number and a unit such as `10 seconds` expected");
        assert_eq!(reason("10"), "no unit after `10`, a number and a unit such as `10 seconds` expected");
        assert_eq!(reason("ten seconds"), "`ten` is no number");
        assert_eq!(reason("1.5 minutes"), "`1.5` is no whole number; only seconds have a fraction");
        assert_eq!(reason("1 year"), "a year has no fixed length; write days");
        assert_eq!(reason("-1 second"), "it is negative, a length of time is not");
        assert_eq!(reason("9223372036854775807 seconds"), "it is beyond 292,000 years");
        assert_eq!(reason("99999999999999999999 seconds"), "it is beyond 292,000 years");
        assert!(reason("5 s").starts_with("`s` is no unit; the units are week"));
        assert_eq!(
            reason("- second"),
            "no unit after `second`, a number and a unit such as `10 seconds` expected"
        );
        assert_eq!(reason("1.é seconds"), "`1.é` is no number");
        assert_eq!(reason(". seconds"), "`.` is no number");
    }
}
