//! Traffic as a page: one table, a line for each series, and what to take away.

use super::bench::head;
use super::blocks::{Align, Block, Column, Entry, Heading, Page, Role, Row, Section, Table, Tone};
use super::numbers::{NONE, UNKNOWN, percentile, two_digits};
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
        let entry = |text| Entry { label: strategy.label(), tone: Tone::Alert, text };
        [errors, wrong].into_iter().flatten().map(entry).collect::<Vec<_>>()
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

/// At most three sentences, but one more for each further workload.
pub(super) fn summary(document: &Document) -> Section {
    let controls = document.strategies.iter().filter(|strategy| strategy.strategy == "mysql");
    let sentences: Vec<String> = if let Some(condition) = &document.config.find {
        controls.filter_map(|mysql| bears(document, condition, mysql)).collect()
    } else {
        let gains = controls.filter_map(|mysql| gain(document, mysql));
        gains.chain(kept_up(document)).chain(stale(document)).collect()
    };
    Section { role: Role::Summary, ..Section::new(sentences.into_iter().map(Block::Sentence).collect()) }
}

/// The strategies with a cache that read what this one reads without.
fn cached<'a>(document: &'a Document, mysql: &'a Strategy) -> impl Iterator<Item = &'a Strategy> {
    let is_cached = move |it: &&Strategy| it.strategy != "mysql" && mysql.is_control_of(it);
    document.strategies.iter().filter(is_cached)
}

/// The load that the cache adds to what the database can bear.
fn bears(document: &Document, condition: &str, control: &Strategy) -> Option<String> {
    let mysql = control.max_rate.as_ref()?;
    let times = |strategy: &Strategy| {
        let rate = strategy.max_rate.as_ref()?;
        let (name, ratio) = (strategy.label(), two_digits(rate.per_s / mysql.per_s));
        Some(match (rate.interval_per_s, mysql.interval_per_s, rate.kind.as_str(), mysql.kind.as_str()) {
            (Some([low, high]), Some([from, to]), _, _) => format!(
                "{name} bears {ratio} times the load of MySQL alone ({} to {})",
                two_digits(low / to),
                two_digits(high / from)
            ),
            (_, _, "at_least", "between") => {
                format!("{name} bears at least {ratio} times the load of MySQL alone")
            }
            (_, _, "at_least" | "between", "not_at") => {
                format!("{name} holds it up to {}, MySQL alone nowhere", units::rate(rate.per_s))
            }
            (_, _, "not_at", _) => format!("{name} holds it nowhere"),
            _ => format!("{name} and MySQL alone were not driven to their limit"),
        })
    };
    let cached: Vec<String> = cached(document, control).filter_map(times).collect();
    (!cached.is_empty()).then(|| format!("With {condition}, {}.", cached.join("; ")))
}

/// The effect of a cached strategy, the lease first, on response times and on MySQL.
fn gain(document: &Document, mysql: &Strategy) -> Option<String> {
    let cached = cached(document, mysql).filter(|strategy| strategy.hit_ratio.is_some());
    let cached = cached.max_by_key(|strategy| strategy.strategy == "lease")?;
    let (name, hits) = (cached.label(), percent(cached.hit_ratio?));
    let [mysql_mean, mean] = [mysql, cached].map(|strategy| strategy.response.mean_ns);
    let (mysql_mean, mean) = (mysql_mean?, mean?);
    let (times, word) =
        if mean <= mysql_mean { (mysql_mean / mean, "faster") } else { (mean / mysql_mean, "slower") };
    let loads =
        |strategy: &Strategy| units::rate(strategy.database_loads as f64 / strategy.measured_s.max(1e-9));
    Some(format!(
        "With {name} {hits} % of reads hit, answers come {} x {word} on average, and MySQL answers {} instead of {}.",
        two_digits(times),
        loads(cached),
        loads(mysql)
    ))
}

/// Whether the clients kept up with the rate.
fn kept_up(document: &Document) -> Option<String> {
    if document.config.kind == "closed" {
        return None;
    }
    let behind: Vec<String> = document
        .strategies
        .iter()
        .filter(|strategy| (strategy.done as f64) < 0.99 * strategy.offered as f64)
        .map(|strategy| {
            let share = strategy.done as f64 / (strategy.offered as f64).max(1.0);
            format!("{} did {} % of what was offered", strategy.label(), percent(share))
        })
        .collect();
    if !behind.is_empty() {
        return Some(format!("{}: the rest failed or was given up.", behind.join("; ")));
    }
    if let Some(sentence) = waited(document) {
        return Some(sentence);
    }
    let wait = document.strategies.iter().filter_map(|strategy| strategy.waiting_mean_ns).fold(0.0, f64::max);
    let waking = document
        .strategies
        .iter()
        .filter_map(|strategy| percentile(&strategy.waking.percentiles_ns, "99"))
        .fold(0.0, f64::max);
    let slept = if waking > 0.0 {
        format!(", and those that slept woke at most {} late (p99)", units::duration(waking))
    } else {
        String::new()
    };
    Some(format!("Clients kept up: an operation waited {} for one on average{slept}.", units::duration(wait)))
}

