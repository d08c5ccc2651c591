//! A restart between any two calls changes nothing: not one result, not their order, not one count.

use headwater::checkpoint::{Log, RamFlash};
use headwater::state::Shape;
use headwater::{OnFull, QueryPlan};
use headwater_tests::line::IntoLine;
use headwater_tests::properties::{Random, check};
use headwater_tests::reading::Reading;
use headwater_tests::run::Flash;
use headwater_tests::script::{BUFFER, Call, Outcome, Position, Trace, make, scripts};
use headwater_tests::shape::{PlanVisitor, shapes};
use proptest::prelude::*;

const EVERY_POLICY: &[OnFull] = &[OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest];

/// Runs a script with a restart before each of the calls numbered in `restarts`, on flash of one geometry.
struct Restarted<'c, const BYTES: usize, const WRITE: usize, const ERASE: usize> {
    calls: &'c [Call],
    restarts: &'c [usize],
    capacity: usize,
}

impl<const BYTES: usize, const WRITE: usize, const ERASE: usize> PlanVisitor
    for Restarted<'_, BYTES, WRITE, ERASE>
{
    type Answer = Trace;

    fn visit<P>(self, plan: &P) -> Trace
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut storage = RamFlash::<BYTES, WRITE, ERASE>::new();
        let mut trace = Trace::default();
        let ends = self.restarts.iter().copied().chain([self.calls.len()]);
        for end in ends {
            let mut state = plan.allocate(self.capacity);
            let mut query = plan.bind(&mut state);
            let mut log = Log::<_, BUFFER>::open(&mut storage).expect("a log that was written whole");
            let position: Option<Position> = query.restore(&mut log).expect("the same query");
            trace.cut_back(position.unwrap_or_default());
            match trace.outcomes.last() {
                Some((_, progress)) => assert_eq!(query.progress(), *progress, "progress after the restart"),
                None => assert_eq!(query.progress().epoch, 0),
            }
            for call in &self.calls[trace.outcomes.len()..end] {
                make(&mut query, &mut log, call, &mut trace).expect("the log has room");
            }
        }
        trace
    }
}

fn same_after_restarts<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    cases: u32,
    policies: &'static [OnFull],
) {
    let inputs = (shapes(policies), scripts(1..60), 2_usize..24, any::<u64>());
    check(cases, &inputs, |(shape, calls, capacity, seed)| {
        let run = |restarts: &[usize]| {
            shape.visit(Restarted::<BYTES, WRITE, ERASE> { calls: &calls, restarts, capacity })
        };
        let straight = run(&[]);
        // Once before a single call, and once before many.
        let mut random = Random(seed);
        for _ in 0..4 {
            let before = random.below(calls.len() as u64 + 1) as usize;
            prop_assert_eq!(&run(&[before]), &straight, "restarted before call {}", before);
        }
        let often: Vec<usize> = (0..calls.len()).filter(|_| random.below(4) == 0).collect();
        prop_assert_eq!(&run(&often), &straight, "restarted before calls {:?}", often);
        Ok(())
    });
}

#[test]
fn on_flash_of_single_bytes() {
    same_after_restarts::<32_768, 1, 1024>(400, EVERY_POLICY);
}

#[test]
fn on_flash_of_words() {
    same_after_restarts::<16_384, 4, 2048>(400, EVERY_POLICY);
}

#[test]
fn on_flash_of_sixteen_byte_words() {
    same_after_restarts::<32_768, 16, 4096>(400, EVERY_POLICY);
}

#[test]
fn before_each_call_of_a_script() {
    check(48, &(shapes(EVERY_POLICY), scripts(1..25), 2_usize..12), |(shape, calls, capacity)| {
        let run = |restarts: &[usize]| {
            shape.visit(Restarted::<16_384, 4, 2048> { calls: &calls, restarts, capacity })
        };
        let straight = run(&[]);
        for before in 0..=calls.len() {
            prop_assert_eq!(&run(&[before]), &straight, "restarted before call {}", before);
        }
        let everywhere: Vec<usize> = (0..=calls.len()).collect();
        prop_assert_eq!(&run(&everywhere), &straight);
        Ok(())
    });
}

/// Runs a script over inline and over allocated state of the same capacity.
struct Twice<'c>(&'c [Call]);

const INLINE_CAPACITY: usize = 9;

impl PlanVisitor for Twice<'_> {
    type Answer = [(Trace, Flash); 2];

    fn visit<P>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut inline = <P::Shape as Shape>::Inline::<INLINE_CAPACITY>::default();
        let mut allocated = plan.allocate(INLINE_CAPACITY);
        [run_over(plan.bind(&mut inline), self.0), run_over(plan.bind(&mut allocated), self.0)]
    }
}

fn run_over<P, I>(mut query: headwater::Query<'_, P, I>, calls: &[Call]) -> (Trace, Flash)
where
    P: QueryPlan<Row = Reading, Item = Reading>,
    P::Output: IntoLine,
    I: headwater::state::SlotIndex,
{
    let mut log = Log::<_, BUFFER>::open(Flash::new()).expect("an erased flash is an empty log");
    let mut trace = Trace::default();
    for call in calls {
        make(&mut query, &mut log, call, &mut trace).expect("the log has room");
    }
    (trace, log.into_storage())
}

#[test]
fn inline_and_allocated_state_give_the_same_results_and_bytes() {
    check(600, &(shapes(EVERY_POLICY), scripts(1..80)), |(shape, calls)| {
        let [(inline, inline_log), (allocated, allocated_log)] = shape.visit(Twice(&calls));
        prop_assert_eq!(inline, allocated);
        prop_assert!(inline_log.image() == allocated_log.image(), "the logs differ");
        Ok(())
    });
}

/// A script must hold what this file is about.
#[test]
fn scripts_commit_interrupt_and_refuse() {
    let mut found = [0; 4];
    let found = core::cell::RefCell::new(&mut found);
    check(40, &(shapes(EVERY_POLICY), scripts(30..60)), |(shape, calls)| {
        let trace = headwater_tests::run::run(&shape, &calls, 4);
        let outcomes = [Outcome::Committed, Outcome::Interrupted, Outcome::Unfinished, Outcome::Full];
        for (count, outcome) in found.borrow_mut().iter_mut().zip(outcomes) {
            *count += trace.count(outcome);
        }
        Ok(())
    });
    assert!(found.borrow().iter().all(|count| *count > 10), "{found:?}");
}
