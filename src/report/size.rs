//! A prediction as a page: one table of limits, and what to take away.

use super::blocks::{Block, Heading, Page, Role, Row, Section, Table, Tone};
use super::numbers::{NONE, hit_ratio};
use crate::size::document::{Document, Limit, Load, Verified};
use crate::units::{self, count, counted, whole};

/// The whole page.
pub(crate) fn page(document: &Document) -> Page {
    let mut sections = vec![head(document), limits(document)];
    sections.extend(verified(&document.verified));
    sections.push(summary(document));
    sections
}

fn head(document: &Document) -> Section {
    let workload = &document.workload;
    let text = format!(
        "size of a cache for {}: {} of {} each",
        workload.name,
        counted(whole(workload.keys), "entry", "entries"),
        units::bytes(workload.entry_bytes)
    );
    let heading = Heading { name: format!("rcache {}", document.rcache_version), text, aside: String::new() };
    let estimated = (workload.entry_bytes_source != "memory_usage").then(|| {
        Block::Note("Redis did not say how large entries are: estimated from their values.".to_owned())
    });
    let blocks = std::iter::once(Block::Sentence(load(&document.load))).chain(estimated).collect();
    Section { heading: Some(heading), ..Section::new(blocks) }
}

/// `zipf:1, 2,000 operations/s, 5 % of them writes, entries live 300 s`.
fn load(load: &Load) -> String {
    let keys = match (&load.popularity, &load.trace) {
        (Some(popularity), _) => format!("popularity {popularity}"),
        (None, Some(trace)) => format!(
            "a trace of {} in {}{}",
            counted(trace.lines, "line", "lines"),
            units::duration(trace.duration_s * 1e9),
            if trace.exact { "" } else { ", a sample of its keys simulated" }
        ),
        (None, None) => String::new(),
    };
    let expiry = load.ttl_s.map_or("entries do not expire".to_owned(), |seconds| {
        format!("entries live {}", units::duration(seconds * 1e9))
    });
    format!(
        "{keys}; {}, {} % of them writes; {expiry}",
        units::rate(load.rate_per_s),
        share(load.writes_share)
    )
}

fn limits(document: &Document) -> Section {
    let columns = ["entries", "hit ratio", "mean read", "left to MySQL", "pays"];
    let row = |limit: &Limit| {
        let label = limit.maxmemory_bytes.map_or("no limit".to_owned(), units::bytes);
        let cells = vec![
            count(whole(limit.entries)),
            format!("{} %", share(limit.hit_ratio)),
            units::duration(limit.mean_read_ns),
            units::rate(limit.mysql_reads_per_s),
            match limit.pays.as_str() {
                "undecided" => "?".to_owned(),
                word => word.to_owned(),
            },
        ];
        Row { tone: tone(&limit.pays), ..Row::new(label, cells) }
    };
    let rows = document.limits.iter().map(row).collect();
    Section::new(vec![Block::Table(Table::of_numbers("maxmemory", columns, rows))])
}

fn tone(pays: &str) -> Tone {
    match pays {
        "yes" => Tone::Good,
        "no" => Tone::Bad,
        _ => Tone::Plain,
    }
}

fn verified(verified: &[Verified]) -> Option<Section> {
    let columns = ["entries", "expected", "hit ratio", "expected", "reads"];
    let row = |checked: &Verified| {
        Row::new(
            units::bytes(checked.maxmemory_bytes as f64),
            vec![
                count(checked.entries),
                count(whole(checked.expected_entries)),
                format!("{} %", share(checked.hit_ratio)),
                format!("{} %", share(checked.expected_hit_ratio)),
                count(checked.reads),
            ],
        )
    };
    let keys = verified.first()?.keys;
    let title = format!("Checked on private Redis servers of {} keys, allkeys-lru", count(keys));
    let table = Table::of_numbers("maxmemory", columns, verified.iter().map(row).collect());
    let errors = verified.iter().map(|checked| (checked.hit_ratio - checked.expected_hit_ratio).abs());
    let mean = errors.clone().sum::<f64>() / verified.len() as f64;
    let largest = errors.fold(0.0, f64::max);
    let sentence = format!(
        "The hit ratio differs by {:.1} points on average, {:.1} at most.",
        mean * 100.0,
        largest * 100.0
    );
    Some(Section::titled(title, vec![Block::Table(table), Block::Sentence(sentence)]))
}

