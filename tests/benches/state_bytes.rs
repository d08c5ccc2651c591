//! The bytes a record takes in each kind of state. Nothing is run: these are sizes of types.

use core::any::type_name;
use core::mem::size_of;

use headwater::aggregate::{Count, Max, Mean, Min, Stored, Sum};
use headwater::operator::{ByArrival, Candidate, CandidateKey, MomentRecord, ProcessRecord, Waiting};
use headwater::state::{Inline, Key, Lookup, Record};
use headwater::{
    Buffered, CountPaneRecord, EventTimeRecord, ExpiringRecord, GroupRecord, PaneRecord, SeenRecord,
    SessionRecord, StateWindowRecord, WindowRecord,
};

type Name = heapless::String<16>;
type CountMean = (Count, Mean);
type CountSumMinMax = (Count, Sum<f64>, Min<f64>, Max<f64>);

/// Beside each record `Inline` keeps 6 numbers of 16 bits, of which one is for the sets of slots. `Allocated` keeps 5 of 32, and a byte for the sets,
/// rounded down: a 32nd of it more for the levels above.
const INLINE_LINKS: usize = 6 * size_of::<u16>();
const ALLOCATED_LINKS: usize = 5 * size_of::<u32>() + 1;
/// Numbers that link the records of a key in order.
const SIBLINGS: usize = 2;

fn main() {
    println!("| state | key | holds | key and record | Inline | Allocated |");
    println!("|---|---|---|---:|---:|---:|");
    for_each_kind::<u32, CountMean>("u32", "count, mean");
    for_each_kind::<u32, CountSumMinMax>("u32", "count, sum, min, max");
    for_each_kind::<Name, CountMean>("String<16>", "count, mean");
    for_each_kind::<Name, CountSumMinMax>("String<16>", "count, sum, min, max");
    without_aggregates::<u32>("u32");
    without_aggregates::<Name>("String<16>");
}

/// A row of 16 bytes, as joins keep them.
type Row = (u64, f64);

fn for_each_kind<K, A: Stored>(key: &str, aggregates: &str) {
    line::<K, GroupRecord<A>>(key, aggregates);
    line::<K, WindowRecord<A>>(key, aggregates);
    line::<K, PaneRecord<A>>(key, aggregates);
    line::<K, SessionRecord<A>>(key, aggregates);
    line::<K, EventTimeRecord<A>>(key, aggregates);
    line::<K, CountPaneRecord<A>>(key, aggregates);
    line::<K, StateWindowRecord<A>>(key, aggregates);
    line::<K, MomentRecord<A>>(key, aggregates);
}

fn without_aggregates<K: Key>(key: &str) {
    line::<K, SeenRecord>(key, "-");
    line::<K, ExpiringRecord>(key, "-");
    line::<Option<K>, Buffered<Row>>(key, "a row of 16 bytes");
    line::<Option<K>, Buffered<Row, ByArrival>>(key, "a row of 16 bytes, no range");
    line::<Option<K>, Waiting<Row>>(key, "a row of 16 bytes");
    line::<CandidateKey<K>, Candidate<Row>>(key, "a row of 16 bytes");
    line::<K, ProcessRecord<(u32, f64), 1>>(key, "state of 16 bytes, 1 timer");
    line::<K, ProcessRecord<(u32, f64), 4>>(key, "state of 16 bytes, 4 timers");
}

fn line<K, V: Record>(key: &str, holds: &str) {
    // What 8 more records cost does not count the padding at the end.
    let inline = (size_of::<Inline<K, V, 16>>() - size_of::<Inline<K, V, 8>>()) / 8;
    let siblings = if V::Lookup::IN_ORDER { SIBLINGS } else { 0 };
    let slot = inline - INLINE_LINKS - siblings * size_of::<u16>();
    let allocated = slot + ALLOCATED_LINKS + siblings * size_of::<u32>();
    let record = size_of::<K>() + size_of::<V>();
    let state = type_name::<V>().split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or("?");
    println!("| `{state}` | `{key}` | {holds} | {record} | {inline} | {allocated} |");
}
