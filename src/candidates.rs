//! The reads of a server that a cache could relieve most: pure, from what the server counted to a
//! ranking.

use serde::{Deserialize, Serialize};

use crate::db::digests::{Counted, CountedRead};
use crate::query::statement::Statement;

pub(crate) const FORMAT: &str = "rcache-candidates";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// The number of candidates that are named.
const SHOWN: usize = 10;
/// Schemas of the servers' own, which nobody caches.
const SYSTEM_SCHEMAS: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

/// The document of `rcache candidates --format json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Document {
    /// Always `rcache-candidates`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that asked, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// `MySQL` or `MariaDB`.
    pub(crate) flavor: String,
    /// The version of that server, such as `10.11.14`.
    pub(crate) version: String,
    /// The database whose reads are ranked.
    pub(crate) database: String,
    /// When the server began to count, UTC; null if it has counted nothing.
    pub(crate) since: Option<String>,
    /// Different statements that the server has counted, in all databases.
    pub(crate) digests: u64,
    /// The time that the server spent in all of its statements, s.
    pub(crate) total_s: f64,
    /// Calls of statements that found no room in the server's table, and are in no other number.
    pub(crate) lost_calls: f64,
    /// One PING of Redis, measured now: the median, ns.
    pub(crate) redis_round_trip_ns: u64,
    /// Executions of prepared statements that the server has left out of its digests, as MariaDB
    /// does; null if it counts them, or does not say how many they are.
    pub(crate) uncounted_executions: Option<u64>,
    /// The reads with the largest possible saving, in falling order.
    pub(crate) candidates: Vec<Candidate>,
}

/// One read of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Candidate {
    /// The statement, with ? in place of parameters and literals.
    pub(crate) statement: String,
    /// The server's digest of it.
    pub(crate) server_digest: String,
    /// The number of times that it ran.
    pub(crate) calls: u64,
    /// The mean time that it took in the server, ns, without the network.
    pub(crate) mean_ns: f64,
    /// The time of all calls together, s.
    pub(crate) total_s: f64,
    /// The part of the time of all statements of the server, percent.
    pub(crate) share_percent: f64,
    /// Rows that were read for each row of an answer; null if no row was sent.
    pub(crate) rows_examined_per_row_sent: Option<f64>,
    /// Rows of an answer, on average.
    pub(crate) rows_sent_per_call: f64,
    /// Calls times what the mean is above Redis' round trip, s: what hits alone would save.
    pub(crate) possible_saving_s: f64,
    /// The number of ? in the statement.
    pub(crate) parameters: u64,
    /// True if the server folded a list of values into one ?.
    pub(crate) has_folded_list: bool,
    /// Functions whose answer is not the same twice: their answers cannot be cached as they are.
    pub(crate) volatile: Vec<String>,
    /// Measures it; null if the server kept only the beginning of its text.
    pub(crate) command: Option<String>,
}

/// Ranks the reads by their possible saving.
pub(crate) fn rank(
    counted: &Counted,
    round_trip_ns: u64,
    command: &dyn Fn(&str, usize) -> String,
) -> Vec<Candidate> {
    let reads = counted.reads.iter().filter_map(Read::new);
    let mut found: Vec<Candidate> = reads
        .map(|read| read.candidate(counted.total_s, round_trip_ns, command))
        .filter(|candidate| candidate.possible_saving_s > 0.0)
        .collect();
    found.sort_by(|a, b| b.possible_saving_s.total_cmp(&a.possible_saving_s));
    found.truncate(SHOWN);
    found
}

/// A read that could be cached.
struct Read<'a> {
    text: String,
    parameters: usize,
    has_folded_list: bool,
    is_cut: bool,
    volatile: Vec<String>,
    counted: &'a CountedRead,
}

