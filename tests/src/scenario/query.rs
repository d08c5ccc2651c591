//! The query of a scenario, as it stands in the file.

use headwater_std::declared::{AggregateFunction, DeclaredJoinType, DeclaredTimeRange, DeclaredWindow};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A step of a query, told apart by its `kind`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Query {
    /// Groups by windows and keys.
    WindowAggregate {
        /// Where rows come from.
        input: Source,
        /// The column that windows go by; `window` is the window of the nested aggregate.
        #[serde(default = "event_time")]
        time_column: String,
        /// A copy of the input's delay.
        #[serde(default)]
        watermark_delay_ms: Option<u64>,
        /// The other grouping columns.
        keys: Vec<String>,
        /// The windows.
        window: DeclaredWindow,
        /// What is computed.
        aggregates: Vec<Aggregate>,
        /// A copy of the scenario's mode.
        #[serde(default)]
        output_mode: Option<String>,
    },
    /// Groups by keys alone.
    Aggregate {
        /// Where rows come from.
        input: Source,
        /// A copy of the input's delay.
        #[serde(default)]
        watermark_delay_ms: Option<u64>,
        /// The grouping columns; none for one group of all rows.
        keys: Vec<String>,
        /// What is computed.
        aggregates: Vec<Aggregate>,
        /// A copy of the scenario's mode.
        #[serde(default)]
        output_mode: Option<String>,
    },
    /// `dropDuplicates`.
    Dedup {
        /// Where rows come from.
        input: Source,
        /// The columns that make rows alike.
        columns: Vec<String>,
        /// Whether it is `dropDuplicatesWithinWatermark`.
        #[serde(default)]
        within_watermark: bool,
    },
    /// A join of two streams, or of a stream and a static table.
    Join(RecordedJoin),
    /// Keeps rows that meet a predicate.
    Filter {
        /// Where rows come from.
        input: Source,
        /// The predicate in SQL.
        expr: String,
    },
    /// Computes columns.
    Select {
        /// Where rows come from.
        input: Source,
        /// The columns.
        columns: Vec<SelectedColumn>,
    },
    /// `UNION ALL`.
    Union {
        /// Where rows come from.
        inputs: Vec<Source>,
    },
    /// State per key that the user's function keeps.
    StatefulMap {
        /// Where rows come from.
        input: Source,
        /// The key.
        keys: Vec<String>,
        /// The user's function.
        #[serde(rename = "fn")]
        function: MapFunction,
        /// How long a key may be silent, in milliseconds of event time.
        timeout_ms: u64,
        /// Which of Spark's operators ran it.
        api: MapApi,
        /// A copy of the scenario's mode.
        #[serde(default)]
        output_mode: Option<String>,
    },
}

/// The two sides of a join, and which of their rows match.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedJoin {
    /// Which rows come out.
    pub join_type: DeclaredJoinType,
    /// The left side.
    pub left: Source,
    /// The right side.
    pub right: Source,
    /// Pairs of equal columns.
    pub on: Vec<(String, String)>,
    /// How far apart in time two rows may be.
    #[serde(default)]
    pub time_range: Option<DeclaredTimeRange>,
    /// A further predicate.
    #[serde(default)]
    pub condition: Option<String>,
}

fn event_time() -> String {
    "ts".to_owned()
}

/// Where a step's rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An input or a static table.
    Name(String),
    /// A nested query.
    Query(Box<Query>),
}

/// By hand, because serde's `untagged` says of every mistake that no variant matched.
impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(name) => Ok(Self::Name(name)),
            nested => {
                Query::deserialize(nested).map(|query| Self::Query(Box::new(query))).map_err(Error::custom)
            }
        }
    }
}

/// A function over the rows of a group.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// Which function.
    #[serde(rename = "fn", deserialize_with = "function")]
    pub function: AggregateFunction,
    /// What it is computed over; absent for `count(*)`.
    #[serde(default)]
    pub column: Option<String>,
    /// What `max_by` and `min_by` go by.
    #[serde(default)]
    pub by: Option<String>,
    /// Whether `first` and `last` pass over nulls.
    #[serde(default)]
    pub ignore_nulls: bool,
    /// The column's name.
    #[serde(rename = "as")]
    pub name: String,
}

/// The one function that has another name in a declaration.
fn function<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AggregateFunction, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name == "count_distinct_approx" {
        return Ok(AggregateFunction::ApproxCountDistinct);
    }
    AggregateFunction::deserialize(serde_json::Value::String(name)).map_err(Error::custom)
}

/// A computed column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectedColumn {
    /// An expression of SQL.
    pub expr: String,
    /// The column's name.
    #[serde(rename = "as")]
    pub name: String,
}

/// The functions with state that were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapFunction {
    /// Counts and adds up the rows of a key, and forgets it when it has been silent for the timeout.
    CountUntilSilent,
}

/// Spark's two operators for user state. A timer of the one fires when the watermark is past it, of the other already when
/// the watermark reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MapApi {
    /// `applyInPandasWithState`: strictly past.
    #[serde(rename = "applyInPandasWithState")]
    ApplyInPandasWithState,
    /// `transformWithState`: reached.
    #[serde(rename = "transformWithState")]
    TransformWithState,
}
