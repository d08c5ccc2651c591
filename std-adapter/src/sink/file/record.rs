//! A row as a CSV record, written field after field into a buffer: nothing else is allocated.
//!
//! The text is the one that the `csv` crate writes (`QuoteStyle::Necessary`), which is asked for the header, and for the words when a row does not
//! flatten into fields.

use core::fmt;

use serde::ser::{
    self, Impossible, Serialize, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct,
    Serializer,
};

/// The row is not one of fields: it holds a map, or an enum variant with more than one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotFlat;

impl fmt::Display for NotFlat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the row is not flat")
    }
}

impl core::error::Error for NotFlat {}

impl ser::Error for NotFlat {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Appends the row and a newline to `text` and gives the number of its fields. On an error `text` is as it was.
pub(super) fn append<Row: Serialize>(text: &mut Vec<u8>, row: &Row) -> Result<usize, NotFlat> {
    let start = text.len();
    let mut record = Record { text, fields: 0 };
    if let Err(error) = row.serialize(&mut record) {
        text.truncate(start);
        return Err(error);
    }
    let fields = record.fields;
    if text.len() == start {
        // An empty line would be no record.
        text.extend_from_slice(b"\"\"");
    }
    text.push(b'\n');
    Ok(fields)
}

struct Record<'t> {
    text: &'t mut Vec<u8>,
    fields: usize,
}

impl Record<'_> {
    /// A field that needs no quotes.
    #[inline]
    fn plain(&mut self, field: &[u8]) {
        if self.fields > 0 {
            self.text.push(b',');
        }
        self.fields += 1;
        self.text.extend_from_slice(field);
    }

    #[inline]
    fn field(&mut self, field: &[u8]) {
        if !field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            return self.plain(field);
        }
        self.plain(b"\"");
        for byte in field {
            if *byte == b'"' {
                self.text.push(b'"');
            }
            self.text.push(*byte);
        }
        self.text.push(b'"');
    }

    fn integer(&mut self, value: impl itoa::Integer) {
        self.plain(itoa::Buffer::new().format(value).as_bytes());
    }

    fn float(&mut self, value: f64) {
        let Some((whole, thousandths)) = in_thousandths(value) else {
            return self.plain(ryu::Buffer::new().format(value).as_bytes());
        };
        self.plain(if value.is_sign_negative() { b"-" } else { b"" });
        self.text.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        self.text.push(b'.');
        let digits =
            [thousandths / 100, thousandths / 10 % 10, thousandths % 10].map(|digit| b'0' + digit as u8);
        let shown = match digits {
            [.., b'1'..=b'9'] => 3,
            [_, b'1'..=b'9', _] => 2,
            _ => 1,
        };
        self.text.extend_from_slice(&digits[..shown]);
    }
}

/// Whole part and thousandths of the value without its sign, if it has no more digits than those. Two decimals of up to 15 digits are never
/// the same `f64`, so this is also the shortest text that reads back as the value.
fn in_thousandths(value: f64) -> Option<(u64, u64)> {
    const LARGEST: f64 = 1e9;
    let magnitude = value.abs();
    if magnitude >= LARGEST {
        return None;
    }
    // NaN is equal to nothing in the end.
    let thousandths = (magnitude * 1_000.0 + 0.5) as u64;
    (thousandths as f64 / 1_000.0 == magnitude).then_some((thousandths / 1_000, thousandths % 1_000))
}

macro_rules! integers {
    ($($method:ident $type:ty),*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), NotFlat> {
            self.integer(value);
            Ok(())
        }
    )*};
}

