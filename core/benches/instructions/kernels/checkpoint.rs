//! Commits, and what a restart reads.

use headwater::checkpoint::{EpochKind, Log};
use headwater::state::Allocated;
use headwater::{Query, QueryPlan};

use super::flash::Flash;
use super::query::{AllocatedWindows, push_all, trigger, tumbling};
use super::rows::row_of_each;
use crate::kernel::{Kernel, measured};

/// Open windows of a query that commits.
const HELD: u32 = 2_000;
const COMMITS: u64 = 8;

type QueryLog = Log<Flash, 512>;

pub fn kernels() -> [Kernel; 7] {
    [
        commit(1),
        commit(100),
        commit(1_000),
        Kernel::new("commit/snapshot-2000", "slot", snapshot),
        restore(1_000),
        restore(10_000),
        Kernel::new("log-open/slots-10000", "slot", || open(10_000)),
    ]
}

fn empty_log() -> QueryLog {
    Log::open(Flash::erased()).expect("erased flash is an empty log")
}

fn committed<P: QueryPlan>(query: &mut Query<'_, P, u32>, log: &mut QueryLog) -> EpochKind {
    query.commit(log, &1_u64).expect("the log has room")
}

/// A delta of so many slots.
fn commit(changed: u32) -> Kernel {
    Kernel::new(format!("commit/changed-{changed}"), "commit", move || {
        let (plan, mut state) = (tumbling(), AllocatedWindows::with_capacity(HELD as usize));
        let mut query = plan.bind(&mut state);
        let mut log = empty_log();
        push_all(&mut query, row_of_each(0..HELD, 0, 1_000));
        trigger(&mut query);
        assert_eq!(committed(&mut query, &mut log), EpochKind::Snapshot);
        for _ in 0..COMMITS {
            push_all(&mut query, row_of_each(0..changed, 0, 1_000));
            trigger(&mut query);
            measured(&mut || assert_eq!(committed(&mut query, &mut log), EpochKind::Delta));
        }
        COMMITS
    })
}

fn snapshot() -> u64 {
    let (plan, mut state) = (tumbling(), AllocatedWindows::with_capacity(HELD as usize));
    let mut query = plan.bind(&mut state);
    let mut log = empty_log();
    push_all(&mut query, row_of_each(0..HELD, 0, 1_000));
    trigger(&mut query);
    measured(&mut || assert_eq!(committed(&mut query, &mut log), EpochKind::Snapshot));
    u64::from(HELD)
}

/// What a query with so many slots leaves.
fn written(slots: u32) -> Flash {
    let (plan, mut state) = (tumbling(), AllocatedWindows::with_capacity(slots as usize));
    let mut query = plan.bind(&mut state);
    let mut log = empty_log();
    push_all(&mut query, row_of_each(0..slots, 0, 1_000));
    trigger(&mut query);
    committed(&mut query, &mut log);
    log.into_storage()
}

fn restore(slots: u32) -> Kernel {
    Kernel::new(format!("restore/slots-{slots}"), "slot", move || {
        let mut log = QueryLog::open(written(slots)).expect("the log is whole");
        let (plan, mut state) = (tumbling(), Allocated::with_capacity(slots as usize));
        let mut query = plan.bind(&mut state);
        measured(&mut || assert_eq!(query.restore(&mut log), Ok(Some(1_u64))));
        assert_eq!(query.progress().state_rows, slots as usize);
        u64::from(slots)
    })
}

/// Before a restore: looks for the last commit, and at the CRC of each record since its snapshot.
fn open(slots: u32) -> u64 {
    let mut flash = Some(written(slots));
    let mut log = None;
    measured(&mut || log = flash.take().map(|flash| QueryLog::open(flash).expect("the log is whole")));
    assert!(log.is_some_and(|log| log.epoch() == Some(1)));
    u64::from(slots)
}
