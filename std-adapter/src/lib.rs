//! Headwater on gateways and desktops: sources, sinks, checkpoint storage in a file, and the running query.
//!
//! [`StreamingQuery`] takes a plan of [`headwater`], state for it, a [`source`] and a [`sink`], and runs them in a thread
//! with a checkpoint directory. Killed at any moment and started again on the same directory, it goes on from its last
//! commit: the source starts again there, the sink removes what came later, and the output is that of a run without
//! the crash.
//!
//! # Layers
//! Each uses those before it:
//!
//! - [`storage`]: a file as the flash that the checkpoint log is written on;
//! - [`source`]: rows from files ([`source::file`]), from an MQTT broker ([`source::mqtt`]), at a fixed rate
//!   ([`source::rate`]), or from a [`Source`](source::Source) of your own;
//! - [`sink`]: rows to files, the console, memory, a closure, or a [`Sink`](sink::Sink) of your own;
//! - [`Trigger`]: when an epoch ends; [`progress`]: what is reported of it;
//! - [`StreamingQuery`] and its [`QueryHandle`].
//!
//! For queries that are not compiled in: [`dynamic`] rows and SQL [`expression`]s over them.
//!
//! # An epoch
//! 1. The source hands over rows; the engine updates its state. The trigger gives results to the sink.
//! 2. The sink makes its rows durable and says where they end; the source makes its rejects durable and says where it is.
//! 3. One record of the checkpoint log holds the change of the state and both positions.
//! 4. The sink shows its rows (a file gets its final name); the source acknowledges (MQTT's PUBACK).
//!
//! What each source and sink promises is written in [`source`] and [`sink`]. Events (start, stop, errors, rejects,
//! connections lost and made, each commit at debug level) go to [`tracing`].

mod checkpoint;
pub mod declared;
mod durable;
pub mod dynamic;
pub mod expression;
mod fingerprint;
mod format;
mod id;
pub mod inspect;
pub mod progress;
mod query;
mod rfc3339;
pub mod sink;
pub mod source;
pub mod storage;
mod trigger;

pub use checkpoint::CheckpointError;
pub use progress::QueryProgress;
pub use query::{QueryError, QueryHandle, QueryStatus, StreamingQuery};
pub use rfc3339::to_rfc3339;
pub use trigger::Trigger;
