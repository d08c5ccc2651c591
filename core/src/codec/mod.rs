//! Values as bytes, by postcard: the checkpoint log is written in it.
//!
//! A thin face with two aims: no type but those of the values in what is behind it, so that its code is there once and not once for each
//! place that reads or writes; and bytes that go through one function out of line, since postcard would put a check of bounds at each.

mod encode;
mod flavor;
mod varint;

use core::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use encode::Encoder;
use flavor::Rest;

/// Why a value is not in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EncodeError {
    /// There is no room for it.
    Full,
    /// Its `Serialize` failed, or wants what the format has not: a sequence of unknown length.
    Unsupported,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room for the value",
            Self::Unsupported => "the value cannot be serialized",
        })
    }
}

impl core::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::Unsupported
    }
}

/// The bytes are not those of such a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecodeError;

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not those of such a value")
    }
}

impl core::error::Error for DecodeError {}

/// A value that can be encoded, whatever its type: so that what does it need not be there once for each type.
pub(crate) trait Encode {
    /// Adds it.
    fn encode(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError>;
}

impl<T: Serialize + ?Sized> Encode for T {
    fn encode(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        self.serialize(encoder)
    }
}

/// One value or more, to be encoded one after the other in as many pieces of room as they take.
pub(crate) trait EncodeEach {
    /// Adds whole values for as long as they fit, and says whether those were all. Asked again, it goes on with the one that did not fit.
    fn encode_each(&mut self, encoder: &mut Encoder<'_>) -> Result<bool, EncodeError>;
}

/// A single value.
pub(crate) struct One<'v>(pub(crate) &'v dyn Encode);

impl EncodeEach for One<'_> {
    fn encode_each(&mut self, encoder: &mut Encoder<'_>) -> Result<bool, EncodeError> {
        encoder.whole(self.0)
    }
}

/// Takes values from bytes, one after the other.
pub(crate) struct Decoder<'b>(postcard::Deserializer<'b, Rest<'b>>);

impl<'b> Decoder<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(postcard::Deserializer::from_flavor(Rest(bytes)))
    }

    /// Takes a value.
    pub(crate) fn take<T: Deserialize<'b>>(&mut self) -> Result<T, DecodeError> {
        T::deserialize(&mut self.0).map_err(|_| DecodeError)
    }

    /// The bytes not taken.
    pub(crate) fn rest(self) -> &'b [u8] {
        self.0.finalize().unwrap_or_default()
    }
}

/// Takes a value from the front of `bytes`, and returns what is left of them.
pub(crate) fn take<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<(T, &'b [u8]), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.take()?;
    Ok((value, decoder.rest()))
}

#[cfg(test)]
mod tests {
    use serde::Serializer;

    use super::*;

    /// Written through `Display`, as dates often are.
    struct Shown(u32);

    impl Serialize for Shown {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0)
        }
    }

    #[test]
    fn a_value_written_through_display_lacks_room_like_any_other() {
        let mut room = [0; 6];
        for length in 0..6 {
            let encoded = Shown(12_345).encode(&mut Encoder::new(room.get_mut(..length).unwrap_or_default()));
            assert_eq!(encoded, Err(EncodeError::Full), "{length} bytes");
        }
        assert_eq!(Shown(12_345).encode(&mut Encoder::new(&mut room)), Ok(()));
        assert_eq!(&room, b"\x0512345");
    }
}
