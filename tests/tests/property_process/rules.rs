//! Single rules: bounds, expiry, deadlines, draining, identity.

use headwater::checkpoint::Log;
use headwater::operator::{InEventTime, InProcessingTime};
use headwater::{
    Context, Difference, KeyedProcess, Process, ProcessRecord, ProcessState, Query, QueryPlan, RestoreError,
    Span, Stream, TimersFull, Timestamp, process_of,
};
use headwater_tests::model::count_until_silent::CountUntilSilent;
use headwater_tests::model::process::Process as Model;
use headwater_tests::model::row::{Row, same_results};
use headwater_tests::model::stage::Running;
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use headwater_tests::run::Flash;
use headwater_tests::script::BUFFER;
use headwater_tests::stepped::run_epoch;
use proptest::prelude::*;

use crate::machine::Silent;
use crate::{ROOMY, at, every_fires, in_event_time, watermark};

const fn micros(at: i64) -> Timestamp {
    Timestamp::from_micros(at)
}

/// A row of a bell: key, event time, and how long after it the bell rings.
type Strike = (u8, i64, i64);

/// Counts strikes, and tells the count when it rings.
#[derive(Debug, Clone, Copy)]
struct Bell {
    /// After ringing it rings again, so much later.
    again: Option<i64>,
}

impl KeyedProcess<Strike> for Bell {
    type Key = u8;
    type State = u32;
    type Output = (u8, Timestamp, u32);
    const ON_EPOCH: bool = false;

    fn initial(&self, _key: &u8) -> u32 {
        0
    }

    fn on_row(&self, context: &mut Context<'_>, strikes: &mut u32, &(_, at, after): &Strike) {
        *strikes += 1;
        let rings = context.now().filter(|_| context.watermark().is_none()).map_or(at, Timestamp::as_micros);
        let before = context.timers().len();
        let is_set = context.timers().contains(&micros(rings + after));
        let set = context.set_timer(micros(rings + after));
        let expected = if is_set || before < 2 { Ok(()) } else { Err(TimersFull) };
        assert_eq!(set, expected);
        assert_eq!(context.timers().len(), 2.min(before + usize::from(!is_set)));
        assert!(context.timers().is_sorted());
    }

    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &u8,
        strikes: &mut u32,
        timer: Timestamp,
    ) -> Option<Self::Output> {
        if let Some(again) = self.again {
            context.set_timer(micros(timer.as_micros() + again)).expect("its own place is free");
        }
        Some((*key, timer, *strikes))
    }
}

fn bell(
    process: Process<Bell, InEventTime, 2>,
) -> impl QueryPlan<
    Row = Strike,
    Output = (u8, Timestamp, u32),
    Shape = <ProcessState<u8, u32, 2, 4> as headwater::state::State>::Shape,
> {
    Stream::<Strike>::new()
        .with_watermark(|strike: &Strike| micros(strike.1), Span::ZERO)
        .group_by(|strike: &Strike| strike.0)
        .process(process)
        .append()
}

fn processing_bell(
    process: Process<Bell, InProcessingTime, 2>,
) -> impl QueryPlan<Row = Strike, Output = (u8, Timestamp, u32)> {
    Stream::<Strike>::new().group_by(|strike: &Strike| strike.0).process(process).append()
}

/// Pushes rows, triggers, and returns what came as key, time and count.
fn epoch<P, I>(query: &mut Query<'_, P, I>, now: i64, rows: &[Strike]) -> Vec<(u8, i64, u32)>
where
    P: QueryPlan<Row = Strike, Output = (u8, Timestamp, u32)>,
    I: headwater::state::SlotIndex,
{
    rows.iter().for_each(|row| query.push(*row).expect("there is room"));
    let mut given = Vec::new();
    let sink = |(key, at, count): (u8, Timestamp, u32)| given.push((key, at.as_micros(), count));
    query.trigger(micros(now), sink).expect("the sink takes all");
    given
}

const ONCE: Bell = Bell { again: None };

#[test]
fn timers_have_a_bound_and_are_set_once() {
    let plan = bell(Process::in_event_time(ONCE));
    let mut state = ProcessState::<u8, u32, 2, 4>::EMPTY;
    let mut query = plan.bind(&mut state);
    let rows = [(1, 10, 20), (1, 10, 10), (1, 10, 10), (1, 10, 30)];
    assert_eq!(epoch(&mut query, 0, &rows), []);
    assert_eq!(epoch(&mut query, 0, &[(2, 30, 99)]), [(1, 20, 4), (1, 30, 4)]);
}

#[test]
fn without_timers_no_row_is_late_and_no_timer_has_room() {
    let process = process_of(
        0_u32,
        |context: &mut Context<'_>, rows: &mut u32, _: &Strike| {
            *rows += 1;
            assert_eq!(context.set_timer(micros(0)), Err(TimersFull));
        },
        |_, _: &u8, _, _| None::<u32>,
    );
    let plan = Stream::<Strike>::new()
        .with_watermark(|strike: &Strike| micros(strike.1), Span::ZERO)
        .group_by(|strike: &Strike| strike.0)
        .process(Process::without_timers(process))
        .append();
    let mut state = ProcessState::<u8, u32, 0, 4>::EMPTY;
    let mut query = plan.bind(&mut state);
    for at in [10, 5] {
        query.push((1, at, 0)).expect("there is room");
        query.trigger(micros(0), |_| ()).expect("the sink takes all");
    }
    assert_eq!((query.progress().rows.used, query.next_deadline()), (2, None));
}

