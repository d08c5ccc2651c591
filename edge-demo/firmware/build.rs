//! Tells the linker where the memory is; see `src/board/memory.x`.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

/// Not in this directory: the linker would find it here before the copy that is made below.
const MEMORY: &str = "src/board/memory.x";
/// What it gives to code and constants.
const FLASH_BUDGET: &str = "LENGTH = 42K /* budget */";
/// All up to the recording, for images that may be larger.
const FLASH_WHOLE: &str = "LENGTH = 256K";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let memory = fs::read_to_string(MEMORY)?;
    if !memory.contains(FLASH_BUDGET) {
        return Err(format!(
            "{MEMORY} has no line with `{FLASH_BUDGET}`: name there and here the same budget"
        )
        .into());
    }
    let large = env::var_os("CARGO_FEATURE_LARGE_FLASH").is_some();
    let memory = if large { memory.replace(FLASH_BUDGET, FLASH_WHOLE) } else { memory };
    fs::write(out.join("memory.x"), memory)?;
    // The names of handlers that a device crate would bring; see `src/board/interrupts.rs`.
    fs::write(out.join("device.x"), "")?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    }
    println!("cargo::rerun-if-changed={MEMORY}");
    Ok(())
}
