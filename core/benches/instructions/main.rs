//! Instructions of the engine, counted by valgrind's callgrind, beside a baseline that is committed.
//!
//! ```sh
//! cargo bench -p headwater --features alloc --bench instructions               # the table
//! cargo bench -p headwater --features alloc --bench instructions -- NAME       # of the kernels whose names contain NAME
//! cargo bench -p headwater --features alloc --bench instructions -- --check    # fails where one is over 5 % above the baseline
//! cargo bench -p headwater --features alloc --bench instructions -- --bless    # writes the baseline anew
//! ```
//! Unlike its time, the instructions of a program do not depend on the load of the machine, and hardly on the machine: on compiler and
//! target, which stand in the first line of `baseline.txt`, and on the `memcpy` that the C library picks for the processor. They say
//! nothing of caches and mispredicted branches.
//!
//! A runner of its own rather than gungraun: that is a second program to install in the very version of the crate, and keeps its
//! baselines under `target/` and not in the repository.
//!
//! As a test (`cargo test --benches`) each kernel runs once, without valgrind.

mod baseline;
mod callgrind;
mod figure;
mod kernel;
mod kernels;

use core::error::Error;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::process::ExitCode;
use std::{env, thread};

use baseline::{Baseline, compiler};
use callgrind::{CallgrindError, KERNEL};
use figure::Figure;
use kernel::Kernel;

/// Kernels that run at one time.
const AT_ONCE: usize = 2;

/// What is to be done with the figures.
#[derive(PartialEq, Eq)]
enum Task {
    Show,
    Check,
    Bless,
    /// No figures: run each kernel as it is.
    Test,
}

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    if let [option, name] = arguments
        && option == KERNEL
    {
        return run_one(name);
    }
    let (task, names) = parsed(arguments)?;
    let chosen = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(*part));
    let mut kernels = kernels::all();
    kernels.retain(|kernel| chosen(&kernel.name));
    if task == Task::Test {
        kernels.iter().for_each(|kernel| assert!((kernel.run)() > 0, "{} has done nothing", kernel.name));
        println!("{} kernels run", kernels.len());
        return Ok(ExitCode::SUCCESS);
    }
    let figures = figures(&kernels)?;
    if task == Task::Bless {
        Baseline::of(&figures)?.write()?;
    }
    let baseline = Baseline::committed();
    figure::print(&figures, baseline.as_ref().ok());
    if task == Task::Check { check(&baseline?, &figures, chosen) } else { Ok(ExitCode::SUCCESS) }
}

/// `cargo bench` says `--bench`; `cargo test` does not.
fn parsed(arguments: &[String]) -> Result<(Task, Vec<&str>), Box<dyn Error>> {
    let (mut task, mut names, mut is_bench) = (Task::Show, Vec::new(), false);
    for argument in arguments {
        match argument.as_str() {
            "--bench" => is_bench = true,
            "--check" => task = Task::Check,
            "--bless" => task = Task::Bless,
            "--test" => task = Task::Test,
            option if option.starts_with('-') => {
                return Err(format!("{option} is none of --check, --bless, --test").into());
            }
            name => names.push(name),
        }
    }
    if !is_bench {
        task = Task::Test;
    }
    if task == Task::Bless && !names.is_empty() {
        return Err("--bless writes the figures of all kernels: leave out the names".into());
    }
    Ok((task, names))
}

/// Under callgrind.
fn run_one(name: &str) -> Result<ExitCode, Box<dyn Error>> {
    let kernel = kernels::all().into_iter().find(|kernel| kernel.name == name);
    println!("{}", (kernel.ok_or_else(|| format!("there is no kernel {name}"))?.run)());
    Ok(ExitCode::SUCCESS)
}

/// In the order of the kernels.
fn figures(kernels: &[Kernel]) -> Result<Vec<Figure>, CallgrindError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((number, kernel)) =
            kernels.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed))
        {
            done.push((number, Figure::all_of(kernel, &callgrind::count(kernel)?)));
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

/// Names what has grown.
fn check(
    baseline: &Baseline,
    figures: &[Figure],
    chosen: impl Fn(&str) -> bool,
) -> Result<ExitCode, Box<dyn Error>> {
    let compiler = compiler()?;
    let faults = baseline.faults(figures, chosen);
    if faults.is_empty() {
        println!("no kernel is over 5 % above its baseline");
        return Ok(ExitCode::SUCCESS);
    }
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    if compiler != baseline.compiler {
        eprintln!("the baseline is of {}, this is {compiler}", baseline.compiler);
    }
    eprintln!(
        "what is meant to cost more: cargo bench -p headwater --features alloc --bench instructions -- --bless"
    );
    Ok(ExitCode::FAILURE)
}
