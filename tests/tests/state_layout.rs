//! Where state lies and what it costs: in `.bss`, and so many bytes for each record.

use core::ptr::from_ref;
use std::sync::Mutex;

use headwater::aggregate::{Count, Max, Mean, Min};
use headwater::state::{Allocated, Inline};
use headwater::{
    DedupState, ExpiringDedupState, GlobalState, GroupState, SessionState, SlidingState, Timestamp,
    WindowState,
};
use serde::{Deserialize, Serialize};

const _: () = assert!(size_of::<WindowState<u32, (Count, Mean), 32>>() <= 2048);

/// What a record costs beside key, value and their padding.
const OVERHEAD_BYTES: usize = 12;
/// What a state costs whatever its length.
const FIXED_BYTES: usize = 160;
/// What it costs more where the records of a key are in order.
const IN_ORDER_BYTES: usize = 4;

/// A type of key or value with values of its own to spare, which a compiler likes to use for other tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Valve {
    Open = 3,
    Shut = 7,
}

type Aggregates = (Count, Mean, Min<f64>, Max<f64>);

const RECORDS: usize = 512;

static BOOLEAN: Mutex<WindowState<bool, Min<bool>, RECORDS>> = Mutex::new(WindowState::EMPTY);
static ENUM: Mutex<WindowState<Valve, Max<Valve>, RECORDS>> = Mutex::new(WindowState::EMPTY);
static OPTION: Mutex<SlidingState<Option<bool>, Max<Option<char>>, RECORDS>> =
    Mutex::new(SlidingState::EMPTY);
static CHARACTER: Mutex<SessionState<char, (Min<char>, Count), RECORDS>> = Mutex::new(SessionState::EMPTY);
static REFERENCE: Mutex<GroupState<(Option<Valve>, bool), Aggregates, RECORDS>> =
    Mutex::new(GroupState::EMPTY);
static TIME: Mutex<WindowState<Option<Timestamp>, Max<Option<Timestamp>>, RECORDS>> =
    Mutex::new(WindowState::EMPTY);

/// Large and not all zero: what would move a state out of `.bss`.
static NOT_ZERO: Mutex<[u64; 4096]> = Mutex::new([1; 4096]);

/// Whether the middle of a static lies in memory that no file stands behind, as `.bss` does and `.data` does not.
///
/// The statics are larger than two pages, so the middle page has nothing but them.
#[cfg(target_os = "linux")]
fn in_bss<T>(place: &T) -> bool {
    assert!(size_of::<T>() > 3 * 4096, "too small to tell: {} B", size_of::<T>());
    let address = from_ref(place).addr() + size_of::<T>() / 2;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux lists the memory of a process");
    let holds = |line: &&str| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let (from, to) = range.expect("a line begins with a range");
        let parsed = |hex| usize::from_str_radix(hex, 16).expect("a hexadecimal address");
        (parsed(from)..parsed(to)).contains(&address)
    };
    let line = maps.lines().find(holds).expect("the static is mapped");
    // Range, rights, offset, device, inode, and a path if there is a file.
    line.split_whitespace().nth(5).is_none()
}

#[test]
#[cfg(target_os = "linux")]
fn empty_state_is_all_zero_whatever_it_holds() {
    assert!(!in_bss(&NOT_ZERO), "this way of looking tells nothing");
    assert!(in_bss(&BOOLEAN), "bool");
    assert!(in_bss(&ENUM), "enum");
    assert!(in_bss(&OPTION), "Option");
    assert!(in_bss(&CHARACTER), "char");
    assert!(in_bss(&REFERENCE), "tuple");
    assert!(in_bss(&TIME), "time");
}

/// The bytes of one record: what a state of 32 more has more.
fn bytes_per_record<Shorter, Longer>() -> usize {
    let more = size_of::<Longer>() - size_of::<Shorter>();
    assert_eq!(more % 32, 0, "no whole number of bytes each");
    more / 32
}

#[test]
fn a_record_costs_what_the_documentation_says() {
    macro_rules! per_record {
        ($state:ident, $key:ty, $aggregates:ty) => {{
            let bytes = bytes_per_record::<$state<$key, $aggregates, 32>, $state<$key, $aggregates, 64>>();
            let fixed = size_of::<$state<$key, $aggregates, 32>>() - 32 * bytes;
            let name =
                format!("{}<{}, {}, N>", stringify!($state), stringify!($key), stringify!($aggregates));
            assert_eq!(fixed, FIXED_BYTES, "{name}");
            println!("{name:<60} {bytes:>4} B each, {fixed} B in all");
            bytes
        }};
    }
    let counts = per_record!(WindowState, u32, (Count, Mean));
    // Tag and key in 8 bytes, window start, count, and sum and count of the mean.
    assert_eq!(counts, 8 + 8 + size_of::<(Count, Mean)>() + OVERHEAD_BYTES);
    let tumbling = per_record!(WindowState, u32, Aggregates);
    let sliding = per_record!(SlidingState, u32, Aggregates);
    let session = per_record!(SessionState, u32, Aggregates);
    let group = per_record!(GroupState, u32, Aggregates);
    assert_eq!(tumbling, 16 + size_of::<Aggregates>() + OVERHEAD_BYTES);
    // One more time: where a session ends. No time at all without windows.
    assert_eq!((session, group), (tumbling + 8 + IN_ORDER_BYTES, tumbling - 8));
    // When a pane is due, the merge of panes that it stands for, and a number of 4 bytes with its padding.
    let merged = size_of::<Option<Aggregates>>() + 8;
    assert_eq!(sliding, tumbling + 8 + merged + IN_ORDER_BYTES);
    let deduplicated = bytes_per_record::<DedupState<u32, 32>, DedupState<u32, 64>>();
    let expiring = bytes_per_record::<ExpiringDedupState<u32, 32>, ExpiringDedupState<u32, 64>>();
    // Tag and key in 8 bytes, and when the key is forgotten.
    assert_eq!((deduplicated, expiring), (8 + OVERHEAD_BYTES, 16 + OVERHEAD_BYTES + IN_ORDER_BYTES));
    type Joined<const N: usize> = headwater::JoinState<u16, (u64, f64), (u64, f64), N, N>;
    // Both sides; as its documentation says.
    assert_eq!(bytes_per_record::<Joined<32>, Joined<64>>(), 2 * 56);
    println!("{:<60} {:>4} B", "GlobalState<Aggregates>", size_of::<GlobalState<Aggregates>>());
    println!(
        "{:<60} {:>4} B",
        "Allocated<..>, beside the heap",
        size_of::<Allocated<u32, headwater::WindowRecord<Count>>>()
    );
    // Counts, the roots of the sets and the cohorts; tag and count; what each record costs, and padding.
    assert_eq!(size_of::<GlobalState<Count>>(), FIXED_BYTES + 16 + OVERHEAD_BYTES + 4);
    assert_eq!(align_of::<Inline<u32, headwater::WindowRecord<Count>, 4>>(), 8);
}
