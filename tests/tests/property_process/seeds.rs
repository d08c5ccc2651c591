//! State given before the first row.

use headwater::checkpoint::Log;
use headwater::{ProcessState, QueryPlan, SeedError, Stream, Timestamp};
use headwater_tests::model::process::{Clock, Fires, Process as Model};
use headwater_tests::model::row::Row;
use headwater_tests::model::stage::Running;
use headwater_tests::model::streams::streams;
use headwater_tests::properties::check;
use headwater_tests::run::Flash;
use headwater_tests::script::BUFFER;
use headwater_tests::stepped::run_epoch;
use proptest::prelude::*;

use crate::machine::{Given, Machine, TIMERS};
use crate::{ROOMY, at, in_event_time, same, watermark};

/// A macro, since only the plan's own type lets a query be seeded.
macro_rules! plan {
    ($process:expr) => {
        Stream::<Row>::new()
            .with_watermark(at, headwater::Span::micros(3))
            .group_by(|row: &Row| row.key)
            .process($process)
            .append()
    };
}

#[test]
fn seeded_keys_go_on_from_their_state() {
    let inputs = (streams(1, 0..40), prop::collection::btree_set(prop::option::of(0_u8..6), 0..5));
    check(200, &inputs, |(epochs, keys)| {
        let seeds: Vec<_> = keys.into_iter().map(|key| (key, Machine::initial(Some(7)))).collect();
        let process = || in_event_time(Machine::new(Clock::Event), Fires::AtWatermark);
        let model = Model::new(Machine::new(Clock::Event), Fires::AtWatermark).with_initial(seeds.clone());
        let expected = Running::new(watermark(3), model).run(&epochs);
        let mut flash = Flash::new();
        // Restarted right after it was seeded, or not.
        for restarts in [false, true] {
            let plan = plan!(process());
            let mut state = plan.allocate(ROOMY);
            let mut query = plan.bind(&mut state);
            for (key, state) in &seeds {
                prop_assert_eq!(query.seed(*key, *state), Ok(()));
                prop_assert_eq!(query.seed(*key, *state), Err(SeedError::Twice));
            }
            prop_assert_eq!(query.progress().state_rows, seeds.len());
            let mut other_state = plan.allocate(ROOMY);
            if restarts {
                let mut log = Log::<_, BUFFER>::open(&mut flash).expect("an erased flash is an empty log");
                query.commit(&mut log, &0_u8).expect("the log has room");
                prop_assert_eq!(query.seed(Some(9), Machine::initial(None)), Err(SeedError::Started));
                query = plan.bind(&mut other_state);
                // What the log holds takes the place of what is seeded anew.
                query.seed(Some(99), Machine::initial(None)).expect("a new query");
                prop_assert_eq!(query.restore::<u8, _, BUFFER>(&mut log), Ok(Some(0)));
                prop_assert_eq!(query.progress().state_rows, seeds.len());
                prop_assert_eq!(query.seed(Some(9), Machine::initial(None)), Err(SeedError::Started));
            }
            let given: Vec<_> = epochs.iter().map(|epoch| run_epoch(&mut query, epoch)).collect();
            same(&given, &expected)?;
        }
        Ok(())
    });
}

#[test]
fn seeds_have_a_place_of_their_own() {
    let plan = plan!(in_event_time(Machine::new(Clock::Event), Fires::AtWatermark));
    let mut state = ProcessState::<_, _, TIMERS, 2>::EMPTY;
    let mut query = plan.bind(&mut state);
    for key in [1, 2] {
        query.seed(Some(key), Machine::initial(None)).expect("there is room");
    }
    assert_eq!(query.seed(Some(3), Machine::initial(None)), Err(SeedError::Full));
    // They had no rows: nothing is owed at the end of the epoch.
    query.trigger(Timestamp::EPOCH, |given| -> Result<(), Given> { Err(given) }).expect("the sink takes all");
    assert_eq!(query.seed(Some(1), Machine::initial(None)), Err(SeedError::Started));
}
