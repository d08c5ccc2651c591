//! What is known of a kernel once it has run, and the table of it.

use crate::baseline::Baseline;
use crate::callgrind::Counted;
use crate::kernel::Kernel;

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
    pub fn all_of(kernel: &Kernel, counted: &Counted) -> Vec<Self> {
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
