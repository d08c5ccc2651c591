//! Log messages: with the feature `defmt` they are sent, without it there is no code and no string of them.

/// What a message can show. Everything, where nothing is shown.
#[cfg(not(feature = "defmt"))]
pub trait Loggable {}

#[cfg(not(feature = "defmt"))]
impl<T> Loggable for T {}

/// What a message can show.
#[cfg(feature = "defmt")]
pub use defmt::Format as Loggable;

/// A message of the course of things.
#[cfg(feature = "defmt")]
#[macro_export]
macro_rules! info {
    ($text:literal $(, $value:expr)*) => { defmt::info!($text $(, $value)*) };
}

/// A message of an error.
#[cfg(feature = "defmt")]
#[macro_export]
macro_rules! error {
    ($text:literal $(, $value:expr)*) => { defmt::error!($text $(, $value)*) };
}

/// A message of the course of things, not sent.
#[cfg(not(feature = "defmt"))]
#[macro_export]
macro_rules! info {
    ($text:literal $(, $value:expr)*) => {{ $(let _ = &$value;)* }};
}

/// A message of an error, not sent.
#[cfg(not(feature = "defmt"))]
#[macro_export]
macro_rules! error {
    ($text:literal $(, $value:expr)*) => {{ $(let _ = &$value;)* }};
}
