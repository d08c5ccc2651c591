//! Types as values: what a `Deserialize` asks for, kept as a tree. So a type can be put together while the program runs, compared with a
//! fingerprint in a log, and used to decode what the log holds.

use core::fmt;
use core::marker::PhantomData;

use headwater::Timestamp;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::rfc3339::to_rfc3339_micros;

/// Fields of the engine's own records that are moments.
const MOMENTS: [&str; 4] = ["start", "end", "due", "at"];

/// The shape of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Leaf(Leaf),
    /// Where an aggregate's shape goes.
    Hole,
    Option(Box<Shape>),
    Tuple(Vec<Shape>),
    Newtype(&'static str, Box<Shape>),
    Struct(&'static str, &'static [&'static str], Vec<Shape>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
    Text,
    Unit,
}

impl Shape {
    /// The shape of `T`; `None` if it has enums, lists, maps or bytes in it.
    pub(super) fn of<'de, T: Deserialize<'de>>() -> Option<Self> {
        let mut recorder = Recorder { shapes: Vec::new() };
        PhantomData::<T>.deserialize(&mut recorder).ok()?;
        recorder.shapes.pop()
    }

    /// The same with `aggregate` in the hole.
    pub(super) fn filled(&self, aggregate: &Self) -> Self {
        let all = |shapes: &[Self]| shapes.iter().map(|shape| shape.filled(aggregate)).collect();
        match self {
            Self::Hole => aggregate.clone(),
            Self::Leaf(leaf) => Self::Leaf(*leaf),
            Self::Option(shape) => Self::Option(Box::new(shape.filled(aggregate))),
            Self::Newtype(name, shape) => Self::Newtype(name, Box::new(shape.filled(aggregate))),
            Self::Tuple(shapes) => Self::Tuple(all(shapes)),
            Self::Struct(name, fields, shapes) => Self::Struct(name, fields, all(shapes)),
        }
    }

    /// The first value of this shape in postcard bytes, as text, and the bytes behind it.
    pub(super) fn decode<'b>(&self, bytes: &'b [u8]) -> Option<(String, &'b [u8])> {
        let mut deserializer = postcard::Deserializer::from_bytes(bytes);
        let text = self.deserialize(&mut deserializer).ok()?;
        Some((text, deserializer.finalize().ok()?))
    }
}

/// A placeholder for the states of aggregates.
pub(super) struct Hole;

impl<'de> Deserialize<'de> for Hole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_unit_struct(HOLE, Text).map(|_| Self)
    }
}

const HOLE: &str = "the states of the aggregates";

impl<'de> DeserializeSeed<'de> for &Shape {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        match self {
            Shape::Leaf(leaf) => leaf.deserialize(deserializer),
            Shape::Hole => deserializer.deserialize_unit_struct(HOLE, Text),
            Shape::Option(shape) => deserializer.deserialize_option(Inner(shape)),
            Shape::Newtype(name, shape) => deserializer.deserialize_newtype_struct(name, Inner(shape)),
            Shape::Tuple(shapes) => deserializer.deserialize_tuple(shapes.len(), Fields(&[], shapes)),
            Shape::Struct(name, fields, shapes) => {
                deserializer.deserialize_struct(name, fields, Fields(fields, shapes))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Leaf {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        match self {
            Self::Bool => deserializer.deserialize_bool(Text),
            Self::I8 => deserializer.deserialize_i8(Text),
            Self::I16 => deserializer.deserialize_i16(Text),
            Self::I32 => deserializer.deserialize_i32(Text),
            Self::I64 => deserializer.deserialize_i64(Text),
            Self::U8 => deserializer.deserialize_u8(Text),
            Self::U16 => deserializer.deserialize_u16(Text),
            Self::U32 => deserializer.deserialize_u32(Text),
            Self::U64 => deserializer.deserialize_u64(Text),
            Self::F32 => deserializer.deserialize_f32(Text),
            Self::F64 => deserializer.deserialize_f64(Text),
            Self::Text => deserializer.deserialize_str(Text),
            Self::Unit => deserializer.deserialize_unit(Text),
        }
    }
}

macro_rules! shown {
    ($($method:ident $type:ty;)*) => {
        $(fn $method<E>(self, value: $type) -> Result<String, E> {
            Ok(value.to_string())
        })*
    };
}

/// Any plain value as text.
struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    shown! {
        visit_bool bool;
        visit_i8 i8;
        visit_i16 i16;
        visit_i32 i32;
        visit_i64 i64;
        visit_u8 u8;
        visit_u16 u16;
        visit_u32 u32;
        visit_u64 u64;
        visit_f32 f32;
        visit_f64 f64;
    }