impl Serializer for &mut Record<'_> {
    type Ok = ();
    type Error = NotFlat;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<(), NotFlat>;
    type SerializeMap = Impossible<(), NotFlat>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), NotFlat>;

    integers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128);
    integers!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128);

    fn serialize_bool(self, value: bool) -> Result<(), NotFlat> {
        self.plain(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), NotFlat> {
        self.plain(ryu::Buffer::new().format(value).as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), NotFlat> {
        self.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), NotFlat> {
        self.field(value.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), NotFlat> {
        self.field(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), NotFlat> {
        self.field(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), NotFlat> {
        self.plain(b"");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotFlat> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotFlat> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), NotFlat> {
        self.serialize_str(name)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), NotFlat> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotFlat> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotFlat> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, NotFlat> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, NotFlat> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NotFlat> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NotFlat> {
        Err(NotFlat)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NotFlat> {
        Err(NotFlat)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NotFlat> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NotFlat> {
        Err(NotFlat)
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident),*) => {$(
        impl $trait for &mut Record<'_> {
            type Ok = ();
            type Error = NotFlat;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFlat> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), NotFlat> {
                Ok(())
            }
        }
    )*};
}

elements!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field);

impl SerializeStruct for &mut Record<'_> {
    type Ok = ();
    type Error = NotFlat;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), NotFlat> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), NotFlat> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    fn by_csv<Row: Serialize>(row: &Row) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.serialize(row).unwrap();
        writer.into_inner().unwrap()
    }

    fn assert_as_csv<Row: Serialize + fmt::Debug>(row: &Row, fields: usize) {
        let mut text = b"before".to_vec();
        assert_eq!(append(&mut text, row), Ok(fields), "{row:?}");
        let expected = [b"before".as_slice(), &by_csv(row)].concat();
        assert_eq!(String::from_utf8_lossy(&text), String::from_utf8_lossy(&expected));
    }

    #[derive(Debug, Serialize)]
    enum Kind {
        Unit,
        Value(u8),
        Two(u8, u8),
    }

    #[derive(Debug, Serialize)]
    struct Name;

    #[derive(Debug, Serialize)]
    struct Row<'r> {
        text: &'r str,
        letter: char,
        number: Option<i64>,
        pair: (u8, i128),
        kind: Kind,
        truth: bool,
        name: Name,
        nothing: (),
    }

    #[test]
    fn every_kind_of_field_is_written_as_the_csv_crate_writes_it() {
        for text in ["", "plain", "a,b", "say \"x\"", "two\nlines", "cr\r", "\u{e9}", " blank "] {
            for (letter, number) in [('a', None), (',', Some(-5)), ('"', Some(i64::MIN))] {
                for kind in [Kind::Unit, Kind::Value(3)] {
                    let pair = (7, i128::MIN);
                    assert_as_csv(
                        &Row { text, letter, number, pair, kind, truth: true, name: Name, nothing: () },
                        9,
                    );
                }
            }
            assert_as_csv(&text, 1);
            assert_as_csv(&vec![text; 3], 3);
        }
        assert_as_csv(&None::<u8>, 1);
    }

    #[test]
    fn every_float_is_written_as_the_csv_crate_writes_it() {
        let special = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            f64::MIN_POSITIVE,
            f64::MAX,
            1e15,
            1e16,
            1e17,
        ];
        let near = [
            0.1,
            0.3,
            0.1 + 0.2,
            1.0 / 3.0,
            999_999_999.999,
            1e9,
            1e9 + 0.001,
            0.001,
            0.0005,
            0.001_000_000_000_000_1,
            285.55,
        ];
        for value in special
            .into_iter()
            .chain(near)
            .flat_map(|value| [value, -value, value.next_up(), value.next_down()])
        {
            assert_as_csv(&(value, value as f32), 2);
        }
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..100_000_u64 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let any = f64::from_bits(bits);
            let decimal = (bits >> 24) as f64 / [1.0, 10.0, 100.0, 1_000.0, 10_000.0][(round % 5) as usize];
            assert_as_csv(&(any, decimal, decimal / 1e6), 3);
        }
    }

    #[test]
    fn a_row_that_is_not_flat_leaves_the_text_as_it_was() {
        let mut text = b"before".to_vec();
        let map = BTreeMap::from([("a", 1)]);
        assert_eq!(append(&mut text, &(1, &map)), Err(NotFlat));
        assert_eq!(append(&mut text, &(1, Kind::Two(1, 2))), Err(NotFlat));
        assert_eq!(text, b"before");
    }
}
