//! Aggregates: the laws every one obeys, and Spark's answers.
//!
//! The answers of `mod spark` were recorded from PySpark 4.3.0 (Java 17); each test names the recorded run.

use core::fmt::Debug;

use headwater::aggregate::{
    Aggregate, Arrival, Count, First, FirstNonNull, Last, LastNonNull, Max, MaxBy, Mean, Min, MinBy, Stored,
    Sum, Variance, count, count_of, first, first_non_null, last, last_non_null, max, max_by, mean, min,
    min_by, stddev, stddev_pop, sum, variance, variance_pop,
};
use proptest::prelude::*;

type Text = heapless::String<8>;
/// Rows with their place in the order of arrival.
type Numbered<R> = Vec<(Arrival, R)>;

fn text(content: &str) -> Text {
    Text::try_from(content).expect("a text of at most 8 bytes")
}

/// The state as the checkpoint would hold it: unlike `==`, it tells -0.0 from 0.0 and finds NaN equal to itself.
fn bytes(state: &impl Stored) -> Vec<u8> {
    let mut buffer = [0; 256];
    postcard::to_slice(state, &mut buffer).expect("a state of at most 256 bytes").to_vec()
}

fn updated<R, A: Aggregate<R>>(spec: &A, rows: &[(Arrival, R)]) -> A::State {
    let mut state = spec.init();
    for (arrival, row) in rows {
        spec.update(&mut state, row, *arrival);
    }
    state
}

fn merged<R, A: Aggregate<R>>(spec: &A, parts: &[Numbered<R>]) -> A::State {
    let mut state = spec.init();
    for part in parts {
        spec.merge(&mut state, &updated(spec, part));
    }
    state
}

fn numbered<R: Clone>(rows: &[R]) -> Numbered<R> {
    (1..).zip(rows.iter().cloned()).collect()
}

/// The answer over all rows, told in Spark's way: each batch on its own, merged in the order of arrival.
/// Also checks that the state survives the checkpoint and that one pass over all rows gives the same answer.
fn answer<R: Clone, A>(spec: &A, batches: &[&[R]], same: impl Fn(&A::Output, &A::Output) -> bool) -> A::Output
where
    A: Aggregate<R>,
    A::Output: Debug,
{
    let mut rows = numbered(&batches.concat());
    let in_one_pass = spec.finish(&updated(spec, &rows));
    let parts: Vec<_> = batches.iter().map(|batch| rows.drain(..batch.len()).collect()).collect();
    let state = merged(spec, &parts);
    let restored: A::State = postcard::from_bytes(&bytes(&state)).expect("a state just written");
    let in_batches = spec.finish(&restored);
    assert!(same(&in_batches, &in_one_pass), "in batches {in_batches:?}, in one pass {in_one_pass:?}");
    in_batches
}

/// Equal, -0.0 told from 0.0, NaN equal to NaN.
fn identical(left: Option<f64>, right: Option<f64>) -> bool {
    left.map(f64::to_bits) == right.map(f64::to_bits)
}

/// Equal but for rounding: relative to the size of the numbers that went in.
fn close(left: Option<f64>, right: Option<f64>, scale: f64) -> bool {
    match (left, right) {
        (Some(left), Some(right)) if left.is_finite() && right.is_finite() => {
            (left - right).abs() <= 1e-12 * scale.max(1.0)
        }
        _ => identical(left, right),
    }
}

mod spark {
    use super::*;

    const NAN: Option<f64> = Some(f64::NAN);
    const INF: Option<f64> = Some(f64::INFINITY);
    const NEG_INF: Option<f64> = Some(f64::NEG_INFINITY);

