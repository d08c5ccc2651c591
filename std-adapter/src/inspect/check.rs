//! What `fsck` makes of a log: every finding, and what they come to.

use core::fmt;

use headwater::checkpoint::{EpochKind, HeaderState, OpenError, SlotState};
use headwater::{CommitHead, Identity};

use super::survey::{Sector, Standing, Survey, Unreadable};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it may be after a power cut, or of no consequence.
    Normal,
    /// Damage.
    Damage,
}

/// Something in a log that is not a record it can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The sector.
    pub sector: u32,
    /// Where in the sector, in bytes.
    pub offset: u32,
    /// What was found, in a sentence.
    pub text: String,
}

/// What a log is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is damaged. A restart goes on from the epoch, `None` from an empty log.
    Clean(Option<u64>),
    /// Something is damaged, and a restart goes on from the epoch all the same.
    Recoverable {
        /// The epoch; `None` if a restart finds an empty log.
        epoch: Option<u64>,
        /// What is gone, in words.
        lost: String,
    },
    /// It does not open.
    Unusable {
        /// Why, and what to do.
        reason: String,
    },
}

impl Verdict {
    /// The exit status of `fsck`: 0 clean, 1 damaged and recoverable, 2 unusable.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Clean(_) => 0,
            Self::Recoverable { .. } => 1,
            Self::Unusable { .. } => 2,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean(Some(epoch)) => write!(f, "clean: a restart goes on from epoch {epoch}"),
            Self::Clean(None) => f.write_str("clean: an empty log"),
            Self::Recoverable { epoch: Some(epoch), lost } => {
                write!(f, "damaged, recoverable: a restart goes on from epoch {epoch}; {lost}")
            }
            Self::Recoverable { epoch: None, lost } => {
                write!(f, "damaged, recoverable: a restart finds an empty log; {lost}")
            }
            Self::Unusable { reason } => write!(f, "unusable: {reason}"),
        }
    }
}

/// Every finding in a log, in order of sectors, and the verdict.
#[must_use]
pub fn check(survey: &Survey) -> (Vec<Finding>, Verdict) {
    let mut findings: Vec<Finding> = survey.unreadable.iter().map(unreadable).collect();
    findings.extend(survey.sectors.iter().filter_map(|sector| headerless(survey, sector)));
    findings.extend(survey.sectors.iter().filter_map(torn_seal));
    findings.extend(unfinished(survey));
    findings.extend(not_of_a_query(survey));
    findings.sort_by_key(|finding| (finding.sector, finding.offset));
    let verdict = verdict(survey, &findings);
    (findings, verdict)
}

fn unreadable(unreadable: &Unreadable) -> Finding {
    let Unreadable { sector, standing, before_known_end, piece } = *unreadable;
    let bytes = piece.end - piece.offset;
    let what = if piece.whole { "a record whose checksum does not match" } else { "no whole record" };
    let (severity, why) = match standing {
        Standing::Next => (
            Severity::Normal,
            "nothing needs this sector: it is erased next, and a power cut in an erase leaves anything",
        ),
        Standing::Superseded => {
            (Severity::Damage, "damaged; a newer snapshot stands in for it, nothing is lost")
        }
        Standing::Live if before_known_end => {
            (Severity::Damage, "damaged: later records say that this one was whole")
        }
        Standing::Live if piece.followed => (Severity::Damage, "damaged: a valid record follows"),
        Standing::Live if piece.whole => (
            Severity::Damage,
            "damaged, or the power failed while its last word was being programmed; which of the two cannot be told",
        ),
        Standing::Live => {
            (Severity::Normal, "cut off by a power cut: normal, the epoch had not been committed")
        }
    };
    Finding { severity, sector, offset: piece.offset, text: format!("{bytes} bytes, {what}: {why}") }
}

