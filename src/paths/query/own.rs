//! A statement of the user's own with its parameters, and the answers that MySQL gave to it.

mod history;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use twox_hash::XxHash3_64;

pub(crate) use history::Seen;

use self::history::{History, Known};
use super::{Check, Found, LoadError, Query};
use crate::answer::Answer;
use crate::cache::codec::Columnar;
use crate::db::error::DbError;
use crate::db::rows::{Question, RowConnection, RowsError, Shape, write_literal};
use crate::endpoint::MysqlEndpoint;
use crate::query::lexer::{self, Kind};
use crate::query::parameters::Parameters;
use crate::query::parameters::value::Value;
use crate::query::statement::Statement;

/// The beginning of the second part of every key of such a query.
pub(crate) const KIND: &str = "query-";

/// The way in which the statement is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Prepared once a connection, with binary values.
    Prepared,
    /// Whole each time, with its parameters written into it.
    Text,
}

/// The limits of a read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadLimits {
    /// The server ends a longer one.
    pub(crate) time: Duration,
    /// A larger answer is refused.
    pub(crate) answer_bytes: u64,
}

/// A query as it was asked for; all clients share it.
pub(crate) struct OwnQuery {
    pub(crate) name: String,
    /// The database of the connections, whose name may be shown.
    database: String,
    pub(crate) statement: Statement,
    pub(crate) parameters: Parameters,
    pub(crate) protocol: Protocol,
    pub(crate) limits: ReadLimits,
    /// The text around the parameters.
    pieces: Vec<String>,
    /// Identifies each set among all.
    ids: Vec<u64>,
    history: History,
}

impl OwnQuery {
    pub(crate) fn new(
        (name, database): (String, String),
        statement: Statement,
        parameters: Parameters,
        protocol: Protocol,
        limits: ReadLimits,
    ) -> Self {
        let pieces = pieces(&statement);
        let ids = parameters.sets().iter().map(|set| id(set)).collect();
        Self {
            name,
            database,
            statement,
            parameters,
            protocol,
            limits,
            pieces,
            ids,
            history: History::default(),
        }
    }

    /// The second part of its keys: two statements that differ in anything have different ones.
    pub(crate) fn kind(&self) -> String {
        format!("{KIND}{:016x}", XxHash3_64::oneshot(self.statement.text().as_bytes()))
    }

    /// Sets of parameters, each of which is a key.
    pub(crate) fn sets(&self) -> u32 {
        u32::try_from(self.parameters.sets().len()).unwrap_or(u32::MAX)
    }

    /// The set that an item stands for, and which of several keys with that set: items are the
    /// numbers of sets from 1, or the numbers of clients from 0.
    fn place(&self, item: u32) -> (usize, u64) {
        let sets = u64::from(self.sets().max(1));
        let shifted = u64::from(item) + sets - 1;
        (usize::try_from(shifted % sets).unwrap_or(0), shifted / sets)
    }

    fn set(&self, item: u32) -> &[Value] {
        self.parameters.sets().get(self.place(item).0).map_or(&[], Vec::as_slice)
    }

    /// The number of an item's key.
    pub(crate) fn key_id(&self, item: u32) -> u64 {
        let (index, copy) = self.place(item);
        let id = self.ids.get(index).copied().unwrap_or(0);
        // The first key of a set is the one that every run has.
        if copy == 1 { id } else { XxHash3_64::oneshot_with_seed(copy, &id.to_le_bytes()) }
    }

    /// The properties of the answers that have been checked so far.
    pub(crate) fn seen(&self) -> Seen {
        self.history.seen()
    }

    /// A server's error without literals and parameters: the names of the statement may stay.
    pub(crate) fn hide_literals(&self, error: DbError) -> DbError {
        let text = self.statement.normalised();
        let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
        error.without_literals(|word| {
            word == self.database
                || text.split(|character| !is_word(character)).any(|known| known.eq_ignore_ascii_case(word))
        })
    }

    fn fingerprint(&self, answer: &Answer) -> u64 {
        answer.fingerprint(self.statement.is_ordered())
    }

    /// The statement with these values written into it.
    pub(crate) fn write_text(&self, item: u32, sql: &mut String) {
        sql.clear();
        let mut values = self.set(item).iter();
        for piece in &self.pieces {
            sql.push_str(piece);
            if let Some(value) = values.next() {
                write_literal(sql, value);
            }
        }
    }
}

impl std::fmt::Debug for OwnQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OwnQuery").field(&self.statement).finish()
    }
}

