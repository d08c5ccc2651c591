//! How values are written where serde does not know their kind: doubles with one NaN, and shared text.

use serde::Serializer;

/// Every NaN as the same one, so that equal values are equal bytes but for the sign of zero.
pub(super) fn write_double<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(if value.is_nan() { f64::NAN } else { *value })
}

/// `Arc<str>` as a string.
pub(super) mod text {
    use core::fmt;
    use std::sync::Arc;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        text: &Arc<str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        deserializer.deserialize_str(Text)
    }

    struct Text;

    impl Visitor<'_> for Text {
        type Value = Arc<str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
            Ok(text.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater::Timestamp;
    use serde::Serialize;

    use crate::dynamic::{Row, Value};

    fn bytes(value: &impl Serialize) -> Vec<u8> {
        let mut buffer = [0; 128];
        postcard::to_slice(value, &mut buffer).unwrap().to_vec()
    }

    #[test]
    fn rows_come_back_from_the_checkpoint_with_one_nan() {
        let row = Row::new([
            Value::Null,
            Value::Bool(true),
            Value::Int(-1),
            Value::Long(i64::MAX),
            Value::Double(-0.0),
            Value::from("é"),
            Value::Timestamp(Timestamp::from_micros(-1)),
        ]);
        let back: Row = postcard::from_bytes(&bytes(&row)).unwrap();
        assert_eq!(back, row);
        // A whole row keeps the sign of zero; only as a key it loses it.
        assert!(back.value(4).as_f64().unwrap().is_sign_negative());
        assert!(back.key(&[4]).value(0).as_f64().unwrap().is_sign_positive());
        let nan = |bits| bytes(&Value::Double(f64::from_bits(bits)));
        assert_eq!(nan(0xfff8_0000_0000_0001), nan(0x7ff8_0000_0000_0000));
    }
}