/// Why response times are so much longer than service times, if they are.
fn waited(document: &Document) -> Option<String> {
    let waited = |strategy: &Strategy| {
        let (wait, service) = (strategy.waiting_mean_ns?, strategy.service.mean_ns?);
        let [longer, answer] = [wait, service].map(units::duration);
        (wait > service).then(|| format!("{}: {longer}, then {answer} for the answer", strategy.label()))
    };
    let waited: Vec<String> = document.strategies.iter().filter_map(waited).collect();
    (!waited.is_empty()).then(|| {
        format!(
            "Operations waited for a free client longer than the servers took on average ({}). Response times count that wait, \
             service times do not; more --clients help, unless the servers are at their limit.",
            waited.join("; ")
        )
    })
}

fn stale(document: &Document) -> Option<String> {
    let stale: Vec<String> = document
        .strategies
        .iter()
        .filter(|strategy| strategy.stale_reads > 0)
        .map(|strategy| {
            let age =
                strategy.stale_age_max_ns.map(|ns| format!(" (up to {} old)", units::duration(ns as f64)));
            format!(
                "{} served {}{}",
                strategy.label(),
                counted(strategy.stale_reads, "stale read", "stale reads"),
                age.unwrap_or_default()
            )
        })
        .collect();
    (!stale.is_empty()).then(|| format!("{}.", stale.join("; ")))
}

