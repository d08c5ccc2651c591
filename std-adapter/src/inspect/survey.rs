//! What stands in a log: its sectors, its epochs and what cannot be read.

use headwater::checkpoint::{
    BeyondImage, CommitFields, EpochKind, FoundRecord, Geometry, HeaderState, ImageBytes, LastCommit,
    LogImage, OpenError, Record, SectorHeader, SlotState, UnreadablePiece,
};

/// The longest record.
const RECORD_BYTES_MAX: usize = 32_768;
/// Where records start in a sector.
const RECORDS_START: u32 = 32;

/// All there is to say of a log's bytes without the types of its query.
#[derive(Debug)]
pub struct Survey {
    /// The sizes.
    pub geometry: Geometry,
    /// What a query that opens it would find.
    pub last_commit: Result<Option<LastCommit>, OpenError<BeyondImage>>,
    /// Its sectors, in order.
    pub sectors: Vec<Sector>,
    /// The epochs that can be read whole, the oldest first.
    pub epochs: Vec<Epoch>,
    /// Numbers of epochs in live sectors whose commit can be read and some record before it cannot.
    pub broken: Vec<u64>,
    /// Records of an epoch that has no commit, behind the last one.
    pub unfinished_records: u32,
    /// What cannot be read, in order of sectors.
    pub unreadable: Vec<Unreadable>,
}

/// An erase sector.
#[derive(Debug, Clone)]
pub struct Sector {
    /// Its number, from 0.
    pub number: u32,
    /// What stands at its start.
    pub header: HeaderState,
    /// Whether all of it is erased.
    pub is_erased: bool,
    /// Bytes of it in use, with header.
    pub used_bytes: u32,
    /// What it is to the log.
    pub standing: Standing,
    /// Its seal slot.
    pub seal: SlotState,
    /// Where its records end by what is written elsewhere: in the next sector, or in its end slot.
    pub known_end: Option<u32>,
}

/// What a sector is to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A restart needs it.
    Live,
    /// Newer sectors stand in for it.
    Superseded,
    /// The next one to be erased and written: a power cut may have left anything here.
    Next,
}

/// A committed epoch all of whose records can be read.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// What its commit says.
    pub commit: CommitFields,
    /// The sector of its first record.
    pub sector: u32,
    /// Where that starts, in bytes.
    pub offset: u32,
    /// Bytes of its records, with their headers.
    pub bytes: u32,
    /// Whether a restart reads it.
    pub is_live: bool,
    /// Whether all before it can be read too, back to a snapshot, so that its state can be told.
    pub is_reachable: bool,
    /// What its records hold.
    pub content: Content,
}

/// The content of an epoch's records.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The query's identity, at the start of a snapshot.
    pub identity: Option<Vec<u8>>,
    /// Entries by table.
    pub entries: Vec<(u8, Vec<u8>)>,
    /// What the commit says behind the log's own fields.
    pub commit: Vec<u8>,
}

/// Bytes that should be a record and are none.
#[derive(Debug, Clone, Copy)]
pub struct Unreadable {
    /// The sector.
    pub sector: u32,
    /// What it is to the log.
    pub standing: Standing,
    /// Whether it is known that records go on behind them.
    pub before_known_end: bool,
    /// The bytes.
    pub piece: UnreadablePiece,
}

impl Survey {
    /// Looks at all of a log.
    #[must_use]
    pub fn of(mut image: LogImage<ImageBytes<'_>>) -> Self {
        let last_commit = image.last_commit();
        let geometry = image.geometry();
        let sectors = sound(sectors(&mut image, &last_commit));
        let mut survey = Self {
            geometry,
            last_commit,
            sectors,
            epochs: Vec::new(),
            broken: Vec::new(),
            unfinished_records: 0,
            unreadable: Vec::new(),
        };
        survey.read_records(&mut image);
        survey
    }

    /// How many sectors were opened in the life of the log: that many erases there were, and those that power cuts added.
    #[must_use]
    pub fn sectors_opened(&self) -> u32 {
        self.sectors.iter().filter_map(Sector::valid).map(|header| header.sequence).max().unwrap_or(0)
    }

