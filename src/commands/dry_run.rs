//! `bench --dry-run`: what a query would ask of both servers, found out by preparing and explaining
//! it alone.

use serde::Serialize;

use super::json;
use crate::bench::own_query::Prepared;
use crate::bench::request::Request;
use crate::cli::Format;
use crate::measure::plan::Amount;
use crate::report::bench::plan_of;
use crate::run_file::own::ExplainStep;
use crate::units::{self, counted};

/// Redis' bookkeeping for a key, and the header of an entry.
const KEY_BYTES: u64 = 160;

/// The plan of a measurement, as text or as one document.
pub(super) fn report(queries: &[Prepared], request: &Request, format: Format) -> anyhow::Result<String> {
    match format {
        Format::Text => {
            let mut text: String = queries.iter().map(|query| words(query, request)).collect();
            text.push_str("Nothing was read or written; leave --dry-run out to measure.\n");
            Ok(text)
        }
        Format::Json => {
            let queries = queries.iter().map(|query| document(query, request)).collect();
            json::line(Document { dry_run: true, queries })
        }
    }
}

fn words(prepared: &Prepared, request: &Request) -> String {
    let query = &prepared.query;
    let name = &query.name;
    let mut lines = vec![
        format!("{name}   {}", query.statement.normalised()),
        format!(
            "would be read by {} under {} in Redis, {}",
            counted(u64::from(request.clients), "client", "clients"),
            counted(keys(prepared), "key", "keys"),
            amount(request)
        ),
    ];
    lines.extend(plan_of(&prepared.explain));
    let bytes = units::bytes(entries_bytes(prepared) as f64);
    lines.push(format!(
        "All entries would take roughly {bytes} in Redis, as far as EXPLAIN and the types of the columns tell."
    ));
    let volatile = query.statement.volatile();
    if !volatile.is_empty() {
        lines.push(format!("{} give another answer each time.", volatile.join(", ")));
    }
    format!("{}\n\n", lines.join("\n  "))
}

fn keys(prepared: &Prepared) -> u64 {
    u64::from(prepared.query.sets())
}

fn amount(request: &Request) -> String {
    let share = match request.share {
        Some(percent) => format!(", keeping MySQL busy for {percent} % of it at most"),
        None => String::new(),
    };
    match request.amount {
        Amount::Time(time) => format!("for about {}{share}", units::duration(time.as_secs_f64() * 1e9)),
        Amount::Reads(reads) => {
            let paths = request.paths.len() as u64;
            format!(
                "{} by each of {}{share}",
                counted(reads, "read", "reads"),
                counted(paths, "path", "paths")
            )
        }
    }
}

/// Rows as the server expects them, with columns of their usual width.
fn entries_bytes(prepared: &Prepared) -> u64 {
    let rows = prepared.explain.iter().filter_map(|step| step.rows).max().unwrap_or(1);
    let entry = rows.saturating_mul(prepared.row_bytes).saturating_add(KEY_BYTES);
    keys(prepared).saturating_mul(entry)
}

/// The document of a dry run.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    /// Always true: nothing was read or written.
    dry_run: bool,
    /// The queries, in the order in which they were typed.
    queries: Vec<QueryPlan>,
}

impl json::Small for Document {
    const FORMAT: &'static str = "rcache-dry-run";
}

/// The plan for one query.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct QueryPlan {
    /// Its name on the page and in `--assert`.
    name: String,
    /// The statement without literals.
    statement: String,
    /// A digest of the statement without literals.
    digest: String,
    /// Its parameters.
    parameters: Parameters,
    /// The answer of EXPLAIN for the first set of parameters.
    explain: Vec<ExplainStep>,
    /// Columns of an answer.
    columns: u64,
    /// Parts of the statement that may give another answer each time.
    volatile: Vec<String>,
    /// Threads that would read.
    clients: u16,
    /// The largest share of a connection's time, %; null without a limit.
    share_percent: Option<u8>,
    /// The memory of all entries in Redis, at a guess.
    redis_bytes: u64,
}

/// The parameters of a query.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Parameters {
    /// Sets that were given.
    count: u64,
    /// Sets that differ, each of which is a key.
    keys: u64,
    /// A fingerprint of the sets.
    fingerprint: String,
}

fn document(prepared: &Prepared, request: &Request) -> QueryPlan {
    let query = &prepared.query;
    QueryPlan {
        name: query.name.clone(),
        statement: query.statement.normalised().to_owned(),
        digest: query.statement.digest(),
        parameters: Parameters {
            count: query.parameters.count(),
            keys: keys(prepared),
            fingerprint: query.parameters.fingerprint(),
        },
        explain: prepared.explain.clone(),
        columns: prepared.columns,
        volatile: query.statement.volatile().iter().map(|part| (*part).to_owned()).collect(),
        clients: request.clients,
        share_percent: request.share,
        redis_bytes: entries_bytes(prepared),
    }
}
