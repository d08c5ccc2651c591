//! `histogram`: the counts of a naive one, the same bytes in any order.

use headwater::aggregate::{Aggregate, Bin, HistogramEdges, histogram};

use super::{assert_same_bytes, numbered, seeded, share, updated};

#[test]
fn as_counted_one_by_one() {
    let mut random = seeded();
    let edges: [f64; 40] = core::array::from_fn(|edge| (edge as f64 - 15.0) * 2.5);
    let spec = histogram(|row: &Option<f64>| *row, edges).expect("ascending");
    for rows in [0, 1, 100, 4000] {
        let rows = numbered(
            (0..rows)
                .map(|_| match random.below(20) {
                    0 => None,
                    1 => Some(f64::NAN),
                    2 => Some(f64::INFINITY),
                    3 => Some(f64::NEG_INFINITY),
                    4 => Some(-0.0),
                    5..10 => Some(edges[random.below(40) as usize]),
                    _ => Some(150.0 * share(&mut random) - 60.0),
                })
                .collect::<Vec<_>>(),
        );
        assert_same_bytes(&spec, &rows, &mut random);
        let counts = spec.finish(&updated(&spec, &rows));
        let values = || rows.iter().filter_map(|row| row.1);
        assert_eq!(counts.below, values().filter(|value| *value < edges[0]).count() as u64);
        assert_eq!(counts.above, values().filter(|value| *value >= edges[39]).count() as u64);
        assert_eq!(counts.not_a_number, values().filter(|value| value.is_nan()).count() as u64);
        assert_eq!(counts.bins().len(), 39);
        for (bin, edges) in counts.bins().zip(edges.windows(2)) {
            let count = values().filter(|value| edges[0] <= *value && *value < edges[1]).count() as u64;
            assert_eq!(bin, Bin { lower: edges[0], upper: edges[1], count });
        }
        let inside: u64 = counts.bins().map(|bin| bin.count).sum();
        assert_eq!(inside + counts.below + counts.above + counts.not_a_number, values().count() as u64);
    }
}

#[test]
fn one_edge_divides_what_is_below_from_what_is_not() {
    let spec = histogram(|row: &i32| *row, [0.0]).expect("ascending");
    let counts = spec.finish(&updated(&spec, &numbered([-1, 0, 1])));
    assert_eq!((counts.below, counts.bins().len(), counts.above), (1, 0, 2));
}

#[test]
fn edges_must_be_finite_and_ascend() {
    let of = |edges: [f64; 3]| histogram(|row: &f64| *row, edges).err();
    assert_eq!(of([-1.0, 0.0, 1.0]), None);
    assert_eq!(of([1.0, 1.0, 2.0]), Some(HistogramEdges::NotAscending(1)));
    assert_eq!(of([1.0, 2.0, 0.0]), Some(HistogramEdges::NotAscending(2)));
    assert_eq!(of([-0.0, 0.0, 1.0]), Some(HistogramEdges::NotAscending(1)));
    assert_eq!(of([f64::NEG_INFINITY, 0.0, 1.0]), Some(HistogramEdges::NotFinite(0)));
    assert_eq!(of([0.0, 1.0, f64::NAN]), Some(HistogramEdges::NotFinite(2)));
    assert_eq!(HistogramEdges::NotFinite(2).to_string(), "edge 2 of the histogram is not a finite number");
}
