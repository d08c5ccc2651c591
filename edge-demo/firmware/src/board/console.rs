//! Lines for whoever runs the image, through the debugger's console.

use core::ffi::CStr;

use super::host::{HostFile, Mode};

/// The debugger's console; without one, lines go nowhere.
#[derive(Debug)]
pub struct Console(Option<HostFile>);

impl Console {
    /// Opens it.
    #[must_use]
    pub fn open() -> Self {
        // The name that semihosting gives the console.
        Self::to(c":tt")
    }

    /// A new file of the host in its place.
    #[must_use]
    pub fn to(path: &CStr) -> Self {
        Self(HostFile::open(path, Mode::Write))
    }

    /// Writes a name and a number.
    pub fn number(&mut self, name: &str, number: u32) {
        let mut digits = [b'0'; 10];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
        }
        let leading = digits.iter().take(9).take_while(|digit| **digit == b'0').count();
        for part in [name.as_bytes(), b" ", digits.get(leading..).unwrap_or_default(), b"\n"] {
            self.put(part);
        }
    }

    /// Writes a line.
    pub fn line(&mut self, line: &str) {
        self.put(line.as_bytes());
        self.put(b"\n");
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(file) = self.0 {
            file.append(bytes);
        }
    }
}
