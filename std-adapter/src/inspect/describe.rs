//! Identities in words.

use headwater::operator::{OperatorIdentity, OutputMode};

/// The name of an operator's kind, and of each of its lengths that has a meaning.
#[must_use]
pub fn operator(operator: &OperatorIdentity) -> String {
    let [first, second, third] = operator.window.micros;
    let length = span;
    match operator.window.kind {
        0 => "groups without windows".to_owned(),
        1 => format!("tumbling windows of {}{}", length(first), offset(third)),
        2 => format!("sliding windows of {} every {}{}", length(first), length(second), offset(third)),
        3 => format!("sessions with a gap of {}", length(first)),
        4 => "sessions with a gap per row".to_owned(),
        5 => "no state".to_owned(),
        6 => format!("deduplication, {}", forgotten(first)),
        7 => join(first, second, third),
        8 => {
            let outer = if second == 1 { ", with left rows that have no match" } else { "" };
            format!("as-of join within {}{outer}", length(first))
        }
        9 => {
            let live = if first == 0 { String::new() } else { format!(", time to live {}", length(first)) };
            let timers = ["no timers", "timers in event time", "timers in processing time"];
            let timers =
                usize::try_from(third).ok().and_then(|at| timers.get(at)).unwrap_or(&"unknown timers");
            format!("process, {timers}{live}")
        }
        10 => format!("windows of {first} rows every {second}"),
        11 => "windows that rows open and close".to_owned(),
        12 => format!("look-ahead, {} back and {} ahead", length(first), length(second)),
        13 => "groups by event time".to_owned(),
        other => format!("kind {other}, which this release does not know"),
    }
}

/// The table names of an operator, in order of their numbers.
#[must_use]
pub const fn tables(kind: u8) -> &'static [&'static str] {
    match kind {
        5 => &[],
        7 | 8 => &["left rows", "right rows"],
        _ => &["records"],
    }
}

/// The name of an output mode.
#[must_use]
pub const fn mode(mode: OutputMode) -> &'static str {
    match mode {
        OutputMode::Append => "append",
        OutputMode::Update => "update",
        OutputMode::Complete => "complete",
    }
}

fn offset(micros: i64) -> String {
    if micros == 0 { String::new() } else { format!(" from {} on", span(micros)) }
}

fn forgotten(what: i64) -> String {
    match what {
        0 => "never forgotten".to_owned(),
        1 => "forgotten at the row's event time".to_owned(),
        2 => "forgotten by the watermark's delay after the row".to_owned(),
        3 => "forgotten as the declared query says".to_owned(),
        other => format!("forgotten in way {other}"),
    }
}

fn join(lower: i64, upper: i64, kind: i64) -> String {
    let names = ["inner", "left", "right", "full", "left semi"];
    let name = usize::try_from(kind & 7).ok().and_then(|at| names.get(at)).unwrap_or(&"unknown");
    if kind & 8 != 0 {
        return format!("{name} join without a range of time");
    }
    format!("{name} join, right time less left time from {} to {}", span(lower), span(upper))
}

/// A length of time in its largest whole unit, for instance `90s`.
#[must_use]
pub fn span(micros: i64) -> String {
    let units =
        [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")];
    match units.iter().find(|(unit, _)| micros % unit == 0) {
        Some((unit, name)) if micros != 0 => format!("{}{name}", micros / unit),
        _ if micros == 0 => "0s".to_owned(),
        _ => format!("{micros}µs"),
    }
}
