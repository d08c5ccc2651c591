//! The driver: makes inputs, runs a target on them, and says which input failed.

use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::properties::Random;

/// The longest that one input may take before the run is given up with that input: far beyond what any bounded one takes.
const STUCK: Duration = Duration::from_secs(20);

/// Inputs kept.
const CORPUS_MAX: usize = 4096;

/// What is fuzzed.
pub trait Target {
    /// Runs one input, panics if it finds a fault, and tells the class of what happened.
    fn run(&self, input: &[u8]) -> u64;

    /// An input out of nothing or out of a valid one.
    fn make(&self, random: &mut Random) -> Vec<u8>;

    /// Changes an input that led to something new.
    fn mutate(&self, input: &[u8], random: &mut Random) -> Vec<u8>;
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Inputs run.
    pub executions: u64,
    /// Different classes of outcomes.
    pub classes: usize,
    /// The input that failed.
    pub failed: Option<Vec<u8>>,
}

/// Runs inputs while `more` says so of the number of those run, up to the first that fails.
pub fn fuzz(target: &impl Target, seed: u64, mut more: impl FnMut(u64) -> bool) -> Report {
    let mut random = Random(seed);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    let mut classes: HashMap<u64, u64> = HashMap::new();
    let watch = Watch::start();
    let mut report = Report { executions: 0, classes: 0, failed: None };
    while more(report.executions) {
        let kept = (!corpus.is_empty() && random.below(3) > 0).then(|| random.below(corpus.len() as u64));
        let input = match kept {
            Some(kept) => target.mutate(&corpus[kept as usize], &mut random),
            None => target.make(&mut random),
        };
        watch.look_at(&input);
        let class = catch_unwind(AssertUnwindSafe(|| target.run(&input)));
        report.executions += 1;
        let Ok(class) = class else {
            report.failed = Some(input);
            break;
        };
        let seen = classes.entry(class).or_default();
        *seen += 1;
        if *seen == 1 && corpus.len() < CORPUS_MAX {
            corpus.push(input);
        }
    }
    report.classes = classes.len();
    report
}

/// Ends the process if one input never ends.
struct Watch(Arc<Mutex<(Instant, Vec<u8>)>>);

impl Watch {
    fn start() -> Self {
        let current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
        let watched = Arc::downgrade(&current);
        std::thread::spawn(move || {
            while let Some(current) = watched.upgrade() {
                if let Ok(current) = current.lock()
                    && current.0.elapsed() > STUCK
                    && !current.1.is_empty()
                {
                    eprintln!("fuzz: no end in {STUCK:?}: input {}", hex(&current.1));
                    std::process::exit(1);
                }
                drop(current);
                std::thread::park_timeout(Duration::from_millis(200));
            }
        });
        Self(current)
    }

    fn look_at(&self, input: &[u8]) {
        if let Ok(mut current) = self.0.lock() {
            current.0 = Instant::now();
            current.1.clear();
            current.1.extend_from_slice(input);
        }
    }
}

/// Bytes as text, two digits each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of such text; white space counts for nothing. `None` if it is something else.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((high * 16 + low) as u8),
            _ => None,
        })
        .collect()
}
