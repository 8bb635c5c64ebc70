//! Sentences on what traffic showed.

use super::percent;
use crate::report::blocks::{Block, Role, Section};
use crate::report::numbers::{percentile, two_digits};
use crate::traffic_file::{Document, Strategy};
use crate::units::{self, counted};

/// At most three sentences, but one more for each further workload.
pub(in crate::report) fn summary(document: &Document) -> Section {
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
