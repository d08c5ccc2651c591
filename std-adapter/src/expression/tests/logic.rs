//! Comparisons, three-valued logic, conditionals, and null.

use super::*;

#[test]
fn comparisons_take_nan_as_the_greatest_and_are_null_for_null() {
    check(&[
        ("i = 7", true.into()),
        ("i == 7.0", true.into()),
        ("l > i", true.into()),
        ("i <> 7", false.into()),
        ("i != 8", true.into()),
        ("s < 'a'", true.into()),
        ("i = '7'", true.into()),
        ("i = 'x'", null()),
        ("ts = '1970-01-01 00:01:30.5'", true.into()),
        ("b = 'yes'", true.into()),
        ("b > FALSE", true.into()),
        ("NULL = NULL", null()),
        ("NULL <=> NULL", true.into()),
        ("i <=> NULL", false.into()),
        ("i IS DISTINCT FROM NULL", true.into()),
        ("i IS NOT DISTINCT FROM 7L", true.into()),
    ]);
    let doubles = Schema::new(["x", "y"].map(|name| Column::new(name, DataType::Double))).unwrap();
    for (x, y, less, equal) in [
        (f64::NAN, f64::NAN, false, true),
        (f64::INFINITY, f64::NAN, true, false),
        (f64::NAN, 1.0, false, false),
        (-0.0, 0.0, false, true),
    ] {
        let row = Row::new([Value::Double(x), Value::Double(y)]);
        let holds = |text| Expression::parse(text, &doubles).unwrap().evaluate_predicate(&row);
        assert_eq!((holds("x < y"), holds("x = y"), holds("x <=> y")), (less, equal, equal), "{x} {y}");
        assert_eq!((holds("x >= y"), holds("x <> y")), (!less, !equal), "{x} {y}");
    }
}

#[test]
fn logic_has_three_values() {
    let names = ["true", "false", "null"];
    let and = ["true", "false", "null", "false", "false", "false", "null", "false", "null"];
    let or = ["true", "true", "true", "true", "false", "null", "true", "null", "null"];
    for (index, (and, or)) in and.iter().zip(or).enumerate() {
        let (left, right) = (names[index / 3], names[index % 3]);
        let cast = |name: &str| answer(&format!("CAST({name} AS boolean)"), &row());
        assert_eq!(answer(&format!("{left} AND {right}"), &row()), cast(and), "{left} AND {right}");
        assert_eq!(answer(&format!("{left} OR {right}"), &row()), cast(or), "{left} OR {right}");
    }
    check(&[
        ("NOT b", false.into()),
        ("! b", false.into()),
        ("NOT NULL", null()),
        ("NOT i = 8 AND b", true.into()),
        ("i = 8 OR b AND i = 7", true.into()),
        ("b IS TRUE", true.into()),
        ("NULL IS TRUE", false.into()),
        ("NULL IS NOT TRUE", true.into()),
        ("b IS FALSE", false.into()),
        ("NULL IS NOT FALSE", true.into()),
        ("i IS NULL", false.into()),
        ("i IS NOT NULL", true.into()),
        ("i IN (1, 7, NULL)", true.into()),
        ("i IN (1, NULL)", null()),
        ("i NOT IN (1, NULL)", null()),
        ("i NOT IN (1, 2.0)", true.into()),
        ("NULL IN (1)", null()),
        ("s IN ('a', 'Hello')", true.into()),
        ("i BETWEEN 7 AND 8.5", true.into()),
        ("i NOT BETWEEN 1 AND 6", true.into()),
        ("i BETWEEN NULL AND 6", false.into()),
        ("i BETWEEN 1 AND NULL", null()),
        ("i BETWEEN 8 AND NULL", false.into()),
    ]);
    assert!(!Expression::parse("i > 1", &schema()).unwrap().evaluate_predicate(&nulls()));
}

#[test]
fn conditionals() {
    check(&[
        ("CASE WHEN i > 5 THEN 'many' ELSE 'few' END", "many".into()),
        ("CASE WHEN NULL THEN 1 END", null()),
        ("CASE i WHEN 1 THEN 'one' WHEN 7.0 THEN 'seven' END", "seven".into()),
        ("CASE NULL WHEN NULL THEN 1 ELSE 2 END", 2.into()),
        ("CASE WHEN b THEN 1 ELSE 2.5 END", 1.0.into()),
        ("if(i > 5, 1, 2L)", 1_i64.into()),
        ("if(NULL, 1, 2)", 2.into()),
        ("coalesce(NULL, NULL, i)", 7.into()),
        ("coalesce(NULL, 1, 2.5)", 1.0.into()),
        ("nvl(NULL, s)", "Hello".into()),
        ("ifnull(s, 'x')", "Hello".into()),
        ("nullif(i, 7.0)", null()),
        ("nullif(i, 8)", 7.into()),
        ("nullif(i, NULL)", 7.into()),
        ("isnull(i)", false.into()),
        ("isnotnull(NULL)", false.into()),
    ]);
}

#[test]
fn null_in_null_out() {
    for text in [
        "i + 1",
        "-d",
        "i / l",
        "i % 2",
        "s || 'x'",
        "s LIKE '%'",
        "abs(i)",
        "round(d, 1)",
        "floor(d)",
        "sqrt(d)",
        "upper(s)",
        "length(s)",
        "trim(s)",
        "substring(s, 1)",
        "concat('a', s)",
        "unix_millis(ts)",
        "timestamp_millis(l)",
        "ts + INTERVAL 1 SECOND",
        "CAST(i AS string)",
        "NOT b",
        "i BETWEEN 1 AND 2",
        "i IN (1)",
        "nullif(i, 1)",
        "least(i, l)",
        "i = l",
        "s < 'a'",
    ] {
        assert_eq!(answer(text, &nulls()), null(), "{text}");
    }
}
