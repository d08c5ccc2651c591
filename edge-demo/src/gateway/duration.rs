//! Lengths of time on the command line: `500ms`, `30s`, `10m`, `1h`, `2d`.

use headwater::Span;

/// Reads a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// A sentence that says what is wrong with `text`.
pub fn parse_duration(text: &str) -> Result<Span, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros_per_unit = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000_i64,
        _ => return Err(format!("`{text}` is not a length of time such as 500ms, 30s, 10m, 1h or 2d")),
    };
    if number.is_empty() {
        return Err(format!("`{text}` lacks a whole number before `{unit}`"));
    }
    let micros = number.parse::<i64>().ok().and_then(|number| number.checked_mul(micros_per_unit));
    micros.and_then(Span::from_micros).ok_or_else(|| format!("`{text}` is longer than 292,000 years"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        let read = |text| parse_duration(text).unwrap();
        assert_eq!(read("500ms"), Span::millis(500));
        assert_eq!(read("30s"), Span::secs(30));
        assert_eq!(read("10m"), Span::mins(10));
        assert_eq!(read("1h"), Span::hours(1));
        assert_eq!(read("2d"), Span::days(2));
        assert_eq!(read("0s"), Span::ZERO);
    }

    #[test]
    fn refuses_everything_else() {
        for text in
            ["", "10", "s", "1.5s", "-1s", "1 s", "1S", "1w", "99999999999999999999d", "9999999999999d"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
