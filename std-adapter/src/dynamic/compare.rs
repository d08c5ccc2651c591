//! How values compare: as keys, in `min` and `max`, and in SQL's `=` and `<`.

use core::cmp::Ordering;
use core::hash::{Hash, Hasher};

use headwater::aggregate::{Order, StableHash};

use super::Value;

impl Value {
    /// The comparison of SQL: `None` where either side is null, or where the types do not compare.
    ///
    /// Numbers of two types compare as the wider one, as in Spark (`long` against `double` as `double`). NaN equals itself
    /// and is greater than every other number.
    ///
    /// ```
    /// use core::cmp::Ordering;
    /// use headwater_std::dynamic::Value;
    /// assert_eq!(Value::Int(1).sql_compare(&Value::Double(1.0)), Some(Ordering::Equal));
    /// assert_eq!(Value::Double(f64::NAN).sql_compare(&Value::Double(f64::INFINITY)), Some(Ordering::Greater));
    /// assert_eq!(Value::Null.sql_compare(&Value::Null), None);
    /// ```
    #[must_use]
    pub fn sql_compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => Some(left.order(right)),
            (Self::String(left), Self::String(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
            (Self::Timestamp(left), Self::Timestamp(right)) => Some(left.order(right)),
            _ => match (self.as_i64(), other.as_i64()) {
                (Some(left), Some(right)) => Some(left.order(&right)),
                _ => Some(self.as_f64()?.order(&other.as_f64()?)),
            },
        }
    }

    /// Where this type stands among values of several types.
    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Long(_) => 3,
            Self::Double(_) => 4,
            Self::String(_) => 5,
            Self::Timestamp(_) => 6,
        }
    }
}

/// Spark's order of a column, nulls first. Values of two types, which no column holds, stand in the order of the types.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        // Within one type `sql_compare` answers for all but null.
        self.rank().cmp(&other.rank()).then_with(|| self.sql_compare(other).unwrap_or(Ordering::Equal))
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Int(value) => value.hash(state),
            Self::Long(value) => value.hash(state),
            Self::Double(value) if value.is_nan() => f64::NAN.to_bits().hash(state),
            Self::Double(value) => (value + 0.0).to_bits().hash(state),
            Self::String(value) => value.hash(state),
            Self::Timestamp(value) => value.hash(state),
        }
    }
}

/// The order of [`Ord`], which is Spark's for `min` and `max`.
impl Order for Value {
    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// As Spark's `xxhash64` of a column: null leaves the seed as it is.
impl StableHash for Value {
    fn stable_hash(&self, seed: u64) -> u64 {
        match self {
            Self::Null => seed,
            Self::Bool(value) => value.stable_hash(seed),
            Self::Int(value) => value.stable_hash(seed),
            Self::Long(value) => value.stable_hash(seed),
            Self::Double(value) => value.stable_hash(seed),
            Self::String(value) => str::stable_hash(value, seed),
            Self::Timestamp(value) => value.stable_hash(seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::hash::{BuildHasher, BuildHasherDefault};
    use std::hash::DefaultHasher;

    use headwater::Timestamp;

    use super::*;

    fn values_in_order() -> Vec<Value> {
        let doubles = [f64::NEG_INFINITY, -1.5, 0.0, 1.5, f64::INFINITY, f64::NAN];
        let mut values = vec![Value::Null, Value::Bool(false), Value::Bool(true)];
        values.extend([i32::MIN, 0, 7].map(Value::Int));
        values.extend([i64::MIN, 0, 7].map(Value::Long));
        values.extend(doubles.map(Value::Double));
        values.extend(["", "a", "ab", "b", "é"].map(Value::from));
        values.extend([-1, 0, 1].map(|micros| Value::Timestamp(Timestamp::from_micros(micros))));
        values
    }

    #[test]
    fn order_equality_and_hash_agree() {
        let hash = |value: &Value| BuildHasherDefault::<DefaultHasher>::default().hash_one(value);
        let values = values_in_order();
        for (i, left) in values.iter().enumerate() {
            for (j, right) in values.iter().enumerate() {
                assert_eq!(left.cmp(right), i.cmp(&j), "{left:?} against {right:?}");
                assert_eq!(left == right, i == j, "{left:?} against {right:?}");
                assert_eq!(hash(left) == hash(right), i == j, "{left:?} against {right:?}");
            }
        }
        assert_eq!(hash(&Value::Double(-0.0)), hash(&Value::Double(0.0)));
        assert_eq!(hash(&Value::Double(-f64::NAN)), hash(&Value::Double(f64::NAN)));
    }

    #[test]
    fn sql_compares_numbers_of_two_types_and_nothing_with_null() {
        let compare = |left: Value, right: Value| left.sql_compare(&right);
        assert_eq!(compare(Value::Int(2), Value::Long(3)), Some(Ordering::Less));
        assert_eq!(compare(Value::Long(3), Value::Double(2.5)), Some(Ordering::Greater));
        assert_eq!(compare(Value::Long(3), Value::Double(f64::NAN)), Some(Ordering::Less));
        assert_eq!(compare(Value::Double(-0.0), Value::Double(0.0)), Some(Ordering::Equal));
        // 2^53 + 1 is 2^53 as a double, and Spark compares as doubles.
        assert_eq!(
            compare(Value::Long((1 << 53) + 1), Value::Double(9_007_199_254_740_992.0)),
            Some(Ordering::Equal)
        );
        assert_eq!(compare(Value::Null, Value::Int(1)), None);
        assert_eq!(compare(Value::from("1"), Value::Int(1)), None);
    }
}
