//! `collect`: the first values to arrive, the same bytes in any order of merges.

use headwater::aggregate::{Aggregate, Collect, Collected, collect};
use headwater_tests::properties::{Random, check};
use proptest::prelude::*;

use super::{assert_same_bytes, numbered, updated};

#[test]
fn the_first_to_arrive_in_any_order_of_merges() {
    check(400, &(proptest::collection::vec(any::<Option<u16>>(), 0..40), any::<u64>()), |(rows, draws)| {
        let spec = collect::<9, _, _, _>(|row: &Option<u16>| *row);
        let values: Vec<u16> = rows.iter().flatten().copied().collect();
        let rows = numbered(rows);
        assert_same_bytes(&spec, &rows, &mut Random(draws));
        let Collected { values: kept, left_out } = spec.finish(&updated(&spec, &rows));
        prop_assert_eq!(&kept[..], &values[..values.len().min(9)]);
        prop_assert_eq!(left_out, values.len().saturating_sub(9) as u64);
        Ok(())
    });
}

#[test]
fn a_list_without_room_counts() {
    let spec = collect(|row: &u8| *row);
    let state: Collect<u8, 0> = updated(&spec, &numbered([1, 2, 3]));
    assert_eq!(spec.finish(&state), Collected { values: heapless::Vec::new(), left_out: 3 });
}
