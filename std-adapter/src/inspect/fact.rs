//! What is told of an image, a line for each fact: as text or as a JSON object.

use core::fmt;

use serde::Serialize;

/// One line of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The file.
    Image {
        /// Its path.
        path: String,
        /// Its length.
        bytes: usize,
        /// How many logs were found in it.
        logs: usize,
        /// Whether it changed while it was read.
        changing: bool,
    },
    /// Nothing but erased bytes.
    Erased,
    /// A log.
    Log {
        /// Where it begins in the file.
        offset: usize,
        /// Bytes of a sector.
        erase_bytes: u32,
        /// How many sectors.
        sectors: u16,
        /// Bytes of a word.
        write_bytes: u8,
        /// The epoch that a restart goes on from.
        epoch: Option<u64>,
    },
    /// Wear.
    Wear {
        /// Sectors opened in the life of the log, each time with an erase. What power cuts added is not in the log.
        opened: u32,
        /// Of the sector opened least often.
        least: u32,
        /// Of the sector opened most often.
        most: u32,
    },
    /// A sector.
    Sector {
        /// Its number.
        sector: u32,
        /// What stands in it.
        state: String,
        /// Its number in the order of opening, 0 without a header.
        sequence: u32,
        /// How often it was opened, in undisturbed running.
        opened: u32,
        /// Bytes in use.
        used_bytes: u32,
        /// Whether it is sealed.
        sealed: bool,
    },
    /// An epoch.
    Epoch {
        /// Its number.
        epoch: u64,
        /// `snapshot` or `delta`.
        kind: &'static str,
        /// Where its first record is in the file.
        address: usize,
        /// Bytes of its records.
        bytes: u32,
        /// How many records.
        records: u32,
        /// Slots written, if the types are known.
        changed: Option<u32>,
        /// Slots emptied, if the types are known.
        removed: Option<u32>,
        /// Whether a restart reads it.
        live: bool,
    },
    /// The query.
    Query {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// Its output mode.
        mode: &'static str,
        /// The fingerprint of its inputs.
        inputs: String,
    },
    /// An operator.
    Operator {
        /// Its number, from 0.
        operator: usize,
        /// What it is.
        what: String,
        /// The key's fingerprint, and its type if that is known.
        key: String,
        /// The record's fingerprint, and its type if that is known.
        record: String,
    },
    /// Where the query stands.
    Progress {
        /// Epochs ended.
        epochs: u64,
        /// The watermark, RFC 3339.
        watermark: Option<String>,
        /// Processing time of the last trigger, RFC 3339.
        now: Option<String>,
        /// What became of the rows.
        rows: headwater::RowCounts,
        /// The marks and the caller's offset, in hexadecimal: their types are the program's.
        offset: String,
    },
    /// A table of the state.
    Table {
        /// Its number.
        table: u8,
        /// What it holds.
        what: String,
        /// Slots in use, if the types are known.
        rows: Option<usize>,
        /// Bytes of its entries since the snapshot.
        entry_bytes: usize,
    },
    /// A row of the state.
    Row {
        /// Its table.
        table: u8,
        /// Its slot.
        slot: u32,
        /// The key.
        key: String,
        /// The record.
        record: String,
    },
    /// Entries whose types are not known.
    Entries {
        /// Their table.
        table: u8,
        /// Their epoch.
        epoch: u64,
        /// How many bytes.
        bytes: usize,
        /// The bytes, in hexadecimal.
        hex: String,
    },
    /// Something that is no record.
    Finding {
        /// `normal` or `damage`.
        severity: &'static str,
        /// The sector.
        sector: u32,
        /// The offset in it.
        offset: u32,
        /// The address in the file.
        address: usize,
        /// What was found.
        text: String,
    },
    /// What it comes to.
    Verdict {
        /// 0 clean, 1 damaged and recoverable, 2 unusable.
        status: u8,
        /// In words.
        text: String,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { path, bytes, logs, changing } => {
                write!(f, "{path}: {bytes} bytes, {}", counted(*logs, "log"))?;
                if *changing {
                    f.write_str(
                        "; it changes while it is read, so a query runs on it: what follows may be torn",
                    )?;
                }
                Ok(())
            }
            Self::Erased => {
                f.write_str("every byte is erased: empty logs of any size, or a flash never written")
            }
            Self::Log { offset, erase_bytes, sectors, write_bytes, epoch } => {
                write!(
                    f,
                    "log at {offset:#x}: {sectors} sectors of {erase_bytes} B, words of {write_bytes} B, "
                )?;
                match epoch {
                    Some(epoch) => write!(f, "epoch {epoch}"),
                    None => f.write_str("no epoch to go on from"),
                }
            }
            Self::Wear { opened, least, most } => write!(
                f,
                "  wear: {opened} sectors opened, {least} to {most} erases each, and those that power cuts added"
            ),
            Self::Sector { sector, state, sequence, opened, used_bytes, sealed } => {
                write!(f, "  sector {sector}: {state}")?;
                if *sequence > 0 {
                    let sealed = if *sealed { ", sealed" } else { "" };
                    write!(f, ", opened {opened}x, sequence {sequence}, {used_bytes} B used{sealed}")?;
                }
                Ok(())
            }
            Self::Epoch { epoch, kind, address, bytes, records, changed, removed, live } => {
                write!(
                    f,
                    "  epoch {epoch}: {kind} at {address:#x}, {bytes} B in {}",
                    counted(*records as usize, "record")
                )?;
                if let (Some(changed), Some(removed)) = (changed, removed) {
                    write!(f, ", {} changed, {removed} removed", counted(*changed as usize, "slot"))?;
                }
                f.write_str(if *live { "" } else { ", superseded" })
            }
            Self::Query { name, version, mode, inputs } => {
                write!(f, "  query `{name}` version {version}, {mode} mode, inputs {inputs}")
            }
            Self::Operator { operator, what, key, record } => {
                write!(f, "  operator {operator}: {what}; key {key}, record {record}")
            }
            Self::Progress { epochs, watermark, now, rows, offset } => {
                let time = |at: &Option<String>| at.clone().unwrap_or_else(|| "none yet".to_owned());
                writeln!(
                    f,
                    "  progress: {}, watermark {}, last trigger at {}",
                    counted(usize::try_from(*epochs).unwrap_or(usize::MAX), "trigger"),
                    time(watermark),
                    time(now)
                )?;
                writeln!(
                    f,
                    "  rows: {} in, {} used, {} filtered, {} without window, {} late, {} duplicate, {} dropped, {} refused; {} results",
                    rows.rows_in,
                    rows.used,
                    rows.filtered,
                    rows.without_window,
                    rows.late,
                    rows.duplicate,
                    rows.dropped,
                    rows.refused,
                    rows.emitted
                )?;
                write!(f, "  marks and offset: {offset}")
            }
            Self::Table { table, what, rows, entry_bytes } => {
                write!(f, "  table {table}: {what}, ")?;
                match rows {
                    Some(rows) => f.write_str(&counted(*rows, "row")),
                    None => write!(f, "{entry_bytes} B of entries of unknown types"),
                }
            }
            Self::Row { slot, key, record, .. } => write!(f, "    slot {slot}: {key} -> {record}"),
            Self::Entries { epoch, bytes, hex, .. } => write!(f, "    epoch {epoch}, {bytes} B: {hex}"),
            Self::Finding { severity, sector, offset, address, text } => {
                write!(f, "  {severity}: sector {sector}, byte {offset} (at {address:#x}): {text}")
            }
            Self::Verdict { text, .. } => write!(f, "  {text}"),
        }
    }
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
