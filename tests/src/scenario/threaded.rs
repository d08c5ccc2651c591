//! A plan that runs in a thread of its own: a query borrows its plan and its state, so neither can move while it runs.

use core::fmt;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use headwater::checkpoint::{Log, RamFlash};
use headwater::operator::{LateRow as Late, NotNow};
use headwater::state::SlotIndex;
use headwater::{Query, QueryPlan, Side, Timestamp};
use headwater_std::declared::SeenRow;
use headwater_std::dynamic::{Row, Schema};

use super::engine::{Engine, EngineError, EpochAnswer};
use super::late::{LateRow, LateRule};

/// The log between two runs: larger than any recorded state twice.
type Flash = RamFlash<{ 128 * SECTOR_BYTES }, 4, SECTOR_BYTES>;
const SECTOR_BYTES: usize = 4096;
/// The longest entry of the log.
const ENTRY_BYTES_MAX: usize = 2048;
/// The log lies on the stack, and moves.
const STACK_BYTES: usize = 16 << 20;

/// What the thread is asked for.
enum Command {
    /// An epoch with these rows of each input.
    Step(Vec<Vec<Row>>),
    /// The state through the log.
    Restart,
}

type Answer = Result<EpochAnswer, EngineError>;

/// An engine whose query runs in another thread.
pub struct Threaded {
    columns: Schema,
    commands: Option<Sender<Command>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Threaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A plan and what is to be known of it to run it.
pub struct Served<P, F> {
    /// The plan.
    pub plan: P,
    /// Makes what is pushed of a row of an input.
    pub row_of: F,
    /// How many records each table may hold.
    pub capacity: usize,
    /// Which groups a late row would have belonged to.
    pub late: LateRule,
}

impl Threaded {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`EngineError`] if there is none to be had.
    pub fn start<P, F>(served: Served<P, F>, columns: Schema) -> Result<Self, EngineError>
    where
        P: QueryPlan<Item: SeenRow, Output = Row> + Send + 'static,
        F: Fn(usize, Row) -> P::Row + Send + 'static,
    {
        let (commands, received) = channel();
        let (answer, answers) = channel();
        let thread = Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || served.serve(&received, &answer))
            .map_err(|error| EngineError(format!("no thread: {error}")))?;
        Ok(Self { columns, commands: Some(commands), answers, thread: Some(thread) })
    }

    fn ask(&mut self, command: Command) -> Answer {
        // A thread that is gone has panicked: it ends only when no more commands can come.
        let sent = self.commands.as_ref().is_some_and(|commands| commands.send(command).is_ok());
        match self.answers.recv() {
            Ok(answer) if sent => answer,
            _ => match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => resume_unwind(panic),
                _ => Err(EngineError("the query has ended".to_owned())),
            },
        }
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been seen where it was asked for an answer.
            let _ = thread.join();
        }
    }
}

impl Engine for Threaded {
    fn columns(&self) -> &Schema {
        &self.columns
    }

    fn step(&mut self, rows: &[Vec<Row>]) -> Answer {
        self.ask(Command::Step(rows.to_vec()))
    }

    fn restart(&mut self) -> Result<(), EngineError> {
        self.ask(Command::Restart).map(drop)
    }
}

impl<P, F> Served<P, F>
where
    P: QueryPlan<Item: SeenRow, Output = Row>,
    F: Fn(usize, Row) -> P::Row,
{
    /// Runs until no more commands can come.
    fn serve(&self, commands: &Receiver<Command>, answers: &Sender<Answer>) {
        let mut flash = Flash::new();
        while self.run(&mut flash, commands, answers) {}
    }

    /// Runs until the next restart; whether there is one.
    fn run(&self, flash: &mut Flash, commands: &Receiver<Command>, answers: &Sender<Answer>) -> bool {
        let mut state = self.plan.allocate(self.capacity);
        let mut query = self.plan.bind(&mut state);
        if let Some(restored) = restore(&mut query, flash) {
            let _ = answers.send(restored.map(|()| EpochAnswer::default()));
        }
        while let Ok(command) = commands.recv() {
            match command {
                Command::Step(rows) => {
                    let _ = answers.send(self.epoch(&mut query, rows));
                }
                Command::Restart => match commit(&mut query, flash) {
                    Ok(()) => return true,
                    Err(error) => {
                        let _ = answers.send(Err(error));
                    }
                },
            }
        }
        false
    }

    fn epoch<I: SlotIndex>(&self, query: &mut Query<'_, P, I>, rows: Vec<Vec<Row>>) -> Answer {
        let mut answer = EpochAnswer::default();
        for (input, rows) in rows.into_iter().enumerate() {
            for row in rows {
                let mut side = Collect { answer: &mut answer, rule: &self.late };
                let pushed = query.push_ref(&(self.row_of)(input, row), &mut side);
                pushed.map_err(|error| failed("push", &error))?;
            }
        }
        // Recorded queries do not look at processing time.
        let ended = query.trigger(Timestamp::EPOCH, |row| answer.rows.push(row));
        answer.watermark = ended.map_err(|error| failed("trigger", &error))?.watermark;
        Ok(answer)
    }
}

/// Keeps what leaves while a row is pushed.
struct Collect<'a> {
    answer: &'a mut EpochAnswer,
    rule: &'a LateRule,
}

impl<T: SeenRow> Side<T, Row> for Collect<'_> {
    fn late(&mut self, late: Late<'_, T>) {
        let groups = self.rule.groups(late.row.row(), late.at, late.late_windows);
        self.answer.late.push(LateRow { operator: 0, groups });
    }

    fn give(&mut self, row: Row) -> Result<(), NotNow> {
        self.answer.rows.push(row);
        Ok(())
    }
}

/// Writes the state and what shows that it is the same.
fn commit<P: QueryPlan, I: SlotIndex>(
    query: &mut Query<'_, P, I>,
    flash: &mut Flash,
) -> Result<(), EngineError> {
    let mut log = open(flash)?;
    let shown = query.progress().rows.rows_in;
    query.commit(&mut log, &shown).map(drop).map_err(|error| failed("commit", &error))
}

/// Brings the state back; nothing if none was ever written.
fn restore<P: QueryPlan, I: SlotIndex>(
    query: &mut Query<'_, P, I>,
    flash: &mut Flash,
) -> Option<Result<(), EngineError>> {
    let restored = open(flash).and_then(|mut log| {
        query.restore::<u64, _, ENTRY_BYTES_MAX>(&mut log).map_err(|error| failed("restore", &error))
    });
    match restored {
        Ok(None) => None,
        Ok(Some(rows_in)) if rows_in == query.progress().rows.rows_in => Some(Ok(())),
        Ok(Some(_)) => Some(Err(EngineError("what was restored is not what was written".to_owned()))),
        Err(error) => Some(Err(error)),
    }
}

fn open(flash: &mut Flash) -> Result<Log<&mut Flash, ENTRY_BYTES_MAX>, EngineError> {
    Log::open(flash).map_err(|error| failed("the log", &error))
}

fn failed(what: &str, error: &impl fmt::Debug) -> EngineError {
    EngineError(format!("{what}: {error:?}"))
}
