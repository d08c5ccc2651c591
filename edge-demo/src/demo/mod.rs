//! The demo: devices, a broker, a gateway that is killed midway, and the check that nobody can tell from the answer.
//!
//! ```text
//! recording ─▶ devices ─MQTT, QoS 1─▶ broker ─▶ gateway process ─▶ files ─▶ compare ◀─ batch answer ◀─ recording
//! ```

pub mod answer;
mod device;
mod gateway_process;
pub mod recording;
mod run;
mod view;

pub use device::Device;
pub use gateway_process::{GatewayProcess, Progress};
pub use run::{Plan, run};
