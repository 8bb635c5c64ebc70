//! `bench --dry-run`: what a query would ask of both servers, found out by preparing and explaining
//! it alone.

use serde::Serialize;

use super::json;
use crate::bench::own_query::Prepared;
use crate::bench::request::Request;
use crate::cli::Format;
use crate::measure::plan::Amount;
use crate::query::parameters::Parameters;
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
    lines.extend(about_parameters(&query.parameters));
    lines.extend(plan_of(&prepared.explain));
    let bytes = units::bytes(entries_bytes(prepared) as f64);
    lines.push(format!(
        "All entries would take up to roughly {bytes} in Redis, as far as {} and the types of the columns tell.",
        if query.statement.most_rows().is_some() { "EXPLAIN, LIMIT" } else { "EXPLAIN" }
    ));
    lines.push("EXPLAIN tells the rows that MySQL reads; answers may have fewer.".to_owned());
    let volatile = query.statement.volatile();
    if !volatile.is_empty() {
        lines.push(format!("{} give another answer each time.", volatile.join(", ")));
    }
    format!("{}\n\n", lines.join("\n  "))
}

/// Remarks that their number does not tell.
fn about_parameters(parameters: &Parameters) -> Vec<String> {
    let mut lines = Vec::new();
    if parameters.has_header() {
        lines.push(
            "The first row of the parameters is taken for a header, not for a set of values.".to_owned(),
        );
    }
    if parameters.is_sampled() {
        lines.push(format!(
            "The keys are a sample: {} of the {} sets of parameters are drawn.",
            units::count(parameters.sets().len() as u64),
            units::count(parameters.count())
        ));
    }
    lines
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

fn entries_bytes(prepared: &Prepared) -> u64 {
    let rows = rows(&prepared.explain, prepared.query.statement.most_rows());
    let entry = rows.saturating_mul(prepared.row_bytes).saturating_add(KEY_BYTES);
    keys(prepared).saturating_mul(entry)
}

/// Rows of an answer: as many as the server expects to read of the largest table, and not more than
/// LIMIT allows.
fn rows(explain: &[ExplainStep], most_rows: Option<u64>) -> u64 {
    let read = explain.iter().filter_map(|step| step.rows).max();
    read.into_iter().chain(most_rows).min().unwrap_or(1)
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
    parameters: ParametersPlan,
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
struct ParametersPlan {
    /// Sets that were given.
    count: u64,
    /// Sets that differ, each of which is a key.
    keys: u64,
    /// A fingerprint of the sets.
    fingerprint: String,
    /// True if the first row of a file was taken for its header.
    has_header: bool,
    /// True if the keys are a sample of the sets.
    is_sampled: bool,
}

fn document(prepared: &Prepared, request: &Request) -> QueryPlan {
    let query = &prepared.query;
    QueryPlan {
        name: query.name.clone(),
        statement: query.statement.normalised().to_owned(),
        digest: query.statement.digest(),
        parameters: ParametersPlan {
            count: query.parameters.count(),
            keys: keys(prepared),
            fingerprint: query.parameters.fingerprint(),
            has_header: query.parameters.has_header(),
            is_sampled: query.parameters.is_sampled(),
        },
        explain: prepared.explain.clone(),
        columns: prepared.columns,
        volatile: query.statement.volatile().iter().map(|part| (*part).to_owned()).collect(),
        clients: request.clients,
        share_percent: request.share,
        redis_bytes: entries_bytes(prepared),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::query::parameters::collect::Sampling;
    use crate::query::parameters::source::Source;

    #[test]
    fn a_limit_caps_the_rows_that_explain_expects() {
        let step = |rows| ExplainStep { rows, ..ExplainStep::default() };
        let explain = [step(Some(441)), step(None), step(Some(3))];
        assert_eq!(rows(&explain, None), 441);
        assert_eq!(rows(&explain, Some(20)), 20);
        assert_eq!(rows(&explain, Some(1_000)), 441);
        assert_eq!((rows(&[], Some(20)), rows(&[], None)), (20, 1));
    }

    #[test]
    fn a_header_and_a_sample_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let said = |text: &str, at_most: usize| {
            let path = folder.path().join("parameters.csv");
            fs::write(&path, text).unwrap();
            let source = Source::File(path);
            about_parameters(&Parameters::read(&source, 1, Sampling { at_most, seed: 1 }).unwrap()).join(" ")
        };
        let header = "The first row of the parameters is taken for a header, not for a set of values.";
        let sample = "The keys are a sample: 2 of the 3 sets of parameters are drawn.";
        assert_eq!(said("customer_id\n1\n2\n3\n", 10), header);
        assert_eq!(said("1\n2\n3\n", 2), sample);
        assert_eq!(said("customer_id\n1\n2\n3\n", 2), format!("{header} {sample}"));
        assert_eq!(said("1\n2\n3\n", 10), "");
    }
}
