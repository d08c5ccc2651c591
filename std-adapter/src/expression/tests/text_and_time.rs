//! Text, moments, lengths of time.

use headwater::Span;

use super::*;

#[test]
fn text() {
    check(&[
        ("s LIKE 'H%o'", true.into()),
        ("s LIKE '_ello'", true.into()),
        ("s LIKE 'h%'", false.into()),
        ("s NOT LIKE 'h%'", true.into()),
        ("s ILIKE 'h%'", true.into()),
        ("'5%' LIKE '5\\%'", true.into()),
        ("'55' LIKE '5\\%'", false.into()),
        ("'5%' LIKE '5#%' ESCAPE '#'", true.into()),
        ("s LIKE NULL", null()),
        ("'a' || i || d || b", "a72.5true".into()),
        ("s || NULL", null()),
        ("1 + 2 || 'n'", "3n".into()),
        ("concat(s, '-', ts)", "Hello-1970-01-01 00:01:30.5".into()),
        ("upper(s) = 'HELLO' AND lower(s) = 'hello'", true.into()),
        ("ucase('straße')", "STRASSE".into()),
        ("length('né')", 2.into()),
        ("length(i)", 1.into()),
        ("trim('  a b ')", "a b".into()),
        ("trim(BOTH 'x' FROM 'xxaxx')", "a".into()),
        ("trim(LEADING 'x' FROM 'xax')", "ax".into()),
        ("ltrim(' a ') || '|' || rtrim(' a ')", "a | a".into()),
        ("substring(s, 2, 3)", "ell".into()),
        ("substr(s, 2)", "ello".into()),
        ("substring(s FROM 2 FOR 3)", "ell".into()),
        ("substring(s, 0, 2)", "He".into()),
        ("substring(s, -3, 2)", "ll".into()),
        ("substring('abc', -5, 3)", "a".into()),
        ("substring(s, 9, 3)", "".into()),
        ("substring(s, 2, -1)", "".into()),
        ("substring(s, NULL)", null()),
    ]);
}

#[test]
fn time() {
    check(&[
        ("unix_millis(ts) % 2 = 0", true.into()),
        ("unix_micros(ts)", 90_500_000_i64.into()),
        ("unix_seconds(ts)", 90_i64.into()),
        ("unix_seconds(TIMESTAMP '1969-12-31 23:59:59.5')", (-1_i64).into()),
        ("unix_millis(TIMESTAMP '1969-12-31 23:59:59.9999')", (-1_i64).into()),
        ("timestamp_millis(90500) = ts", true.into()),
        ("timestamp_seconds(90.5) = ts", true.into()),
        ("timestamp_micros(l)", millis(3_000_000)),
        ("timestamp_millis(9223372036854775807)", null()),
        ("ts + INTERVAL '5' SECOND", millis(95_500)),
        ("ts - INTERVAL 5 SECONDS", millis(85_500)),
        ("INTERVAL '1 minute 30 seconds' + ts", millis(180_500)),
        ("ts + INTERVAL -500 MILLISECONDS", millis(90_000)),
        ("ts + INTERVAL 1 HOUR - INTERVAL 1 DAY", millis(90_500 + 3_600_000 - 86_400_000)),
        ("ts - TIMESTAMP '1970-01-01 00:01:00' <= INTERVAL 30 SECONDS", false.into()),
        ("ts - TIMESTAMP '1970-01-01' BETWEEN INTERVAL 1 MINUTE AND INTERVAL 2 MINUTES", true.into()),
        ("ts > TIMESTAMP '1970-01-01' + INTERVAL 1 MINUTE", true.into()),
        ("timestamp_micros(9223372036854775807) + INTERVAL 1 SECOND", null()),
    ]);
}

#[test]
fn intervals_for_each_row() {
    let gap = |text: &str| IntervalExpression::parse(text, &schema()).unwrap().evaluate(&row());
    assert_eq!(gap("CASE WHEN s = 'Hello' THEN '10 seconds' ELSE '2 seconds' END"), Some(Span::secs(10)));
    assert_eq!(gap("if(i > 9, INTERVAL 10 SECONDS, INTERVAL '2' MINUTE)"), Some(Span::mins(2)));
    assert_eq!(gap("concat(i, ' seconds')"), Some(Span::secs(7)));
    assert_eq!(gap("'10 seconds'"), Some(Span::secs(10)));
    assert_eq!(gap("if(i > 9, '1 second', NULL)"), None);
    assert_eq!(gap("concat('-', i, ' seconds')"), None);
    assert_eq!(gap("s"), None);
    let refused = |text| IntervalExpression::parse(text, &schema()).unwrap_err().to_string();
    assert!(refused("'10 apples'").contains("`apples` is no unit"), "{}", refused("'10 apples'"));
    assert_eq!(
        refused("i"),
        "`i` answers int; a length of time is an interval, or text such as '10 seconds'"
    );
}
