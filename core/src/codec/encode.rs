//! Encoding: postcard's serializer, with integers of all widths through one function each of unsigned and signed ones.
//!
//! The format has no widths, so the bytes are the same. Fewer functions, and where the rest is compiled for the least size
//! (`opt-level = "z"`, at which postcard's varints can panic), only those here need not be.

use core::fmt;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::EncodeError;
use super::flavor::Room;

/// Puts values into bytes, one after the other.
pub(crate) struct Encoder<'b>(postcard::Serializer<Room<'b>>);

type Done = Result<(), EncodeError>;

fn error(error: postcard::Error) -> EncodeError {
    match error {
        // What is written through `Display` is counted first, and then says no more than that it failed: mostly for want of room.
        postcard::Error::SerializeBufferFull | postcard::Error::CollectStrError => EncodeError::Full,
        _ => EncodeError::Unsupported,
    }
}

impl<'b> Encoder<'b> {
    pub(crate) fn new(room: &'b mut [u8]) -> Self {
        Self(postcard::Serializer { output: Room::new(room) })
    }

    /// Bytes encoded so far.
    pub(crate) fn used(&self) -> usize {
        self.0.output.used()
    }

    /// Puts another byte where one has been encoded already.
    pub(crate) fn overwrite(&mut self, at: usize, byte: u8) {
        self.0.output.overwrite(at, byte);
    }

    #[inline(never)]
    fn byte(&mut self, byte: u8) -> Done {
        self.0.serialize_u8(byte).map_err(error)
    }

    #[inline(never)]
    fn unsigned(&mut self, value: u64) -> Done {
        self.0.serialize_u64(value).map_err(error)
    }

    #[inline(never)]
    fn signed(&mut self, value: i64) -> Done {
        self.0.serialize_i64(value).map_err(error)
    }

    fn length(&mut self, length: Option<usize>) -> Done {
        self.unsigned(length.ok_or(EncodeError::Unsupported)? as u64)
    }
}

macro_rules! numbers {
    ($($method:ident $type:ty, $put:ident;)*) => {
        $(fn $method(self, value: $type) -> Done {
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

    fn serialize_i8(self, value: i8) -> Done {
        self.byte(value.cast_unsigned())
    }

    fn serialize_u128(self, value: u128) -> Done {
        self.0.serialize_u128(value).map_err(error)
    }

    fn serialize_i128(self, value: i128) -> Done {
        self.0.serialize_i128(value).map_err(error)
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.0.serialize_f32(value).map_err(error)
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.0.serialize_f64(value).map_err(error)
    }

    fn serialize_char(self, value: char) -> Done {
        self.0.serialize_char(value).map_err(error)
    }

    fn serialize_str(self, value: &str) -> Done {
        self.0.serialize_str(value).map_err(error)
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.0.serialize_bytes(value).map_err(error)
    }

    fn serialize_none(self) -> Done {
        self.byte(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.byte(1)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        Ok(())
    }

    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> Done {
        self.unsigned(index.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

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

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, EncodeError> {
        self.length(length)?;
        Ok(self)
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

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

    fn serialize_map(self, length: Option<usize>) -> Result<Self, EncodeError> {
        self.length(length)?;
        Ok(self)
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

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
        self.0.collect_str(value).map_err(error)
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

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }

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

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _name: &'static str, value: &T) -> Done {
                value.serialize(&mut **self)
            }

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