    /// One group: its values in order of arrival, batch by batch, and the recorded answers.
    struct Group {
        key: &'static str,
        batches: &'static [&'static [Option<f64>]],
        rows: u64,
        values: u64,
        sum: Option<f64>,
        mean: Option<f64>,
        min: Option<f64>,
        max: Option<f64>,
    }

    const fn group(
        key: &'static str,
        batches: &'static [&'static [Option<f64>]],
        (rows, values): (u64, u64),
        [sum, mean, min, max]: [Option<f64>; 4],
    ) -> Group {
        Group { key, batches, rows, values, sum, mean, min, max }
    }

    /// Run `null_nan_inf_append`.
    const NULL_NAN_INF: &[Group] = &[
        group("nul", &[&[None], &[None], &[Some(2.0)]], (3, 1), [Some(2.0); 4]),
        group("nan", &[&[NAN], &[Some(4.0)]], (2, 2), [NAN, NAN, Some(4.0), NAN]),
        group("pinf", &[&[INF], &[Some(4.0)]], (2, 2), [INF, INF, Some(4.0), INF]),
        group("ninf", &[&[NEG_INF], &[Some(4.0)]], (2, 2), [NEG_INF, NEG_INF, NEG_INF, Some(4.0)]),
        group("both", &[&[INF, NEG_INF]], (2, 2), [NAN, NAN, NEG_INF, INF]),
        group("mixnan", &[&[Some(1.0), NAN], &[None]], (3, 2), [NAN, NAN, Some(1.0), NAN]),
        group(
            "mixnul",
            &[&[Some(1.0), None], &[Some(5.0)]],
            (3, 2),
            [Some(6.0), Some(3.0), Some(1.0), Some(5.0)],
        ),
        group("naninf", &[&[NAN, INF, NEG_INF]], (3, 3), [NAN, NAN, NEG_INF, NAN]),
        group("zero", &[&[Some(0.0), Some(-0.0)]], (2, 2), [Some(0.0); 4]),
        group("negzero", &[&[Some(-0.0)]], (1, 1), [Some(0.0), Some(0.0), Some(-0.0), Some(-0.0)]),
    ];

    #[test]
    fn null_nan_and_infinities() {
        let value = |row: &Option<f64>| *row;
        let same = |left: &Option<f64>, right: &Option<f64>| identical(*left, *right);
        for group in NULL_NAN_INF {
            let key = group.key;
            assert_eq!(answer(&count(), group.batches, u64::eq), group.rows, "{key}");
            assert_eq!(answer(&count_of(value), group.batches, u64::eq), group.values, "{key}");
            let answers = [
                ("sum", answer(&sum(value), group.batches, same), group.sum),
                ("mean", answer(&mean(value), group.batches, same), group.mean),
                ("min", answer(&min(value), group.batches, same), group.min),
                ("max", answer(&max(value), group.batches, same), group.max),
            ];
            for (function, ours, recorded) in answers {
                assert!(identical(ours, recorded), "{function} of {key}: {ours:?}, Spark says {recorded:?}");
            }
        }
    }

    /// Run `aggregates_int`: integers add up to a 64-bit one, average to a float, `min` and `max` keep the type.
    #[test]
    fn integers() {
        let column = |row: &Option<i32>| *row;
        let spec = (count(), count_of(column), sum(column), mean(column), min(column), max(column));
        let largest = Some(i32::MAX);
        let of = |batches: &[&[Option<i32>]]| answer(&spec, batches, |left, right| left == right);
        assert_eq!(
            of(&[&[largest, largest, Some(1)], &[None]]),
            (4, 3, Some(4_294_967_295_i64), Some(1_431_655_765.0), Some(1), largest)
        );
        assert_eq!(of(&[&[None]]), (1, 0, None, None, None, None));
        assert_eq!(of(&[&[Some(-3), Some(4)]]), (2, 2, Some(1), Some(0.5), Some(-3), Some(4)));
    }

    /// Runs `aggregates_stddev` and `random_tumbling_stats_17` (its first windows of k0, k4 and again k4).
    #[test]
    fn variance_and_deviation() {
        let value = |row: &Option<f64>| *row;
        let spec = (variance(value), variance_pop(value), stddev(value), stddev_pop(value));
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        let check = |batches: &[&[Option<f64>]], recorded: [Option<f64>; 4]| {
            let near = |left: [Option<f64>; 4], right: [Option<f64>; 4]| {
                left.into_iter().zip(right).all(|(left, right)| close(left, right, 1e3))
            };
            let ours = answer(&spec, batches, |left, right| near((*left).into(), (*right).into()));
            assert_eq!(<[_; 4]>::from(ours), recorded, "{batches:?}");
        };
        let of_one = [None, Some(0.0), None, Some(0.0)];
        check(&[&[Some(5.0)]], of_one);
        check(&[&[None, Some(2.0)]], of_one);
        check(&[&[None]], [None; 4]);
        check(&[&[Some(1.0)], &[Some(4.0)]], [4.5, 2.25, 2.121_320_343_559_642_4, 1.5].map(Some));
        check(
            &[&some(&[1.0, 2.5]), &some(&[-3.25, 10.0]), &some(&[0.0])],
            [24.2, 19.36, 4.919_349_550_499_537, 4.4].map(Some),
        );
        check(
            &[&some(&[-36.5, 22.0, 86.5, 37.25, 76.75, -93.0, 99.0, -52.0, 60.25])],
            [4_613.140_625, 4_100.569_444_444_444, 67.920_104_718_706_09, 64.035_688_833_996_66].map(Some),
        );
        check(
            &[&some(&[
                21.25, -45.5, 0.0, -78.25, -20.0, -76.25, 95.75, 21.5, 6.5, -37.75, -61.25, 54.5, -19.0,
            ])],
            [2_630.318_108_974_359, 2_427.985_946_745_561_7, 51.286_626_999_388_05, 49.274_597_377_812_86]
                .map(Some),
        );
        check(
            &[&some(&[-67.25, 31.5]), &some(&[23.75, -91.5, -62.0, -95.75, 70.5, -39.0])],
            [3_908.043_526_785_714, 3_419.538_085_937_5, 62.514_346_567_693_68, 58.476_816_653_589_31]
                .map(Some),
        );
    }

    /// Rule of `CentralMomentAgg` at one value that is not finite: no sample variance, NaN for the population.
    #[test]
    fn variance_of_one_value_that_is_not_finite() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let column = |row: &f64| *row;
            let spec = (variance(column), stddev(column), variance_pop(column), stddev_pop(column));
            let (variance, stddev, variance_pop, stddev_pop) = spec.finish(&updated(&spec, &[(1, value)]));
            assert_eq!((variance, stddev), (None, None), "{value}");
            assert!(identical(variance_pop, NAN) && identical(stddev_pop, NAN), "{value}");
        }
    }

    /// Run `aggregates_first_last`: arrival counts, not event time; nulls are values of `first` and `last`.
    #[test]
    fn first_and_last() {
        let value = |row: &Option<f64>| *row;
        let spec = (first(value), last(value), first_non_null(value), last_non_null(value));
        let of = |batches: &[&[Option<f64>]]| answer(&spec, batches, |left, right| left == right);
        let (one, two, three, five) = (Some(1.0), Some(2.0), Some(3.0), Some(5.0));
        assert_eq!(of(&[&[one, two]]), (one, two, one, two));
        assert_eq!(of(&[&[one, two], &[three]]), (one, three, one, three));
        assert_eq!(of(&[&[one, two], &[three], &[None]]), (one, None, one, three));
        assert_eq!(of(&[&[None]]), (None, None, None, None));
        assert_eq!(of(&[&[None], &[five]]), (None, five, five, five));
    }

    /// Run `aggregates_string_min_max`: text by UTF-8 bytes; a null value beside the greatest is the answer.
    #[test]
    fn text_and_extremum_by() {
        type Row = (Option<&'static str>, f64, i32);
        let key = |row: &Row| row.0.map(text);
        let value = |row: &Row| row.1;
        let id = |row: &Row| row.2;
        let spec = (min(key), max(key), max_by(key, value), min_by(key, value), max_by(id, value));
        let batches: &[&[Row]] = &[
            &[(Some("b"), 3.0, 1), (Some("B"), 2.0, 2), (Some("é"), 9.0, 3), (Some(""), 1.0, 4)],
            &[(Some("ba"), -1.0, 5), (None, 50.0, 6), (Some("z"), 8.0, 7)],
        ];
        let ours = answer(&spec, batches, |left, right| left == right);
        assert_eq!(ours, (Some(text("")), Some(text("é")), None, Some(text("ba")), Some(6)));
    }
}

