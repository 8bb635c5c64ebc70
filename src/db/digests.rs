//! The statements that a server has counted by itself, in its performance schema. Reads, and
//! changes nothing.

use super::error::DbError;
use super::session::Session;

const DOING: &str = "reading its statement digests";
/// ER_UNKNOWN_SYSTEM_VARIABLE.
const UNKNOWN_VARIABLE: u16 = 1193;
/// Consumers and instruments that counting needs.
const SWITCHES: u64 = 3;

/// The way in which a server counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Counting {
    /// The performance schema is off, which only a start of the server changes.
    Off,
    /// It is on and told not to count statements.
    SwitchedOff,
    On(Counted),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// Different statements of the whole server.
    pub(crate) digests: u64,
    /// The time of all statements of the whole server, s.
    pub(crate) total_s: f64,
    /// Calls of statements that found no room in the server's table.
    pub(crate) lost_calls: f64,
    /// The beginning of counting: UTC.
    pub(crate) since: Option<String>,
    /// The reads of the database that took the most time.
    pub(crate) reads: Vec<CountedRead>,
}

/// One read and what the server counted of it; the server has replaced the literals of its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CountedRead {
    pub(crate) text: String,
    pub(crate) calls: u64,
    pub(crate) total_s: f64,
    pub(crate) rows_examined: u64,
    pub(crate) rows_sent: u64,
    pub(crate) digest: String,
}

/// Asks the server.
pub(crate) fn read(session: &mut Session) -> Result<Counting, DbError> {
    let fail = |source| DbError::new(DOING, source);
    match session.query_first::<u8>(include_str!("../../sql/performance_schema.sql")) {
        Ok(Some(1)) => {}
        Ok(_) => return Ok(Counting::Off),
        Err(mysql::Error::MySqlError(error)) if error.code == UNKNOWN_VARIABLE => return Ok(Counting::Off),
        Err(error) => return Err(fail(error)),
    }
    let switches: Option<u64> =
        session.query_first(include_str!("../../sql/statement_counting.sql")).map_err(fail)?;
    if switches.unwrap_or(0) < SWITCHES {
        return Ok(Counting::SwitchedOff);
    }
    let totals: Option<(u64, f64, f64, Option<String>)> =
        session.query_first(include_str!("../../sql/statement_totals.sql")).map_err(fail)?;
    let (digests, total_s, lost_calls, since) = totals.unwrap_or_default();
    let rows: Vec<(String, u64, f64, u64, u64, String)> =
        session.query(include_str!("../../sql/statement_digests.sql")).map_err(fail)?;
    let reads = rows.into_iter().map(|(text, calls, total_s, rows_examined, rows_sent, digest)| {
        CountedRead { text, calls, total_s, rows_examined, rows_sent, digest }
    });
    Ok(Counting::On(Counted { digests, total_s, lost_calls, since, reads: reads.collect() }))
}
