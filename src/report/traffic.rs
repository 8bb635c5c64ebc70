//! Traffic as a page: one table, a line for each series, and what to take away.

mod summary;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use self::summary::summary;
use super::bench::head;
use super::blocks::{Align, Block, Column, Entry, Heading, Page, Row, Section, Table, Tone};
use super::numbers::{NONE, UNKNOWN, percentile};
use crate::model::Judgement;
use crate::run_file::AssertionRun;
use crate::traffic_file::{Config, Document, MaxRate, SecondRow, Strategy, WorkloadConfig};
use crate::units::{self, count, counted};

/// The whole page.
pub(crate) fn page(document: &Document) -> Page {
    let mut sections = vec![title(document)];
    if document.config.find.is_some() {
        sections.push(rates(document));
    } else {
        sections.push(table(document));
        sections.extend(series(document));
    }
    sections.extend(troubles(document));
    sections.extend(assertions(&document.assertions));
    sections.push(summary(document));
    sections
}

pub(super) fn title(document: &Document) -> Section {
    let environment = &document.environment;
    let cores =
        environment.cores.map(|cores| format!("; {}", counted(cores, "core", "cores"))).unwrap_or_default();
    let heading = Heading {
        name: format!("rcache {}", document.rcache_version),
        text: format!("traffic on {}{cores}", head::servers(&environment.mysql, &environment.redis)),
        aside: String::new(),
    };
    let interrupted = document
        .interrupted
        .then(|| Block::Note("Interrupted: every number covers only what happened until then.".to_owned()));
    let warnings =
        document.warnings.iter().map(|warning| Block::Note(format!("Warning: {}", warning.message)));
    let queries = document.config.workloads.iter().filter_map(query).map(Block::Sentence);
    let load = std::iter::once(Block::Sentence(load(&document.config)));
    let blocks = load.chain(queries).chain(interrupted).chain(warnings);
    Section { heading: Some(heading), ..Section::new(blocks.collect()) }
}

/// The statement of a query, without its literals.
fn query(workload: &WorkloadConfig) -> Option<String> {
    let statement = workload.statement.as_ref()?;
    Some(format!("{}: {statement}", workload.name))
}

/// `2,000/s offered (poisson), 16 clients, 10 s each; 10,000 keys, zipf:1, 5.0 % writes, entries
/// live 60 s`.
fn load(config: &Config) -> String {
    let clients = counted(config.clients, "client", "clients");
    let time = config.duration_s.map(|s| format!(", {} each", units::duration(s * 1e9))).unwrap_or_default();
    let pace = match (config.rate_per_s, &config.arrivals, &config.find) {
        (_, _, Some(condition)) => format!("the highest rate at which {condition}"),
        (Some(rate), Some(arrivals), None) => format!("{} offered ({arrivals})", units::rate(rate)),
        _ if config.kind == "trace" => "at the times of a trace".to_owned(),
        _ => "as fast as the clients can".to_owned(),
    };
    let popularity = config.popularity.as_ref().map(|law| format!(", {law}")).unwrap_or_default();
    let writes = match config.writes_share {
        Some(share) if share > 0.0 => format!(", {} % writes", percent(share)),
        Some(_) => ", reads only".to_owned(),
        None => String::new(),
    };
    let cold = if config.cold { ", cache empty at first" } else { "" };
    let keys = |keys| counted(keys, "key", "keys");
    let read = |it: &WorkloadConfig| format!("{} ({})", it.name, keys(it.keys));
    let what = match config.workloads.as_slice() {
        [] => keys(config.keys),
        workloads => workloads.iter().map(read).collect::<Vec<_>>().join(" and "),
    };
    format!(
        "{pace}, {clients}{time}; {what}{popularity}{writes}, entries live {}{cold}",
        units::duration(config.ttl_s * 1e9)
    )
}

