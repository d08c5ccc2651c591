//! Rows of state: the types of a table, found by their fingerprints, and its entries decoded.
//!
//! A log holds fingerprints of types and no types. Keys of one plain type and records of the usual aggregates are found by trying; anything
//! else is shown as bytes.

use std::collections::BTreeMap;

use headwater::aggregate::{Count, FloatSum, IntegerSum, Max, Mean, Min, Variance};
use headwater::operator::{MomentRecord, OperatorIdentity};
use headwater::state::{Link, fingerprint_of};
use headwater::{
    CountPaneRecord, EventTimeRecord, ExpiringRecord, GroupRecord, PaneRecord, SeenRecord, SessionRecord,
    StateWindowRecord, WindowRecord,
};
use serde::Deserialize;

use super::describe;
use super::fact::Fact;
use super::shape::{Hole, Shape};
use super::survey::Epoch;

/// The most aggregates of a query that are found.
const AGGREGATES_MAX: usize = 4;

/// A type with its name.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    shape: Shape,
}

impl Named {
    fn of<'de, T: Deserialize<'de>>(name: impl Into<String>) -> Option<Self> {
        Some(Self { name: name.into(), shape: Shape::of::<T>()? })
    }

    fn has(&self, fingerprint: u32) -> bool {
        fingerprint_of(&self.shape) == fingerprint
    }
}

/// What a table holds, and its types as far as they are known.
#[derive(Debug, Clone)]
pub(super) struct TableTypes {
    what: String,
    is_link: bool,
    key: Option<Named>,
    record: Option<Named>,
}

impl TableTypes {
    /// Of an operator's table; of a pair, which has its fingerprints together, no types are known.
    pub(super) fn of(operator: &OperatorIdentity) -> Self {
        let kind = operator.window.kind;
        Self {
            what: "records".to_owned(),
            is_link: false,
            key: keys().into_iter().find(|key| key.has(operator.key)),
            record: record(kind, operator.record),
        }
    }

    fn link() -> Self {
        let record = Named::of::<Link>("");
        Self { what: "link between two operators".to_owned(), is_link: true, key: None, record }
    }

    pub(super) fn key_name(&self) -> Option<String> {
        Some(self.key.as_ref()?.name.clone())
    }

    pub(super) fn record_name(&self) -> Option<String> {
        Some(self.record.as_ref()?.name.clone())
    }

    /// The first entry of the bytes: its slot, key and record if the slot is in use, and the bytes behind it.
    fn entry<'b>(&self, bytes: &'b [u8]) -> Option<(u32, Option<(String, String)>, &'b [u8])> {
        let ((slot, used), rest) = postcard::take_from_bytes::<(u32, bool)>(bytes).ok()?;
        if !used {
            return Some((slot, None, rest));
        }
        let (key, rest) = self.key.as_ref()?.shape.decode(rest)?;
        let (record, rest) = self.record.as_ref()?.shape.decode(rest)?;
        Some((slot, Some((key, record)), rest))
    }

    /// All entries of some bytes, if all can be decoded.
    fn entries(&self, bytes: &[u8]) -> Option<Vec<(u32, Option<(String, String)>)>> {
        let (mut rest, mut entries) = (bytes, Vec::new());
        while !rest.is_empty() {
            let (slot, record, after) = self.entry(rest)?;
            // An entry is never empty, so this ends.
            rest = after;
            entries.push((slot, record));
        }
        Some(entries)
    }
}

/// The tables of a query, in order of their numbers.
pub(super) fn tables(operators: &[OperatorIdentity]) -> Vec<TableTypes> {
    let links = operators.len().saturating_sub(1);
    let mut tables = vec![TableTypes::link(); links];
    for (number, operator) in operators.iter().enumerate() {
        let types = TableTypes::of(operator);
        let named =
            |name: &&str| TableTypes { what: format!("{name} of operator {number}"), ..types.clone() };
        tables.extend(describe::tables(operator.window.kind).iter().map(named));
    }
    tables
}

/// How many slots an epoch wrote and emptied; `None` unless the types of all its entries are known.
pub(super) fn changes(epoch: &Epoch, tables: &[TableTypes]) -> Option<(u32, u32)> {
    let (mut changed, mut removed) = (0, 0);
    for (table, bytes) in &epoch.content.entries {
        let types = tables.get(usize::from(*table))?;
        if types.is_link {
            continue;
        }
        for (_, record) in types.entries(bytes)? {
            if record.is_some() {
                changed += 1;
            } else {
                removed += 1;
            }
        }
    }
    Some((changed, removed))
}

/// A table as it is after the last of the epochs, which begin with a snapshot.
pub(super) fn table(number: u8, types: &TableTypes, epochs: &[&Epoch]) -> Vec<Fact> {
    let pieces: Vec<(u64, &[u8])> = epochs
        .iter()
        .flat_map(|epoch| epoch.content.entries.iter().map(|entry| (epoch.commit.epoch, entry)))
        .filter(|(_, (table, _))| *table == number)
        .map(|(epoch, (_, bytes))| (epoch, bytes.as_slice()))
        .collect();
    let entry_bytes = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
    let what = types.what.clone();
    if types.is_link {
        return link(number, types, what, entry_bytes, &pieces);
    }
    match slots(types, &pieces) {
        Some(slots) => {
            let table = Fact::Table { table: number, what, rows: Some(slots.len()), entry_bytes };
            let row = |(slot, (key, record))| Fact::Row { table: number, slot, key, record };
            core::iter::once(table).chain(slots.into_iter().map(row)).collect()
        }
        None => {
            let table = Fact::Table { table: number, what, rows: None, entry_bytes };
            let entries = |(epoch, bytes): (u64, &[u8])| Fact::Entries {
                table: number,
                epoch,
                bytes: bytes.len(),
                hex: hex(bytes),
            };
            core::iter::once(table).chain(pieces.into_iter().map(entries)).collect()
        }
    }
}

