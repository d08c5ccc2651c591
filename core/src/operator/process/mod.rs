//! Stateful processing written by the user: state and timers per key (Spark's `transformWithState`, Flink's `KeyedProcessFunction`).

mod context;
mod logic;
mod mode;
mod operator;
mod record;
mod timers;
mod trigger;

pub use context::Context;
pub use logic::{KeyedProcess, Process, ProcessOf, process_of};
pub use mode::{Clocked, InEventTime, InProcessingTime, Mode, TimeMode, Timeless};
pub use operator::ProcessOperator;
pub use record::ProcessRecord;
pub use timers::TimersFull;