#[test]
fn a_group_without_rows() {
    let c = |row: &f64| *row;
    let extremes =
        (min(c), max(c), min_by(c, c), max_by(c, c), first(c), last(c), first_non_null(c), last_non_null(c));
    let totals =
        (count(), count_of(c), sum(c), mean(c), variance(c), variance_pop(c), stddev(c), stddev_pop(c));
    let none = None;
    assert_eq!(extremes.finish(&extremes.init()), (none, none, none, none, none, none, none, none));
    assert_eq!(totals.finish(&totals.init()), (0, 0, none, none, none, none, none, none));
}

#[test]
fn ties_go_to_the_row_that_arrived_last() {
    let spec = (
        min_by(|row: &(char, f64)| row.0, |row: &(char, f64)| row.1),
        max_by(|row: &(char, f64)| row.0, |row: &(char, f64)| row.1),
    );
    for same in [[0.0, -0.0, 0.0], [f64::NAN; 3]] {
        let rows = numbered(&[('a', same[0]), ('b', same[1]), ('c', same[2])]);
        let latest = (Some('c'), Some('c'));
        assert_eq!(spec.finish(&updated(&spec, &rows)), latest);
        let parts: Vec<_> = rows.iter().rev().map(|row| vec![*row]).collect();
        assert_eq!(spec.finish(&merged(&spec, &parts)), latest, "merged from the last to the first");
    }
}