pub(super) fn table(document: &Document) -> Section {
    let titles = [
        "done",
        "mean",
        "p50",
        "p99",
        "p99.9",
        "max",
        "service p99",
        "hits",
        "expected",
        "stale",
        "given up",
    ];
    let row = |strategy: &Strategy| {
        let response = &strategy.response;
        let ns = |ns: Option<f64>| ns.map_or_else(|| UNKNOWN.to_owned(), units::duration);
        let share = |share: Option<f64>| {
            share.map_or_else(|| NONE.to_owned(), |share| format!("{} %", percent(share)))
        };
        let cells = vec![
            units::rate(strategy.throughput_per_s),
            ns(response.mean_ns),
            ns(percentile(&response.percentiles_ns, "50")),
            ns(percentile(&response.percentiles_ns, "99")),
            ns(percentile(&response.percentiles_ns, "99.9")),
            ns(response.max_ns.map(|ns| ns as f64)),
            if document.config.kind == "closed" {
                NONE.to_owned()
            } else {
                ns(percentile(&strategy.service.percentiles_ns, "99"))
            },
            share(strategy.hit_ratio),
            share(strategy.expected_hit_ratio),
            count(strategy.stale_reads),
            if strategy.given_up == 0 { NONE.to_owned() } else { count(strategy.given_up) },
        ];
        Row { tone: tone(&strategy.strategy), ..Row::new(strategy.label(), cells) }
    };
    let rows = document.strategies.iter().map(row).collect();
    let table = Table::of_numbers("", titles, rows).without_blank_columns(&[NONE, UNKNOWN]);
    Section::new(vec![Block::Table(table)])
}

pub(super) fn tone(strategy: &str) -> Tone {
    match strategy {
        "mysql" => Tone::Mysql,
        "naive" | "lock" => Tone::Miss,
        _ => Tone::Hit,
    }
}

/// One line a series and strategy.
fn series(document: &Document) -> Option<Section> {
    let mut rows = Vec::new();
    for strategy in &document.strategies {
        let whole = whole_seconds(strategy);
        let p99: Vec<f64> = whole.iter().map(|row| row.response_p99_ns.unwrap_or(0) as f64).collect();
        let done: Vec<f64> = whole.iter().map(|row| row.done as f64).collect();
        let hits: Vec<f64> =
            whole.iter().map(|row| row.hits as f64 / (row.hits + row.loads).max(1) as f64).collect();
        rows.push(series_row(strategy, "done", &done, units::rate));
        rows.push(series_row(strategy, "p99", &p99, units::duration));
        if strategy.hit_ratio.is_some() {
            rows.push(series_row(strategy, "hits", &hits, |share| format!("{} %", percent(share))));
        }
    }
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let column = |title: &str| Column { title: title.to_owned(), align: Align::Left };
    let columns = ["by second", "", "lowest to highest"].map(column).to_vec();
    (!rows.is_empty()).then(|| {
        Section::new(vec![Block::Table(Table { corner: String::new(), columns, rows, chart: None })])
    })
}

/// Without the last second, if it is not a whole one.
pub(super) fn whole_seconds(strategy: &Strategy) -> Vec<&SecondRow> {
    strategy.seconds.iter().filter(|row| (row.second + 1) as f64 <= strategy.measured_s + 1e-3).collect()
}

