//! What makes a query the same query: a log of another one is not read.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::{self, Encode, EncodeError, Encoder};
use crate::crc::Crc;
use crate::operator::{OperatorIdentity, OutputMode};

/// The most operators of a query that its identity tells apart; further ones are folded into the last.
const OPERATORS_MAX: usize = 8;

/// The identity of a query, as it stands at the start of each snapshot.
///
/// Delay, filters and the policy for full state are not part of it: they may change between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity<'a> {
    /// The query's name.
    pub name: &'a str,
    /// The query's version.
    pub version: u32,
    /// Which results it gives.
    pub mode: OutputMode,
    /// The CRC-32 of the shape of what its inputs remember: how many they are, which have a watermark, which can be idle.
    pub inputs: u32,
    /// Its operators, in the order rows go through them.
    pub operators: heapless::Vec<OperatorIdentity, OPERATORS_MAX>,
}

/// What has an [`Identity`]. It tells its operators one by one, so that they need not all be held at once.
pub(super) trait Identified {
    fn name(&self) -> (&str, u32);
    fn mode(&self) -> OutputMode;
    fn inputs(&self) -> u32;
    fn operators(&self, tell: &mut dyn FnMut(OperatorIdentity));
}

/// Tells the operators as they stand in the identity, and returns how many.
fn each_operator(query: &dyn Identified, tell: &mut dyn FnMut(&OperatorIdentity)) -> usize {
    let mut told = 0_usize;
    let mut last: Option<OperatorIdentity> = None;
    query.operators(&mut |operator| match &mut last {
        Some(last) if told >= OPERATORS_MAX.saturating_sub(1) => fold(last, &operator),
        _ => {
            if let Some(before) = last.replace(operator) {
                tell(&before);
                told = told.saturating_add(1);
            }
        }
    });
    if let Some(last) = last {
        tell(&last);
        told = told.saturating_add(1);
    }
    told
}

/// Makes `last` stand for a further operator too.
fn fold(last: &mut OperatorIdentity, further: &OperatorIdentity) {
    let mut crc = Crc::going_on_from(last.record);
    for micros in further.window.micros {
        crc.update(&micros.to_le_bytes());
    }
    crc.update(&[further.window.kind]);
    crc.update_u32(further.key);
    crc.update_u32(further.record);
    last.record = crc.value();
}

impl<'a> Identity<'a> {
    /// The identity in the first record of a snapshot ([`Record::Identity`](crate::checkpoint::Record::Identity)); `None` if it is none.
    #[must_use]
    pub fn decode(payload: &'a [u8]) -> Option<Self> {
        codec::take(payload).ok().map(|(identity, _)| identity)
    }
}

/// Encodes as the [`Identity`] of a query.
pub(super) struct IdentityOf<'q>(pub(super) &'q dyn Identified);

impl Encode for IdentityOf<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        let Self(query) = self;
        let (name, version) = query.name();
        (name, version, query.mode(), query.inputs()).encode(encoder)?;
        // How many follow is one byte, written when it is known.
        let count_at = encoder.used();
        0_u8.encode(encoder)?;
        let mut encoded = Ok(());
        let count = each_operator(*query, &mut |operator| {
            if encoded.is_ok() {
                encoded = operator.encode(encoder);
            }
        });
        encoded?;
        encoder.overwrite(count_at, count as u8);
        Ok(())
    }
}

/// The first thing in which the query whose encoded [`Identity`] is `payload` is another one than `query`.
///
/// The own identity is encoded field by field beside it, so that neither is ever held whole.
pub(super) fn difference(query: &dyn Identified, payload: &[u8]) -> Option<Difference> {
    let mut found = Comparison { rest: payload, difference: None };
    let (name, version) = query.name();
    found.field(Difference::Name, &name.len());
    found.bytes(Difference::Name, name.as_bytes());
    found.field(Difference::Version, &version);
    found.field(Difference::OutputMode, &query.mode());
    let before = found.difference;
    let Ok((inputs, rest)) = codec::take::<u32>(found.rest) else {
        return before.or(Some(Difference::Inputs));
    };
    found.rest = rest;
    let (count, operators) = found.rest.split_first().unwrap_or((&0, &[]));
    found.rest = operators;
    let own_count = each_operator(query, &mut |operator| {
        found.field(Difference::Operator, &operator.window);
        found.field(Difference::Key, &operator.key);
        found.field(Difference::Aggregates, &operator.record);
    });
    if before.is_none() && usize::from(*count) != own_count {
        return Some(Difference::NumberOfOperators);
    }
    // Last, since an operator of another kind may need other inputs.
    found.difference.or((inputs != query.inputs()).then_some(Difference::Inputs))
}

/// The most bytes of one field of an identity: a kind and three moments.
const FIELD_BYTES_MAX: usize = 31;

/// An encoded identity beside that of a query.
struct Comparison<'b> {
    /// What has not been compared yet.
    rest: &'b [u8],
    difference: Option<Difference>,
}

impl Comparison<'_> {
    /// Compares the next field with the query's.
    fn field(&mut self, field: Difference, own: &dyn Encode) {
        let mut buffer = [0; FIELD_BYTES_MAX];
        let mut encoder = Encoder::new(&mut buffer);
        let encoded = own.encode(&mut encoder);
        let used = encoder.used();
        match buffer.get(..used) {
            Some(own) if encoded.is_ok() => self.bytes(field, own),
            _ => self.difference = self.difference.or(Some(field)),
        }
    }

    #[inline(never)]
    fn bytes(&mut self, field: Difference, own: &[u8]) {
        match self.rest.strip_prefix(own) {
            Some(rest) => self.rest = rest,
            None => self.difference = self.difference.or(Some(field)),
        }
    }
}

/// In what two queries differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Difference {
    /// The name.
    Name,
    /// The version.
    Version,
    /// The output mode: state of one mode does not say what another has given out.
    OutputMode,
    /// The inputs: their number, which have a watermark, which can be idle.
    Inputs,
    /// The number of operators.
    NumberOfOperators,
    /// The kind of an operator, or the lengths that belong to it: of windows, of a join's range, a time to live.
    Operator,
    /// The type of the key.
    Key,
    /// The aggregates or the types they keep.
    Aggregates,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Version => "version",
            Self::OutputMode => "output mode",
            Self::Inputs => "inputs (their number, their watermarks, or which can be idle)",
            Self::NumberOfOperators => "number of operators",
            Self::Operator => "kind of operator, or lengths of its windows, range or time to live",
            Self::Key => "key type",
            Self::Aggregates => "aggregates",
        })
    }
}