#[test]
fn a_record_is_as_large_as_said() {
    fn bytes<S, const TIMERS: usize>() -> (usize, usize) {
        let said = size_of::<S>() + 8 * TIMERS + 26;
        (size_of::<ProcessRecord<S, TIMERS>>(), said.next_multiple_of(8))
    }
    for (is, said) in [bytes::<(), 0>(), bytes::<u32, 1>(), bytes::<u64, 2>(), bytes::<[u8; 7], 3>()] {
        assert_eq!(is, said);
    }
}

#[test]
fn state_expires_in_event_time() {
    for (behind, moment) in [(false, 15), (true, 16)] {
        let process = Process::in_event_time(ONCE).time_to_live(Span::micros(5));
        let plan = bell(if behind { process.fires_behind_watermark() } else { process });
        let mut state = plan.allocate(4);
        let mut query = plan.bind(&mut state);
        // The latest row counts, also if it came first.
        assert_eq!(epoch(&mut query, 0, &[(1, 10, 3), (1, 9, 90), (2, 10, 1)]), []);
        assert_eq!(
            epoch(&mut query, 0, &[(3, moment - 1, 0)]),
            [(2, 11, 1), (1, 13, 2), (3, moment - 1, 1)][..3 - usize::from(behind)]
        );
        assert_eq!(query.progress().state_rows, 3);
        // Key 1 loses its count and keeps its timer, key 2 is forgotten.
        let _ = epoch(&mut query, 0, &[(3, moment, 0)]);
        assert_eq!(query.progress().state_rows, 2);
        assert!(epoch(&mut query, 0, &[(4, 100, 50)]).contains(&(1, 99, 0)));
        assert_eq!(query.progress().state_rows, 1, "the last timer of key 1 is gone");
    }
}

#[test]
fn rows_before_the_first_trigger_live_from_it_on() {
    let plan = processing_bell(Process::in_processing_time(ONCE).time_to_live(Span::micros(5)));
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    query.push((1, 0, 0)).expect("there is room");
    assert_eq!(query.next_timer(), Some(Timestamp::MIN));
    assert_eq!(epoch(&mut query, 1000, &[]), [(1, 0, 1)]);
    assert_eq!(query.next_timer(), Some(micros(1005)));
    assert_eq!(epoch(&mut query, 1004, &[]), []);
    assert_eq!(query.progress().state_rows, 1);
    let _ = epoch(&mut query, 1005, &[]);
    assert_eq!((query.progress().state_rows, query.next_timer()), (0, None));
}

#[test]
fn a_device_can_sleep_until_a_timer_is_due() {
    let plan = bell(Process::in_event_time(ONCE));
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    query.push((1, 10, 20)).expect("there is room");
    assert_eq!((query.next_deadline(), query.next_timer()), (Some(micros(30)), None));
    // Nothing is owed at the end of the epoch: what was pushed can be committed.
    let mut log = Log::<_, BUFFER>::open(Flash::new()).expect("an erased flash is an empty log");
    query.commit(&mut log, &1_u8).expect("no trigger is needed");

    let plan = bell(Process::in_event_time(ONCE).fires_behind_watermark());
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    let _: Option<u8> = query.restore(&mut log).expect("the same query");
    assert_eq!(query.next_deadline(), Some(micros(31)));

    let plan = processing_bell(Process::in_processing_time(ONCE));
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    let _ = epoch(&mut query, 1000, &[]);
    query.push((1, 10, 20)).expect("there is room");
    assert_eq!((query.next_deadline(), query.next_timer()), (None, Some(micros(1020))));
    assert_eq!(epoch(&mut query, 1019, &[]), []);
    assert_eq!(epoch(&mut query, 1021, &[]), [(1, 1020, 1)]);
}

