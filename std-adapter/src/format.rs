//! The text formats of files.

/// How rows stand in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180), the names of the columns on the first line of each file.
    Csv,
    /// A JSON object on each line.
    JsonLines,
}

impl Format {
    /// The usual ending of such a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}
