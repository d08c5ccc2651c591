//! Times as text: as Spark's progress has them, and as Spark reads them.

use headwater::Timestamp;

/// `at` as RFC 3339 in UTC with milliseconds, for instance `2014-11-10T12:53:39.862Z`.
#[must_use]
pub fn to_rfc3339(at: Timestamp) -> String {
    let milli = at.as_millis().rem_euclid(1_000);
    format!("{}.{milli:03}Z", to_the_second(at))
}

/// `at` as RFC 3339 in UTC with microseconds, for instance `2014-11-10T12:53:39.862001Z`.
pub(crate) fn to_rfc3339_micros(at: Timestamp) -> String {
    let micro = at.as_micros().rem_euclid(1_000_000);
    format!("{}.{micro:06}Z", to_the_second(at))
}

fn to_the_second(at: Timestamp) -> String {
    let seconds = at.as_micros().div_euclid(1_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", year.abs())
}

/// The moment that RFC 3339 text stands for, or `None` if it is none that can be written.
///
/// Also what Spark casts to `TIMESTAMP` besides: a space for the `T`, no seconds, no time of day, no offset (then UTC), years
/// with a sign or up to six digits. Of a fraction of a second, what is beyond microseconds is cut off.
pub(crate) fn from_rfc3339(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.trim().split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text.trim(), None),
    };
    let days = days_of_date(date)?;
    let of_day = time.map_or(Some(0), micros_of_day)?;
    let micros = i128::from(days) * 86_400_000_000 + i128::from(of_day);
    i64::try_from(micros).ok().map(Timestamp::from_micros)
}

fn days_of_date(date: &str) -> Option<i64> {
    let (sign, digits) = match date.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, date.strip_prefix('+').unwrap_or(date)),
    };
    let mut parts = digits.split('-');
    let year = sign * number(parts.next()?, 4..=6)?;
    let (month, day) = (number(parts.next()?, 1..=2)?, number(parts.next()?, 1..=2)?);
    let days = days_from_civil(year, month, day);
    // The days of the month, leap years and all: a date that does not exist comes back as another one.
    (parts.next().is_none() && civil(days) == (year, month, day)).then_some(days)
}

/// Microseconds since midnight UTC, less than 0 or more than a day by the offset.
fn micros_of_day(time: &str) -> Option<i64> {
    let (clock, offset_minutes) = split_offset(time.trim())?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':');
    let (hour, minute) = (number(parts.next()?, 1..=2)?, number(parts.next()?, 1..=2)?);
    let second = parts.next().map_or(Some(0), |text| number(text, 1..=2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute - offset_minutes) * 60 + second;
    Some(seconds * 1_000_000 + micros_of_fraction(fraction)?)
}

fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some((clock, offset)) = time.find(['+', '-']).and_then(|at| time.split_at_checked(at)) else {
        return Some((time, 0));
    };
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.strip_prefix('+')?),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let minutes = number(hours, 1..=2)? * 60 + number(minutes, 1..=2)?;
    // The widest offset that Spark takes.
    (minutes <= 18 * 60).then_some((clock, sign * minutes))
}

fn micros_of_fraction(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return Some(0);
    }
    let value = number(digits.get(..6).unwrap_or(digits), 1..=6)?;
    let all_digits = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let missing = 6_u32.saturating_sub(u32::try_from(digits.len()).ok()?);
    all_digits.then(|| value * 10_i64.pow(missing))
}

/// A number of so many digits, without a sign.
fn number(digits: &str, lengths: core::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The number of days since 1970 of a date (the same source).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let text = |millis| to_rfc3339(Timestamp::from_millis(millis));
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(1_415_624_019_862), "2014-11-10T12:53:39.862Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn text_that_spark_reads_as_a_timestamp() {
        let millis = |text| from_rfc3339(text).map(Timestamp::as_millis);
        let moment = Some(1_415_624_019_862);
        for text in [
            "2014-11-10T12:53:39.862Z",
            "2014-11-10 12:53:39.862",
            " 2014-11-10T14:53:39.862999+02:00 ",
            "2014-11-10t08:23:39.862-04:30",
        ] {
            assert_eq!(millis(text), moment, "{text}");
        }
        assert_eq!(millis("2000-02-29"), Some(951_782_400_000));
        assert_eq!(millis("1969-12-31 23:59"), Some(-60_000));
        assert_eq!(millis("1970-1-1 0:0:0.5"), Some(500));
        assert_eq!(from_rfc3339("1970-01-01T00:00:00.000001Z"), Some(Timestamp::from_micros(1)));
    }

    #[test]
    fn text_that_is_no_moment() {
        for text in [
            "",
            "2014",
            "2014-11",
            "2014-13-01",
            "2014-02-29",
            "2014-00-10",
            "2014-11-10T",
            "2014-11-10T12",
            "2014-11-10T24:00",
            "2014-11-10T12:60",
            "2014-11-10T12:00:60",
            "2014-11-10T12:00:00.x",
            "2014-11-10T12:00:00+",
            "2014-11-10T12:00+19:00",
            "2014-11-10T12:00:0é",
            "+-2014-01-01",
            "2014-11-10-1",
            "999999-01-01",
            "2014-11-10T12:00:00.123456x",
            "2014-11-10T1+2:3",
        ] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn every_moment_comes_back() {
        for micros in [0, -1, 1, i64::MAX, i64::MIN, 253_402_300_800_000_000, -62_167_219_200_000_001] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(from_rfc3339(&to_rfc3339_micros(at)), Some(at), "{}", to_rfc3339_micros(at));
        }
    }
}
