//! A query of the user's own on the page: what it is, how MySQL reads it, and what it would take.

use crate::report::blocks::Block;
use crate::run_file::own::{ExplainStep, OwnQueryRun};
use crate::run_file::{Run, WorkloadRun};
use crate::units::{self, counted};

/// The statement, its parameters, its plan and its answers; then what is to be known about them.
pub(super) fn blocks(workload: &WorkloadRun, clients: u64) -> Vec<Block> {
    let Some(query) = &workload.query else { return Vec::new() };
    let facts = [plan(&query.explain), answers(query)];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let mut blocks = vec![Block::Sentence(query.statement.clone())];
    if !facts.is_empty() {
        blocks.push(Block::Sentence(facts.join(" ")));
    }
    blocks.extend(notes(query, clients).into_iter().map(Block::Note));
    blocks
}

/// `your query, 1,000 keys`
pub(super) fn heading(query: &OwnQueryRun) -> String {
    let how = if query.protocol == "text" { ", sent as text" } else { "" };
    format!("your query, {}{how}", counted(query.parameters.keys, "key", "keys"))
}

/// `MySQL reads orders by index customer_id (ref, about 20 rows).`
pub(super) fn plan(steps: &[ExplainStep]) -> Option<String> {
    let step = |step: &ExplainStep| {
        let table = step.table.as_deref()?;
        let by = match (step.key.as_deref(), step.access.as_deref()) {
            (Some(key), _) => format!("by index {key}"),
            (None, Some("ALL")) => "whole, without an index".to_owned(),
            (None, _) => "without an index".to_owned(),
        };
        let rows = step.rows.map(|rows| format!("about {}", counted(rows, "row", "rows")));
        let details: Vec<String> = step.access.clone().into_iter().chain(rows).collect();
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
        Some(format!("{table} {by}{details}"))
    };
    let steps: Vec<String> = steps.iter().filter_map(step).collect();
    (!steps.is_empty()).then(|| format!("MySQL reads {}.", steps.join(", then ")))
}

/// `An answer: 20 rows of 3 columns, 640 bytes.`
fn answers(query: &OwnQueryRun) -> Option<String> {
    let (rows, bytes) = (query.mean_rows?, query.mean_bytes?);
    let whole = rows.fract().abs() < 0.005;
    let rows_text = if whole { units::count(units::whole(rows)) } else { format!("{rows:.1}") };
    let noun = if whole && units::whole(rows) == 1 { "row" } else { "rows" };
    let most = if (query.most_rows as f64) > rows * 1.5 + 1.0 {
        format!(" on average, at most {}", units::count(query.most_rows))
    } else {
        String::new()
    };
    Some(format!(
        "An answer: {rows_text} {noun} of {}{most}, {}.",
        counted(query.columns, "column", "columns"),
        units::bytes(bytes)
    ))
}

fn notes(query: &OwnQueryRun, clients: u64) -> Vec<String> {
    let mut notes = Vec::new();
    let parameters = &query.parameters;
    if parameters.keys < clients {
        notes.push(format!(
            "Too few parameters: {} for {}, so clients read the same rows, each under keys of its own.",
            counted(parameters.keys, "set", "sets"),
            counted(clients, "client", "clients")
        ));
    }
    if parameters.has_header {
        notes.push(
            "The first row of the parameters was taken for a header, not for a set of values.".to_owned(),
        );
    }
    if let Some(duplicates @ 1..) = parameters.duplicates {
        notes.push(format!(
            "{} of the {} sets of parameters {} another one, and {} its key.",
            units::count(duplicates),
            units::count(parameters.count),
            if duplicates == 1 { "repeats" } else { "repeat" },
            if duplicates == 1 { "shares" } else { "share" },
        ));
    }
    if parameters.duplicates.is_none() && parameters.count > parameters.keys {
        notes.push(format!(
            "{} of the {} sets of parameters were drawn, and only these are read.",
            units::count(parameters.keys),
            units::count(parameters.count)
        ));
    }
    if query.mean_rows.is_some_and(|_| query.most_rows == 0) {
        notes.push("Every answer is empty; it is cached as a table without rows.".to_owned());
    }
    if !query.volatile.is_empty() {
        notes.push(format!(
            "{} {} another answer each time: a cache would keep the first one.",
            query.volatile.join(", "),
            if query.volatile.len() == 1 { "gives" } else { "give" }
        ));
    }
    if query.changed_meanwhile > 0 {
        notes.push(format!(
            "The rows changed during the run: {} no longer what MySQL answers; none of them was wrong when it was read.",
            match query.changed_meanwhile {
                1 => "1 answer is".to_owned(),
                many => format!("{} answers are", units::count(many)),
            }
        ));
    }
    notes
}

