//! What the demo shows while it runs: a block redrawn in place on a terminal, plain lines elsewhere.

use core::fmt::Write as _;
use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use super::gateway_process::Progress;

/// Time between two drawings on a terminal.
const REDRAW: Duration = Duration::from_millis(100);
/// Time between two plain lines.
const PLAIN_LINE: Duration = Duration::from_secs(2);
/// Cells of the progress bar.
const BAR_CELLS: usize = 40;

/// The state of the demo at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    /// Messages published so far.
    pub(super) published: usize,
    /// Messages of the recording.
    pub(super) messages: usize,
    /// Messages the broker holds for the gateway.
    pub(super) backlog: usize,
    /// Messages the broker sent a second time.
    pub(super) redelivered: u64,
    /// Whether the gateway process lives.
    pub(super) gateway_is_up: bool,
    /// Times the gateway was started again.
    pub(super) restarts: u32,
    /// What the gateway told last.
    pub(super) progress: Progress,
}

/// Draws scenes to standard output.
#[derive(Debug)]
pub(super) struct View {
    is_terminal: bool,
    lines_drawn: usize,
    next: Instant,
}

impl View {
    pub(super) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal(), lines_drawn: 0, next: Instant::now() }
    }

    /// Draws the scene if it is time to.
    pub(super) fn tick(&mut self, scene: impl FnOnce() -> Scene) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + if self.is_terminal { REDRAW } else { PLAIN_LINE };
        let scene = scene();
        if self.is_terminal { self.redraw(&scene) } else { print(&format!("{}\n", plain(&scene))) }
    }

    /// A line that stays; the next drawing comes below it.
    pub(super) fn note(&mut self, text: &str) {
        let erase = self.erase();
        self.lines_drawn = 0;
        self.next = Instant::now();
        print(&format!("{erase}{text}\n"));
    }

    fn redraw(&mut self, scene: &Scene) {
        let block = block(scene);
        let erase = self.erase();
        self.lines_drawn = block.lines().count();
        print(&format!("{erase}{block}"));
    }

    /// Moves the cursor to the start of the block drawn before and clears from there.
    fn erase(&self) -> String {
        if self.lines_drawn == 0 { String::new() } else { format!("\x1b[{}F\x1b[J", self.lines_drawn) }
    }
}

/// A reader that has gone, as in `| head`, does not stop the check.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn block(scene: &Scene) -> String {
    let Progress { rows_in, late, duplicates, emitted, watermark, state_rows, state_capacity } =
        &scene.progress;
    let filled = (scene.published * BAR_CELLS).checked_div(scene.messages).unwrap_or(0);
    let bar: String = (0..BAR_CELLS).map(|cell| if cell < filled { '█' } else { '░' }).collect();
    let mut block = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(block, "  devices    {bar} {}/{} published", scene.published, scene.messages);
    let _ = writeln!(
        block,
        "  broker     {} waiting for the gateway, {} sent again",
        scene.backlog, scene.redelivered
    );
    let gateway = if scene.gateway_is_up { "up" } else { "DEAD" };
    let _ = writeln!(block, "  gateway    {gateway}, {} restarts", scene.restarts);
    let _ = writeln!(block, "  watermark  {}", watermark.as_deref().unwrap_or("not set yet"));
    let _ = writeln!(
        block,
        "  rows       {rows_in} in, {late} late, {duplicates} dropped as duplicates, {emitted} emitted"
    );
    let _ = writeln!(block, "  state      {state_rows} of {state_capacity} entries used");
    block
}

fn plain(scene: &Scene) -> String {
    let Progress { rows_in, late, duplicates, emitted, watermark, state_rows, state_capacity } =
        &scene.progress;
    format!(
        "published {}/{} | gateway {}, restarts {} | backlog {}, sent again {} | in {rows_in}, late {late}, duplicates {duplicates}, \
         emitted {emitted} | state {state_rows}/{state_capacity} | watermark {}",
        scene.published,
        scene.messages,
        if scene.gateway_is_up { "up" } else { "dead" },
        scene.restarts,
        scene.backlog,
        scene.redelivered,
        watermark.as_deref().unwrap_or("not set yet"),
    )
}
