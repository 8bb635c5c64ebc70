//! `bench --dry-run`: what a query would ask of both servers, found out by preparing and explaining it alone.

use serde_json::json;

use super::own_query::Prepared;
use super::request::Request;
use crate::cli::Format;
use crate::measure::plan::Amount;
use crate::report::bench::plan_of;
use crate::units::{self, counted};

/// Redis' bookkeeping for a key, and the header of an entry.
const KEY_BYTES: u64 = 160;

/// What would be measured, as text or as one document.
pub(super) fn report(queries: &[Prepared], request: &Request, format: Format) -> String {
    match format {
        Format::Text => {
            let mut text: String = queries.iter().map(|query| words(query, request)).collect();
            text.push_str("Nothing was read or written; leave --dry-run out to measure.\n");
            text
        }
        Format::Json => {
            let queries: Vec<serde_json::Value> =
                queries.iter().map(|query| document(query, request)).collect();
            format!("{}\n", json!({ "dry_run": true, "queries": queries }))
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

fn document(prepared: &Prepared, request: &Request) -> serde_json::Value {
    let query = &prepared.query;
    json!({
        "name": query.name,
        "statement": query.statement.normalised(),
        "digest": query.statement.digest(),
        "parameters": { "count": query.parameters.count(), "keys": keys(prepared), "fingerprint": query.parameters.fingerprint() },
        "explain": prepared.explain,
        "columns": prepared.columns,
        "volatile": query.statement.volatile(),
        "clients": request.clients,
        "share_percent": request.share,
        "redis_bytes": entries_bytes(prepared),
    })
}
