//! A plain CSV line straight into a row: one pass over its bytes, nothing copied, nothing allocated.
//!
//! Plain means: no quotes, and fields that are what most rows hold (numbers in their usual form, text, cells that may be empty).
//! Whatever is not, also every line with a mistake in it, is left to the `csv` crate, which reads it again and says what is wrong. So a row
//! read here must be the row that the `csv` crate would have read.

use core::fmt;

use serde::Deserializer;
use serde::de::value::BorrowedBytesDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

/// Why a line is left to the `csv` crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotPlain {
    /// This line is wrong or written in an unusual way.
    Line,
    /// Rows of this type are not read here, so no line is.
    Row,
}

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain")
    }
}

impl core::error::Error for NotPlain {}

impl de::Error for NotPlain {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Line
    }
}

/// A line, and what stands behind it in memory, so that words can be read across its end. It ends where no number goes on: before
/// the byte that ends the line, or where no more is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'b> {
    bytes: &'b [u8],
    length: usize,
}

impl<'b> Line<'b> {
    /// The first `length` bytes are the line.
    pub(super) fn new(bytes: &'b [u8], length: usize) -> Self {
        Self { bytes, length: length.min(bytes.len()) }
    }

    /// The line alone.
    #[inline]
    pub(super) fn content(self) -> &'b [u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Without these bytes, if it begins with them.
    pub(super) fn without_prefix(self, prefix: &[u8]) -> Self {
        match self.content().strip_prefix(prefix) {
            Some(content) => {
                Self { bytes: self.bytes.get(prefix.len()..).unwrap_or_default(), length: content.len() }
            }
            None => self,
        }
    }
}

impl<'b> From<&'b [u8]> for Line<'b> {
    fn from(bytes: &'b [u8]) -> Self {
        Self::new(bytes, bytes.len())
    }
}

/// Whether fields can be told apart by this byte alone: it is part of no number, and not what unusual lines are known by.
pub(super) fn delimits(delimiter: u8) -> bool {
    !delimiter.is_ascii_alphanumeric() && !matches!(delimiter, b'+' | b'-' | b'.' | b'"' | b'\r')
}

/// The row of a line whose fields belong to `columns`, of which there must be exactly as many.
pub(super) fn row<R: DeserializeOwned>(
    columns: &[Box<[u8]>],
    delimiter: u8,
    line: Line<'_>,
) -> Result<R, NotPlain> {
    let mut fields = Fields { columns: columns.iter(), delimiter, line, at: 0 };
    let row = R::deserialize(&mut fields)?;
    // Behind the last field as behind any other, where the next would begin.
    let at_end = fields.at == line.length + 1 && fields.columns.len() == 0;
    if at_end { Ok(row) } else { Err(NotPlain::Line) }
}

/// The fields of a line, taken from its front.
struct Fields<'de> {
    columns: core::slice::Iter<'de, Box<[u8]>>,
    delimiter: u8,
    line: Line<'de>,
    /// Where the next field begins; after the last one, behind the end of the line.
    at: usize,
}

impl<'de> Fields<'de> {
    /// Whether the field ends before `end`: with a delimiter or with the line.
    #[inline]
    fn ends_at(&self, end: usize) -> bool {
        let Line { bytes, length } = self.line;
        end == length || (end < length && bytes.get(end) == Some(&self.delimiter))
    }

    #[inline]
    fn end_at(&mut self, end: usize) -> Result<(), NotPlain> {
        if !self.ends_at(end) {
            return Err(NotPlain::Line);
        }
        self.at = end + 1;
        Ok(())
    }

    /// The field as it is. Quotes may mean more than themselves, and a carriage return ends a record of the `csv` crate.
    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8], NotPlain> {
        let at = self.at;
        let mut end = at;
        loop {
            let word = word_at(self.line.bytes, end);
            let found = places_of(word, self.delimiter) | places_of(word, b'"') | places_of(word, b'\r');
            end += bytes_before(found);
            if found != 0 || end >= self.line.length {
                break;
            }
        }
        let end = end.min(self.line.length);
        self.end_at(end)?;
        self.line.bytes.get(at..end).ok_or(NotPlain::Line)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, NotPlain> {
        core::str::from_utf8(self.bytes()?).map_err(|_| NotPlain::Line)
    }

    fn parse<T: core::str::FromStr>(&mut self) -> Result<T, NotPlain> {
        self.text()?.parse().map_err(|_| NotPlain::Line)
    }

    /// A whole number of at most 18 digits, with whether a minus stands before it.
    #[inline(always)]
    fn integer(&mut self) -> Result<(bool, i64), NotPlain> {
        let (negative, digits) = whole(self.line.bytes, self.at);
        if !(1..=18).contains(&digits.count) {
            return Err(NotPlain::Line);
        }
        self.end_at(digits.end)?;
        Ok((negative, signed(negative, digits.number)))
    }

    #[inline]
    fn float(&mut self) -> Result<f64, NotPlain> {
        let number = Number::at(self.line.bytes, self.at);
        match number.as_float() {
            Some(value) if self.ends_at(number.end) => {
                self.at = number.end + 1;
                Ok(value)
            }
            // Exponents, many digits, NaN.
            _ => self.parse(),
        }
    }
}

