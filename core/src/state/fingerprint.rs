//! The shape of a type, as its `Deserialize` asks for it: names of structs, fields and variants, and kinds of values.
//!
//! Two types of the same shape read each other's bytes; a type whose shape changed must not read old state. The trace calls
//! `Deserialize` with made-up values and takes the CRC-32 of everything it asks for, once for each variant of its largest enum, so
//! that the content of every variant counts. What follows a value that refuses the made-up one (a range check, say) is not
//! seen, nor is the capacity of a text or list. The same on every machine and compiler, unlike `core::any::type_name`.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use crate::crc::Crc;

/// How many requests are followed; a type that contains itself ends here.
const REQUESTS_MAX: u16 = 512;

/// How many variants of an enum are followed.
const VARIANTS_MAX: u32 = 64;

/// The fingerprint of `T`.
pub(crate) fn fingerprint<'de, T: de::Deserialize<'de>>() -> u32 {
    fingerprint_of::<PhantomData<T>>(PhantomData)
}

/// The fingerprint of the type that a seed asks for: of a type that is only known when the program runs.
#[must_use]
pub fn fingerprint_of<'de, S: DeserializeSeed<'de> + Copy>(seed: S) -> u32 {
    traced(&mut |trace| seed.deserialize(trace).map(|_| ()))
}

/// What `deserialize` asks for. Once for all types.
fn traced(deserialize: &mut dyn FnMut(&mut Trace) -> Result<(), Stop>) -> u32 {
    let mut trace = Trace { crc: Crc::new(), requests: 0, variant: 0, variants: 1 };
    while trace.variant < trace.variants.min(VARIANTS_MAX) {
        trace.requests = 0;
        // A type that refuses the made-up values ends the trace there: what it asked for until then counts.
        if deserialize(&mut trace).is_err() {
            trace.text("refused");
        }
        trace.variant = trace.variant.saturating_add(1);
    }
    trace.crc.value()
}

struct Trace {
    crc: Crc,
    requests: u16,
    /// Which variant of each enum is followed this time; of one with fewer, the last.
    variant: u32,
    /// The most variants of any enum seen.
    variants: u32,
}

impl Trace {
    fn note(&mut self, kind: &str) -> Result<(), Stop> {
        self.requests = self.requests.saturating_add(1);
        if self.requests > REQUESTS_MAX {
            return Err(Stop);
        }
        self.text(kind);
        Ok(())
    }

    /// A name with its length, so that names cannot run into each other.
    fn text(&mut self, name: &str) {
        self.number(name.len());
        self.crc.update(name.as_bytes());
    }

    /// A name, those of its fields, and how many these are, as of a struct.
    #[inline(never)]
    fn open_struct(&mut self, name: &str, fields: &[&str]) -> Result<(), Stop> {
        self.note("struct")?;
        self.text(name);
        for field in fields {
            self.text(field);
        }
        self.open_tuple(fields.len())
    }

    fn open_tuple(&mut self, length: usize) -> Result<(), Stop> {
        self.note("tuple")?;
        self.number(length);
        Ok(())
    }

    fn number(&mut self, number: usize) {
        self.crc.update_u32(number as u32);
    }
}

/// The trace has ended.
#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the trace of a type's shape has ended")
    }
}

impl core::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

macro_rules! values {
    ($($method:ident $visit:ident $value:expr, $kind:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.note($kind)?;
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Trace {
    type Error = Stop;

    // One rather than zero, which a `NonZero` would refuse.
    values! {
        deserialize_bool visit_bool true, "bool";
        deserialize_i8 visit_i8 1, "i8";
        deserialize_i16 visit_i16 1, "i16";
        deserialize_i32 visit_i32 1, "i32";
        deserialize_i64 visit_i64 1, "i64";
        deserialize_i128 visit_i128 1, "i128";
        deserialize_u8 visit_u8 1, "u8";
        deserialize_u16 visit_u16 1, "u16";
        deserialize_u32 visit_u32 1, "u32";
        deserialize_u64 visit_u64 1, "u64";
        deserialize_u128 visit_u128 1, "u128";
        deserialize_f32 visit_f32 1.0, "f32";
        deserialize_f64 visit_f64 1.0, "f64";
        deserialize_char visit_char '1', "char";
        deserialize_str visit_borrowed_str "", "str";
        deserialize_string visit_borrowed_str "", "str";
        deserialize_bytes visit_borrowed_bytes &[], "bytes";
        deserialize_byte_buf visit_borrowed_bytes &[], "bytes";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("option")?;
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("unit")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("unit struct")?;
        self.text(name);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("newtype struct")?;
        self.text(name);
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("seq")?;
        visitor.visit_seq(Elements { trace: self, left: 1 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.open_tuple(len)?;
        visitor.visit_seq(Elements { trace: self, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("tuple struct")?;
        self.text(name);
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("map")?;
        visitor.visit_map(Elements { trace: self, left: 1 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.open_struct(name, fields)?;
        visitor.visit_seq(Elements { trace: self, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("enum")?;
        self.text(name);
        for variant in variants {
            self.text(variant);
        }
        let count = variants.len() as u32;
        self.variants = self.variants.max(count);
        let index = self.variant.min(count.saturating_sub(1));
        visitor.visit_enum(OneVariant { trace: self, index })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("identifier")?;
        visitor.visit_u32(0)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Stop> {
        self.note("any")?;
        Err(Stop)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_any(visitor)
    }

    // As postcard.
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a sequence, tuple or struct, or the entries of a map.
struct Elements<'t> {
    trace: &'t mut Trace,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.trace).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(&mut *self.trace)
    }
}

/// One variant of an enum.
struct OneVariant<'t> {
    trace: &'t mut Trace,
    index: u32,
}

impl<'de> de::EnumAccess<'de> for OneVariant<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Stop> {
        let index: de::value::U32Deserializer<Stop> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for OneVariant<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.trace.note("unit variant")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        self.trace.note("newtype variant")?;
        seed.deserialize(self.trace)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.trace.note("tuple variant")?;
        self.trace.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.trace.note("struct variant")?;
        for field in fields {
            self.trace.text(field);
        }
        self.trace.deserialize_tuple(fields.len(), visitor)
    }
}