    /// How often a sector was opened, if the ring went round undisturbed.
    #[must_use]
    pub fn opened_times(&self, number: u32) -> u32 {
        let (opened, ring) = (self.sectors_opened(), u32::from(self.geometry.sectors()));
        let Some(tip) = self.tip() else { return 0 };
        let back = (tip + ring - number) % ring;
        // As `opened` may be any number in a damaged header.
        opened.saturating_add(ring - 1).saturating_sub(back) / ring
    }

    /// The sector opened last.
    #[must_use]
    pub fn tip(&self) -> Option<u32> {
        newest(&self.sectors)
    }

    fn read_records(&mut self, image: &mut LogImage<ImageBytes<'_>>) {
        let mut order: Vec<(u32, SectorHeader)> =
            self.sectors.iter().filter_map(|sector| Some((sector.number, *sector.valid()?))).collect();
        order.sort_by_key(|(_, header)| header.sequence);
        let mut buffer = vec![0; RECORD_BYTES_MAX];
        let mut open = OpenEpoch::default();
        let (mut before, mut reachable) = (None, false);
        for (number, header) in order {
            if header.snapshot {
                open = OpenEpoch { is_known: true, ..OpenEpoch::default() };
            } else if before != Some(header.predecessor) {
                open = OpenEpoch::default();
                reachable = false;
            }
            before = Some(header.sequence);
            let sector = &self.sectors[number as usize];
            let (end, standing) = (sector.known_end, sector.standing);
            let tell = |found: Result<FoundRecord<'_>, UnreadablePiece>| match found {
                Ok(found) if end.is_some_and(|end| found.offset >= end) => {}
                Ok(found) => match open.take(number, standing == Standing::Live, &found) {
                    Some(Ended { whole: true, epoch }) => {
                        reachable |= epoch.commit.kind == EpochKind::Snapshot;
                        self.epochs.push(Epoch { is_reachable: reachable, ..epoch });
                    }
                    Some(Ended { whole: false, epoch }) if epoch.is_live => {
                        self.broken.push(epoch.commit.epoch)
                    }
                    _ => {}
                },
                Err(piece) if end.is_some_and(|end| piece.offset >= end) => {}
                Err(piece) => {
                    open.is_known = false;
                    reachable = false;
                    let before_known_end = end.is_some();
                    self.unreadable.push(Unreadable { sector: number, standing, before_known_end, piece });
                }
            };
            sound(image.records(number, &mut buffer, tell));
        }
        self.unfinished_records = open.records;
        self.unreadable.sort_by_key(|unreadable| (unreadable.sector, unreadable.piece.offset));
        self.keep_live();
    }

    /// Of the epochs in live sectors, those up to the last commit are live.
    fn keep_live(&mut self) {
        let Ok(Some(last)) = self.last_commit else {
            self.epochs.iter_mut().for_each(|epoch| epoch.is_live = false);
            return;
        };
        for epoch in &mut self.epochs {
            epoch.is_live &= epoch.commit.epoch <= last.epoch;
        }
    }
}

impl Sector {
    /// Its header, if it has a valid one.
    #[must_use]
    pub fn valid(&self) -> Option<&SectorHeader> {
        match &self.header {
            HeaderState::Valid(header) => Some(header),
            _ => None,
        }
    }
}

/// An epoch whose commit has been read.
struct Ended {
    /// Whether all its records have been.
    whole: bool,
    epoch: Epoch,
}

/// An epoch of which a part has been read.
#[derive(Default)]
struct OpenEpoch {
    /// Whether its first record has been read, and all since.
    is_known: bool,
    start: Option<(u32, u32)>,
    records: u32,
    bytes: u32,
    content: Content,
}