/// The slots in use after all entries.
fn slots(types: &TableTypes, pieces: &[(u64, &[u8])]) -> Option<BTreeMap<u32, (String, String)>> {
    let mut slots = BTreeMap::new();
    for (_, bytes) in pieces {
        for (slot, record) in types.entries(bytes)? {
            match record {
                Some(record) => drop(slots.insert(slot, record)),
                None => drop(slots.remove(&slot)),
            }
        }
    }
    Some(slots)
}

/// A link is one value, the last one holds.
fn link(
    number: u8,
    types: &TableTypes,
    what: String,
    entry_bytes: usize,
    pieces: &[(u64, &[u8])],
) -> Vec<Fact> {
    let last = pieces.last().and_then(|(_, bytes)| types.record.as_ref()?.shape.decode(bytes));
    let table = Fact::Table { table: number, what, rows: last.as_ref().map(|_| 1), entry_bytes };
    let row = last.map(|(record, _)| Fact::Row { table: number, slot: 0, key: "()".to_owned(), record });
    core::iter::once(table).chain(row).collect()
}

/// Keys that are found.
fn keys() -> Vec<Named> {
    let plain = [
        Named::of::<()>("no key"),
        Named::of::<&str>("text"),
        Named::of::<bool>("bool"),
        Named::of::<u8>("u8"),
        Named::of::<u16>("u16"),
        Named::of::<u32>("u32"),
        Named::of::<u64>("u64"),
        Named::of::<i8>("i8"),
        Named::of::<i16>("i16"),
        Named::of::<i32>("i32"),
        Named::of::<i64>("i64"),
    ];
    plain.into_iter().flatten().collect()
}

/// The record of this kind of operator with this fingerprint.
fn record(kind: u8, fingerprint: u32) -> Option<Named> {
    if kind == 6 {
        let records = [Named::of::<SeenRecord>("seen"), Named::of::<ExpiringRecord>("seen, with its end")];
        return records.into_iter().flatten().find(|record| record.has(fingerprint));
    }
    let record = match kind {
        0 => Shape::of::<GroupRecord<Hole>>(),
        1 => Shape::of::<WindowRecord<Hole>>(),
        2 => Shape::of::<PaneRecord<Hole>>(),
        3 | 4 => Shape::of::<SessionRecord<Hole>>(),
        10 => Shape::of::<CountPaneRecord<Hole>>(),
        11 => Shape::of::<StateWindowRecord<Hole>>(),
        12 => Shape::of::<MomentRecord<Hole>>(),
        13 => Shape::of::<EventTimeRecord<Hole>>(),
        _ => None,
    }?;
    let of_one_type = [
        aggregates::<f64>("f64"),
        aggregates::<f32>("f32"),
        aggregates::<i64>("i64"),
        aggregates::<i32>("i32"),
        aggregates::<i16>("i16"),
        aggregates::<u64>("u64"),
        aggregates::<u32>("u32"),
        aggregates::<u16>("u16"),
        aggregates::<u8>("u8"),
    ];
    of_one_type.iter().find_map(|aggregates| combined(&record, aggregates, fingerprint))
}

/// Aggregates over values of one type.
fn aggregates<'de, T: Deserialize<'de>>(name: &str) -> Vec<Named> {
    let all = [
        Named::of::<Count>("Count"),
        Named::of::<Mean>("Mean"),
        Named::of::<Min<T>>(format!("Min<{name}>")),
        Named::of::<Max<T>>(format!("Max<{name}>")),
        Named::of::<FloatSum>("FloatSum"),
        Named::of::<IntegerSum>("IntegerSum"),
        Named::of::<Variance>("Variance"),
    ];
    all.into_iter().flatten().collect()
}

/// The record with one of the aggregates, or several, that has the fingerprint.
fn combined(record: &Shape, aggregates: &[Named], fingerprint: u32) -> Option<Named> {
    let fits = |state: &Shape| fingerprint_of(&record.filled(state)) == fingerprint;
    if let Some(only) = aggregates.iter().find(|aggregate| fits(&aggregate.shape)) {
        return Some(Named { name: only.name.clone(), shape: record.filled(&only.shape) });
    }
    for count in 2..=AGGREGATES_MAX {
        for number in 0..aggregates.len().pow(count as u32) {
            let chosen: Vec<&Named> = (0..count as u32)
                .map(|place| &aggregates[number / aggregates.len().pow(place) % aggregates.len()])
                .collect();
            let state = Shape::Tuple(chosen.iter().map(|aggregate| aggregate.shape.clone()).collect());
            if fits(&state) {
                let names: Vec<&str> = chosen.iter().map(|aggregate| aggregate.name.as_str()).collect();
                return Some(Named { name: format!("({})", names.join(", ")), shape: record.filled(&state) });
            }
        }
    }
    None
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