#[test]
fn another_time_mode_or_time_to_live_is_another_query() {
    let plan = bell(Process::in_event_time(ONCE));
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    let _ = epoch(&mut query, 0, &[(1, 10, 20)]);
    let mut log = Log::<_, BUFFER>::open(Flash::new()).expect("an erased flash is an empty log");
    query.commit(&mut log, &0_u8).expect("the log has room");

    let plan = bell(Process::in_event_time(ONCE).time_to_live(Span::secs(1)));
    let mut state = plan.allocate(4);
    let refused = plan.bind(&mut state).restore::<u8, _, BUFFER>(&mut log);
    assert_eq!(refused, Err(RestoreError::OtherQuery(Difference::Operator)));
    let plan = processing_bell(Process::in_processing_time(ONCE));
    let mut state = plan.allocate(4);
    let refused = plan.bind(&mut state).restore::<u8, _, BUFFER>(&mut log);
    assert_eq!(refused, Err(RestoreError::OtherQuery(Difference::Operator)));
}

#[test]
fn timers_set_again_for_ever_end_a_trigger_and_a_drain() {
    for again in [-5, 0, 5] {
        let plan = bell(Process::in_event_time(Bell { again: Some(again) }));
        let mut state = plan.allocate(4);
        let mut query = plan.bind(&mut state);
        assert_eq!(epoch(&mut query, 0, &[(1, 10, 2)]), []);
        // What a timer sets in the past fires once per trigger, also if the watermark stays.
        assert_eq!(epoch(&mut query, 0, &[(2, 100, 1000)]), [(1, 12, 1)]);
        assert_eq!(epoch(&mut query, 0, &[]), [(1, 12 + again, 1)]);
        let mut given = Vec::new();
        query.drain(micros(0), |(key, at, _)| given.push((key, at.as_micros()))).expect("the sink takes all");
        assert!(given.contains(&(1, 12 + 2 * again)) && given.contains(&(2, 1100)), "{given:?}");
        assert!(given.len() < 6, "{given:?}");
    }
}

/// A drain gives what the model gives at the end of time.
#[test]
fn a_drain_fires_every_timer() {
    check(200, &(streams(1, 0..40), 1_i64..20, every_fires()), |(epochs, timeout, fires)| {
        let plan = Stream::<Row>::new()
            .with_watermark(at, Span::micros(4))
            .group_by(|row: &Row| row.key)
            .process(in_event_time(Silent { timeout }, fires))
            .append();
        let mut state = plan.allocate(ROOMY);
        let mut query = plan.bind(&mut state);
        epochs.iter().for_each(|epoch| drop(run_epoch(&mut query, epoch)));
        let mut given = Vec::new();
        query.drain(Timestamp::EPOCH, |row| given.push(row)).expect("the sink takes all");
        let mut model = Running::new(watermark(4), Model::new(CountUntilSilent { timeout }, fires));
        let _ = model.run(&epochs);
        let expected = model.drain();
        prop_assert!(same_results(&given, &expected), "given {given:?}, expected {expected:?}");
        prop_assert_eq!(query.progress().state_rows, model.stage.held());
        Ok(())
    });
}

/// Time that has come to its end, as the processing time of a last trigger may: what is set fires, the rest stays.
#[test]
fn nothing_is_due_at_the_end_of_time_that_was_not_set() {
    let plan = processing_bell(Process::in_processing_time(ONCE));
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    let _ = epoch(&mut query, 1000, &[]);
    query.push((1, 10, 20)).expect("there is room");
    query.push((1, 10, 30)).expect("there is room");
    assert_eq!(epoch(&mut query, i64::MAX, &[]), [(1, 1020, 2), (1, 1030, 2)]);
    let held = query.progress().state_rows;
    assert_eq!(epoch(&mut query, i64::MAX, &[]), []);
    assert_eq!(query.progress().state_rows, held, "nothing expires without a time to live");
}

/// Time at its beginning: the trigger ends.
#[test]
fn nothing_expires_before_the_beginning_of_time() {
    let plan = processing_bell(Process::in_processing_time(ONCE).time_to_live(Span::ZERO));
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    query.push((1, 10, 20)).expect("there is room");
    assert_eq!(epoch(&mut query, i64::MIN, &[]), []);
    assert_eq!(query.progress().state_rows, 1);
    assert_eq!(epoch(&mut query, 40, &[]), [(1, 30, 0)], "the count has expired, the timer not");
    assert_eq!(query.progress().state_rows, 0);
}
