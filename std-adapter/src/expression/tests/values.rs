//! Literals, arithmetic, functions of numbers, casts.

use super::*;

#[test]
fn literals_and_columns() {
    check(&[
        ("1", 1.into()),
        ("-2147483648", i32::MIN.into()),
        ("2147483648", 2_147_483_648_i64.into()),
        ("-9223372036854775808", i64::MIN.into()),
        ("9223372036854775808", 9.223_372_036_854_776e18.into()),
        ("1L", 1_i64.into()),
        ("1.50", 1.5.into()),
        ("1e3", 1000.0.into()),
        (".5", 0.5.into()),
        ("'it''s'", "it's".into()),
        ("'it\\'s'", "it's".into()),
        ("\"text\"", "text".into()),
        ("TRUE", true.into()),
        ("TIMESTAMP '1970-01-01 00:01:30.5'", millis(90_500)),
        ("TIMESTAMP '1970-01-01T01:01:30.5+01:00'", millis(90_500)),
        ("I", 7.into()),
        ("`Room No` + `i`", 49.into()),
        ("(((ts)))", millis(90_500)),
    ]);
}

#[test]
fn arithmetic_has_the_wider_type_and_null_for_what_does_not_fit() {
    check(&[
        ("i * 2 + 1", 15.into()),
        ("i + l", 3_000_000_007_i64.into()),
        ("i * d", 17.5.into()),
        ("i / 2", 3.5.into()),
        ("i % 4", 3.into()),
        ("-i % 4", (-3).into()),
        ("-5.5 % 2", (-1.5).into()),
        ("-(-i)", 7.into()),
        ("+i", 7.into()),
        ("2 + 3 * 4 - 1", 13.into()),
        ("'3' + 4", 7_i64.into()),
        ("'3' * 1.5", 4.5.into()),
        ("'x' + 4", null()),
        ("2147483647 + 1", null()),
        ("2147483647 + 1L", 2_147_483_648_i64.into()),
        ("9223372036854775807 * 2", null()),
        ("-2147483648 % -1", 0.into()),
        ("-(-9223372036854775808)", null()),
        ("i / 0", null()),
        ("i % 0", null()),
        ("d / 0", null()),
        ("i + NULL", null()),
        ("1e308 * 10", f64::INFINITY.into()),
        ("CAST('NaN' AS double) + 1", nan()),
        ("CAST('Infinity' AS double) - CAST('Infinity' AS double)", nan()),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("abs(-i)", 7.into()),
        ("abs(-2147483648)", null()),
        ("abs('-1.5')", 1.5.into()),
        ("round(2.5)", 3.0.into()),
        ("round(-2.5)", (-3.0).into()),
        ("round(2.675, 2)", 2.68.into()),
        ("round(i, -1)", 10.into()),
        ("floor(-1.5)", (-2_i64).into()),
        ("ceil(-1.5)", (-1_i64).into()),
        ("ceiling(l)", 3_000_000_000_i64.into()),
        ("floor(CAST('NaN' AS double))", 0_i64.into()),
        ("sqrt(16)", 4.0.into()),
        ("sqrt(-1)", nan()),
        ("isnan(sqrt(-1))", true.into()),
        ("isnan(NULL)", false.into()),
        ("isnan(i)", false.into()),
        ("least(3, NULL, 2.5)", 2.5.into()),
        ("greatest(1, sqrt(-1), 2)", nan()),
        ("least(1, sqrt(-1))", 1.0.into()),
        ("greatest('a', 'b')", "b".into()),
        ("greatest(CAST(NULL AS int), NULL)", null()),
    ]);
}

#[test]
fn casts() {
    check(&[
        ("CAST(d AS int)", 2.into()),
        ("CAST(-2.9 AS bigint)", (-2_i64).into()),
        ("CAST(l AS int)", null()),
        ("CAST(1e19 AS long)", null()),
        ("CAST(sqrt(-1) AS int)", null()),
        ("CAST(' 12 ' AS int)", 12.into()),
        ("CAST('1.5' AS int)", null()),
        ("TRY_CAST('x' AS double)", null()),
        ("'1e3'::double", 1000.0.into()),
        ("CAST(b AS double)", 1.0.into()),
        ("CAST(0 AS boolean)", false.into()),
        ("CAST('Y' AS boolean)", true.into()),
        ("CAST('on' AS boolean)", null()),
        ("CAST(10.0 AS string)", "10.0".into()),
        ("CAST(1e7 AS string)", "1.0E7".into()),
        ("CAST(12345678.9e0 AS string)", "1.23456789E7".into()),
        ("CAST(1e-3 AS string)", "0.001".into()),
        ("CAST(1.5e-4 AS string)", "1.5E-4".into()),
        ("CAST(-0e0 AS string)", "-0.0".into()),
        ("CAST(sqrt(-1) AS string)", "NaN".into()),
        ("CAST(ts AS string)", "1970-01-01 00:01:30.5".into()),
        ("CAST(TIMESTAMP '2024-02-29' AS string)", "2024-02-29 00:00:00".into()),
        ("CAST(ts AS long)", 90_i64.into()),
        ("CAST(ts AS double)", 90.5.into()),
        ("CAST(90.5 AS timestamp)", millis(90_500)),
        ("CAST(NULL AS timestamp)", null()),
    ]);
}