#[test]
fn rows_without_ordering_value_are_skipped() {
    type Row = (u8, Option<u8>);
    let spec = (min_by(|row: &Row| row.0, |row: &Row| row.1), max_by(|row: &Row| row.0, |row: &Row| row.1));
    let none_left = updated(&spec, &[(1, (1, None))]);
    assert_eq!(spec.finish(&none_left), (None, None));
    let one_left = updated(&spec, &[(1, (1, None)), (2, (2, Some(9))), (3, (3, None))]);
    assert_eq!(spec.finish(&one_left), (Some(2), Some(2)));
}

#[test]
fn merging_knows_arrival_not_the_order_of_merges() {
    let spec = (first(|row: &char| *row), last(|row: &char| *row));
    let (early, late) = (updated(&spec, &[(7, 'a'), (9, 'c')]), updated(&spec, &[(8, 'b'), (10, 'd')]));
    for (left, right) in [(&early, &late), (&late, &early)] {
        let mut state = *left;
        spec.merge(&mut state, right);
        assert_eq!(spec.finish(&state), (Some('a'), Some('d')));
    }
}

#[test]
fn an_integer_sum_that_does_not_fit_is_none_until_it_fits_again() {
    let spec = sum(|row: &i64| *row);
    let mut state = spec.init();
    spec.update(&mut state, &i64::MAX, 1);
    assert_eq!(spec.finish(&state), Some(i64::MAX));
    spec.update(&mut state, &1, 2);
    assert_eq!(spec.finish(&state), None);
    spec.update(&mut state, &-1, 3);
    assert_eq!(spec.finish(&state), Some(i64::MAX));
}

