//! Damage: each bit of a small log flipped. What comes out is right or an error, never a wrong answer.

use headwater::checkpoint::{Log, RamFlash};
use headwater::{OnFull, OutputMode, QueryPlan};
use headwater_tests::crash::script;
use headwater_tests::line::IntoLine;
use headwater_tests::reading::Reading;
use headwater_tests::script::{BUFFER, Call, Position, Trace, make};
use headwater_tests::shape::{PlanVisitor, Shape, Windows};

const BYTES: usize = 2048;
type Flash = RamFlash<BYTES, 4, 512>;

const CAPACITY: usize = 4;

/// What came of all flips.
#[derive(Debug, Default)]
struct Verdicts {
    not_opened: u32,
    not_restored: u32,
    /// Finished with the right output, from the last commit.
    unharmed: u32,
    /// Finished with the right output, from an earlier commit.
    from_earlier: u32,
    /// The storage refused to be programmed where the flip was.
    not_programmable: u32,
}

struct FlipEachBit<'c> {
    calls: &'c [Call],
    /// The calls before the flip.
    before: usize,
}

impl FlipEachBit<'_> {
    fn run<P>(&self, plan: &P, storage: &mut Flash, trace: &mut Trace, to: usize) -> Result<Position, Failure>
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut state = plan.allocate(CAPACITY);
        let mut query = plan.bind(&mut state);
        let mut log = Log::<_, BUFFER>::open(storage).map_err(|_| Failure::Open)?;
        let position: Option<Position> = query.restore(&mut log).map_err(|_| Failure::Restore)?;
        let position = position.unwrap_or_default();
        assert!(position.0 as usize <= trace.outcomes.len(), "a commit that was never made");
        trace.cut_back(position);
        if let Some((_, progress)) = trace.outcomes.last() {
            assert_eq!(query.progress(), *progress, "the state of another epoch");
        }
        for call in &self.calls[trace.outcomes.len()..to] {
            make(&mut query, &mut log, call, trace).map_err(|_| Failure::Program)?;
        }
        Ok(position)
    }
}

enum Failure {
    Open,
    Restore,
    Program,
}

impl PlanVisitor for FlipEachBit<'_> {
    type Answer = Verdicts;

    fn visit<P>(self, plan: &P) -> Verdicts
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut expected = Trace::default();
        assert!(self.run(plan, &mut Flash::new(), &mut expected, self.calls.len()).is_ok());
        let (mut flash, mut trace) = (Flash::new(), Trace::default());
        assert!(self.run(plan, &mut flash, &mut trace, self.before).is_ok());
        let last = trace.position();

        let mut verdicts = Verdicts::default();
        for bit in 0..BYTES * 8 {
            let (mut damaged, mut trace) = (flash.clone(), trace.clone());
            damaged.image_mut()[bit / 8] ^= 1 << (bit % 8);
            let counter = match self.run(plan, &mut damaged, &mut trace, self.calls.len()) {
                Err(Failure::Open) => &mut verdicts.not_opened,
                Err(Failure::Restore) => &mut verdicts.not_restored,
                Err(Failure::Program) => &mut verdicts.not_programmable,
                Ok(position) => {
                    assert!(trace == expected, "bit {bit}: {trace:#?}\nbut undamaged\n{expected:#?}");
                    if position == last { &mut verdicts.unharmed } else { &mut verdicts.from_earlier }
                }
            };
            *counter += 1;
        }
        verdicts
    }
}

fn flip_each_bit(windows: Windows, mode: OutputMode) -> Verdicts {
    let shape = Shape { windows, keyed: true, mode, delay: 4, initial: None, on_full: OnFull::Drop };
    let calls = script(6, 3, 3);
    // The last call before the damage is a commit.
    let commits = calls.iter().enumerate().filter(|(_, call)| **call == Call::Commit);
    let (fourth, _) = commits.clone().nth(3).expect("a commit for each epoch");
    shape.visit(FlipEachBit { calls: &calls, before: fourth + 1 })
}

#[test]
fn of_a_log_of_windows() {
    let verdicts = flip_each_bit(Windows::Tumbling { size: 6, offset: 0 }, OutputMode::Append);
    println!("{verdicts:?}");
    assert!(verdicts.not_opened > 100 && verdicts.unharmed > 100, "{verdicts:?}");
}

#[test]
fn of_a_log_of_groups() {
    let verdicts = flip_each_bit(Windows::None, OutputMode::Update);
    println!("{verdicts:?}");
    assert!(verdicts.not_opened > 100 && verdicts.unharmed > 100, "{verdicts:?}");
}