/// A number as it is written, up to the first byte that is none of it.
struct Number {
    negative: bool,
    /// All digits as one number; it means nothing if there are more than 19.
    magnitude: u64,
    digits: usize,
    /// Digits after the point, if there is one.
    fraction_digits: Option<usize>,
    end: usize,
}

impl Number {
    #[inline]
    fn at(line: &[u8], at: usize) -> Self {
        let (negative, whole) = whole(line, at);
        let Digits { number: magnitude, count: digits, end } = whole;
        if line.get(end) != Some(&b'.') {
            return Self { negative, magnitude, digits, fraction_digits: None, end };
        }
        let all = Digits { end: end + 1, ..whole }.and_following(line);
        let fraction_digits = Some(all.count - digits);
        Self { negative, magnitude: all.number, digits: all.count, fraction_digits, end: all.end }
    }

    /// The number, if digits and power of ten are both exact as `f64`: then one division rounds correctly (Clinger, "How to
    /// Read Floating Point Numbers Accurately", PLDI 1990).
    #[inline]
    fn as_float(&self) -> Option<f64> {
        const POWERS: [f64; 16] =
            [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
        if self.digits == 0 || self.digits > 15 {
            return None;
        }
        // The sign last: minus zero is a float of its own.
        let magnitude =
            signed(false, self.magnitude) as f64 / POWERS.get(self.fraction_digits.unwrap_or(0))?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

/// Digits in a row.
#[derive(Clone, Copy)]
struct Digits {
    /// The number they make, modulo 2^64.
    number: u64,
    count: usize,
    /// Where the byte after them is.
    end: usize,
}

impl Digits {
    /// With those that follow.
    #[inline]
    fn and_following(mut self, line: &[u8]) -> Self {
        loop {
            let (number, count) = leading_digits(word_at(line, self.end));
            const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
            let power = POWERS.get(count).copied().unwrap_or(1);
            self.number = self.number.wrapping_mul(power).wrapping_add(number);
            self.count += count;
            if count < 8 {
                self.end += count;
                return self;
            }
            self.end += 8;
        }
    }
}

/// Whether a minus comes first, and the digits after it.
// Where the next word begins shall hang on as little as can be: reading a line is one such step after the other.
#[inline(always)]
fn whole(line: &[u8], at: usize) -> (bool, Digits) {
    let word = word_at(line, at);
    let negative = word as u8 == b'-';
    let sign = usize::from(negative);
    // Behind what is shifted out come zeros, which are no digits.
    let (number, count) = leading_digits(word >> (8 * sign));
    let digits = Digits { number, count, end: at + sign + count };
    if sign + count < 8 {
        return (negative, digits);
    }
    (negative, Digits { end: at + 8, ..digits }.and_following(line))
}

fn signed(negative: bool, magnitude: u64) -> i64 {
    let magnitude = magnitude as i64;
    if negative { -magnitude } else { magnitude }
}

/// The eight bytes from `at` on, the first one lowest; zeros stand for what is behind the last one there is.
#[inline]
fn word_at(line: &[u8], at: usize) -> u64 {
    match line.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word_at(line, at),
    }
}

#[inline(never)]
fn last_word_at(line: &[u8], at: usize) -> u64 {
    let length = line.len().saturating_sub(at);
    match line.last_chunk() {
        Some(last) if length > 0 => u64::from_le_bytes(*last) >> (64 - 8 * length),
        _ => line.iter().skip(at).rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of each byte that is `byte`. Above the first such byte there may be others that are not.
#[inline]
fn places_of(word: u64, byte: u8) -> u64 {
    let zero_there = word ^ (ONES * u64::from(byte));
    zero_there.wrapping_sub(ONES) & !zero_there & HIGHS
}

/// How many bytes come before the first with its high bit set; 8 if there is none.
#[inline]
fn bytes_before(places: u64) -> usize {
    (places.trailing_zeros() / 8) as usize
}

/// The number that the digits at the front make, and how many there are. After aligning them, three steps join neighbours: digits,
/// pairs, fours (Lemire, "Quickly parsing eight digits", 2018).
#[inline]
fn leading_digits(word: u64) -> (u64, usize) {
    let values = word ^ (ONES * u64::from(b'0'));
    // Adding 118 carries into the high bit from 10 on.
    let others = ((values & !HIGHS).wrapping_add(ONES * 118) | values) & HIGHS;
    let count = bytes_before(others);
    if count == 0 {
        return (0, 0);
    }
    let digits = values << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff, count)
}

/// Whether the text can be neither a number nor a truth value.
fn is_surely_text(field: &[u8]) -> bool {
    let may_begin = matches!(
        field,
        [] | [b'0'..=b'9' | b'+' | b'-' | b'.' | b'i' | b'I' | b'n' | b'N' | b't' | b'f', ..]
    );
    !may_begin
        || field.iter().any(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'-' | b'.'))
}

impl<'de> MapAccess<'de> for &mut Fields<'de> {
    type Error = NotPlain;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NotPlain> {
        let Some(column) = self.columns.next() else { return Ok(None) };
        seed.deserialize(BorrowedBytesDeserializer::new(column)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, NotPlain> {
        seed.deserialize(Field(self))
    }
}

/// The row: only a struct or a map, by the names of the columns.
impl<'de> Deserializer<'de> for &mut Fields<'de> {
    type Error = NotPlain;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_map(self)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        visitor.visit_map(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct enum identifier ignored_any
    }
}

/// The next field.
struct Field<'f, 'de>(&'f mut Fields<'de>);

macro_rules! signed_integers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
            let (_, value) = self.0.integer()?;
            visitor.$visit(<$type>::try_from(value).map_err(|_| NotPlain::Line)?)
        }
    )*};
}

