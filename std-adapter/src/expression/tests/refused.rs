//! What is refused, and how it is said; the bounds.

use super::*;

fn error(text: &str) -> String {
    Expression::parse(text, &schema()).expect_err(text).to_string()
}

#[test]
fn errors_say_where_what_and_what_instead() {
    for (text, expected) in [
        ("i >", "`i >` is no expression: Expected: an expression, found: EOF"),
        ("i 1", "`i 1` is no expression: Expected: an operator or the end, found: 1 at Line: 1, Column: 3"),
        ("'open", "`'open` is no expression: Unterminated string literal at Line: 1, Column: 1"),
        ("i +\n  nope", "no column `nope` (line 2, column 3); the columns are: i, l, d, s, b, ts, Room No"),
        ("t.i", "`t.i` is not supported: a column stands alone; the columns are: i, l, d, s, b, ts, Room No"),
        ("nope(i)", "no function `nope`; the functions are: abs, round"),
        ("abs(i, 1)", "`abs` takes 1 argument, not 2"),
        ("round()", "`round` takes 1 to 2 arguments, not 0"),
        ("least(1)", "`least` takes 2 or more arguments, not 1"),
        ("i AND b", "`i AND b`: int where a condition is needed; compare it with something"),
        ("ts > 5", "`ts > 5`: timestamp does not compare with int; write a CAST around one side"),
        ("ts + 5", "`ts + 5`: timestamp and int where numbers, or a timestamp and an interval, are needed"),
        ("abs(b)", "`abs(b)`: boolean where a number is needed"),
        ("unix_millis(i)", "`unix_millis(i)`: int where timestamp is needed; write CAST(... AS timestamp)"),
        ("coalesce(ts, 1)", "`coalesce(ts, 1)`: timestamp and int do not come together"),
        ("d DIV 2", "`d DIV 2` is no expression: No infix parser"),
        ("substring(s, l)", "`SUBSTRING(s, l)`: long where int is needed; write CAST"),
        ("round(d, i)", "`round(d, i)`: the number of decimals must be an integer literal"),
        ("CAST(b AS timestamp)", "`CAST(b AS TIMESTAMP)`: there is no cast from boolean to timestamp"),
        (
            "CAST(i AS decimal)",
            "`CAST(i AS DECIMAL)` is not supported: no type DECIMAL; the types are: boolean",
        ),
        ("TIMESTAMP 'noon'", "`TIMESTAMP 'noon'`: it is no time such as"),
        ("ts + INTERVAL 1 MONTH", "`1 MONTH` is no interval: a MONTH has no fixed length; write days"),
        ("ts + INTERVAL '1:2' MINUTE TO SECOND", "`INTERVAL '1:2' MINUTE TO SECOND` is not supported: write"),
        ("NULL", "`NULL` is null of no type; say which, for instance CAST(NULL AS double)"),
        ("INTERVAL 1 DAY", "`INTERVAL 1 DAY` is an interval, which no column can hold"),
        ("99999999999999999999L", "`99999999999999999999`: it does not fit a long"),
        ("1e999", "`1e999`: it does not fit a double"),
        ("s LIKE 'a' ESCAPE 'ab'", "`'ab'`: the escape is text of one character"),
        ("i & 1", "`i & 1` is not supported: no operator &; there are + -"),
        ("count(*)", "`count(*)` is not supported: there are columns, literals"),
        ("sum(i) OVER ()", "`sum(i) OVER ()` is not supported: there are columns, literals"),
        ("i IN (SELECT 1)", "`i IN (SELECT 1)` is not supported: there are columns, literals"),
        ("X'00'", "`X'00'` is not supported: literals are numbers, 'text'"),
    ] {
        let found = error(text);
        assert!(found.starts_with(expected), "{text}\n found: {found}\n expected: {expected}");
    }
}

#[test]
fn a_name_that_only_case_tells_apart_is_written_as_it_is() {
    let schema = Schema::new(["key", "Key"].map(|name| Column::new(name, DataType::Int))).unwrap();
    assert_eq!(Expression::parse("Key", &schema).unwrap().columns(), [1]);
    let error = Expression::parse("KEY", &schema).unwrap_err().to_string();
    assert_eq!(error, "`KEY` could be any of the columns key, Key; write it as the column is written");
}

#[test]
fn hostile_text_is_refused_and_not_followed() {
    let texts = [
        "(".repeat(10_000),
        format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000)),
        "-".repeat(10_000),
        format!("{}i", "- ".repeat(990)),
        format!("{}b", "NOT ".repeat(990)),
        format!("i{}", " + i".repeat(490)),
        format!("i{}", " + i".repeat(5_000)),
        format!("i{}", " - i".repeat(490)),
        format!("i{}", " IS NULL".repeat(490)),
        format!("i{}", "::int".repeat(490)),
        format!("i{}", "[1]".repeat(330)),
        format!("i{}", " AND 1".repeat(490)),
        format!("i{}", ".i".repeat(490)),
        format!("{}i{}", "abs(".repeat(330), ")".repeat(330)),
        format!("{}1{}", "CASE WHEN b THEN ".repeat(190), " END".repeat(190)),
        format!("CAST(i AS {}int{})", "ARRAY<".repeat(330), ">".repeat(330)),
        format!("i IN ({}1{})", "SELECT (".repeat(330), ")".repeat(330)),
        format!("{}i", "INTERVAL ".repeat(990)),
        format!("i{}", " BETWEEN 1 AND i".repeat(240)),
        format!("'{}'", "x".repeat(20_000)),
        "\u{0}é\u{202e}".to_owned(),
        String::new(),
    ];
    for text in texts {
        let shown: String = text.chars().take(30).collect();

        assert!(Expression::parse(&text, &schema()).is_err(), "{shown}");
    }
}

#[test]
fn the_deepest_that_is_taken_can_be_evaluated() {
    on_a_small_stack(|| {
        let chain = |terms: usize| format!("i{}", " + i".repeat(terms));
        assert_eq!(answer(&chain(99), &row()), 700.into());
        let refused = Expression::parse(&chain(100), &schema()).unwrap_err();
        assert_eq!(refused, ExpressionError::TooDeep { most: 100 });
        // Each level converts as well.
        let mixed = format!("0.5{}", " + i".repeat(99));
        assert_eq!(answer(&mixed, &row()), 693.5.into());
    });
}

/// Half of what a thread has by default, in a build without optimization: what is not refused must fit.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}
