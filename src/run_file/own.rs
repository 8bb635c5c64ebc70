//! The entry of the run file for a query of the user's own: nothing that holds a literal or a
//! parameter.

use serde::{Deserialize, Serialize};

/// A query of the user's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OwnQueryRun {
    /// The statement with `?` in the place of every literal.
    pub(crate) statement: String,
    /// Identifies that text.
    pub(crate) digest: String,
    /// `prepared` or `text`: how it was sent.
    pub(crate) protocol: String,
    /// The sets of parameters.
    pub(crate) parameters: ParametersRun,
    /// The answer of EXPLAIN for each table, for the first set of parameters; empty if the account
    /// may not ask.
    #[serde(default)]
    pub(crate) explain: Vec<ExplainStep>,
    /// Columns of an answer.
    pub(crate) columns: u64,
    /// Mean rows of an answer; null without answers.
    pub(crate) mean_rows: Option<f64>,
    /// Rows of the largest answer.
    pub(crate) most_rows: u64,
    /// Mean bytes of an answer's values; null without answers.
    pub(crate) mean_bytes: Option<f64>,
    /// Bytes of the largest answer's values.
    pub(crate) most_bytes: u64,
    /// Answers that MySQL gave at another time and no longer gives: the rows changed during the
    /// run.
    pub(crate) changed_meanwhile: u64,
    /// Functions in the statement whose answer is not the same twice.
    #[serde(default)]
    pub(crate) volatile: Vec<String>,
    /// At most so many percent of each connection's time kept MySQL busy; null for no limit.
    pub(crate) share_percent: Option<u64>,
    /// The time for which clients waited for MySQL, all together, warm-up included, s.
    pub(crate) database_s: f64,
    /// The time of all connections together of which `database_s` is a part: rounds and warm-up, s.
    #[serde(default)]
    pub(crate) connections_s: Option<f64>,
    /// The memory of all keys in Redis with this codec, bytes; null if no entry was written.
    pub(crate) all_keys_bytes: Option<u64>,
}

/// Sets of parameters, by number and fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ParametersRun {
    /// The number of sets that were given.
    pub(crate) count: u64,
    /// The number of different sets that may be read, each of which is a key.
    pub(crate) keys: u64,
    /// Sets that repeat another one; null if only a sample of the sets was kept.
    pub(crate) duplicates: Option<u64>,
    /// Identifies all sets and their order.
    pub(crate) fingerprint: String,
    /// True if the first row of a file was taken for its header.
    #[serde(default)]
    pub(crate) has_header: bool,
}

/// One line of EXPLAIN.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ExplainStep {
    /// The table, by its name or alias.
    pub(crate) table: Option<String>,
    /// The access, such as `const`, `ref`, `range` or `ALL`.
    pub(crate) access: Option<String>,
    /// The index; null for none.
    pub(crate) key: Option<String>,
    /// Rows that the server expects to examine.
    pub(crate) rows: Option<u64>,
}