fn series_row(strategy: &Strategy, name: &str, values: &[f64], text: impl Fn(f64) -> String) -> Option<Row> {
    if values.len() < 2 {
        return None;
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    let cells = vec![name.to_owned(), sparkline(values), format!("{} to {}", text(low), text(high))];
    Some(Row { tone: tone(&strategy.strategy), ..Row::new(strategy.label(), cells) })
}

/// From zero to the highest value, one character a second, or the highest of several seconds.
fn sparkline(values: &[f64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const WIDTH: usize = 30;
    let most = values.iter().copied().fold(0.0, f64::max);
    let each = values.len().div_ceil(WIDTH).max(1);
    values
        .chunks(each)
        .map(|chunk| {
            let high = chunk.iter().copied().fold(0.0, f64::max);
            let level = if most > 0.0 { high / most } else { 0.0 };
            LEVELS[units::index(level, LEVELS.len())]
        })
        .collect()
}

/// The table of `--find`.
pub(super) fn rates(document: &Document) -> Section {
    let titles = ["highest rate", "between", "p99 there", "mean", "hits", "expected", "stale"];
    let row = |strategy: &Strategy| {
        let rate = strategy.max_rate.as_ref();
        let response = &strategy.response;
        let ns = |ns: Option<f64>| ns.map_or_else(|| NONE.to_owned(), units::duration);
        let share = |share: Option<f64>| {
            share.map_or_else(|| NONE.to_owned(), |share| format!("{} %", percent(share)))
        };
        let interval = rate.and_then(|rate| rate.interval_per_s).map_or_else(
            || NONE.to_owned(),
            |[low, high]| format!("{} to {}", units::rate(low), units::rate(high)),
        );
        let cells = vec![
            rate.map_or_else(|| UNKNOWN.to_owned(), max_rate),
            interval,
            ns(percentile(&response.percentiles_ns, "99")),
            ns(response.mean_ns),
            share(strategy.hit_ratio),
            share(strategy.expected_hit_ratio),
            count(strategy.stale_reads),
        ];
        Row { tone: tone(&strategy.strategy), ..Row::new(strategy.label(), cells) }
    };
    let rows = document.strategies.iter().map(row).collect();
    let table = Table::of_numbers("", titles, rows).without_blank_columns(&[NONE]);
    Section::new(vec![Block::Table(table)])
}

pub(super) fn max_rate(rate: &MaxRate) -> String {
    let number = units::rate(rate.per_s);
    match rate.kind.as_str() {
        "at_least" => format!("at least {number}"),
        "not_at" => format!("below {number}"),
        _ => number,
    }
}

/// The failures, one line a strategy.
pub(super) fn troubles(document: &Document) -> Option<Section> {
    let entries = document.strategies.iter().flat_map(|strategy| {
        let failed: u64 = strategy.errors.values().sum();
        let errors = (failed > 0).then(|| {
            let kinds: Vec<String> = strategy
                .errors
                .iter()
                .map(|(kind, number)| format!("{} in {kind}", count(*number)))
                .collect();
            let first = strategy.first_error.as_deref().unwrap_or("no words");
            let ended = if strategy.ended_early.as_deref() == Some("failures") {
                ", which ended it early"
            } else {
                ""
            };
            format!(
                "{} failed ({}){ended}; the first: {first}",
                counted(failed, "operation", "operations"),
                kinds.join(", ")
            )
        });
        let wrong = (strategy.wrong_reads > 0).then(|| {
            format!("{} never in the database", counted(strategy.wrong_reads, "answer was", "answers were"))
        });
        let nothing = strategy.obstacle.as_ref().map(|reason| format!("proves nothing: {reason}"));
        let entry = |text| Entry { label: strategy.label(), tone: Tone::Alert, text };
        [errors, wrong, nothing].into_iter().flatten().map(entry).collect::<Vec<_>>()
    });
    let entries: Vec<Entry> = entries.collect();
    (!entries.is_empty()).then(|| Section::titled("Errors", vec![Block::Entries(entries)]))
}

pub(super) fn assertions(assertions: &[AssertionRun]) -> Option<Section> {
    let entry = |assertion: &AssertionRun| {
        let tone = match assertion.verdict {
            Judgement::Passed => Tone::Good,
            Judgement::Failed => Tone::Bad,
            Judgement::Inconclusive => Tone::Alert,
        };
        let reason = assertion.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Entry {
            label: assertion.verdict.name().to_owned(),
            tone,
            text: format!("{}{reason}", assertion.expression),
        }
    };
    let entries: Vec<Entry> = assertions.iter().map(entry).collect();
    (!entries.is_empty()).then(|| Section::titled("Assertions", vec![Block::Entries(entries)]))
}

/// With one decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}
