//! Files of the host, through the debugger (Arm's semihosting). An emulator's stand-in for chips that a board has.

use core::ffi::CStr;

use cortex_m_semihosting::{nr, syscall};

/// An open file; it stays open for as long as the image runs.
#[derive(Debug, Clone, Copy)]
pub struct HostFile(usize);

/// How a file is opened, by the numbers of C's `fopen` modes.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub enum Mode {
    /// `r+b`: an existing file, to be read and written.
    Update = 3,
    /// `w`: a new file, or the console.
    Write = nr::open::W_TRUNC,
}

impl HostFile {
    /// Opens a file; `None` if there is no such file.
    #[expect(unsafe_code, reason = "semihosting")]
    pub fn open(path: &CStr, mode: Mode) -> Option<Self> {
        let name = path.to_bytes();
        // SAFETY: OPEN reads `name.len()` bytes and the zero after them, all of which `path` holds.
        let handle = unsafe { syscall!(OPEN, name.as_ptr(), mode as usize, name.len()) };
        (handle != usize::MAX).then_some(Self(handle))
    }

    /// Fills `bytes` from `address` on. Returns whether that many were there.
    #[expect(unsafe_code, reason = "semihosting")]
    pub fn read(self, address: u32, bytes: &mut [u8]) -> bool {
        let length = bytes.len();
        // SAFETY: READ writes at most `length` bytes there, which `bytes` lends to it alone.
        self.seek(address) && unsafe { syscall!(READ, self.0, bytes.as_mut_ptr(), length) } == 0
    }

    /// Writes `bytes` from `address` on. Returns whether the host took all.
    pub fn write(self, address: u32, bytes: &[u8]) -> bool {
        self.seek(address) && self.append(bytes)
    }

    /// Writes `bytes` where the last write ended. Returns whether the host took all.
    #[expect(unsafe_code, reason = "semihosting")]
    pub fn append(self, bytes: &[u8]) -> bool {
        // SAFETY: WRITE reads `bytes.len()` bytes there.
        (unsafe { syscall!(WRITE, self.0, bytes.as_ptr(), bytes.len()) }) == 0
    }

    #[expect(unsafe_code, reason = "semihosting")]
    fn seek(self, address: u32) -> bool {
        // SAFETY: SEEK touches no memory of ours.
        (unsafe { syscall!(SEEK, self.0, address) }) == 0
    }
}
