//! Lines of a file that may still grow, each with its number and the byte where the next one begins.

use core::ops::Range;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::plain::Line;

const READ_BYTES: usize = 256 * 1024;

/// Where the next line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinePosition {
    /// Bytes from the start of the file.
    pub(super) offset: u64,
    /// Number of the next line, from 1.
    pub(super) line: u64,
    /// The last line was taken although no newline had ended it.
    pub(super) unterminated: bool,
}

impl LinePosition {
    pub(super) const START: Self = Self { offset: 0, line: 1, unterminated: false };
}

/// A line found; its bytes are at [`Lines::line`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundLine {
    /// Number from 1.
    pub(super) number: u64,
    range: Range<usize>,
    /// Bytes of the whole line if it is longer than allowed; `range` is then its beginning.
    pub(super) too_long: Option<u64>,
}

/// Where a file ends for this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It may grow: a last line without newline waits.
    Open,
    /// It ends at this length, and a last line without newline counts.
    At(u64),
}

/// Reads whole lines. Memory: the read buffer, and the longest allowed line.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    end: End,
    longest: usize,
    buffer: Vec<u8>,
    /// The bytes read and not yet taken.
    start: usize,
    filled: usize,
    /// Bytes from `start` on that are known to hold no newline.
    searched: usize,
    /// Bytes of the current line thrown away because it is too long; the first part is in `buffer[..start]`.
    skipped: u64,
    position: LinePosition,
}

impl Lines {
    pub(super) fn new(mut file: File, position: LinePosition, end: End, longest: usize) -> io::Result<Self> {
        file.seek(SeekFrom::Start(position.offset))?;
        let buffer = Vec::new();
        Ok(Self { file, end, longest, buffer, start: 0, filled: 0, searched: 0, skipped: 0, position })
    }

    /// Where the line after the last one found begins.
    pub(super) fn position(&self) -> LinePosition {
        self.position
    }

