//! The steps of a trigger, as far as they do not depend on a query's types: compiled once for all queries.

use super::checkpoint::CommitHead;
use crate::operator::Cursor;
use crate::time::Timestamp;

/// Where a trigger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between triggers.
    Idle,
    /// Giving the results of the epoch's rows; then the watermark moves to `to`.
    Results { cursor: Cursor, to: Option<Timestamp>, drain: bool },
    /// Removing what the watermark has closed, giving it out in append mode. `before` is the watermark before it moved.
    /// A drain that has gone on `rounds` times ends, also where timers are set again for ever.
    Closing { before: Option<Timestamp>, drain: bool, rounds: u8 },
}

// Out of line where code is to be small: once for each trigger, and moments of 64 bits take much code on a processor of 32.
impl Phase {
    /// Begins a trigger that moves the watermark to `reached`, or goes on with an interrupted one. An interrupted trigger that is drained goes
    /// on as a drain.
    #[cfg_attr(feature = "small-code", inline(never))]
    pub(super) fn begin(
        &mut self,
        head: &mut CommitHead,
        now: Timestamp,
        drain: bool,
        reached: Option<Timestamp>,
    ) {
        head.now = head.now.max(Some(now));
        let to = head.watermark.max(reached);
        match self {
            Self::Idle => *self = Self::Results { cursor: Cursor::default(), to, drain },
            Self::Results { to: begun, drain: draining, .. } => {
                *begun = to.max(*begun);
                *draining |= drain;
            }
            Self::Closing { drain: draining, .. } => {
                if drain && !*draining {
                    head.watermark = to;
                    *draining = true;
                }
            }
        }
    }

    /// All results are given: moves the watermark.
    #[cfg_attr(feature = "small-code", inline(never))]
    pub(super) fn close(&mut self, head: &mut CommitHead) {
        if let Self::Results { to, drain, .. } = *self {
            *self = Self::Closing { before: head.watermark, drain, rounds: 0 };
            head.watermark = head.watermark.max(to);
        }
    }

    /// All that was due has closed, and `left` is when the last of what that has made is due. Moves the watermark there and returns `true`
    /// unless the trigger ends here.
    #[cfg_attr(feature = "small-code", inline(never))]
    pub(super) fn goes_on(&mut self, head: &mut CommitHead, left: Option<Timestamp>, rounds_max: u8) -> bool {
        let Self::Closing { before, rounds, .. } = self else { return false };
        if left <= head.watermark || *rounds >= rounds_max {
            return false;
        }
        *before = head.watermark;
        head.watermark = left;
        *rounds = rounds.saturating_add(1);
        true
    }
}