#[test]
fn variance_keeps_its_digits_beside_a_large_mean() {
    let spec = variance(|row: &f64| *row);
    let rows = numbered(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
    assert_eq!(spec.finish(&updated(&spec, &rows)), Some(30.0));
}

/// What is written per group in a user's `static`; the documentation of each state gives these numbers.
#[test]
fn sizes_of_states() {
    let sizes = [
        ("Count", size_of::<Count>(), 8),
        ("Sum<i32>", size_of::<Sum<i32>>(), 16),
        ("Sum<f64>", size_of::<Sum<f64>>(), 16),
        ("Mean", size_of::<Mean>(), 16),
        ("Variance", size_of::<Variance>(), 24),
        ("Min<f64>", size_of::<Min<f64>>(), 16),
        ("Max<i16>", size_of::<Max<i16>>(), 4),
        ("First<f64>", size_of::<First<f64>>(), 24),
        ("Last<bool>", size_of::<Last<bool>>(), 16),
        ("FirstNonNull<f64>", size_of::<FirstNonNull<f64>>(), 24),
        ("LastNonNull<f64>", size_of::<LastNonNull<f64>>(), 24),
        ("MinBy<f64, f64>", size_of::<MinBy<f64, f64>>(), 32),
        ("MaxBy<u32, f32>", size_of::<MaxBy<u32, f32>>(), 24),
        ("(Count, Mean)", size_of::<(Count, Mean)>(), 24),
    ];
    for (state, size, documented) in sizes {
        assert_eq!(size, documented, "bytes of {state}");
    }
}

#[derive(Debug, Clone)]
struct Row {
    float: Option<f64>,
    integer: Option<i64>,
    unsigned: u64,
    text: Option<Text>,
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => -1e6..1e6_f64,
        4 => (-3..3_i8).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let float = proptest::option::of(any_float());
    let integer = proptest::option::of(prop_oneof![Just(i64::MAX), Just(i64::MIN), any::<i64>(), -9..9_i64]);
    let text = proptest::option::of("[a-cé]{0,3}".prop_map(|content| text(&content)));
    (float, integer, any::<u64>(), text).prop_map(|(float, integer, unsigned, text)| Row {
        float,
        integer,
        unsigned,
        text,
    })
}

/// The same rows whole and split into parts, the parts in any order.
#[derive(Debug)]
struct Split {
    whole: Numbered<Row>,
    parts: Vec<Numbered<Row>>,
}

fn any_split() -> impl Strategy<Value = Split> {
    let rows = proptest::collection::vec((any_row(), 0..6_usize), 0..40);
    (rows, Just(vec![0, 1, 2, 3, 4, 5]).prop_shuffle()).prop_map(|(rows, order): (_, Vec<usize>)| {
        let mut parts = vec![Vec::new(); order.len()];
        let mut whole = Vec::new();
        for (arrival, (row, part)) in (1..).zip(rows) {
            parts[order[part]].push((arrival, row.clone()));
            whole.push((arrival, row));
        }
        Split { whole, parts }
    })
}

/// A fresh state changes nothing, on either side; a state read back from the checkpoint is the same.
fn assert_fresh_is_neutral<A: Aggregate<Row>>(name: &str, spec: &A, rows: &[(Arrival, Row)]) {
    let state = updated(spec, rows);
    let mut right = state.clone();
    spec.merge(&mut right, &spec.init());
    assert_eq!(bytes(&right), bytes(&state), "{name}: merged with a fresh state");
    let mut left = spec.init();
    spec.merge(&mut left, &state);
    assert_eq!(bytes(&left), bytes(&state), "{name}: merged into a fresh state");
    let restored: A::State = postcard::from_bytes(&bytes(&state)).expect("a state just written");
    assert_eq!(bytes(&restored), bytes(&state), "{name}: read back");
}

/// Exact aggregates: any split, merged in any order, gives the very bytes of one pass.
fn assert_exact<A: Aggregate<Row>>(name: &str, spec: &A, split: &Split) {
    assert_fresh_is_neutral(name, spec, &split.whole);
    let in_one_pass = bytes(&updated(spec, &split.whole));
    assert_eq!(bytes(&merged(spec, &split.parts)), in_one_pass, "{name}: in parts");
    let backwards: Vec<_> = split.whole.iter().rev().cloned().collect();
    assert_eq!(bytes(&updated(spec, &backwards)), in_one_pass, "{name}: backwards");
}

/// Aggregates in floating point: the same but for rounding.
fn assert_rounded<A>(name: &str, spec: &A, split: &Split, scale: f64)
where
    A: Aggregate<Row, Output = Option<f64>>,
{
    assert_fresh_is_neutral(name, spec, &split.whole);
    let in_one_pass = spec.finish(&updated(spec, &split.whole));
    let in_parts = spec.finish(&merged(spec, &split.parts));
    assert!(close(in_parts, in_one_pass, scale), "{name}: {in_parts:?}, in one pass {in_one_pass:?}");
}

proptest! {
    #[test]
    fn merging_any_split_is_updating_with_all_rows(split in any_split()) {
        let float = |row: &Row| row.float;
        let integer = |row: &Row| row.integer;
        let text = |row: &Row| row.text.clone();
        assert_exact("count", &count(), &split);
        assert_exact("count_of", &count_of(float), &split);
        assert_exact("sum of integers", &sum(integer), &split);
        assert_exact("sum of unsigned", &sum(|row: &Row| row.unsigned), &split);
        assert_exact("min of floats", &min(float), &split);
        assert_exact("max of floats", &max(float), &split);
        assert_exact("min of text", &min(text), &split);
        assert_exact("max of text", &max(text), &split);
        assert_exact("min_by", &min_by(integer, float), &split);
        assert_exact("max_by", &max_by(float, text), &split);
        assert_exact("first", &first(text), &split);
        assert_exact("last", &last(float), &split);
        assert_exact("first_non_null", &first_non_null(float), &split);
        assert_exact("last_non_null", &last_non_null(text), &split);
        assert_exact("a tuple", &(count(), min(float), first(integer)), &split);
        let (sizes, squares) = (1e6 * 40.0, 1e12 * 40.0);
        assert_rounded("sum of floats", &sum(float), &split, sizes);
        assert_rounded("mean", &mean(float), &split, sizes);
        assert_rounded("variance", &variance(float), &split, squares);
        assert_rounded("variance_pop", &variance_pop(float), &split, squares);
    }

    #[test]
    fn integer_sums_are_exact(rows in proptest::collection::vec(any::<(i64, u64)>(), 1..40)) {
        let spec = (sum(|row: &(i64, u64)| row.0), sum(|row: &(i64, u64)| row.1 >> 4));
        let signed: i128 = rows.iter().map(|row| i128::from(row.0)).sum();
        let unsigned: i128 = rows.iter().map(|row| i128::from(row.1 >> 4)).sum();
        let ours = spec.finish(&updated(&spec, &numbered(&rows)));
        prop_assert_eq!(ours, (i64::try_from(signed).ok(), i64::try_from(unsigned).ok()));
    }

    #[test]
    fn min_and_max_are_the_ends_of_the_sorted_values(values in proptest::collection::vec(any_float(), 1..40)) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let spec = (min(|row: &f64| *row), max(|row: &f64| *row));
        let (least, greatest) = spec.finish(&updated(&spec, &numbered(&values)));
        prop_assert!(identical(least, sorted.first().copied()), "{:?}", least);
        prop_assert!(identical(greatest, sorted.last().copied()), "{:?}", greatest);
    }

    #[test]
    fn mean_and_variance_agree_with_two_passes(values in proptest::collection::vec(-1e6..1e6_f64, 2..40)) {
        let count = values.len() as f64;
        let average = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - average).powi(2)).sum::<f64>();
        let column = |row: &f64| *row;
        let spec = (mean(column), variance(column), variance_pop(column), stddev(column), stddev_pop(column));
        let (mean, sample, population, deviation, deviation_pop) =
            spec.finish(&updated(&spec, &numbered(&values)));
        prop_assert!(close(mean, Some(average), 1e6));
        prop_assert!(close(sample, Some(squares / (count - 1.0)), 1e12));
        prop_assert!(close(population, Some(squares / count), 1e12));
        prop_assert_eq!(deviation, sample.map(f64::sqrt));
        prop_assert_eq!(deviation_pop, population.map(f64::sqrt));
    }
}