/// The memory of all keys, and the load of this run on the database; one line for each query.
pub(super) fn costs(run: &Run) -> Vec<Block> {
    let mut seen: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for workload in &run.workloads {
        let Some(query) = &workload.query else { continue };
        if seen.contains(&workload.name.as_str()) {
            continue;
        }
        seen.push(&workload.name);
        lines.push(Block::Sentence(cost(workload, query)));
    }
    lines
}

/// `orders: all 50,000 keys would take 31 MiB in Redis; this run kept MySQL busy for 2.1 s, 21 % of
/// the time.`
fn cost(workload: &WorkloadRun, query: &OwnQueryRun) -> String {
    let keys = match query.parameters.count {
        1 => "the only key".to_owned(),
        count => format!("all {}", counted(count, "key", "keys")),
    };
    let entry_bytes = workload.redis_memory.as_ref().filter(|memory| memory.entries > 0);
    let entry_bytes = entry_bytes.map(|memory| memory.entry_bytes).or(workload.value_bytes);
    let memory = entry_bytes.map(|bytes| {
        let all = query.parameters.count as f64 * bytes as f64;
        format!("{keys} would take {} in Redis; ", units::bytes(all))
    });
    format!(
        "{}: {}this run kept MySQL busy for {}{}.",
        workload.name,
        memory.unwrap_or_default(),
        units::duration(query.database_s * 1e9),
        share(query).unwrap_or_default()
    )
}

/// `, 21 % of the time`, warm-up included in both.
fn share(query: &OwnQueryRun) -> Option<String> {
    let seconds = query.connections_s.filter(|seconds| *seconds > 0.0)?;
    Some(format!(", {:.0} % of the time", 100.0 * query.database_s / seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A query as files had it before they told of headers and of the connections' time.
    fn query() -> OwnQueryRun {
        let parameters = json!({ "count": 9, "keys": 9, "duplicates": 0, "fingerprint": "" });
        let query = json!({
            "statement": "SELECT ?", "digest": "", "protocol": "prepared", "parameters": parameters, "columns": 1,
            "mean_rows": 1.0, "most_rows": 1, "mean_bytes": 8.0, "most_bytes": 8, "changed_meanwhile": 0,
            "share_percent": 50, "database_s": 2.0, "all_keys_bytes": null,
        });
        serde_json::from_value(query).unwrap()
    }

    #[test]
    fn the_share_is_one_of_the_same_time() {
        let after = |connections_s| share(&OwnQueryRun { connections_s, ..query() });
        assert_eq!(after(Some(8.0)).as_deref(), Some(", 25 % of the time"));
        assert_eq!(after(Some(0.0)), None);
        assert_eq!(share(&query()), None, "a file that does not tell the time has no share");
    }

    #[test]
    fn a_header_and_a_sample_are_noted() {
        let mut query = query();
        assert!(notes(&query, 4).is_empty());
        query.parameters.has_header = true;
        assert!(notes(&query, 4)[0].contains("taken for a header"));
        (query.parameters.count, query.parameters.duplicates) = (90, None);
        assert!(notes(&query, 4)[1].starts_with("9 of the 90 sets of parameters were drawn"));
    }
}
