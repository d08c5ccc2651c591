//! Encoding: values as postcard writes them, integers of all widths through one function each of unsigned and signed ones.
//!
//! The format has no widths, so the bytes are the same. With the feature `small-code` these functions are there once; else they are
//! inlined into what encodes a record, so that place and room stay in registers.

use core::fmt::{self, Write};

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::{Encode, EncodeError, varint};

/// Puts values into bytes, one after the other.
pub(crate) struct Encoder<'b> {
    room: &'b mut [u8],
    used: usize,
}

type Done = Result<(), EncodeError>;

impl<'b> Encoder<'b> {
    #[inline]
    pub(crate) fn new(room: &'b mut [u8]) -> Self {
        Self { room, used: 0 }
    }

    /// Bytes encoded so far.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Puts another byte where one has been encoded already.
    pub(crate) fn overwrite(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.room.get_mut(at) {
            *place = byte;
        }
    }

    /// Encodes a value if it fits, and says whether it does. Else it leaves nothing.
    pub(super) fn whole(&mut self, value: &dyn Encode) -> Result<bool, EncodeError> {
        let before = self.used;
        match value.encode(self) {
            Err(EncodeError::Full) => {
                self.used = before;
                Ok(false)
            }
            encoded => encoded.map(|()| true),
        }
    }

    /// Encodes each of the values for as long as they fit, and returns the first that does not.
    ///
    /// A value of which only a part would fit leaves nothing.
    #[inline]
    pub(crate) fn each<T, V: Serialize>(
        &mut self,
        values: &mut impl Iterator<Item = T>,
        first: Option<T>,
        value_of: impl Fn(&T) -> V,
    ) -> Result<Option<T>, EncodeError> {
        // One of its own, whose address nobody else has: so it can be held in registers.
        let mut encoder = Encoder::new(self.room.get_mut(self.used..).unwrap_or_default());
        let mut first = first;
        let mut whole = 0;
        let mut left = None;
        while let Some(item) = first.take().or_else(|| values.next()) {
            match value_of(&item).serialize(&mut encoder) {
                Ok(()) => whole = encoder.used,
                Err(EncodeError::Full) => {
                    left = Some(item);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.used = self.used.saturating_add(whole);
        Ok(left)
    }

    #[cfg_attr(feature = "small-code", inline(never))]
    #[cfg_attr(not(feature = "small-code"), inline)]
    fn byte(&mut self, byte: u8) -> Done {
        *self.room.get_mut(self.used).ok_or(EncodeError::Full)? = byte;
        self.used = self.used.wrapping_add(1);
        Ok(())
    }

    #[cfg_attr(feature = "small-code", inline(never))]
    #[cfg_attr(not(feature = "small-code"), inline)]
    fn unsigned(&mut self, value: u64) -> Done {
        let room = self.room.get_mut(self.used..).unwrap_or_default();
        self.used = self.used.wrapping_add(varint::put(room, value).ok_or(EncodeError::Full)?);
        Ok(())
    }

    #[cfg_attr(feature = "small-code", inline(never))]
    #[cfg_attr(not(feature = "small-code"), inline)]
    fn signed(&mut self, value: i64) -> Done {
        self.unsigned(value.wrapping_shl(1).cast_unsigned() ^ value.wrapping_shr(63).cast_unsigned())
    }

    #[cfg_attr(feature = "small-code", inline(never))]
    #[cfg_attr(not(feature = "small-code"), inline)]
    fn array<const N: usize>(&mut self, bytes: [u8; N]) -> Done {
        let room = self.room.get_mut(self.used..).unwrap_or_default();
        *room.first_chunk_mut().ok_or(EncodeError::Full)? = bytes;
        self.used = self.used.wrapping_add(N);
        Ok(())
    }

    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) -> Done {
        let room = self.room.get_mut(self.used..).unwrap_or_default();
        let room = room.get_mut(..bytes.len()).ok_or(EncodeError::Full)?;
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.used = self.used.wrapping_add(bytes.len());
        Ok(())
    }

    fn length(&mut self, length: Option<usize>) -> Done {
        self.unsigned(length.ok_or(EncodeError::Unsupported)? as u64)
    }
}

/// Counts what `Display` writes.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
    }
}

impl Write for Encoder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

macro_rules! numbers {
    ($($method:ident $type:ty, $put:ident;)*) => {
        $(#[inline]
        fn $method(self, value: $type) -> Done {
            self.$put(value.into())
        })*
    };
}

impl Serializer for &mut Encoder<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_bool bool, byte;
        serialize_u8 u8, byte;
        serialize_u16 u16, unsigned;
        serialize_u32 u32, unsigned;
        serialize_u64 u64, unsigned;
        serialize_i16 i16, signed;
        serialize_i32 i32, signed;
        serialize_i64 i64, signed;
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Done {
        self.byte(value.cast_unsigned())
    }

    #[inline(never)]
    fn serialize_u128(self, value: u128) -> Done {
        let mut rest = value;
        // Seven bits a byte, so 19 at most.
        while rest >= 0x80 {
            self.byte(rest as u8 | 0x80)?;
            rest >>= 7;
        }
        self.byte(rest as u8)
    }

    fn serialize_i128(self, value: i128) -> Done {
        self.serialize_u128(value.wrapping_shl(1).cast_unsigned() ^ value.wrapping_shr(127).cast_unsigned())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Done {
        self.array(value.to_le_bytes())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Done {
        self.array(value.to_le_bytes())
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Done {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.length(Some(value.len()))?;
        self.bytes(value)
    }

    #[inline]
    fn serialize_none(self) -> Done {
        self.byte(0)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.byte(1)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Done {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> Done {
        self.unsigned(index.into())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Done {
        self.unsigned(index.into())?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, EncodeError> {
        self.length(length)?;
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, _length: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, EncodeError> {
        self.unsigned(index.into())?;
        Ok(self)
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Self, EncodeError> {
        self.length(length)?;
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, EncodeError> {
        self.unsigned(index.into())?;
        Ok(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Done {
        let mut length = Length(0);
        let written = write!(length, "{value}").and_then(|()| {
            self.length(Some(length.0)).map_err(|_| fmt::Error)?;
            write!(self, "{value}")
        });
        // It says no more than that it failed: mostly for want of room.
        written.map_err(|_| EncodeError::Full)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! elements {
    ($($interface:ident $method:ident;)*) => {
        $(impl ser::$interface for &mut Encoder<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[cfg_attr(feature = "small-code", inline)]
            #[cfg_attr(not(feature = "small-code"), inline(always))]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Done {
                Ok(())
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($interface:ident;)*) => {
        $(impl ser::$interface for &mut Encoder<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[cfg_attr(feature = "small-code", inline)]
            #[cfg_attr(not(feature = "small-code"), inline(always))]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _name: &'static str, value: &T) -> Done {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Done {
                Ok(())
            }
        })*
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl ser::SerializeMap for &mut Encoder<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }

    fn end(self) -> Done {
        Ok(())
    }
}