    fn visit_str<E>(self, value: &str) -> Result<String, E> {
        Ok(format!("{value:?}"))
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok("()".to_owned())
    }
}

/// An option's or a newtype's value.
struct Inner<'s>(&'s Shape);

impl<'de> Visitor<'de> for Inner<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an option or a newtype")
    }

    fn visit_none<E>(self) -> Result<String, E> {
        Ok("none".to_owned())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        self.0.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        self.0.deserialize(deserializer)
    }
}

/// The fields of a struct, or of a tuple without names.
struct Fields<'s>(&'s [&'static str], &'s [Shape]);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a struct or a tuple")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<String, A::Error> {
        let mut texts = Vec::new();
        for (number, shape) in self.1.iter().enumerate() {
            let value = fields.next_element_seed(shape)?;
            let value = value.ok_or_else(|| de::Error::custom("a field is missing"))?;
            texts.push(match self.0.get(number) {
                Some(name) if MOMENTS.contains(name) => format!("{name} {}", moment(&value)),
                Some(name) => format!("{name} {value}"),
                None => value,
            });
        }
        Ok(match &texts[..] {
            [only] => only.clone(),
            _ if self.0.is_empty() => format!("({})", texts.join(", ")),
            _ => texts.join(", "),
        })
    }
}

/// Microseconds as a time of day, and the ends of their range as what the engine means by them.
fn moment(micros: &str) -> String {
    match micros.parse::<i64>() {
        Ok(i64::MIN) => "not yet".to_owned(),
        Ok(i64::MAX) => "none".to_owned(),
        Ok(micros) => to_rfc3339_micros(Timestamp::from_micros(micros)),
        Err(_) => micros.to_owned(),
    }
}

/// Asks a type for its shape with made-up values.
struct Recorder {
    shapes: Vec<Shape>,
}

/// The type has something that has no shape here.
#[derive(Debug, thiserror::Error)]
#[error("a type without a shape")]
struct Unshaped;

impl de::Error for Unshaped {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

impl Recorder {
    /// The shapes that were recorded since there were `before`.
    fn since(&mut self, before: usize) -> Vec<Shape> {
        self.shapes.split_off(before)
    }

    fn inner(&mut self) -> Result<Box<Shape>, Unshaped> {
        self.shapes.pop().map(Box::new).ok_or(Unshaped)
    }
}

macro_rules! leaves {
    ($($method:ident $visit:ident $value:expr, $leaf:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unshaped> {
            self.shapes.push(Shape::Leaf(Leaf::$leaf));
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Recorder {
    type Error = Unshaped;

    leaves! {
        deserialize_bool visit_bool true, Bool;
        deserialize_i8 visit_i8 1, I8;
        deserialize_i16 visit_i16 1, I16;
        deserialize_i32 visit_i32 1, I32;
        deserialize_i64 visit_i64 1, I64;
        deserialize_u8 visit_u8 1, U8;
        deserialize_u16 visit_u16 1, U16;
        deserialize_u32 visit_u32 1, U32;
        deserialize_u64 visit_u64 1, U64;
        deserialize_f32 visit_f32 1.0, F32;
        deserialize_f64 visit_f64 1.0, F64;
        deserialize_str visit_borrowed_str "", Text;
        deserialize_string visit_borrowed_str "", Text;
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unshaped> {
        self.shapes.push(Shape::Leaf(Leaf::Unit));
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unshaped> {
        if name != HOLE {
            return Err(Unshaped);
        }
        self.shapes.push(Shape::Hole);
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unshaped> {
        let value = visitor.visit_some(&mut *self)?;
        let inner = self.inner()?;
        self.shapes.push(Shape::Option(inner));
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unshaped> {
        let value = visitor.visit_newtype_struct(&mut *self)?;
        let inner = self.inner()?;
        self.shapes.push(Shape::Newtype(name, inner));
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Unshaped> {
        let before = self.shapes.len();
        let value = visitor.visit_seq(Recorded { recorder: &mut *self, left: len })?;
        let fields = self.since(before);
        self.shapes.push(Shape::Tuple(fields));
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unshaped> {
        let before = self.shapes.len();
        let value = visitor.visit_seq(Recorded { recorder: &mut *self, left: fields.len() })?;
        let shapes = self.since(before);
        self.shapes.push(Shape::Struct(name, fields, shapes));
        Ok(value)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unshaped> {
        Err(Unshaped)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf seq map enum identifier ignored_any tuple_struct
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Elements of a sequence, tuple or struct.
struct Recorded<'r> {
    recorder: &'r mut Recorder,
    left: usize,
}

impl<'de> SeqAccess<'de> for Recorded<'_> {
    type Error = Unshaped;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unshaped> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.recorder).map(Some)
    }
}
