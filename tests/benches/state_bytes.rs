//! The bytes a record takes in each kind of state. Nothing is run: these are sizes of types.

use core::any::type_name;
use core::mem::size_of;

use headwater::aggregate::{Count, Max, Mean, Min, Sum};
use headwater::state::Inline;
use headwater::{GroupRecord, PaneRecord, SessionRecord, WindowRecord};

type Name = heapless::String<16>;
type CountMean = (Count, Mean);
type CountSumMinMax = (Count, Sum<f64>, Min<f64>, Max<f64>);

/// Beside each record `Inline` keeps 9 numbers of 16 bits, `Allocated` 9 of 32.
const INLINE_LINKS: usize = 9 * size_of::<u16>();
const ALLOCATED_LINKS: usize = 9 * size_of::<u32>();

fn main() {
    println!("| state | key | aggregates | key and record | Inline | Allocated |");
    println!("|---|---|---|---:|---:|---:|");
    for_each_kind::<u32, CountMean>("u32", "count, mean");
    for_each_kind::<u32, CountSumMinMax>("u32", "count, sum, min, max");
    for_each_kind::<Name, CountMean>("String<16>", "count, mean");
    for_each_kind::<Name, CountSumMinMax>("String<16>", "count, sum, min, max");
}

fn for_each_kind<K, A>(key: &str, aggregates: &str) {
    line::<K, GroupRecord<A>>(key, aggregates);
    line::<K, WindowRecord<A>>(key, aggregates);
    line::<K, PaneRecord<A>>(key, aggregates);
    line::<K, SessionRecord<A>>(key, aggregates);
}

fn line<K, V>(key: &str, aggregates: &str) {
    // What 8 more records cost does not count the padding at the end.
    let inline = (size_of::<Inline<K, V, 16>>() - size_of::<Inline<K, V, 8>>()) / 8;
    let allocated = inline - INLINE_LINKS + ALLOCATED_LINKS;
    let record = size_of::<K>() + size_of::<V>();
    let state = type_name::<V>().split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or("?");
    println!("| `{state}` | `{key}` | {aggregates} | {record} | {inline} | {allocated} |");
}