impl OpenEpoch {
    /// Takes a record; gives the epoch back that it ends.
    fn take(&mut self, sector: u32, is_live: bool, found: &FoundRecord<'_>) -> Option<Ended> {
        let (first_sector, offset) = *self.start.get_or_insert((sector, found.offset));
        self.bytes += found.end - found.offset;
        let Some(commit) = found.commit else {
            self.records += 1;
            match found.content {
                Some(Record::Identity(payload)) => self.content.identity = Some(payload.to_vec()),
                Some(Record::Entries { operator, payload }) => {
                    self.content.entries.push((operator, payload.to_vec()));
                }
                Some(Record::Commit { .. }) | None => {}
            }
            return None;
        };
        if let Some(Record::Commit { payload, .. }) = found.content {
            self.content.commit = payload.to_vec();
        }
        let whole = self.is_known && commit.frames == self.records;
        let ended = core::mem::replace(self, Self { is_known: true, ..Self::default() });
        let Self { bytes, content, .. } = ended;
        Some(Ended {
            whole,
            epoch: Epoch {
                commit,
                sector: first_sector,
                offset,
                bytes,
                is_live,
                is_reachable: false,
                content,
            },
        })
    }
}

fn sectors(
    image: &mut LogImage<ImageBytes<'_>>,
    last_commit: &Result<Option<LastCommit>, OpenError<BeyondImage>>,
) -> Result<Vec<Sector>, BeyondImage> {
    let mut sectors = Vec::new();
    for number in 0..u32::from(image.geometry().sectors()) {
        let header = image.header(number)?;
        let mut sector = Sector {
            number,
            header,
            is_erased: image.is_erased(number)?,
            used_bytes: 0,
            standing: Standing::Superseded,
            seal: SlotState::Blank,
            known_end: None,
        };
        if let HeaderState::Valid(header) = header {
            let slots = image.slots(number, header.sequence)?;
            sector.used_bytes = image.programmed_end(number)?.max(RECORDS_START);
            sector.seal = slots.seal;
            if let SlotState::Valid(end) = slots.end {
                sector.known_end = Some(end);
            }
        }
        sectors.push(sector);
    }
    link(&mut sectors);
    judge(&mut sectors, last_commit);
    Ok(sectors)
}

/// A sector that names the one physically before as its predecessor says where that one's records end.
fn link(sectors: &mut [Sector]) {
    for number in 0..sectors.len() {
        let before = number.checked_sub(1).unwrap_or(sectors.len() - 1);
        let (Some(header), Some(previous)) = (sectors[number].valid().copied(), sectors[before].valid())
        else {
            continue;
        };
        if header.predecessor == previous.sequence {
            sectors[before].known_end = Some(header.predecessor_end);
        }
    }
}

/// Says what each sector is to the log. Of a log that does not open, all are live: a restart would need what is damaged.
fn judge(sectors: &mut [Sector], last_commit: &Result<Option<LastCommit>, OpenError<BeyondImage>>) {
    let ring = sectors.len();
    let Some(tip) = newest(sectors).map(|tip| tip as usize) else { return };
    let first = match last_commit {
        Ok(Some(last)) => last.snapshot_sector as usize,
        Ok(None) => tip,
        Err(_) => (tip + 1) % ring,
    };
    let live = (tip + ring - first) % ring;
    for step in 0..=live {
        sectors[(first + step) % ring].standing = Standing::Live;
    }
    if live + 1 < ring {
        sectors[(tip + 1) % ring].standing = Standing::Next;
    }
}

fn newest(sectors: &[Sector]) -> Option<u32> {
    let valid = sectors.iter().filter_map(|sector| Some((sector.valid()?.sequence, sector.number)));
    valid.max().map(|(_, number)| number)
}

/// The bytes are all in memory: reading within the log cannot fail.
fn sound<T: Default>(read: Result<T, BeyondImage>) -> T {
    read.unwrap_or_default()
}

/// Whether a kind of epoch begins anew.
#[must_use]
pub const fn kind_name(kind: EpochKind) -> &'static str {
    match kind {
        EpochKind::Snapshot => "snapshot",
        EpochKind::Delta => "delta",
    }
}