    /// A line just found, without its line ending, and what has been read behind it.
    #[inline]
    pub(super) fn line(&self, line: &FoundLine) -> Line<'_> {
        Line::new(self.buffer.get(line.range.start..self.filled).unwrap_or_default(), line.range.len())
    }

    /// The next whole line, or `None` at the end of what is there.
    #[inline]
    pub(super) fn next(&mut self) -> io::Result<Option<FoundLine>> {
        match self.newline() {
            Some(length) => Ok(Some(self.take(length, true))),
            None => self.read_on(),
        }
    }

    /// How long the next line is, if its end has been read.
    #[inline]
    fn newline(&self) -> Option<usize> {
        let unsearched = self.buffer.get(self.start + self.searched..self.filled)?;
        memchr::memchr(b'\n', unsearched).map(|at| self.searched + at)
    }

    /// Reads until a line ends.
    fn read_on(&mut self) -> io::Result<Option<FoundLine>> {
        loop {
            if let Some(length) = self.newline() {
                return Ok(Some(self.take(length, true)));
            }
            self.searched = self.filled - self.start;
            if self.searched > self.longest {
                self.skip();
            }
            if self.fill()? == 0 {
                return Ok(self.take_unterminated());
            }
        }
    }

    /// Takes the line that is `length` bytes long and perhaps followed by a newline.
    #[inline]
    fn take(&mut self, length: usize, newline: bool) -> FoundLine {
        let content = self.start..self.start + length;
        let taken = length + usize::from(newline);
        let total = self.skipped + length as u64;
        let number = self.position.line;
        self.position = LinePosition {
            offset: self.position.offset + self.skipped + taken as u64,
            line: number + 1,
            unterminated: !newline,
        };
        self.start += taken;
        self.searched = 0;
        let skipped = core::mem::take(&mut self.skipped);
        if skipped > 0 || length > self.longest {
            let range = if skipped > 0 { 0..super::KEPT_BYTES } else { content };
            return FoundLine { number, range, too_long: Some(total) };
        }
        let carriage_return = self.buffer.get(content.clone()).is_some_and(|bytes| bytes.ends_with(b"\r"));
        let range = content.start..content.end - usize::from(carriage_return);
        FoundLine { number, range, too_long: None }
    }

    fn take_unterminated(&mut self) -> Option<FoundLine> {
        let length = self.filled - self.start;
        let whole = self.position.offset + self.skipped + length as u64;
        (self.end == End::At(whole) && self.skipped + length as u64 > 0).then(|| self.take(length, false))
    }

    /// Throws the current line's bytes away, but for its beginning.
    fn skip(&mut self) {
        if self.skipped == 0 {
            self.buffer.copy_within(self.start..self.start + super::KEPT_BYTES, 0);
        }
        let kept_to = super::KEPT_BYTES;
        self.skipped += (self.filled - self.start) as u64;
        self.start = kept_to;
        self.filled = kept_to;
        self.searched = 0;
    }

    /// Reads more behind what is there; returns how much.
    fn fill(&mut self) -> io::Result<usize> {
        let fixed = if self.skipped > 0 { super::KEPT_BYTES } else { 0 };
        if self.start > fixed {
            self.buffer.copy_within(self.start..self.filled, fixed);
            self.filled = fixed + (self.filled - self.start);
            self.start = fixed;
        }
        let at = self.position.offset + self.skipped + (self.filled - self.start) as u64;
        let allowed = match self.end {
            End::Open => READ_BYTES as u64,
            End::At(length) => length.saturating_sub(at).min(READ_BYTES as u64),
        };
        if self.buffer.len() < self.filled + READ_BYTES {
            self.buffer.resize(self.filled + READ_BYTES, 0);
        }
        let space = self.filled..self.filled + usize::try_from(allowed).unwrap_or(READ_BYTES);
        let read = loop {
            match self.file.read(&mut self.buffer[space.clone()]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.filled += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn all(lines: &mut Lines) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, String::from_utf8(lines.line(&line).content().to_vec()).unwrap()));
        }
        found
    }

    #[test]
    fn a_line_without_newline_waits_until_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut writer = File::create(&path).unwrap();
        writer.write_all(b"one\r\ntw").unwrap();
        let mut lines =
            Lines::new(File::open(&path).unwrap(), LinePosition::START, End::Open, 1 << 20).unwrap();
        assert_eq!(all(&mut lines), [(1, "one".into())]);
        assert_eq!(lines.position(), LinePosition { offset: 5, line: 2, unterminated: false });
        writer.write_all(b"o\nthree").unwrap();
        assert_eq!(all(&mut lines), [(2, "two".into())]);
        let mut lines =
            Lines::new(File::open(&path).unwrap(), lines.position(), End::At(14), 1 << 20).unwrap();
        assert_eq!(all(&mut lines), [(3, "three".into())]);
        assert_eq!(lines.position(), LinePosition { offset: 14, line: 4, unterminated: true });
    }

    #[test]
    fn every_offset_is_where_the_next_line_begins_whatever_the_lengths() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let expected: Vec<String> = (0..3000_usize).map(|n| "x".repeat(n * 37 % 700)).collect();
        fs::write(&path, expected.join("\n") + "\n").unwrap();
        let mut lines =
            Lines::new(File::open(&path).unwrap(), LinePosition::START, End::Open, 1 << 20).unwrap();
        let mut positions = vec![lines.position()];
        for text in &expected {
            let line = lines.next().unwrap().unwrap();
            assert_eq!(lines.line(&line).content(), text.as_bytes());
            positions.push(lines.position());
        }
        assert_eq!(lines.next().unwrap(), None);
        for (position, text) in positions.iter().zip(&expected).step_by(271) {
            let mut lines = Lines::new(File::open(&path).unwrap(), *position, End::Open, 1 << 20).unwrap();
            let line = lines.next().unwrap().unwrap();
            assert_eq!(lines.line(&line).content(), text.as_bytes());
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_reported_with_its_beginning_and_the_next_one_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        for long in [10_001, 300_000, 700_000] {
            let start = format!("a\n{}\nb\n", "y".repeat(long));
            fs::write(&path, &start).unwrap();
            let mut lines =
                Lines::new(File::open(&path).unwrap(), LinePosition::START, End::Open, 10_000).unwrap();
            assert_eq!(lines.next().unwrap().unwrap().too_long, None);
            let line = lines.next().unwrap().unwrap();
            assert_eq!(line.too_long, Some(long as u64));
            assert!(lines.line(&line).content().len() >= super::super::KEPT_BYTES);
            assert!(lines.line(&line).content().iter().all(|byte| *byte == b'y'));
            let line = lines.next().unwrap().unwrap();
            assert_eq!((line.number, lines.line(&line).content()), (3, &b"b"[..]));
            assert_eq!(lines.position().offset, start.len() as u64);
        }
    }
}
