//! Arithmetic on values of one type. Null where either side is, and where Spark would stop with an error.

use super::tree::Arithmetic;
use crate::dynamic::Value;

/// `left` and `right` of the same numeric type, or of the types that moments and intervals are added up in.
pub(super) fn arithmetic(operator: Arithmetic, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => int(operator, *left, *right).into(),
        (Value::Long(left), Value::Long(right)) => long(operator, *left, *right).into(),
        (Value::Double(left), Value::Double(right)) => double(operator, *left, *right).into(),
        (Value::Timestamp(at), Value::Long(micros)) => {
            let moved = long(operator, at.as_micros(), *micros);
            moved.map(headwater::Timestamp::from_micros).into()
        }
        (Value::Timestamp(left), Value::Timestamp(right)) => {
            long(operator, left.as_micros(), right.as_micros()).into()
        }
        _ => Value::Null,
    }
}

/// Arithmetic on integers: `None` where the answer does not fit, or something is divided by zero.
macro_rules! on_integers {
    ($($name:ident $integer:ty),*) => {$(
        fn $name(operator: Arithmetic, left: $integer, right: $integer) -> Option<$integer> {
            match operator {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                Arithmetic::Multiply => left.checked_mul(right),
                Arithmetic::Divide => left.checked_div(right),
                // The remainder of the least integer by -1 is 0, not an overflow.
                Arithmetic::Remainder => (right != 0).then(|| left.wrapping_rem(right)),
            }
        }
    )*};
}

on_integers!(int i32, long i64);

/// IEEE, but that nothing is divided by zero.
fn double(operator: Arithmetic, left: f64, right: f64) -> Option<f64> {
    match operator {
        Arithmetic::Add => Some(left + right),
        Arithmetic::Subtract => Some(left - right),
        Arithmetic::Multiply => Some(left * right),
        Arithmetic::Divide => (right != 0.0).then(|| left / right),
        Arithmetic::Remainder => (right != 0.0).then(|| left % right),
    }
}

/// The number with its sign turned, null for the least integers.
pub(super) fn negate(value: &Value) -> Value {
    match value {
        Value::Int(value) => value.checked_neg().into(),
        Value::Long(value) => value.checked_neg().into(),
        Value::Double(value) => Value::Double(-value),
        _ => Value::Null,
    }
}

/// The number without its sign, null for the least integers.
pub(super) fn absolute(value: &Value) -> Value {
    match value {
        Value::Int(value) => value.checked_abs().into(),
        Value::Long(value) => value.checked_abs().into(),
        Value::Double(value) => Value::Double(value.abs()),
        _ => Value::Null,
    }
}

/// Rounded to `scale` decimals, to tens and hundreds where that is negative; halves away from zero.
pub(super) fn round(value: &Value, scale: i32) -> Value {
    match value {
        Value::Int(value) => {
            round_integer(i64::from(*value), scale).and_then(|rounded| i32::try_from(rounded).ok()).into()
        }
        Value::Long(value) => round_integer(*value, scale).into(),
        Value::Double(value) => Value::Double(round_double(*value, scale)),
        _ => Value::Null,
    }
}

fn round_integer(value: i64, scale: i32) -> Option<i64> {
    if scale >= 0 {
        return Some(value);
    }
    // Beyond 10^38 nothing that fits is half a unit.
    let unit = 10_i128.checked_pow(scale.unsigned_abs()).unwrap_or(i128::MAX);
    let half = (unit / 2) * i128::from(value.signum());
    let tens = (i128::from(value) + half) / unit;
    i64::try_from(tens.checked_mul(unit)?).ok()
}

/// Rounds the shortest decimal that stands for the number, as Spark does, not its binary value: 2.675 to 2 decimals is 2.68.
fn round_double(value: f64, scale: i32) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let text = format!("{:e}", value.abs());
    let Some((mantissa, exponent)) = text.split_once('e') else { return value };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let Some(last_place) = exponent.parse::<i32>().ok().and_then(|e| e.checked_add(1)) else { return value };
    // How many of the digits stay; digit 0 stands `last_place` places before the decimal point.
    let kept = last_place.saturating_add(scale);
    let rounded = match usize::try_from(kept) {
        // Adding 0.0 turns -0.0 into 0.0.
        Ok(kept) if kept >= digits.len() => return value + 0.0,
        Ok(kept) => {
            let head: u64 = digits.get(..kept).and_then(|head| head.parse().ok()).unwrap_or(0);
            let up = digits.as_bytes().get(kept).is_some_and(|digit| *digit >= b'5');
            format!("{}e{}", head + u64::from(up), scale.saturating_neg()).parse().unwrap_or(value)
        }
        Err(_) => 0.0,
    };
    // Spark rounds by way of a decimal, which has no negative zero.
    if rounded == 0.0 { 0.0 } else { f64::copysign(rounded, value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_round_by_their_shortest_decimal() {
        for (value, scale, expected) in [
            (2.5, 0, 3.0),
            (-2.5, 0, -3.0),
            (2.675, 2, 2.68),
            (0.5, 0, 1.0),
            (0.05, 0, 0.0),
            (-0.4, 0, 0.0),
            (9.99, 1, 10.0),
            (1_234.5, -2, 1_200.0),
            (1_250.0, -2, 1_300.0),
            (55.0, -2, 100.0),
            (5.0, -2, 0.0),
            (1e300, 5, 1e300),
            (1e-300, 5, 0.0),
            (f64::MAX, i32::MIN, 0.0),
            (f64::MAX, i32::MAX, f64::MAX),
        ] {
            assert_eq!(round_double(value, scale), expected, "round({value}, {scale})");
        }
        assert!(round_double(f64::NAN, 1).is_nan());
        assert!(round_double(-0.0, 1).is_sign_positive());
    }

    #[test]
    fn integers_round_to_tens() {
        assert_eq!(round(&Value::Int(25), -1), Value::Int(30));
        assert_eq!(round(&Value::Int(-25), -1), Value::Int(-30));
        assert_eq!(round(&Value::Int(i32::MAX), -1), Value::Null);
        assert_eq!(round(&Value::Long(i64::MIN), -18), Value::Long(-9_000_000_000_000_000_000));
        assert_eq!(round(&Value::Long(i64::MAX), i32::MIN), Value::Long(0));
        assert_eq!(round(&Value::Long(7), 3), Value::Long(7));
    }
}
