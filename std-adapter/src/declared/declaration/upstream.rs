//! Where a step's rows come from.

use core::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Relation;

/// The name of an input or table, or a step nested in place.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Upstream {
    /// An input or a table.
    Named(String),
    /// The step before.
    Relation(Box<Relation>),
}

impl From<&str> for Upstream {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<Relation> for Upstream {
    fn from(relation: Relation) -> Self {
        Self::Relation(Box::new(relation))
    }
}

/// Written by hand, because `untagged` says of every mistake that no variant matched.
impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrRelation)
    }
}

struct NameOrRelation;

impl<'de> Visitor<'de> for NameOrRelation {
    type Value = Upstream;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an input, or an object with a `kind`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Upstream, E> {
        Ok(Upstream::from(name))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Upstream, A::Error> {
        Relation::deserialize(MapAccessDeserializer::new(map)).map(Upstream::from)
    }
}