/// A sector that is written and has no header.
fn headerless(survey: &Survey, sector: &Sector) -> Option<Finding> {
    if sector.is_erased || matches!(sector.header, HeaderState::Valid(_)) {
        return None;
    }
    let normal = sector.standing == Standing::Next || (survey.tip().is_none() && survey.last_commit.is_ok());
    let (severity, why) = if normal {
        (Severity::Normal, "a power cut in an erase, or while the header was written, leaves this")
    } else if sector.standing == Standing::Superseded && survey.last_commit.is_ok() {
        (Severity::Damage, "damaged; newer sectors stand in for it, nothing is lost")
    } else {
        (Severity::Damage, "damaged")
    };
    let text = match sector.header {
        HeaderState::Newer(version) => format!("a header of format {version}: {why}"),
        HeaderState::OtherGeometry(other) => format!(
            "a header of a log on {} sectors of {} B with words of {} B: {why}",
            other.sectors(),
            other.erase_size(),
            other.write_size()
        ),
        _ => format!("the sector is written and has no valid header: {why}"),
    };
    Some(Finding { severity, sector: sector.number, offset: 0, text })
}

fn torn_seal(sector: &Sector) -> Option<Finding> {
    (sector.seal == SlotState::Invalid && sector.standing == Standing::Live).then(|| Finding {
        severity: Severity::Normal,
        sector: sector.number,
        offset: 0,
        text: "its seal is torn: a power cut while it was written leaves this; damage to the next header would go unnoticed".to_owned(),
    })
}

fn unfinished(survey: &Survey) -> Option<Finding> {
    let records = survey.unfinished_records;
    let sector = survey.tip().filter(|_| records > 0 && survey.last_commit.is_ok())?;
    let text = format!(
        "{records} valid records of an epoch without a commit: cut off by a power cut, or being written; normal, a restart passes over them"
    );
    Some(Finding { severity: Severity::Normal, sector, offset: 0, text })
}

/// Records that are intact, but that no query has written.
fn not_of_a_query(survey: &Survey) -> Option<Finding> {
    let strange = survey.epochs.iter().filter(|epoch| epoch.is_live).find(|epoch| {
        let identity = epoch.content.identity.as_deref().and_then(Identity::decode);
        (epoch.commit.kind == EpochKind::Snapshot && identity.is_none())
            || CommitHead::decode(&epoch.content.commit).is_none()
    })?;
    let text = format!(
        "epoch {} is intact and not of a query that this release knows: a log of something else, or of another release",
        strange.commit.epoch
    );
    Some(Finding { severity: Severity::Normal, sector: strange.sector, offset: strange.offset, text })
}

fn verdict(survey: &Survey, findings: &[Finding]) -> Verdict {
    let last = match &survey.last_commit {
        Ok(last) => last.map(|last| last.epoch),
        Err(error) => return Verdict::Unusable { reason: why_unusable(survey, error) },
    };
    if findings.iter().all(|finding| finding.severity == Severity::Normal) {
        return Verdict::Clean(last);
    }
    let newest = survey.broken.iter().copied().filter(|epoch| Some(*epoch) > last).max();
    let live = survey.unreadable.iter().any(|unreadable| unreadable.standing == Standing::Live);
    let lost = match newest {
        Some(epoch) => format!("lost is what was committed after it, up to epoch {epoch}"),
        None if live => "lost is the epoch after it, if that was committed".to_owned(),
        None => "nothing committed is lost".to_owned(),
    };
    Verdict::Recoverable { epoch: last, lost }
}

fn why_unusable<E: fmt::Debug>(survey: &Survey, error: &OpenError<E>) -> String {
    let what = match error {
        OpenError::NewerFormat { .. } => "use the release that wrote it, or a later one".to_owned(),
        OpenError::Geometry(_) => "give the whole log, or its part with --offset and --length".to_owned(),
        _ => match survey.epochs.iter().rev().find(|epoch| epoch.is_reachable) {
            Some(epoch) => format!(
                "a query refuses it rather than go on from a wrong state; the last epoch whose state can still be read is {}; restore a copy, or begin \
                 anew on an erased log",
                epoch.commit.epoch
            ),
            None => "no epoch's state can be read; if this is no log, give the right --offset; else restore a copy, or begin anew on an erased log".to_owned(),
        },
    };
    format!("{error}; {what}")
}
