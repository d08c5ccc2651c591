//! What is known of a kernel once it has run, and the table of it.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::baseline::Baseline;
use crate::callgrind::{self, CallgrindError, Counted};
use crate::kernel::Kernel;

/// Kernels that run at one time.
const AT_ONCE: usize = 2;

/// A line of the table.
pub struct Figure {
    pub name: String,
    pub instructions: u64,
    units: u64,
    pub unit: &'static str,
}

impl Figure {
    pub fn per_unit(&self) -> f64 {
        self.instructions as f64 / self.units as f64
    }

    /// One figure; of single calls the least, the median and the worst.
    fn of(kernel: &Kernel, counted: &Counted) -> Vec<Self> {
        let figure = |name, instructions, units| Self { name, instructions, units, unit: kernel.unit };
        match counted {
            Counted::Together { instructions, units } => {
                vec![figure(kernel.name.clone(), *instructions, *units)]
            }
            Counted::EachCall(counts) => {
                let middle = counts.get(counts.len() / 2);
                [("least", counts.first()), ("median", middle), ("worst", counts.last())]
                    .into_iter()
                    .filter_map(|(which, count)| Some(figure(format!("{}/{which}", kernel.name), *count?, 1)))
                    .collect()
            }
        }
    }
}

/// Runs the kernels under callgrind. The figures are in the order of the kernels.
pub fn of_all(kernels: &[Kernel]) -> Result<Vec<Figure>, CallgrindError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((number, kernel)) =
            kernels.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed))
        {
            done.push((number, Figure::of(kernel, &callgrind::count(kernel)?)));
        }
        Ok(done)
    };
    let done: Result<Vec<_>, CallgrindError> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let mut done: Vec<(usize, Vec<Figure>)> = done?.into_iter().flatten().collect();
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().flat_map(|(_, figures)| figures).collect())
}

/// Prints the figures beside those of the baseline.
pub fn print(figures: &[Figure], baseline: Option<&Baseline>) {
    println!("| kernel | instructions | per unit | unit | baseline | change |");
    println!("|---|---:|---:|---|---:|---:|");
    for figure in figures {
        let Figure { name, instructions, unit, .. } = figure;
        let per_unit = figure.per_unit();
        let (before, change) = match baseline.and_then(|baseline| baseline.of_kernel(name)) {
            Some(before) => (format!("{before:.2}"), format!("{:+.1} %", (per_unit / before - 1.0) * 100.0)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!("| {name} | {instructions} | {per_unit:.2} | {unit} | {before} | {change} |");
    }
    for worst in figures {
        if let Some(kernel) = worst.name.strip_suffix("/worst")
            && let Some(median) = figures.iter().find(|figure| figure.name == format!("{kernel}/median"))
        {
            println!("{kernel}: the worst is {:.1} times the median", worst.per_unit() / median.per_unit());
        }
    }
}
