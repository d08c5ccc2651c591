//! The facts of an image, in the order they are told.

use headwater::checkpoint::{EpochKind, HeaderState, SlotState};
use headwater::operator::OperatorIdentity;
use headwater::{CommitHead, Identity};

use super::check::{self, Severity, Verdict};
use super::describe;
use super::fact::Fact;
use super::image::{Image, LogPlace};
use super::rows::{self, TableTypes};
use super::survey::{Epoch, Sector, Standing, Survey, kind_name};
use crate::rfc3339::to_rfc3339_micros;

/// Everything that can be told of an image: geometry and wear, sectors and epochs, the query, its progress and its state.
#[must_use]
pub fn inspect(image: &Image) -> Vec<Fact> {
    let mut facts = vec![of_image(image)];
    facts.extend(without_logs(image).map(|(fact, _)| fact));
    for (place, survey) in surveys(image) {
        facts.push(log(place, &survey));
        facts.push(wear(&survey));
        facts.extend(survey.sectors.iter().map(|each| sector(each, &survey)));
        let types = last_snapshot(&survey).map(query).unwrap_or_default();
        facts.extend(survey.epochs.iter().map(|each| epoch(place, each, &types.tables)));
        facts.extend(types.facts);
        facts.extend(progress(&survey));
        facts.extend(state(&survey, &types.tables));
        facts.extend(checked(place, &survey).0);
    }
    facts
}

/// What is wrong with an image, and the exit status: 0 clean, 1 damaged and recoverable, 2 unusable or no log; of several logs the worst.
#[must_use]
pub fn fsck(image: &Image) -> (Vec<Fact>, u8) {
    let mut facts = vec![of_image(image)];
    let mut status = 0;
    if let Some((fact, worth)) = without_logs(image) {
        facts.push(fact);
        status = worth;
    }
    for (place, survey) in surveys(image) {
        facts.push(log(place, &survey));
        let (found, verdict) = checked(place, &survey);
        facts.extend(found);
        status = status.max(verdict.status());
    }
    (facts, status)
}

fn surveys(image: &Image) -> impl Iterator<Item = (LogPlace, Survey)> {
    image.logs().iter().filter_map(|place| Some((*place, Survey::of(image.log(*place)?))))
}

fn of_image(image: &Image) -> Fact {
    Fact::Image {
        path: image.path().display().to_string(),
        bytes: image.length(),
        logs: image.logs().len(),
        changing: image.is_changing(),
    }
}

/// What an image without a log is.
fn without_logs(image: &Image) -> Option<(Fact, u8)> {
    if !image.logs().is_empty() {
        return None;
    }
    if image.is_erased() {
        return Some((Fact::Erased, 0));
    }
    let text = "no log: no sector has a header that can be read. If it is one, give --write-size, --erase-size, --offset and --length";
    let status = 2;
    Some((Fact::Verdict { status, text: text.to_owned() }, status))
}

fn log(place: LogPlace, survey: &Survey) -> Fact {
    Fact::Log {
        offset: place.offset,
        erase_bytes: survey.geometry.erase_size(),
        sectors: survey.geometry.sectors(),
        write_bytes: survey.geometry.write_size(),
        epoch: survey.last_commit.as_ref().ok().and_then(|last| Some(last.as_ref()?.epoch)),
    }
}

fn wear(survey: &Survey) -> Fact {
    let opened = || survey.sectors.iter().map(|sector| survey.opened_times(sector.number));
    Fact::Wear {
        opened: survey.sectors_opened(),
        least: opened().min().unwrap_or(0),
        most: opened().max().unwrap_or(0),
    }
}

fn sector(sector: &Sector, survey: &Survey) -> Fact {
    let state = match (&sector.header, sector.standing) {
        (_, _) if sector.is_erased => "erased",
        (HeaderState::Valid(_), Standing::Live) => "in use",
        (HeaderState::Valid(_), Standing::Superseded) => "superseded",
        (HeaderState::Valid(_), Standing::Next) => "superseded, the next to be erased",
        _ => "written, without a valid header",
    };
    Fact::Sector {
        sector: sector.number,
        state: state.to_owned(),
        sequence: sector.valid().map_or(0, |header| header.sequence),
        opened: survey.opened_times(sector.number),
        used_bytes: sector.used_bytes,
        sealed: matches!(sector.seal, SlotState::Valid(_)),
    }
}

