//! What makes a query the same query: a log of another one is not read.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::plan::QueryPlan;
use super::run::MarksOf;
use crate::operator::{Operator, OperatorIdentity, OutputMode};
use crate::state::fingerprint;

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

impl Identity<'static> {
    /// The identity of a plan.
    #[must_use]
    pub fn of<P: QueryPlan>(plan: &P) -> Self {
        let (name, version) = plan.name();
        let mut operators = heapless::Vec::new();
        plan.operator().identify(&mut |operator| {
            if let Err(further) = operators.push(operator)
                && let Some(last) = operators.last_mut()
            {
                fold(last, &further);
            }
        });
        Self { name, version, mode: plan.mode(), inputs: fingerprint::<MarksOf<P>>(), operators }
    }
}

/// Makes `last` stand for a further operator too.
fn fold(last: &mut OperatorIdentity, further: &OperatorIdentity) {
    let mut crc = crc32fast::Hasher::new_with_initial(last.record);
    for micros in further.window.micros {
        crc.update(&micros.to_le_bytes());
    }
    crc.update(&[further.window.kind]);
    crc.update(&further.key.to_le_bytes());
    crc.update(&further.record.to_le_bytes());
    last.record = crc.finalize();
}

impl<'a> Identity<'a> {
    /// The identity in the first record of a snapshot ([`Record::Identity`](crate::checkpoint::Record::Identity)); `None` if it is none.
    #[must_use]
    pub fn decode(payload: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(payload).ok()
    }

    /// The first thing in which `other` is another query.
    #[must_use]
    pub fn difference(&self, other: &Identity<'_>) -> Option<Difference> {
        let windows = |identity: &OperatorIdentity| identity.window;
        let differs = |part: fn(&OperatorIdentity) -> u32| {
            self.operators.iter().map(part).ne(other.operators.iter().map(part))
        };
        let differences = [
            (self.mode != other.mode, Difference::OutputMode),
            (self.name != other.name, Difference::Name),
            (self.version != other.version, Difference::Version),
            (self.operators.len() != other.operators.len(), Difference::NumberOfOperators),
            (
                self.operators.iter().map(windows).ne(other.operators.iter().map(windows)),
                Difference::Operator,
            ),
            (differs(|operator| operator.key), Difference::Key),
            (differs(|operator| operator.record), Difference::Aggregates),
            (self.inputs != other.inputs, Difference::Inputs),
        ];
        differences.iter().find(|(differs, _)| *differs).map(|(_, difference)| *difference)
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
