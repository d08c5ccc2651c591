//! Where the power fails.

use core::fmt::Debug;

use headwater::QueryPlan;
use headwater::checkpoint::{FaultyStorage, RamFlash};
use headwater_tests::properties::{Random, long};
use headwater_tests::script::Position;
use headwater_tests::survive::{Call, Row, Survivor, Trace, script};

type Flash<const BYTES: usize, const WRITE: usize, const ERASE: usize> =
    FaultyStorage<RamFlash<BYTES, WRITE, ERASE>>;

const CAPACITY: usize = 24;
const ROWS_PER_EPOCH: u64 = 6;

/// What the word being programmed may be left with: still erased, whole, some bits not yet programmed, noise. One seed for each, by what
/// a [`FaultyStorage`] draws first.
fn seeds_of_contents() -> [u64; 4] {
    core::array::from_fn(|content| {
        (0..).find(|seed| Random(*seed).draw() % 4 == content as u64).expect("one in four")
    })
}

/// A run as it stood right after a commit.
struct Stage<const BYTES: usize, const WRITE: usize, const ERASE: usize> {
    storage: Flash<BYTES, WRITE, ERASE>,
    position: Position,
}

/// A run without a fault, to be cut.
struct Run<'p, P: QueryPlan, const BYTES: usize, const WRITE: usize, const ERASE: usize> {
    plan: &'p P,
    context: String,
    calls: Vec<Call<P::Row>>,
    expected: Trace<P::Output>,
    stages: Vec<Stage<BYTES, WRITE, ERASE>>,
}

impl<'p, P, const BYTES: usize, const WRITE: usize, const ERASE: usize> Run<'p, P, BYTES, WRITE, ERASE>
where
    P: QueryPlan<Row: Clone, Output: Clone + PartialEq + Debug>,
{
    fn new(
        plan: &'p P,
        context: &str,
        epochs: u64,
        seed: u64,
        row: impl Fn(bool, Row) -> P::Row,
        keep_stages: bool,
    ) -> Self {
        let context = format!("{context}, words of {WRITE} B, sectors of {ERASE} B");
        let calls = script(epochs, ROWS_PER_EPOCH, seed, row);
        let mut storage = Flash::new(RamFlash::new(), 0);
        let mut stages = vec![Stage { storage: storage.clone(), position: (0, 0) }];
        let mut survivor = Survivor::new(CAPACITY, &calls);
        survivor.run_undisturbed(plan, &mut storage, |storage, position| {
            if keep_stages {
                stages.push(Stage { storage: storage.clone(), position });
            }
        });
        let expected = survivor.trace;
        assert!(expected.given.len() > epochs as usize / 4, "{context}: a run that gives something");
        Self { plan, context, calls, expected, stages }
    }

    /// Goes on from a stage with what `plan_faults` plans, to the end. Returns the number of cuts.
    fn survive(
        &self,
        stage: &Stage<BYTES, WRITE, ERASE>,
        seed: u64,
        plan_faults: impl FnMut(&mut Flash<BYTES, WRITE, ERASE>, u32),
        what: &dyn Fn() -> String,
    ) -> u32 {
        let mut survivor = Survivor::new(CAPACITY, &self.calls);
        let (steps, given) = stage.position;
        survivor.trace.steps.extend_from_slice(&self.expected.steps[..steps as usize]);
        survivor.trace.given.extend_from_slice(&self.expected.given[..given as usize]);
        survivor.acknowledged = stage.position;
        let mut storage = stage.storage.clone();
        storage.reseed(seed);
        let cuts = survivor.run(self.plan, &mut storage, plan_faults);
        if survivor.trace != self.expected {
            let (found, expected) = (&survivor.trace.steps, &self.expected.steps);
            let step = (0..self.calls.len()).find(|step| found.get(*step) != expected.get(*step));
            panic!(
                "{}, {}: first other step {step:?}\n{:?}\n{:?}\ngiven\n{:?}\n{:?}",
                self.context,
                what(),
                step.and_then(|step| found.get(step)),
                step.and_then(|step| expected.get(step)),
                survivor.trace.given,
                self.expected.given
            );
        }
        cuts
    }
}

