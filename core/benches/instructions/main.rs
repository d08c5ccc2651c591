//! Instructions of the engine, counted by valgrind's callgrind, beside a baseline that is committed.
//!
//! ```sh
//! cargo bench -p headwater --features alloc --bench instructions               # the table
//! cargo bench -p headwater --features alloc --bench instructions -- NAME       # of the kernels whose names contain NAME
//! cargo bench -p headwater --features alloc --bench instructions -- --check    # fails where one is over 5 % above the baseline
//! cargo bench -p headwater --features alloc --bench instructions -- --bless    # writes the baseline anew
//! ```
//! Unlike its time, the instructions of a program do not depend on the load of the machine, but on compiler and target, which stand in
//! the first line of `baseline.txt`, and a little on the C library's `memcpy`. It picks that by the processor, which under valgrind is the
//! same on every x86-64 machine with AVX2. Instructions say nothing of caches and mispredicted branches.
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
use std::env;
use std::process::ExitCode;

use baseline::{Baseline, compiler};
use callgrind::KERNEL;

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
    let mut kernels = kernels::all();
    kernels.retain(|kernel| names.is_empty() || names.iter().any(|part| kernel.name.contains(*part)));
    if kernels.is_empty() {
        return Err(format!("no kernel has {} in its name", names.join(" or ")).into());
    }
    if task == Task::Test {
        kernels.iter().for_each(|kernel| assert!((kernel.run)() > 0, "{} has done nothing", kernel.name));
        println!("{} kernels run", kernels.len());
        return Ok(ExitCode::SUCCESS);
    }
    let figures = figure::of_all(&kernels)?;
    if task == Task::Bless {
        Baseline::of(&figures)?.write()?;
    }
    let baseline = Baseline::committed();
    figure::print(&figures, baseline.as_ref().ok());
    if task != Task::Check {
        return Ok(ExitCode::SUCCESS);
    }
    let baseline = baseline?;
    check(&baseline, &baseline.faults(&figures, names.is_empty()))
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

/// Names what has grown.
fn check(baseline: &Baseline, faults: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    if faults.is_empty() {
        println!("no kernel is over 5 % above its baseline");
        return Ok(ExitCode::SUCCESS);
    }
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    let compiler = compiler()?;
    if compiler != baseline.compiler {
        eprintln!("the baseline is of {}, this is {compiler}", baseline.compiler);
    }
    eprintln!(
        "what is meant to cost more: cargo bench -p headwater --features alloc --bench instructions -- --bless"
    );
    Ok(ExitCode::FAILURE)
}
