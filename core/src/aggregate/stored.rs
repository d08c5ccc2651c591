//! Which values a state may keep.

use serde::{Serialize, de::DeserializeOwned};

/// A value that a state keeps and the checkpoint stores: every type that is `Clone`, `Serialize` and owns what
/// `Deserialize` reads.
///
/// Text is therefore a [`heapless::String`], whose size is known, and not a `&str`.
pub trait Stored: Clone + Serialize + DeserializeOwned + 'static {}

impl<T: Clone + Serialize + DeserializeOwned + 'static> Stored for T {}