impl<'a> Read<'a> {
    /// None for what is no cacheable read: it locks or writes, or reads no table, or a server's
    /// own.
    fn new(counted: &'a CountedRead) -> Option<Self> {
        let text = counted.text.trim();
        // Both servers end a text that is too long for their table with three dots.
        let is_cut = text.ends_with("...");
        let folded = text.replace("(...)", "(?)").replace("( ... )", "(?)");
        let has_folded_list = folded != text;
        let shown = if is_cut { text.trim_end_matches('.').trim_end() } else { folded.as_str() };
        // The server may have cut within a name: tokens are separated by spaces.
        let before_last = || shown.rsplit_once(' ').and_then(|(before, _)| Statement::parse(before).ok());
        let statement = Statement::parse(shown).ok().or_else(|| before_last().filter(|_| is_cut))?;
        let normalised = statement.normalised();
        let lower = normalised.to_lowercase().replace('`', "");
        let is_of_system = |schema: &str| lower.contains(&format!(" {schema}."));
        if !lower.contains(" from ") || SYSTEM_SCHEMAS.iter().any(|schema| is_of_system(schema)) {
            return None;
        }
        Some(Self {
            text: if is_cut { format!("{normalised} ...") } else { normalised.to_owned() },
            parameters: normalised.matches('?').count(),
            has_folded_list,
            is_cut,
            volatile: statement.volatile().iter().map(|name| (*name).to_owned()).collect(),
            counted,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    fn candidate(
        self,
        total_s: f64,
        round_trip_ns: u64,
        command: &dyn Fn(&str, usize) -> String,
    ) -> Candidate {
        let CountedRead { calls, total_s: time_s, rows_examined, rows_sent, .. } = *self.counted;
        let calls_f = calls.max(1) as f64;
        let saving_s = time_s - calls_f * round_trip_ns as f64 / 1e9;
        Candidate {
            command: (!self.is_cut).then(|| command(&self.text, self.parameters)),
            statement: self.text,
            server_digest: self.counted.digest.clone(),
            calls,
            mean_ns: time_s * 1e9 / calls_f,
            total_s: time_s,
            share_percent: if total_s > 0.0 { 100.0 * time_s / total_s } else { 0.0 },
            rows_examined_per_row_sent: (rows_sent > 0).then(|| rows_examined as f64 / rows_sent as f64),
            rows_sent_per_call: rows_sent as f64 / calls_f,
            possible_saving_s: saving_s.max(0.0),
            parameters: self.parameters as u64,
            has_folded_list: self.has_folded_list,
            volatile: self.volatile,
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, calls: u64, total_s: f64) -> CountedRead {
        CountedRead { text: text.to_owned(), calls, total_s, ..CountedRead::default() }
    }

    fn command(text: &str, parameters: usize) -> String {
        format!("{parameters}: {text}")
    }

    #[test]
    fn reads_are_ranked_by_what_hits_would_save() {
        let counted = Counted {
            total_s: 20.0,
            reads: vec![
                // Slow and rare, fast and frequent, and faster than Redis.
                read("SELECT `a` FROM `t` WHERE `b` = ? ", 10, 2.0),
                read("SELECT COUNT ( * ) FROM `t` WHERE `a` IN (...) ", 10_000, 10.0),
                read("SELECT `c` FROM `t` LIMIT ?", 100_000, 5.0),
            ],
            ..Counted::default()
        };
        let found = rank(&counted, 100_000, &command);
        let statements: Vec<_> = found.iter().map(|found| found.statement.as_str()).collect();
        assert_eq!(
            statements,
            ["SELECT COUNT(*) FROM `t` WHERE `a` IN (?)", "SELECT `a` FROM `t` WHERE `b` = ?"]
        );
        assert!(
            (found[0].possible_saving_s - 9.0).abs() < 1e-9 && (found[0].share_percent - 50.0).abs() < 1e-9
        );
        assert!((found[0].mean_ns - 1e6).abs() < 1e-3 && found[0].has_folded_list);
        assert_eq!(found[1].command.as_deref(), Some("1: SELECT `a` FROM `t` WHERE `b` = ?"));
    }

    #[test]
    fn what_cannot_be_cached_is_left_out() {
        let texts = [
            "SELECT `a` FROM `t` WHERE `b` = ? FOR UPDATE",
            "SELECT SLEEP (?) FROM `t`",
            "SELECT @@`max_allowed_packet`",
            "SELECT * FROM `performance_schema` . `threads`",
            "SELECT * FROM information_schema.tables",
            "SELECT `a` INTO @`x` FROM `t`",
        ];
        let counted =
            Counted { reads: texts.iter().map(|text| read(text, 1, 10.0)).collect(), ..Counted::default() };
        assert_eq!(rank(&counted, 1, &command), []);
    }

    #[test]
    fn a_cut_text_has_no_command() {
        let counted = Counted {
            reads: vec![read("SELECT `a` , `b` FROM `t` WHERE ...", 1, 1.0)],
            ..Counted::default()
        };
        let found = rank(&counted, 1, &command);
        assert_eq!(
            (found[0].statement.as_str(), found[0].command.as_deref()),
            ("SELECT `a`, `b` FROM `t` WHERE ...", None)
        );
    }

    #[test]
    fn only_the_largest_are_named() {
        let reads = (0..50).map(|n| read(&format!("SELECT a FROM t{n} "), 1, f64::from(n))).collect();
        let found = rank(&Counted { reads, ..Counted::default() }, 1, &command);
        assert_eq!(found.len(), SHOWN);
        assert_eq!(found[0].statement, "SELECT a FROM t49");
    }
}
