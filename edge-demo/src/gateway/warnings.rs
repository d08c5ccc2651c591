//! Warnings of the running query on standard error, one line each: rejected rows, a lost session, a broker that went away.
//!
//! A `tracing` subscriber of our own: the gateway has no spans and no filters to configure, and the usual subscriber would
//! bring more code than the rest of the command line.

use core::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The query's end is told by the gateway itself.
const TOLD_ELSEWHERE: &str = "query failed";

/// Prints warnings from now on; does nothing if something else already listens.
pub(super) fn print_to_stderr() {
    let _ = tracing::subscriber::set_global_default(ToStderr);
}

struct ToStderr;

impl Subscriber for ToStderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("headwater")
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        if line.message != TOLD_ELSEWHERE {
            eprintln!("gateway: {}{}", line.message, line.fields);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, ", {name} {value:?}"),
        };
    }
}
