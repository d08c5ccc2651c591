//! The gateway's command line.

use core::fmt;
use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use headwater::window::Sliding;
use headwater::{ModeRefused, OnFull, OutputMode, Span};
use headwater_std::sink::Format;
use lexopt::prelude::*;

use super::duration::parse_duration;

/// Text of `--help`.
pub const USAGE: &str = "\
Reads device rows from MQTT or from files, aggregates them in event-time windows per device, writes the answer to files.

Input, one of:
  --broker HOST[:PORT]   MQTT 3.1.1 broker, port 1883 if none is given; with --topic. A broker that cannot
                         be reached at the start is an error; later it is tried again
  --input PATH           a .csv or .jsonl file, or a directory of them; followed as it grows
  --topic FILTER         topics to subscribe to, for instance plant/+/reading
  --client-id ID         MQTT session to keep at the broker        [default: headwater-gateway]
  --in-flight N          messages that the broker sends before it waits for acknowledgements, 1 to 2999; for
                         mosquitto its max_inflight_messages. They are acknowledged after a commit, and a
                         commit waits for the disk: the more, the faster   [default: 20, mosquitto's]

Query:
  --window KIND          tumbling:SIZE, sliding:SIZE/SLIDE or session:GAP  [default: tumbling:10m]
  --watermark DELAY      how late a row may come                   [default: 30s]
  --ahead LIMIT          rows whose time is later than this computer's clock by more than LIMIT do not
                         enter and are counted as filtered. Without it one row from the far future
                         closes all windows, and what comes after it is late  [default: no limit]
  --mode MODE            append, update or complete                [default: append]
  --keys N               devices at a time, up to 67108864. Room for the windows that each may have open
                         is allocated once; with a long watermark in all for 2 N or 262144 windows,
                         whichever is more                         [default: 4096]
  --on-full POLICY       when that room is full: refuse (stop with an error), drop (count), or in append
                         mode evict (emit the oldest early)        [default: refuse]
                         A window given early is marked nowhere in the files: a later row for the same
                         window adds to it, as a second line to be added to the first
  --trigger WHEN         a time such as 1s, row (after each row) or available-now (read what
                         is there, then end)                       [default: 1s]

Output; --out, --state and --input must not lie in each other:
  --out DIR              where the files go: part-N.csv, final; part-N.csv.part, not final yet; in
                         complete mode result.csv, replaced as a whole. With jsonl, .jsonl. Names that begin with a
                         dot are the gateway's own
  --format FORMAT        csv or jsonl                              [default: csv]
  --state DIR            checkpoint; started again with the same, the gateway goes on where it was.
                         Input that is no row goes to rejects.jsonl in it, with the reason
  --drain                when stopping, also emit the windows still open: rows for them that come later
                         are late
  --progress             one line of JSON per commit to standard error, after a line that says it runs
  --help                 this text

Times are 500ms, 30s, 10m, 1h, 2d. Rows are {\"device\": text, \"at\": ms since 1970 or RFC 3339, \"value\": number or null},
CSV files have the header device,at,value. Both may add seq, the device's number of the message: over MQTT a message
delivered twice is dropped by device, seq and at; ignored in files.

Rows that are late, dropped, rejected, handed back or filtered are told on standard error, at most every 10 s and at the end.
SIGINT and SIGTERM stop the gateway cleanly. Exit status: 0 after a clean stop or the end of the input, 1 after an error
while starting or running, 2 after a wrong command line.
";

/// What the gateway is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Where rows come from.
    pub input: Input,
    /// Windows of the query.
    pub window: WindowKind,
    /// How long after the highest event time a window stays open.
    pub watermark: Span,
    /// How far a row's event time may be ahead of the gateway's clock; any distance if not given.
    pub ahead: Option<Span>,
    /// Which rows of the result are written.
    pub mode: OutputMode,
    /// When an epoch ends.
    pub trigger: TriggerKind,
    /// Directory of the answer.
    pub out: PathBuf,
    /// Format of the answer.
    pub format: Format,
    /// Directory of the checkpoint.
    pub state: PathBuf,
    /// Devices at a time.
    pub keys: u32,
    /// What a full state does.
    pub on_full: OnFull,
    /// Whether stopping closes the windows still open.
    pub drain: bool,
    /// Whether every commit is told on standard error.
    pub progress: bool,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An MQTT broker.
    Broker {
        /// Name or address of the broker.
        host: String,
        /// TCP port of the broker.
        port: u16,
        /// Topics to subscribe to.
        topic: String,
        /// Name of the session at the broker.
        client_id: String,
        /// Messages that the broker sends before it waits for acknowledgements.
        in_flight: u16,
    },
    /// A file, or a directory of files.
    Files(PathBuf),
}

/// Windows of the query; no time in it is zero and no slide is longer than its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// Side by side.
    Tumbling(Span),
    /// Overlapping.
    Sliding(Sliding),
    /// Rows no more than a gap apart.
    Session(Span),
}