fn epoch(place: LogPlace, epoch: &Epoch, tables: &[TableTypes]) -> Fact {
    let changes = rows::changes(epoch, tables);
    let in_log = epoch.sector as usize * place.geometry.erase_size() as usize + epoch.offset as usize;
    Fact::Epoch {
        epoch: epoch.commit.epoch,
        kind: kind_name(epoch.commit.kind),
        address: place.offset + in_log,
        bytes: epoch.bytes,
        records: epoch.commit.frames.saturating_add(1),
        changed: changes.map(|(changed, _)| changed),
        removed: changes.map(|(_, removed)| removed),
        live: epoch.is_live,
    }
}

/// The last snapshot that can be read.
fn last_snapshot(survey: &Survey) -> Option<&Epoch> {
    survey.epochs.iter().rev().find(|epoch| epoch.commit.kind == EpochKind::Snapshot)
}

/// The facts of a query, and the types of its tables as far as they are known.
#[derive(Default)]
struct Types {
    facts: Vec<Fact>,
    tables: Vec<TableTypes>,
}

fn query(snapshot: &Epoch) -> Types {
    let Some(identity) = snapshot.content.identity.as_deref().and_then(Identity::decode) else {
        return Types::default();
    };
    let mut facts = vec![Fact::Query {
        name: identity.name.to_owned(),
        version: identity.version,
        mode: describe::mode(identity.mode),
        inputs: format!("{:08x}", identity.inputs),
    }];
    facts.extend(identity.operators.iter().enumerate().map(|(number, each)| operator(number, each)));
    Types { facts, tables: rows::tables(&identity.operators) }
}

fn operator(number: usize, operator: &OperatorIdentity) -> Fact {
    let types = TableTypes::of(operator);
    let named = |fingerprint: u32, name: Option<String>| match name {
        Some(name) => format!("{fingerprint:08x} ({name})"),
        None => format!("{fingerprint:08x}"),
    };
    Fact::Operator {
        operator: number,
        what: describe::operator(operator),
        key: named(operator.key, types.key_name()),
        record: named(operator.record, types.record_name()),
    }
}

fn progress(survey: &Survey) -> Option<Fact> {
    let last = survey.epochs.iter().rev().find(|epoch| epoch.is_live)?;
    let (head, rest) = CommitHead::decode(&last.content.commit)?;
    Some(Fact::Progress {
        epochs: head.epoch,
        watermark: head.watermark.map(to_rfc3339_micros),
        now: head.now.map(to_rfc3339_micros),
        rows: head.rows,
        offset: rows::hex(rest),
    })
}

/// The tables as they are after the last commit.
fn state(survey: &Survey, tables: &[TableTypes]) -> Vec<Fact> {
    let live: Vec<&Epoch> = survey.epochs.iter().filter(|epoch| epoch.is_live).collect();
    (0_u8..).zip(tables).flat_map(|(number, types)| rows::table(number, types, &live)).collect()
}

fn checked(place: LogPlace, survey: &Survey) -> (Vec<Fact>, Verdict) {
    let (findings, verdict) = check::check(survey);
    let mut facts: Vec<Fact> = findings
        .into_iter()
        .map(|finding| Fact::Finding {
            severity: match finding.severity {
                Severity::Normal => "normal",
                Severity::Damage => "damage",
            },
            sector: finding.sector,
            offset: finding.offset,
            address: place.offset
                + finding.sector as usize * place.geometry.erase_size() as usize
                + finding.offset as usize,
            text: finding.text,
        })
        .collect();
    facts.push(Fact::Verdict { status: verdict.status(), text: verdict.to_string() });
    (facts, verdict)
}