/// Cuts once at each programmed word, with each content the word may be left with, and in each erase; and then a second time while the log
/// clears up after the first cut.
pub fn every_word<P, R, const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    plan: &P,
    what: &str,
    epochs: u64,
    seed: u64,
    row: impl Fn(bool, Row) -> R,
) where
    P: QueryPlan<Row = R, Output: Clone + PartialEq + Debug>,
    R: Clone,
{
    let run = Run::<P, BYTES, WRITE, ERASE>::new(plan, what, epochs, seed, row, true);
    let (mut words, mut erases, mut cuts) = (0_u64, 0_u64, 0_u64);
    // An everyday run takes some of the words, others in each stage.
    let step = if long() { 1 } else { 97 };
    let contents = seeds_of_contents();
    for (stage, next) in run.stages.iter().zip(run.stages.iter().skip(1)) {
        let in_stage = (next.storage.programmed_bytes() - stage.storage.programmed_bytes()) / WRITE as u64;
        for word in (0..in_stage).filter(|word| (words + word).is_multiple_of(step)) {
            for (content, seed) in contents.iter().enumerate() {
                let mut random = Random(seed ^ ((words + word) << 8));
                let faults = |storage: &mut Flash<BYTES, WRITE, ERASE>, starts| match starts {
                    0 => storage.cut_after_programmed_bytes(word * WRITE as u64),
                    1 if content % 2 == 0 => storage.cut_after_programmed_bytes(random.below(200)),
                    1 if random.below(2) == 0 => storage.cut_during_erase(random.below(2)),
                    _ => {}
                };
                let place = || format!("cut at word {} with content {content}", words + word);
                cuts += u64::from(run.survive(stage, *seed, faults, &place));
            }
        }
        for erase in 0..next.storage.erases() - stage.storage.erases() {
            for seed in 0..if long() { 16 } else { 2 } {
                let mut random = Random(seed);
                let faults = |storage: &mut Flash<BYTES, WRITE, ERASE>, starts| match starts {
                    0 => storage.cut_during_erase(erase),
                    1 if seed % 2 == 0 => storage.cut_during_erase(0),
                    1 => storage.cut_after_programmed_bytes(random.below(200)),
                    _ => {}
                };
                let place = || format!("cut in erase {} with seed {seed}", erases + erase);
                cuts += u64::from(run.survive(stage, seed, faults, &place));
            }
        }
        words += in_stage;
        erases += next.storage.erases() - stage.storage.erases();
    }
    println!("{}: a run of {words} words and {erases} erases, {cuts} cuts", run.context);
    assert!(words >= super::WORDS_MIN && erases > 0, "{words} words, {erases} erases");
    assert!(!long() || cuts >= 4 * words, "{cuts} cuts of {words} words");
}

/// Cuts long runs at random, again and again, until there are so many cuts.
pub fn sampled<P, R, const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    plan: &P,
    what: &str,
    cuts_min: u64,
    seed: u64,
    row: impl Fn(bool, Row) -> R,
) where
    P: QueryPlan<Row = R, Output: Clone + PartialEq + Debug>,
    R: Clone,
{
    let (mut cuts, mut runs) = (0_u64, 0_u64);
    while cuts < cuts_min {
        let mut random = Random(seed.wrapping_add(runs));
        let epochs = if long() { 200 } else { 40 };
        let run = Run::<P, BYTES, WRITE, ERASE>::new(plan, what, epochs, random.draw(), &row, false);
        let most = epochs as u32 / 2;
        let mut draws = random.clone();
        let faults = |storage: &mut Flash<BYTES, WRITE, ERASE>, starts| {
            // In the end it is left in peace.
            if starts >= most {
                return;
            }
            match draws.below(8) {
                0 => storage.cut_during_erase(draws.below(3)),
                1 | 2 => storage.cut_after_programmed_bytes(draws.below(200)),
                _ => storage.cut_after_programmed_bytes(draws.below(2000.max(32 * WRITE as u64))),
            }
        };
        let place = || format!("cuts at random, run {runs}");
        cuts += u64::from(run.survive(&run.stages[0], random.draw(), faults, &place));
        runs += 1;
    }
    println!("{what}, words of {WRITE} B, sectors of {ERASE} B: {cuts} cuts at random in {runs} runs");
}
