//! The queries on the desktop: the same rows, and a flash of the same shape in RAM.

use std::error::Error;
use std::fs;
use std::path::Path;

use headwater::QueryPlan;
use headwater::checkpoint::{Log, RamFlash};
use headwater_firmware_query::plans::{self, MeansState, SessionsState};
use headwater_firmware_query::{FrameFormat, LOG_BYTES, Lane, ROWS, SECTOR_BYTES, WORD_BYTES, recording};

type Flash = RamFlash<LOG_BYTES, WORD_BYTES, SECTOR_BYTES>;

/// Writes what the device sends to `output`, and its flash, first one log and then the other, to `flash`.
pub fn write<F: FrameFormat>(output: &Path, flash: &Path) -> Result<(), Box<dyn Error>> {
    let (means, sessions) = (plans::means(), plans::sessions());
    let (mut means_state, mut sessions_state) = (MeansState::EMPTY, SessionsState::EMPTY);
    let (mut means_log, mut sessions_log) = (Log::open(Flash::new())?, Log::open(Flash::new())?);
    let mut wire = Vec::new();
    // The device begins with the end of a frame: what a cut left of one is not taken for the beginning of the next.
    wire.extend_from_slice(F::START);
    {
        let mut means = means.bind(&mut means_state);
        let mut sessions = sessions.bind(&mut sessions_state);
        let mut means = Lane::<F, _, _, _>::new(&mut means, &mut means_log);
        let mut sessions = Lane::<F, _, _, _>::new(&mut sessions, &mut sessions_log);
        means.restore()?;
        sessions.restore()?;
        for (number, reading) in (0..).zip(recording()) {
            means.take(number, &reading, &mut wire)?;
            sessions.take(number, &reading, &mut wire)?;
        }
        means.finish(ROWS as u32, &mut wire)?;
        sessions.finish(ROWS as u32, &mut wire)?;
    }
    for (query, log) in [("means", &means_log), ("sessions", &sessions_log)] {
        let flash = log.storage();
        println!(
            "{query}: {} bytes programmed, erases by sector {:?}",
            flash.programmed_bytes(),
            flash.erase_counts()
        );
    }
    let image = [means_log.storage().image().as_slice(), sessions_log.storage().image().as_slice()].concat();
    fs::write(output, wire).map_err(|error| format!("cannot write {}: {error}", output.display()))?;
    fs::write(flash, image).map_err(|error| format!("cannot write {}: {error}", flash.display()))?;
    Ok(())
}
