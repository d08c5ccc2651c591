//! That input, answer and checkpoint are different directories: files of one would be taken for files of another. One may lie in
//! another, since none of them is read with what lies deeper.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::options::{Input, Options, UsageError};

/// Refuses directories of the command line that are the same, by whatever names they are given.
///
/// # Errors
/// [`UsageError`] that names both options.
pub(super) fn check(options: &Options) -> Result<(), UsageError> {
    let resolved = |option: &str, path: &Path| {
        resolve(path).map_err(|error| UsageError::from(format!("{option} {}: {error}", path.display())))
    };
    let out = resolved("--out", &options.out)?;
    let state = resolved("--state", &options.state)?;
    apart(("--state", &state), ("--out", &out))?;
    if let Input::Files(path) = &options.input {
        let input = resolved("--input", path)?;
        for directory in [("--out", &out), ("--state", &state)] {
            apart(("--input", &input), directory)?;
        }
    }
    Ok(())
}

fn apart(one: (&str, &PathBuf), other: (&str, &PathBuf)) -> Result<(), UsageError> {
    let ((one, first), (other, second)) = (one, other);
    if first != second {
        return Ok(());
    }
    Err(format!("{one} and {other} are the same: {}; give each a directory of its own", first.display())
        .into())
}

/// The canonical path, also of what is not there yet: its existing part with links followed, and the rest as written.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
        if let Ok(canonical) = fs::canonicalize(&resolved) {
            resolved = canonical;
        }
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::gateway::options::{self, Command};

    fn checked(directory: &Path, input: &str, out: &str, state: &str) -> Result<(), String> {
        let path = |name: &str| directory.join(name).into_os_string();
        let options: [OsString; 6] =
            ["--input".into(), path(input), "--out".into(), path(out), "--state".into(), path(state)];
        match options::parse(options) {
            Ok(Command::Run(options)) => check(&options).map_err(|error| error.to_string()),
            _ => panic!("a fine command line"),
        }
    }

    #[test]
    fn the_same_directory_is_refused_under_any_name() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("in")).unwrap();
        fs::write(directory.path().join("rows.csv"), "device,at,value\n").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(directory.path().join("in"), directory.path().join("link")).unwrap();
        let check = |input, out, state| checked(directory.path(), input, out, state);
        for (input, out, state) in [
            ("rows.csv", "out", "state"),
            ("in", "out", "state"),
            ("in", "a/out", "a/state"),
            ("in", "in2", "in3"),
            ("rows.csv", "out", "out/state"),
            ("in", "in/out", "in/state"),
        ] {
            check(input, out, state).unwrap();
        }
        for (input, out, state, expected) in [
            ("rows.csv", "one", "one", "--state and --out are the same"),
            ("rows.csv", "one", "x/../one", "--state and --out are the same"),
            ("in", "in", "state", "--input and --out are the same"),
            #[cfg(unix)]
            ("in", "out", "link", "--input and --state are the same"),
        ] {
            let error = check(input, out, state).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
