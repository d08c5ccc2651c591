//! The flash chip of the kill test: as `chip.rs`, but slow enough to be caught in the middle, and it can stop by itself.
//!
//! A word is programmed in five steps: first some of its bits, then byte by byte in an order drawn from a seed. A sector is erased in many
//! passes, since it takes long on a chip too, and all but the last leave noise. So an emulator that is killed leaves torn words and half-erased sectors. While it does
//! either, the first byte of the host's file `busy.bin` says which: `w` or `e`.
//!
//! The host's file `cut.txt`, if there is one, holds two numbers of ten digits with a space between: how many bytes are programmed or erased
//! before the power goes, and the seed. The word or the sector in which that byte falls is left undefined, and the image ends.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_semihosting::debug;
use headwater_firmware_query::{SECTOR_BYTES, WORD_BYTES};

use crate::board::console::Console;
use crate::board::host::{HostFile, Mode};

/// What an erased byte reads.
pub const ERASED: u8 = 0xFF;
/// Bytes of noise or of erased flash written at a time.
const PIECE_BYTES: usize = 128;
const PIECES: u32 = (SECTOR_BYTES / PIECE_BYTES) as u32;
/// How often a sector is filled with noise before it is erased.
const NOISE_PASSES: usize = 24;
static ERASED_PIECE: [u8; PIECE_BYTES] = [ERASED; PIECE_BYTES];

/// The chip. It knows no rules; [`flash`](crate::flash) does.
#[derive(Debug)]
pub struct Chip {
    file: HostFile,
    busy: HostFile,
    bytes_until_cut: AtomicU32,
    random: AtomicU32,
}

impl Chip {
    /// Opens it; `None` if there is no such file.
    #[must_use]
    pub fn open() -> Option<Self> {
        let file = HostFile::open(c"flash.bin", Mode::Update)?;
        let busy = HostFile::open(c"busy.bin", Mode::Write)?;
        let mut numbers = [0; 21];
        let planned = HostFile::open(c"cut.txt", Mode::Update).is_some_and(|plan| plan.read(0, &mut numbers));
        let [bytes_until_cut, seed] = if planned { two_numbers(&numbers) } else { [u32::MAX, 1] };
        // The generator must not begin with 0.
        Some(Self { file, busy, bytes_until_cut: bytes_until_cut.into(), random: (seed | 1).into() })
    }

    /// Reads from `address` on. Returns whether the chip answered, as all of these do.
    pub fn read(&self, address: u32, bytes: &mut [u8]) -> bool {
        self.file.read(address, bytes)
    }

    /// Programs erased words.
    pub fn program(&self, address: u32, bytes: &[u8]) -> bool {
        let (words, _) = bytes.as_chunks::<WORD_BYTES>();
        let places = (address..).step_by(WORD_BYTES);
        words.iter().zip(places).all(|(word, place)| self.program_word(place, *word))
    }

    /// Erases `bytes`, whole sectors.
    pub fn erase(&self, address: u32, bytes: u32) -> bool {
        (0..bytes).step_by(SECTOR_BYTES).all(|sector| self.erase_sector(address.wrapping_add(sector)))
    }

    fn program_word(&self, address: u32, word: [u8; WORD_BYTES]) -> bool {
        if self.cut_falls_within(WORD_BYTES as u32) {
            self.file.write(address, &self.torn(word));
            cut("cut in a word");
        }
        let started = self.mark(b'w') && self.file.write(address, &word.map(|byte| byte | self.draw() as u8));
        let order = self.draw();
        // An odd stride passes each of the four bytes once.
        let (first, stride) = (order >> 8, order | 1);
        let programmed = (0..WORD_BYTES as u32).all(|step| {
            let place = first.wrapping_add(step.wrapping_mul(stride)) & (WORD_BYTES as u32 - 1);
            let byte = word.get(place as usize).map_or(&[][..], core::slice::from_ref);
            self.file.write(address.wrapping_add(place), byte)
        });
        started && programmed && self.mark(b'-')
    }

    fn erase_sector(&self, address: u32) -> bool {
        if self.cut_falls_within(SECTOR_BYTES as u32) {
            self.leave_noise(address);
            cut("cut in an erase");
        }
        let started = self.mark(b'e') && (0..NOISE_PASSES).all(|_| self.leave_noise(address));
        let first = self.draw();
        let erased = (0..PIECES).all(|step| {
            let piece = first.wrapping_add(step) % PIECES;
            self.file.write(address.wrapping_add(piece.wrapping_mul(PIECE_BYTES as u32)), &ERASED_PIECE)
        });
        started && erased && self.mark(b'-')
    }

    /// A mixture of old bytes, erased bytes and noise.
    fn leave_noise(&self, sector: u32) -> bool {
        (sector..).step_by(PIECE_BYTES).take(PIECES as usize).all(|address| {
            let mut piece = [0; PIECE_BYTES];
            let read = self.file.read(address, &mut piece);
            let kind = self.draw() >> 8 & 3;
            for byte in &mut piece {
                match kind {
                    0 => {}
                    1 => *byte = ERASED,
                    2 => *byte |= (self.draw() >> 8) as u8,
                    _ => *byte = (self.draw() >> 8) as u8,
                }
            }
            read && self.file.write(address, &piece)
        })
    }

    /// A word keeps its old content, has its new one, misses some bits, or reads anything.
    fn torn(&self, word: [u8; WORD_BYTES]) -> [u8; WORD_BYTES] {
        match self.draw() >> 8 & 3 {
            0 => [ERASED; WORD_BYTES],
            1 => word,
            2 => word.map(|byte| byte | (self.draw() >> 8) as u8),
            _ => word.map(|_| (self.draw() >> 8) as u8),
        }
    }

    /// Counts `bytes` more; whether the power goes before their end.
    fn cut_falls_within(&self, bytes: u32) -> bool {
        let left = self.bytes_until_cut.load(Ordering::Relaxed);
        self.bytes_until_cut.store(left.saturating_sub(bytes), Ordering::Relaxed);
        left < bytes
    }

    fn mark(&self, doing: u8) -> bool {
        self.busy.write(0, &[doing])
    }

    /// The next number of Marsaglia's xorshift32 (Xorshift RNGs, Journal of Statistical Software, 2003).
    fn draw(&self) -> u32 {
        let mut random = self.random.load(Ordering::Relaxed);
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.random.store(random, Ordering::Relaxed);
        random
    }
}

fn two_numbers(digits: &[u8; 21]) -> [u32; 2] {
    let mut numbers = [0_u32; 2];
    for (number, digits) in numbers.iter_mut().zip(digits.split(|byte| *byte == b' ')) {
        for digit in digits {
            *number = number.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0')));
        }
    }
    numbers
}

/// The power goes.
fn cut(place: &str) -> ! {
    Console::open().line(place);
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