impl Options {
    /// Records that the state shall hold: for each device the windows (of sliding ones, the panes) that can be open within the
    /// watermark's delay, and one more for rows ahead of it.
    #[must_use]
    pub fn state_capacity(&self) -> u32 {
        let (covered, record) = match self.window {
            WindowKind::Tumbling(size) => (self.watermark, size),
            WindowKind::Sliding(windows) => (self.watermark.max(windows.size()), windows.pane()),
            WindowKind::Session(gap) => (self.watermark, gap),
        };
        let open = covered.as_micros() / record.as_micros().max(1);
        let per_device = u32::try_from(open).unwrap_or(u32::MAX).saturating_add(2);
        let records = self
            .keys
            .saturating_mul(per_device)
            .min(self.keys.saturating_mul(2).max(CAPACITY_OF_LONG_DELAYS));
        records.min(STATE_CAPACITY_MAX)
    }
}

/// Records that a long watermark or many panes reserve at the most, unless two for each device are more.
const CAPACITY_OF_LONG_DELAYS: u32 = 1 << 18;
/// Most records that a state is given.
const STATE_CAPACITY_MAX: u32 = 1 << 27;
/// Most devices that can be asked for; with records of some 200 bytes, more memory than a gateway has.
const KEYS_MAX: u32 = 1 << 26;

/// What mosquitto sends before it waits for acknowledgements, unless it is told otherwise.
const IN_FLIGHT: u16 = 20;
/// Each of these messages must be recognized when it comes again, and 3,000 can be remembered.
const IN_FLIGHT_MAX: u16 = 2_999;

/// When an epoch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// At this interval.
    Every(Duration),
    /// After each row.
    Row,
    /// When all input there is now has been read; then the gateway ends.
    AvailableNow,
}

/// What is wrong with the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for UsageError {}

impl<T: Into<String>> From<T> for UsageError {
    fn from(message: T) -> Self {
        Self(message.into())
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Print [`USAGE`].
    Help,
    /// Run.
    Run(Box<Options>),
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// [`UsageError`] with one sentence that names the option and says what to write instead.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let Long(name) = argument else { return Err(argument.unexpected().to_string().into()) };
        let name = name.to_owned();
        match name.as_str() {
            "help" => return Ok(Command::Help),
            "drain" => given.drain = true,
            "progress" => given.progress = true,
            _ => given.set(&name, &mut parser)?,
        }
    }
    given.options().map(|options| Command::Run(Box::new(options)))
}

/// Options as given, not yet seen together.
#[derive(Default)]
struct Given {
    broker: Option<String>,
    topic: Option<String>,
    client_id: Option<String>,
    in_flight: Option<String>,
    input: Option<String>,
    window: Option<String>,
    watermark: Option<String>,
    ahead: Option<String>,
    mode: Option<String>,
    trigger: Option<String>,
    out: Option<String>,
    format: Option<String>,
    state: Option<String>,
    keys: Option<String>,
    on_full: Option<String>,
    drain: bool,
    progress: bool,
}

