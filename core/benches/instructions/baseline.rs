//! The committed figures.

use core::fmt::Write;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

use crate::figure::Figure;

/// A kernel may cost so much more than in the baseline.
const GROWTH_MAX: f64 = 1.05;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/baseline.txt");

/// Instructions per unit, by the names of the kernels.
pub struct Baseline {
    /// What they were taken with.
    pub compiler: String,
    figures: BTreeMap<String, f64>,
}

impl Baseline {
    /// Reads the committed one.
    pub fn committed() -> io::Result<Self> {
        let text = fs::read_to_string(Path::new(FILE))
            .map_err(|error| io::Error::new(error.kind(), format!("{FILE}: {error}")))?;
        Self::parsed(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{FILE}: not a baseline")))
    }

    fn parsed(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let compiler = lines.next()?.strip_prefix("# ")?.to_owned();
        let figures = lines
            .map(|line| {
                line.split_once('\t').and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)))
            })
            .collect::<Option<_>>()?;
        Some(Self { compiler, figures })
    }

    /// What was measured now.
    pub fn of(figures: &[Figure]) -> io::Result<Self> {
        let figures = figures.iter().map(|figure| (figure.name.clone(), figure.per_unit())).collect();
        Ok(Self { compiler: compiler()?, figures })
    }

    /// Puts it in the place of the committed one.
    pub fn write(&self) -> io::Result<()> {
        let mut text = format!("# {}\n", self.compiler);
        for (name, count) in &self.figures {
            writeln!(text, "{name}\t{count:.2}").map_err(io::Error::other)?;
        }
        fs::write(FILE, text)
    }

    pub fn of_kernel(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    /// What stands between these figures and the baseline, a line each. `all`: they are those of all kernels.
    pub fn faults(&self, figures: &[Figure], all: bool) -> Vec<String> {
        let grown = figures.iter().filter_map(|figure| match self.of_kernel(&figure.name) {
            None => Some(format!("{} is not in the baseline", figure.name)),
            Some(before) if figure.per_unit() > before * GROWTH_MAX => Some(format!(
                "{} has grown from {before:.2} to {:.2} instructions per {}",
                figure.name,
                figure.per_unit(),
                figure.unit
            )),
            Some(_) => None,
        });
        let is_measured = |name: &String| figures.iter().any(|figure| figure.name == *name);
        let gone = self.figures.keys().filter(|name| all && !is_measured(name));
        grown.chain(gone.map(|name| format!("{name} is in the baseline only"))).collect()
    }
}

/// The compiler and its target, as it says itself.
pub fn compiler() -> io::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown").to_owned();
    Ok(format!("rustc {} {}", line("release: "), line("host: ")))
}