fn summary(document: &Document) -> Section {
    let sentences = [Some(losses(document)), Some(break_even(document)), target(document)];
    let blocks = sentences.into_iter().flatten().map(Block::Sentence).collect();
    Section { role: Role::Summary, ..Section::new(blocks) }
}

fn losses(document: &Document) -> String {
    let losses = document.losses;
    let most = document.limits.last().map_or(0.0, |limit| limit.hit_ratio);
    let parts = [("first reads", losses.first_reads), ("writes", losses.writes), ("expiry", losses.expiry)];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, lost)| *lost >= 0.000_5)
        .map(|(cause, lost)| format!("{cause} {} %", share(*lost)))
        .collect();
    let rest = if parts.is_empty() { String::new() } else { format!("; of the rest: {}", parts.join(", ")) };
    format!("With room for everything {} % of reads hit{rest}.", share(most))
}

fn break_even(document: &Document) -> String {
    let workload = &document.workload;
    let mysql = units::duration(workload.mysql_mean_ns);
    let smallest = document.limits.iter().find(|limit| limit.pays == "yes");
    let Some(even) = &workload.break_even_hit_ratio else {
        return if workload.hit_mean_ns >= workload.mysql_mean_ns {
            format!("Redis never pays here: MySQL answers in {mysql}, as fast as a hit or faster.")
        } else {
            format!("The run does not say from which hit ratio Redis pays; MySQL alone answers in {mysql}.")
        };
    };
    let from = match smallest.map(|limit| limit.maxmemory_bytes) {
        None => "no size reaches that for certain".to_owned(),
        Some(None) => "only the cache without a limit reaches that for certain".to_owned(),
        Some(Some(bytes)) => format!("{} or more reach that", units::bytes(bytes)),
    };
    format!("Redis pays above {}, since MySQL alone answers in {mysql}: {from}.", hit_ratio(even))
}

fn target(document: &Document) -> Option<String> {
    let target = document.target?;
    let percent = share(target.hit_ratio);
    Some(match target.maxmemory_bytes.zip(target.entries) {
        Some((bytes, entries)) => format!(
            "{percent} % hits take {}: room for {}.",
            units::bytes(bytes),
            counted(whole(entries), "entry", "entries")
        ),
        None => format!("No size of Redis reaches {percent} % hits under this load."),
    })
}

/// `61.3 %`
pub(super) fn percent(of: f64) -> String {
    format!("{} %", share(of))
}

/// In percent, with one decimal.
fn share(share: f64) -> String {
    if share.is_finite() { format!("{:.1}", share * 100.0) } else { NONE.to_owned() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::load_model::popularity::Popularity;
    use crate::report::render::markdown;
    use crate::report::render::terminal::{self, Screen};
    use crate::report::sample_runs;
    use crate::size::{Costs, LoadModel, Wanted, predict};

    pub(crate) fn sample() -> Document {
        let costs = Costs::of_run(&sample_runs::full(1_000), Some("point")).unwrap();
        let model = LoadModel {
            popularity: Popularity::Zipf { exponent: 1.0 },
            keys: 100_000,
            rate_per_s: 2_000.0,
            writes: 0.05,
            ttl_s: Some(300.0),
        };
        predict(&costs, &model, &Wanted { limits: Vec::new(), hit_ratio: Some(0.7) })
    }

    #[test]
    fn a_prediction_as_a_page() {
        insta::assert_snapshot!(terminal::render(&page(&sample()), &Screen::default()));
    }

    #[test]
    fn a_prediction_that_was_checked_as_markdown() {
        let mut document = sample();
        document.verified = vec![Verified {
            popularity: "zipf:1".to_owned(),
            keys: 20_000,
            maxmemory_bytes: 2_400_000,
            expected_entries: 1_000.0,
            entries: 1_010,
            expected_hit_ratio: 0.61,
            hit_ratio: 0.602,
            reads: 20_000,
        }];
        document.target =
            Some(crate::size::document::Target { hit_ratio: 0.99, maxmemory_bytes: None, entries: None });
        insta::assert_snapshot!(markdown::render(&page(&document)));
    }
}