impl Given {
    fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), UsageError> {
        let place = match name {
            "broker" => &mut self.broker,
            "topic" => &mut self.topic,
            "client-id" => &mut self.client_id,
            "in-flight" => &mut self.in_flight,
            "input" => &mut self.input,
            "window" => &mut self.window,
            "watermark" => &mut self.watermark,
            "ahead" => &mut self.ahead,
            "mode" => &mut self.mode,
            "trigger" => &mut self.trigger,
            "out" => &mut self.out,
            "format" => &mut self.format,
            "state" => &mut self.state,
            "keys" => &mut self.keys,
            "on-full" => &mut self.on_full,
            _ => return Err(format!("there is no option --{name}").into()),
        };
        let value = parser.value().map_err(|_| format!("--{name} needs a value"))?;
        let text = value.into_string().map_err(|_| format!("the value of --{name} is not UTF-8"))?;
        if text.is_empty() {
            return Err(format!("the value of --{name} is empty").into());
        }
        if place.replace(text).is_some() {
            return Err(format!("--{name} is given twice").into());
        }
        Ok(())
    }

    fn options(self) -> Result<Options, UsageError> {
        let window = window(self.window.as_deref().unwrap_or("tumbling:10m"))?;
        let mode = mode(self.mode.as_deref().unwrap_or("append"))?;
        if let (WindowKind::Session(_), OutputMode::Update) = (window, mode) {
            return Err(format!(
                "--mode update: {}; take append or complete",
                ModeRefused(OutputMode::Update)
            )
            .into());
        }
        let watermark = self.watermark.as_deref().unwrap_or("30s");
        let on_full = on_full(self.on_full.as_deref().unwrap_or("refuse"))?;
        if on_full == OnFull::EvictOldest && mode != OutputMode::Append {
            return Err(
                "--on-full evict goes with --mode append only: elsewhere later results would be wrong".into(),
            );
        }
        Ok(Options {
            window,
            mode,
            watermark: parse_duration(watermark).map_err(|error| format!("--watermark: {error}"))?,
            ahead: self.ahead.as_deref().map(ahead).transpose()?,
            trigger: trigger(self.trigger.as_deref().unwrap_or("1s"))?,
            format: format(self.format.as_deref().unwrap_or("csv"))?,
            keys: keys(self.keys.as_deref().unwrap_or("4096"))?,
            on_full,
            input: input(self.broker, self.topic, self.client_id, self.in_flight, self.input)?,
            out: self.out.ok_or("--out is missing: the directory for the answer")?.into(),
            state: self.state.ok_or("--state is missing: the directory for the checkpoint")?.into(),
            drain: self.drain,
            progress: self.progress,
        })
    }
}

fn input(
    broker: Option<String>,
    topic: Option<String>,
    client_id: Option<String>,
    in_flight: Option<String>,
    files: Option<String>,
) -> Result<Input, UsageError> {
    match (broker, files) {
        (Some(_), Some(_)) => Err("--broker and --input exclude each other".into()),
        (None, None) => Err("--broker or --input is missing: where rows come from".into()),
        (None, Some(_)) if topic.is_some() || client_id.is_some() || in_flight.is_some() => {
            Err("--topic, --client-id and --in-flight need --broker".into())
        }
        (None, Some(path)) => Ok(Input::Files(path.into())),
        (Some(address), None) => {
            let (host, port) = host_and_port(&address)?;
            let topic = topic.ok_or("--topic is missing: the MQTT topics to subscribe to")?;
            if !rumqttc::valid_filter(&topic) {
                return Err(format!(
                    "--topic: `{topic}` is not an MQTT topic filter such as plant/+/reading"
                )
                .into());
            }
            let client_id = client_id.unwrap_or_else(|| "headwater-gateway".to_owned());
            let in_flight = in_flight.map_or(Ok(IN_FLIGHT), |text| messages_in_flight(&text))?;
            Ok(Input::Broker { host, port, topic, client_id, in_flight })
        }
    }
}