/// The text before, between and behind the parameters.
fn pieces(statement: &Statement) -> Vec<String> {
    let text = statement.text();
    let tokens = lexer::tokens(text).unwrap_or_default();
    let mut pieces = Vec::new();
    let mut start = 0;
    for token in tokens.iter().filter(|token| token.kind == Kind::Parameter) {
        pieces.push(text.get(start..token.start).unwrap_or_default().to_owned());
        start = token.end();
    }
    pieces.push(text.get(start..).unwrap_or_default().to_owned());
    pieces
}

/// Identifies a set of values.
fn id(set: &[Value]) -> u64 {
    let mut bytes = Vec::new();
    set.iter().for_each(|value| value.write(&mut bytes));
    XxHash3_64::oneshot(&bytes)
}

/// The query on one connection.
pub(crate) struct OwnReader {
    query: Arc<OwnQuery>,
    prepared: Option<mysql::Statement>,
    shape: Shape,
    is_of_known_types: bool,
    text: String,
}

impl Query for OwnReader {
    type Answer = Answer;
    type Reference = OwnQuery;
    const TRUTH: &'static str = "MySQL answers";

    fn open(endpoint: &MysqlEndpoint, query: &OwnQuery) -> Result<RowConnection, DbError> {
        RowConnection::open_read_only(endpoint, query.limits.time)
    }

    fn prepare(conn: &mut RowConnection, query: &Arc<OwnQuery>) -> Result<Self, DbError> {
        let statement = conn.prepare(query.statement.text()).map_err(|error| query.hide_literals(error))?;
        let shape = Shape::of_statement(&statement);
        let is_of_known_types = shape.is_some();
        let prepared = (query.protocol == Protocol::Prepared).then_some(statement);
        Ok(Self {
            query: Arc::clone(query),
            prepared,
            shape: shape.unwrap_or_default(),
            is_of_known_types,
            text: String::new(),
        })
    }

    fn key_id(&self, item: u32) -> u64 {
        self.query.key_id(item)
    }

    fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }

    fn load(&mut self, conn: &mut RowConnection, item: u32) -> Result<Answer, LoadError> {
        let question = match &self.prepared {
            Some(statement) => Question::Prepared { statement, values: self.query.set(item) },
            None => {
                self.query.write_text(item, &mut self.text);
                Question::Text(&self.text)
            }
        };
        conn.answer(question, &mut self.shape, self.query.limits.answer_bytes).map_err(|error| match error {
            RowsError::Mysql(error) => LoadError::Mysql(self.query.hide_literals(error)),
            other => other.into(),
        })
    }

    fn check(&mut self, conn: &mut RowConnection, found: Found<'_, Self>) -> Result<Check, LoadError> {
        let fingerprint = self.query.fingerprint(found.answer);
        if !found.is_hit {
            // It is MySQL's own answer.
            self.query.history.size(found.answer);
            return Ok(self.query.history.answered(found.item, fingerprint, found.is_entry));
        }
        match self.query.history.known(found.item, fingerprint) {
            Known::Latest => Ok(Check::Right),
            Known::Earlier => Ok(Check::Changed),
            Known::Never => {
                // Another client or program may have written the entry.
                let again = self.load(conn, found.item)?;
                let again = self.query.fingerprint(&again);
                Ok(self.query.history.compared(found.item, fingerprint, again))
            }
        }
    }

    fn note(&self, item: u32, answer: &Answer) {
        self.query.history.answered(item, self.query.fingerprint(answer), true);
    }
}

/// A statement that cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the statement returns no columns, so there is nothing to cache")]
    NoColumns,
    #[error("a column is of a type that rcache does not know")]
    UnknownType,
}

impl OwnReader {
    /// The number of columns that the server described.
    pub(crate) fn columns(&self) -> Result<usize, Unusable> {
        match (self.is_of_known_types, self.shape.fields().len()) {
            (false, _) => Err(Unusable::UnknownType),
            (true, 0) => Err(Unusable::NoColumns),
            (true, columns) => Ok(columns),
        }
    }

    /// The usual bytes of a row of these columns.
    pub(crate) fn row_bytes(&self) -> u64 {
        self.shape.fields().iter().map(|field| field.kind.usual_bytes()).sum()
    }

    /// The way in which the server reads the tables for the first set of parameters.
    pub(crate) fn explain(&self, conn: &mut RowConnection) -> Result<Answer, RowsError> {
        let sql =
            format!("{} {}", include_str!("../../../sql/explain.sql").trim(), self.query.statement.text());
        let statement = conn.prepare(&sql)?;
        let mut shape = Shape::of_statement(&statement).unwrap_or_default();
        let question = Question::Prepared { statement: &statement, values: self.query.set(1) };
        conn.answer(question, &mut shape, self.query.limits.answer_bytes)
    }
}

impl Columnar for Answer {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        self.to_record_batch()
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Self::from_record_batch(batch)
    }
}