/// With one decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compare::{TrafficComparison, TrafficOptions, compare_traffic};
    use crate::report::render::markdown;
    use crate::report::render::terminal::{self, Screen};
    use crate::report::sample_runs;
    use crate::traffic_file::{Distribution, FORMAT, FORMAT_VERSION, Operations};

    fn distribution(count: u64, mean: f64) -> Distribution {
        let percentiles = [("50", 0.9), ("90", 1.5), ("95", 2.0), ("99", 4.0), ("99.9", 9.0)];
        let ns = |times: f64| (count > 1_000).then(|| units::whole(mean * times));
        Distribution {
            operations: count,
            mean_ns: (count > 0).then_some(mean),
            mean_ci95_ns: (count > 0).then_some([mean * 0.97, mean * 1.03]),
            min_ns: (count > 0).then_some(5_000),
            max_ns: (count > 0).then(|| units::whole(mean * 30.0)),
            percentiles_ns: percentiles
                .iter()
                .map(|(name, times)| ((*name).to_owned(), ns(*times)))
                .collect(),
            percentiles_ci95_ns: percentiles
                .iter()
                .map(|(name, times)| {
                    ((*name).to_owned(), ns(*times).map(|ns| [ns as f64 * 0.9, ns as f64 * 1.1]))
                })
                .collect(),
            histogram: sample_runs::encode(&spread(count, mean)),
        }
    }

    /// So many times, from a third of the mean on, most of them short.
    fn spread(count: u64, mean: f64) -> Vec<u64> {
        let share = |index: u64| index as f64 / count.max(1) as f64;
        (0..count).map(|index| units::whole(mean * (0.3 + 2.5 * share(index).powi(4)))).collect()
    }

    fn strategy(name: &str, mean: f64, hits: Option<f64>) -> Strategy {
        let done = 20_000;
        let seconds = (0..10).map(|second| SecondRow {
            second,
            offered: 2_000,
            done: 2_000,
            failed: 0,
            given_up: 0,
            hits: units::whole(1_900.0 * hits.unwrap_or(0.0)),
            loads: units::whole(1_900.0 * (1.0 - hits.unwrap_or(0.0))),
            stale_reads: 0,
            response_mean_ns: Some(mean),
            response_p50_ns: Some(units::whole(mean)),
            response_p99_ns: Some(units::whole(mean * (3.0 + (second % 4) as f64))),
            response_max_ns: Some(units::whole(mean * 20.0)),
        });
        let operations =
            |operations, mean| Operations { operations, mean_ns: (operations > 0).then_some(mean) };
        let hit = units::whole(19_000.0 * hits.unwrap_or(0.0));
        Strategy {
            strategy: name.to_owned(),
            workload: None,
            ended_early: None,
            measured_s: 10.0,
            offered: done,
            done,
            errors: BTreeMap::new(),
            first_error: None,
            given_up: 0,
            throughput_per_s: 2_000.0,
            response: distribution(done, mean),
            service: distribution(done, mean * 0.9),
            waiting_mean_ns: Some(900.0),
            waking: distribution(done, 11_000.0),
            hits: operations(hit, 30_000.0),
            loads: operations(19_000 - hit, mean),
            writes: operations(1_000, 900_000.0),
            hit_ratio: hits,
            hit_ratio_ci95: hits.map(|share| [share - 0.004, share + 0.004]),
            expected_hit_ratio: hits.map(|share| share + 0.002),
            stale_reads: u64::from(name == "naive") * 12,
            stale_age_max_ns: (name == "naive").then_some(3_000_000),
            wrong_reads: 0,
            changed_reads: 0,
            database_loads: 19_000 - hit,
            seconds: seconds.collect(),
            max_rate: None,
        }
    }

    pub(crate) fn sample() -> Document {
        let environment = sample_runs::full(100).environment;
        Document {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            rcache_version: "0.1.0".to_owned(),
            started_at: "2026-01-02T03:04:05Z".to_owned(),
            wall_s: 31.5,
            interrupted: false,
            environment,
            config: Config {
                kind: "open".to_owned(),
                rate_per_s: Some(2_000.0),
                arrivals: Some("poisson".to_owned()),
                find: None,
                duration_s: Some(10.0),
                clients: 16,
                keys: 10_000,
                popularity: Some("zipf:1".to_owned()),
                writes_share: Some(0.05),
                ttl_s: 60.0,
                cold: false,
                late_s: None,
                cores_awake: true,
                rng_seed: 42,
                workloads: Vec::new(),
            },
            strategies: vec![
                strategy("mysql", 180_000.0, None),
                strategy("naive", 70_000.0, Some(0.9)),
                strategy("lease", 75_000.0, Some(0.9)),
            ],
            assertions: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// With every part that a page can have.
    pub(crate) fn troubled() -> Document {
        let mut document = sample();
        document.interrupted = true;
        let mysql = &mut document.strategies[0];
        mysql.offered = 40_000;
        mysql.given_up = 19_400;
        mysql.errors = [("mysql".to_owned(), 600)].into();
        mysql.first_error = Some("connection refused".to_owned());
        mysql.ended_early = Some("failures".to_owned());
        document.assertions = vec![AssertionRun {
            expression: "lease.p99 < 5ms".to_owned(),
            codec: None,
            verdict: Judgement::Passed,
            value: Some(300_000.0),
            ci95: None,
            reason: None,
        }];
        document
    }

    pub(crate) fn searched() -> Document {
        let mut document = sample();
        document.config = Config {
            kind: "find".to_owned(),
            rate_per_s: None,
            find: Some("p99 < 5ms".to_owned()),
            duration_s: None,
            ..document.config
        };
        document.strategies.remove(1);
        for (strategy, per_s) in document.strategies.iter_mut().zip([8_000.0, 21_000.0]) {
            let interval = Some([per_s * 0.97, per_s * 1.03]);
            strategy.max_rate =
                Some(MaxRate { kind: "between".to_owned(), per_s, interval_per_s: interval, trials: 11 });
        }
        document
    }

    /// The page of a workload and a query of the user's own.
    pub(crate) fn of_workloads() -> Document {
        let mut document = sample();
        let workload = |name: &str, keys, statement: Option<&str>| WorkloadConfig {
            name: name.to_owned(),
            codec: "postcard".to_owned(),
            keys,
            statement: statement.map(str::to_owned),
        };
        document.config.writes_share = Some(0.0);
        document.config.workloads = vec![
            workload("point", 10_000, None),
            workload("orders", 500, Some("SELECT * FROM o WHERE id = ?")),
        ];
        document.strategies.remove(1);
        let mut strategies = document.strategies.clone();
        strategies.extend(document.strategies);
        for (strategy, name) in strategies.iter_mut().zip(["point", "point", "orders", "orders"]) {
            strategy.workload = Some(name.to_owned());
        }
        Document { strategies, ..document }
    }

    /// Compared as a report does it.
    pub(crate) fn compared(baseline: &Document, candidate: &Document) -> TrafficComparison {
        let options = TrafficOptions { tolerance_percent: 10.0, gated: false, force: true };
        compare_traffic(["a.json", "b.json"], baseline, candidate, options).unwrap()
    }

    fn text(document: &Document) -> String {
        terminal::render(&page(document), &Screen { width: 100, ..Screen::default() })
    }

    #[test]
    fn traffic_at_a_rate() {
        insta::assert_snapshot!(text(&sample()));
    }

    #[test]
    fn traffic_with_trouble() {
        insta::assert_snapshot!(text(&troubled()));
    }

    #[test]
    fn the_highest_rates() {
        insta::assert_snapshot!(text(&searched()));
    }

    #[test]
    fn traffic_of_workloads() {
        insta::assert_snapshot!(text(&of_workloads()));
    }

    #[test]
    fn a_long_wait_for_clients_is_explained() {
        let mut document = sample();
        document.strategies[0].waiting_mean_ns = Some(4e6);
        let page = text(&document).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains("(mysql: 4.00 ms, then 162 µs for the answer)"), "{page}");
        assert!(!page.contains("Clients kept up"), "{page}");
    }

    #[test]
    fn traffic_as_markdown() {
        insta::assert_snapshot!(markdown::render(&page(&sample())));
    }

    #[test]
    fn a_sparkline_has_the_shape_of_its_values() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 4.0, 8.0]), "▁▂▃▅█");
        assert_eq!(sparkline(&[0.0; 3]), "▁▁▁");
        assert_eq!(sparkline(&[1.0; 100]).chars().count(), 25);
    }
}