fn messages_in_flight(text: &str) -> Result<u16, UsageError> {
    match text.parse() {
        Ok(messages @ 1..=IN_FLIGHT_MAX) => Ok(messages),
        _ => Err(format!("--in-flight: `{text}` is not a whole number from 1 to {IN_FLIGHT_MAX}").into()),
    }
}

/// `host`, `host:port` or `[IPv6]:port`.
fn host_and_port(address: &str) -> Result<(String, u16), UsageError> {
    let wrong = || UsageError(format!("--broker: `{address}` is not HOST:PORT, for instance localhost:1883"));
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            (host, port.strip_prefix(':'))
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(1883), str::parse::<u16>).map_err(|_| wrong())?;
    if host.is_empty() || port == 0 { Err(wrong()) } else { Ok((host.to_owned(), port)) }
}

fn window(text: &str) -> Result<WindowKind, UsageError> {
    let wrong = |what: String| UsageError(format!("--window {text}: {what}"));
    let length = |text: &str, name: &str| {
        let span = parse_duration(text).map_err(wrong)?;
        if span.is_zero() { Err(wrong(format!("the {name} must be longer than zero"))) } else { Ok(span) }
    };
    match text.split_once(':') {
        Some(("tumbling", size)) => Ok(WindowKind::Tumbling(length(size, "size")?)),
        Some(("session", gap)) => Ok(WindowKind::Session(length(gap, "gap")?)),
        Some(("sliding", both)) => {
            let (size, slide) = both
                .split_once('/')
                .ok_or_else(|| wrong("write sliding:SIZE/SLIDE, for instance sliding:1h/10m".into()))?;
            let (size, slide) = (length(size, "size")?, length(slide, "slide")?);
            // Slide over size, in which rows would fall between windows.
            let windows = Sliding::of(size, slide).map_err(|error| wrong(error.to_string()))?;
            Ok(WindowKind::Sliding(windows))
        }
        _ => Err(wrong(
            "write tumbling:SIZE, sliding:SIZE/SLIDE or session:GAP, for instance tumbling:10m".into(),
        )),
    }
}

fn ahead(text: &str) -> Result<Span, UsageError> {
    parse_duration(text).map_err(|error| format!("--ahead: {error}").into())
}

fn mode(text: &str) -> Result<OutputMode, UsageError> {
    match text {
        "append" => Ok(OutputMode::Append),
        "update" => Ok(OutputMode::Update),
        "complete" => Ok(OutputMode::Complete),
        _ => Err(format!("--mode: `{text}` is none of append, update, complete").into()),
    }
}

fn trigger(text: &str) -> Result<TriggerKind, UsageError> {
    match text {
        "row" => Ok(TriggerKind::Row),
        "available-now" => Ok(TriggerKind::AvailableNow),
        _ => {
            let span = parse_duration(text)
                .map_err(|error| format!("--trigger: {error}, nor row, nor available-now"))?;
            if span.is_zero() {
                return Err(
                    "--trigger: the interval must be longer than zero; `row` is after each row".into()
                );
            }
            Ok(TriggerKind::Every(Duration::from_micros(span.as_micros().unsigned_abs())))
        }
    }
}

fn format(text: &str) -> Result<Format, UsageError> {
    match text {
        "csv" => Ok(Format::Csv),
        "jsonl" => Ok(Format::JsonLines),
        _ => Err(format!("--format: `{text}` is neither csv nor jsonl").into()),
    }
}

fn keys(text: &str) -> Result<u32, UsageError> {
    match text.parse() {
        Ok(keys @ 1..=KEYS_MAX) => Ok(keys),
        _ => Err(format!("--keys: `{text}` is not a whole number from 1 to {KEYS_MAX}").into()),
    }
}

