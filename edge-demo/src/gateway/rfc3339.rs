//! Moments written as text: the date-times of RFC 3339, section 5.6.

use headwater::Timestamp;

/// Reads a date-time such as `2014-11-10T13:53:41.690+01:00` or `2014-11-10 12:53:41Z`.
///
/// Digits beyond the sixth after the decimal point are cut off: a [`Timestamp`] counts microseconds. The leap second `:60`
/// counts as the first second of the next minute.
///
/// # Errors
/// A sentence that says what is wrong with `text`.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, String> {
    read(text).ok_or_else(|| {
        format!("`{text}` is neither ms since 1970 nor RFC 3339 such as 2014-11-10T12:53:41.690Z")
    })
}

fn read(text: &str) -> Option<Timestamp> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4, 0, 9999)?;
    literal(&mut rest, b"-")?;
    let month = number(&mut rest, 2, 1, 12)?;
    literal(&mut rest, b"-")?;
    let day = number(&mut rest, 2, 1, days_in(year, month))?;
    literal(&mut rest, b"Tt ")?;
    let hour = number(&mut rest, 2, 0, 23)?;
    literal(&mut rest, b":")?;
    let minute = number(&mut rest, 2, 0, 59)?;
    literal(&mut rest, b":")?;
    let second = number(&mut rest, 2, 0, 60)?;
    let micros = fraction_micros(&mut rest)?;
    let offset_minutes = zone_minutes(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some(Timestamp::from_micros((minutes * 60 + second) * 1_000_000 + micros))
}

fn literal(rest: &mut &[u8], one_of: &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    one_of.contains(first).then_some(*first)
}

fn number(rest: &mut &[u8], digits: usize, min: i64, max: i64) -> Option<i64> {
    let (head, tail) = rest.split_at_checked(digits)?;
    *rest = tail;
    let mut value = 0;
    for digit in head {
        value = value * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    (min..=max).contains(&value).then_some(value)
}

/// `.` and at least one digit, or nothing at all.
fn fraction_micros(rest: &mut &[u8]) -> Option<i64> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some(0) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, tail) = digits.split_at(length);
    *rest = tail;
    let with_zeros = digits.iter().chain(core::iter::repeat(&b'0')).take(6);
    (length > 0).then(|| with_zeros.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
}

fn zone_minutes(rest: &mut &[u8]) -> Option<i64> {
    let sign = match literal(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let hours = number(rest, 2, 0, 23)?;
    literal(rest, b":")?;
    Some(sign * (hours * 60 + number(rest, 2, 0, 59)?))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month < 3 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let leap_days = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    // 153 days in every five months from March on; 719,468 days lie between 0000-03-01 and 1970-01-01.
    march_year * 365 + leap_days + (153 * months_since_march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        parse_rfc3339(text).unwrap().as_micros()
    }

    #[test]
    fn reads_zones_and_fractions() {
        assert_eq!(micros("1970-01-01T00:00:00Z"), 0);
        assert_eq!(micros("2014-11-10T13:53:41.690+01:00"), 1_415_624_021_690_000);
        assert_eq!(micros("2014-11-10 07:23:41.69-05:30"), 1_415_624_021_690_000);
        assert_eq!(micros("1969-12-31t23:59:59.9999999z"), -1);
        assert_eq!(micros("2016-12-31T23:59:60Z"), micros("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn every_day_of_eight_hundred_years_follows_the_one_before() {
        let mut before = days_since_1970(1599, 12, 31);
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_1970(year, month, day), before + 1, "{year}-{month}-{day}");
                    before += 1;
                }
            }
        }
        assert_eq!(days_since_1970(2000, 2, 29), 11_016);
    }

    #[test]
    fn refuses_what_is_no_moment() {
        let wrong = [
            "",
            "2014-11-10",
            "2014-11-10T12:53:41",
            "2014-13-10T12:53:41Z",
            "2015-02-29T12:53:41Z",
            "2014-11-10T24:00:00Z",
            "2014-11-10T12:53:41.Z",
            "2014-11-10T12:53:41Z ",
            "2014-11-10T12:53:41+0100",
            "+014-11-10T12:53:41Z",
            "2014-11-10T12:5é:41Z",
        ];
        for text in wrong {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }
}
