//! Expressions, a row, and what Spark 4 answers.

mod logic;
mod random;
mod refused;
mod text_and_time;
mod values;

use headwater::Timestamp;

use super::*;
use crate::dynamic::Column;

fn schema() -> Schema {
    let columns = [
        ("i", DataType::Int),
        ("l", DataType::Long),
        ("d", DataType::Double),
        ("s", DataType::String),
        ("b", DataType::Bool),
        ("ts", DataType::Timestamp),
        ("Room No", DataType::Int),
    ];
    Schema::new(columns.map(|(name, data_type)| Column::new(name, data_type))).unwrap()
}

fn row() -> Row {
    Row::new([
        Value::Int(7),
        Value::Long(3_000_000_000),
        Value::Double(2.5),
        Value::from("Hello"),
        Value::Bool(true),
        Value::Timestamp(Timestamp::from_millis(90_500)),
        Value::Int(42),
    ])
}

fn nulls() -> Row {
    Row::new([const { Value::Null }; 7])
}

fn answer(text: &str, row: &Row) -> Value {
    let expression = Expression::parse(text, &schema()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let value = expression.evaluate(row);
    let found = value.data_type().unwrap_or(expression.data_type());
    assert_eq!(found, expression.data_type(), "the type that {text} says");
    value
}

fn null() -> Value {
    Value::Null
}

fn nan() -> Value {
    Value::Double(f64::NAN)
}

fn millis(millis: i64) -> Value {
    Value::Timestamp(Timestamp::from_millis(millis))
}

fn check(table: &[(&str, Value)]) {
    for (text, expected) in table {
        assert_eq!(&answer(text, &row()), expected, "{text}");
    }
}

#[test]
fn columns_are_those_that_are_read() {
    let columns = |text| Expression::parse(text, &schema()).unwrap().columns().to_vec();
    assert_eq!(columns("d > 1 AND d < i"), [0, 2]);
    assert_eq!(columns("CASE s WHEN 'a' THEN ts ELSE timestamp_millis(l) END"), [1, 3, 5]);
    assert_eq!(columns("i BETWEEN 1 AND `room no` OR s LIKE 'a' OR l IN (1, d)"), [0, 1, 2, 3, 6]);
    assert!(columns("1 + 1").is_empty());
}

/// As in Spark, words of SQL are names where they cannot be anything else.
#[test]
fn columns_named_like_words_of_sql() {
    let words = "key value values timestamp time date user left right end start order group window count sum first last \
        type name level status position row rows offset limit state hour minute second zone float double int string \
        session if substring floor ceil array map struct rate index year month day `interval` `trim` `case` `current_time`";
    for word in words.split_whitespace() {
        let schema = Schema::new([Column::new(word.trim_matches('`'), DataType::Int)]).unwrap();
        for text in [format!("{word} > 1"), format!("abs({word} + 1) < 2 * {word} AND {word} IS NOT NULL")] {
            let expression = Expression::parse(&text, &schema).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(expression.evaluate(&Row::new([Value::Int(2)])), true.into(), "{text}");
        }
    }
}