fn on_full(text: &str) -> Result<OnFull, UsageError> {
    match text {
        "refuse" => Ok(OnFull::Refuse),
        "evict" => Ok(OnFull::EvictOldest),
        "drop" => Ok(OnFull::Drop),
        _ => Err(format!("--on-full: `{text}` is none of refuse, evict, drop").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from)) {
            Ok(Command::Run(options)) => Ok(*options),
            Ok(Command::Help) => Err("help".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_full_line_and_the_defaults() {
        let options = parsed("--broker [::1]:1884 --topic plant/+/reading --client-id g --in-flight 2000 --window sliding:1h/10m --out o --state s \
            --watermark 5s --mode update --trigger 250ms --format jsonl --keys 10 --on-full drop --drain --progress").unwrap();
        assert_eq!(
            options.input,
            Input::Broker {
                host: "::1".into(),
                port: 1884,
                topic: "plant/+/reading".into(),
                client_id: "g".into(),
                in_flight: 2_000
            }
        );
        assert_eq!(options.window, WindowKind::Sliding(Sliding::of(Span::hours(1), Span::mins(10)).unwrap()));
        assert_eq!(
            (options.mode, options.format, options.on_full),
            (OutputMode::Update, Format::JsonLines, OnFull::Drop)
        );
        assert_eq!((options.trigger, options.keys), (TriggerKind::Every(Duration::from_millis(250)), 10));
        let options = parsed("--input rows.csv --out o --state s").unwrap();
        assert_eq!(options.window, WindowKind::Tumbling(Span::mins(10)));
        assert_eq!(
            (options.watermark, options.mode, options.keys),
            (Span::secs(30), OutputMode::Append, 4096)
        );
        assert!(!options.drain && !options.progress && options.ahead.is_none());
        let options = parsed("--input rows.csv --out o --state s --ahead 1h --keys 67108864").unwrap();
        assert_eq!(options.ahead, Some(Span::hours(1)));
        assert!(options.state_capacity() <= 134_217_728);
        let options = Options { keys: u32::MAX, ..options };
        assert_eq!(options.state_capacity(), 134_217_728);
    }

    #[test]
    fn each_mistake_is_named() {
        let fine = "--input i.csv --out o --state s";
        for (wrong, expected) in [
            ("--window tumbling:0s", "longer than zero"),
            ("--window sliding:10s/0s", "longer than zero"),
            ("--window session:0s", "longer than zero"),
            ("--window sliding:10s/20s", "must not be longer"),
            ("--window sliding:10s", "sliding:SIZE/SLIDE"),
            ("--window hopping:10s", "tumbling:SIZE"),
            ("--window session:5s --mode update", "--mode update"),
            ("--mode update --on-full evict", "--on-full evict"),
            ("--watermark soon", "--watermark"),
            ("--trigger 0s", "longer than zero"),
            ("--keys 0", "--keys"),
            ("--keys many", "--keys"),
            ("--keys 67108865", "from 1 to 67108864"),
            ("--ahead far", "--ahead"),
            ("--on-full panic", "--on-full"),
            ("--format xml", "--format"),
            ("--mode all", "--mode"),
            ("--topic a/b", "need --broker"),
            ("--in-flight 20", "need --broker"),
            ("--broker localhost --topic a", "exclude"),
            ("--verbose", "no option --verbose"),
            ("--format csv --format csv", "twice"),
            ("--format", "needs a value"),
            ("--drain=yes", "drain"),
            ("stray", "stray"),
        ] {
            let error = parsed(&format!("{fine} {wrong}")).expect_err(wrong);
            assert!(error.contains(expected), "{wrong}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        assert!(parsed("--input i.csv --out o").unwrap_err().contains("--state"));
        assert!(parsed("--out o --state s").unwrap_err().contains("--broker or --input"));
        assert!(parsed("--broker h --out o --state s").unwrap_err().contains("--topic"));
        for wrong in ["0", "3000", "many"] {
            let line = format!("--broker h --topic t --out o --state s --in-flight {wrong}");
            assert!(parsed(&line).unwrap_err().contains("from 1 to 2999"));
        }
        for address in ["h:port", "h:0", ":1883", "[::1:1883", "h:1:2"] {
            assert!(
                parsed(&format!("--broker {address} --topic t --out o --state s"))
                    .unwrap_err()
                    .contains("HOST:PORT")
            );
        }
    }
}