macro_rules! unsigned_integers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
            let (negative, value) = self.0.integer()?;
            let value = <$type>::try_from(value).ok().filter(|_| !negative);
            visitor.$visit(value.ok_or(NotPlain::Line)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Field<'_, 'de> {
    type Error = NotPlain;

    /// As the `csv` crate infers it: truth value, integer, float, else text.
    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        let number = Number::at(self.0.line.bytes, self.0.at);
        if self.0.ends_at(number.end) {
            let is_integer = number.fraction_digits.is_none() && (1..=18).contains(&number.digits);
            if is_integer && number.negative {
                self.0.at = number.end + 1;
                return visitor.visit_i64(signed(true, number.magnitude));
            }
            if is_integer {
                self.0.at = number.end + 1;
                return visitor.visit_u64(number.magnitude);
            }
            if let Some(value) = number.as_float() {
                self.0.at = number.end + 1;
                return visitor.visit_f64(value);
            }
        }
        let text = self.0.text()?;
        if is_surely_text(text.as_bytes()) { visitor.visit_str(text) } else { Err(NotPlain::Line) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_bool(self.0.parse()?)
    }

    signed_integers!(deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64);
    unsigned_integers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64);

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_f32(self.0.parse()?)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_f64(self.0.float()?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_borrowed_str(self.0.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_str(self.0.text()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        if self.0.ends_at(self.0.at) {
            self.0.at += 1;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        visitor.visit_enum(self.0.text()?.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        self.0.bytes()?;
        visitor.visit_unit()
    }

    fn deserialize_i128<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_char<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
        Err(NotPlain::Row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_by_the_word_and_nothing_else_is_taken_for_them() {
        for number in [0_u64, 1, 9, 10, 12_345_678, 90_807_060, 99_999_999] {
            let text: [u8; 8] = format!("{number:08}").into_bytes().try_into().unwrap();
            assert_eq!(leading_digits(u64::from_le_bytes(text)), (number, 8));
            for place in 0..8 {
                for wrong in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                    let mut other = text;
                    other[place] = wrong;
                    let digits = number / 10_u64.pow(8 - place as u32);
                    assert_eq!(leading_digits(u64::from_le_bytes(other)), (digits, place), "{other:?}");
                }
            }
        }
    }

    #[test]
    fn digits_of_any_number_end_where_they_end_in_the_line() {
        for length in 1..=18 {
            let text = &"123456789012345678"[..length];
            for (before, after) in
                [("", ""), ("", ","), ("x", ""), ("long before,", ""), ("x", ",long after it")]
            {
                for sign in ["", "-"] {
                    let line = format!("{before}{sign}{text}{after}");
                    let (negative, digits) = whole(line.as_bytes(), before.len());
                    let end = before.len() + sign.len() + length;
                    let expected = (sign == "-", text.parse().unwrap(), length, end);
                    assert_eq!((negative, digits.number, digits.count, digits.end), expected, "{line}");
                }
            }
        }
    }

    #[test]
    fn a_field_ends_at_the_first_delimiter_quote_or_carriage_return() {
        for length in 0..20 {
            for end in [b',', b'"', b'\r'] {
                let text = "a\u{e9}bcdefghijklmnopqrstuv".as_bytes();
                let line = [&text[..length], &[end], text].concat();
                let mut fields = Fields { columns: [].iter(), delimiter: b',', line: line[..].into(), at: 0 };
                let expected = if end == b',' { Ok(&text[..length]) } else { Err(NotPlain::Line) };
                assert_eq!(fields.bytes(), expected);
                let mut fields =
                    Fields { columns: [].iter(), delimiter: b',', line: text[..length].into(), at: 0 };
                assert_eq!(fields.bytes(), Ok(&text[..length]));
                assert!(fields.bytes().is_err(), "there is no other field");
            }
        }
    }
}
