//! Traffic with its pictures: how long operations took, what hit, what was stale, and what each
//! second was like.

mod by_second;

use self::by_second::{SERIES, by_second};
use super::workload::{columns, figure, marks};
use crate::report::bench::setting as servers;
use crate::report::blocks::{Block, Entry, Page, Row, Section, Table, Tone};
use crate::report::charts::{self, Times};
use crate::report::figures::{Bar, Bars, Distributions, Interval, Intervals, Picture};
use crate::report::numbers::{NONE, duration};
use crate::report::scale::Scale;
use crate::report::traffic;
use crate::traffic_file::{Distribution, Document, Operations, Strategy};
use crate::units::{self, count, counted};

/// The sentences, the strategies side by side, and a picture of everything that was measured.
pub(super) fn page(document: &Document) -> Page {
    let is_search = document.config.find.is_some();
    let mut sections = vec![traffic::title(document), traffic::summary(document)];
    sections.push(if is_search { traffic::rates(document) } else { traffic::table(document) });
    sections.extend(traffic::troubles(document));
    sections.extend(traffic::assertions(&document.assertions));
    sections.extend(titled("Highest rates", [highest_rates(document)]));
    sections.extend(titled("Times", [response_times(document), service_times(document)]));
    sections.extend(titled("Hits", [hit_ratios(document)]));
    sections.extend(stale_reads(document));
    sections.extend(titled("Second by second", SERIES.map(|series| by_second(document, &series))));
    sections.extend(kinds(document));
    sections.push(setting(document));
    sections.push(how_to_read(document));
    sections
}

fn titled<const N: usize>(title: &str, blocks: [Option<Block>; N]) -> Option<Section> {
    let blocks: Vec<Block> = blocks.into_iter().flatten().collect();
    (!blocks.is_empty()).then(|| Section::titled(title, blocks))
}

fn response_times(document: &Document) -> Option<Block> {
    let caption = match document.config.kind.as_str() {
        "closed" => "From when a client began an operation to its answer.",
        _ => {
            "From when an operation was due to its answer: waiting for a free client counts. Operations that failed or were \
             given up are not drawn, but count as slowest in p50, p95 and p99."
        }
    };
    distributions(document, "Response times", caption, |strategy| &strategy.response)
}

/// In a closed loop they are the response times.
fn service_times(document: &Document) -> Option<Block> {
    let caption =
        "From when a client took an operation to its answer: what the servers and the network took.";
    let is_open = document.config.kind != "closed";
    is_open.then(|| distributions(document, "Service times", caption, |strategy| &strategy.service)).flatten()
}

fn distributions(
    document: &Document,
    title: &str,
    caption: &str,
    of: impl Fn(&Strategy) -> &Distribution,
) -> Option<Block> {
    let measured: Vec<&Strategy> =
        document.strategies.iter().filter(|strategy| of(strategy).operations > 0).collect();
    let times = measured.iter().map(|strategy| Times {
        label: strategy.label(),
        tone: traffic::tone(&strategy.strategy),
        mean_ns: of(strategy).mean_ns,
        histogram: &of(strategy).histogram,
    });
    let mut drawn = Distributions::new(&charts::of_times(&times.collect::<Vec<_>>(), charts::ALL)?);
    drawn.scale.title = "time of an operation, logarithmic".to_owned();
    for (lane, strategy) in drawn.lanes.iter_mut().zip(&measured) {
        lane.marks = marks(of(strategy).mean_ns, &of(strategy).percentiles_ns);
    }
    let numbers = columns(&drawn);
    let how = "Each column holds the operations of one range of times; the highest column of each strategy is equally high. \
               The triangle marks the mean, the lines p50, p95 and p99.";
    Some(figure(title, &format!("{caption} {how}"), Picture::Distributions(drawn), numbers))
}

/// Measured and expected hit ratios below each other.
fn hit_ratios(document: &Document) -> Option<Block> {
    let cached: Vec<&Strategy> =
        document.strategies.iter().filter(|strategy| strategy.hit_ratio.is_some()).collect();
    if cached.is_empty() {
        return None;
    }
    let share = |share: Option<f64>| {
        share.map_or_else(|| NONE.to_owned(), |share| format!("{} %", traffic::percent(share)))
    };
    let bar = |strategy: &Strategy, what: &str, tone, value: Option<f64>, aside: String| {
        Some(Bar {
            label: format!("{}, {what}", strategy.label()),
            tone,
            text: share(value) + &aside,
            values: vec![value?],
        })
    };
    let bars = cached.iter().flat_map(|strategy| {
        let interval = strategy
            .hit_ratio_ci95
            .map(|[low, high]| format!(" ({}-{} %)", traffic::percent(low), traffic::percent(high)));
        let tone = traffic::tone(&strategy.strategy);
        [
            bar(strategy, "measured", tone, strategy.hit_ratio, interval.unwrap_or_default()),
            bar(strategy, "expected", Tone::Plain, strategy.expected_hit_ratio, String::new()),
        ]
    });
    let bars: Vec<Bar> = bars.flatten().collect();
    let row = |strategy: &&Strategy| {
        let end = |end: usize| share(strategy.hit_ratio_ci95.map(|ends| ends[end.min(1)]));
        let cells = vec![share(strategy.hit_ratio), end(0), end(1), share(strategy.expected_hit_ratio)];
        Row::new(strategy.label(), cells)
    };
    let titles = ["measured", "95 % from", "95 % to", "expected"];
    let numbers = Table::of_numbers("strategy", titles, cached.iter().map(row).collect());
    Some(figure(
        "Hit ratio, measured and expected",
        "Measured: the share of reads that the cache answered, with its 95 % interval in brackets. Expected: what popularity, \
         writes and times to live lead to; it is not known for a cache that was empty at first and for a trace.",
        Picture::Bars(Bars { scale: Scale::of_shares("share of reads that hit"), parts: Vec::new(), bars }),
        numbers.without_blank_columns(&[NONE]),
    ))
}

/// A picture if there were any, and a sentence if there were none.
fn stale_reads(document: &Document) -> Option<Section> {
    let cached = || document.strategies.iter().filter(|strategy| strategy.hit_ratio.is_some());
    cached().next()?;
    if cached().all(|strategy| strategy.stale_reads == 0) {
        let text = "No strategy served a stale read: each answer was at least as new as every write that had returned \
                    before the read began.";
        return Some(Section::titled("Stale reads", vec![Block::Sentence(text.to_owned())]));
    }
    let bar = |strategy: &Strategy| Bar {
        label: strategy.label(),
        tone: traffic::tone(&strategy.strategy),
        text: counted(strategy.stale_reads, "stale read", "stale reads"),
        values: vec![strategy.stale_reads as f64],
    };
    let bars: Vec<Bar> = cached().map(bar).collect();
    let most = bars.iter().flat_map(|bar| &bar.values).copied().fold(0.0, f64::max);
    let row = |strategy: &Strategy| {
        let reads = strategy.hits.operations.saturating_add(strategy.loads.operations);
        let oldest =
            strategy.stale_age_max_ns.map_or_else(|| NONE.to_owned(), |ns| units::duration(ns as f64));
        Row::new(strategy.label(), vec![count(strategy.stale_reads), count(reads), oldest])
    };
    let titles = ["stale reads", "of reads", "age at most"];
    let numbers = Table::of_numbers("strategy", titles, cached().map(row).collect());
    let block = figure(
        "Stale reads by strategy",
        "Reads that returned a version older than one whose write had returned before they began. The age is how long \
         before the read that write had returned.",
        Picture::Bars(Bars { scale: Scale::of_numbers("stale reads", most), parts: Vec::new(), bars }),
        numbers,
    );
    Some(Section::titled("Stale reads", vec![block]))
}

/// The results of `--find`, each with its interval.
fn highest_rates(document: &Document) -> Option<Block> {
    let condition = document.config.find.as_deref()?;
    let row = |strategy: &Strategy| {
        let rate = strategy.max_rate.as_ref()?;
        let interval = rate
            .interval_per_s
            .map(|[low, high]| format!(" ({} to {})", units::rate(low), units::rate(high)));
        Some(Interval {
            label: strategy.label(),
            tone: traffic::tone(&strategy.strategy),
            text: traffic::max_rate(rate) + &interval.unwrap_or_default(),
            value: rate.per_s,
            ends: rate.interval_per_s.unwrap_or([rate.per_s; 2]),
        })
    };
    let rows: Vec<Interval> = document.strategies.iter().filter_map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let highest = rows.iter().map(|row| row.ends[1]).fold(0.0, f64::max);
    let cells = rows.iter().map(|row| Row::new(row.label.clone(), vec![row.text.clone()]));
    let numbers = Table::of_numbers("strategy", ["highest rate"], cells.collect());
    Some(figure(
        "Highest rate at which the condition holds",
        &format!(
            "Operations a second at which {condition} still holds. It held at the lower end of each interval, and did not at \
             the upper one. Times, hits and seconds below are those of the trial at the lower end."
        ),
        Picture::Intervals(Intervals {
            scale: Scale::of_numbers("operations a second", highest * 1.05),
            lines: Vec::new(),
            rows,
        }),
        numbers,
    ))
}

/// Hits, loads and writes by themselves.
fn kinds(document: &Document) -> Option<Section> {
    let cells = |operations: &Operations| match operations.operations {
        0 => [NONE.to_owned(), NONE.to_owned()],
        number => [count(number), duration(operations.mean_ns)],
    };
    let row = |strategy: &Strategy| {
        let kinds = [&strategy.hits, &strategy.loads, &strategy.writes];
        Row {
            tone: traffic::tone(&strategy.strategy),
            ..Row::new(strategy.label(), kinds.into_iter().flat_map(cells).collect())
        }
    };
    let done = document.strategies.iter().filter(|strategy| strategy.done > 0);
    let rows: Vec<Row> = done.map(row).collect();
    let titles = ["hits", "mean hit", "loads", "mean load", "writes", "mean write"];
    let table = Table::of_numbers("", titles, rows.clone()).without_blank_columns(&[NONE]);
    let text =
        "Mean service times of reads that the cache answered, of reads that asked MySQL, and of writes.";
    let blocks = vec![Block::Table(table), Block::Sentence(text.to_owned())];
    (!rows.is_empty()).then(|| Section::titled("Hits, loads and writes", blocks))
}

fn setting(document: &Document) -> Section {
    let (environment, config) = (&document.environment, &document.config);
    let cores = if config.cores_awake { "kept awake" } else { "may sleep while clients wait" };
    let late = config.late_s.map(|s| format!(", given up if {} late", units::duration(s * 1e9)));
    let mysql =
        [Some(Entry::new("mysql", servers::server(&environment.mysql))), servers::node(&environment.mysql)];
    let rows = [
        Entry::new("redis", servers::server(&environment.redis)),
        Entry::new("machine", servers::machine(environment)),
        Entry::new("cores", cores),
        Entry::new("load", format!("rng_seed {}{}", config.rng_seed, late.unwrap_or_default())),
    ];
    let entries = mysql.into_iter().flatten().chain(rows).collect();
    let wall = units::duration(document.wall_s.max(0.0) * 1e9);
    Section::titled(format!("Traffic of {}, {wall}", document.started_at), vec![Block::Entries(entries)])
}

/// The meaning of each strategy and each column.
fn how_to_read(document: &Document) -> Section {
    let is_here = |name: &str| document.strategies.iter().any(|strategy| strategy.strategy == name);
    let strategies = [
        ("mysql", "every read asks MySQL; no cache"),
        ("naive", "GET, on a miss SELECT and SET; a write updates MySQL and then removes the entry"),
        ("lock", "as naive, with a lock (SET NX) around the miss"),
        (
            "lease",
            "rcache's library: what a miss loaded is stored only if no write came between; writers COMMIT, then invalidate",
        ),
        (
            "lease-marker",
            "as lease; writers mark the entry, COMMIT, and finish, so that a crash between leaves nothing stale",
        ),
    ];
    let columns = [
        ("done", "operations that were answered a second, as a mean over the whole time"),
        (
            "p99",
            "99 of 100 operations took no longer. A percentile is left out if fewer than ten samples lie above it",
        ),
        ("given up", "operations that no client was free for in time"),
        ("stale", "reads that missed a write which had returned before they began"),
    ];
    let strategies = strategies.into_iter().filter(|(name, _)| is_here(name));
    let entries = strategies.chain(columns).map(|(label, text)| Entry::new(label, text)).collect();
    Section::titled("How to read it", vec![Block::Entries(entries)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::Figure;
    use crate::report::sample_runs;
    use crate::report::traffic::tests::{sample, searched, troubled};
    use crate::traffic_file::SecondRow;

    fn figures(document: &Document) -> Vec<Figure> {
        let blocks = page(document).into_iter().flat_map(|section| section.blocks);
        blocks
            .filter_map(|block| match block {
                Block::Figure(figure) => Some(*figure),
                _ => None,
            })
            .collect()
    }

    fn titles(document: &Document) -> Vec<String> {
        figures(document).into_iter().map(|figure| figure.title).collect()
    }

    #[test]
    fn every_figure_has_its_place() {
        let all = [
            "Response times",
            "Service times",
            "Hit ratio, measured and expected",
            "Stale reads by strategy",
            "Operations done",
            "p99 of the response times",
            "Hit ratio",
            "Stale reads",
        ];
        assert_eq!(titles(&sample()), all);
        assert_eq!(titles(&troubled()), all);
        assert_eq!(titles(&searched())[0], "Highest rate at which the condition holds");
    }

    #[test]
    fn a_closed_loop_has_no_service_times() {
        let mut closed = sample();
        closed.config.kind = "closed".to_owned();
        assert!(!titles(&closed).contains(&"Service times".to_owned()));
    }

    #[test]
    fn no_stale_read_is_said() {
        let mut clean = sample();
        clean.strategies.iter_mut().for_each(|strategy| strategy.stale_reads = 0);
        assert!(!titles(&clean).contains(&"Stale reads by strategy".to_owned()));
        let said = format!("{:?}", page(&clean));
        assert!(said.contains("No strategy served a stale read"));
        clean.strategies.truncate(1);
        assert!(!format!("{:?}", page(&clean)).contains("No strategy served"), "MySQL alone has no cache");
    }

    #[test]
    fn a_long_load_shows_its_worst_seconds() {
        let mut long = sample();
        for strategy in &mut long.strategies {
            strategy.measured_s = 1_000.0;
            let first = strategy.seconds[0];
            strategy.seconds = (0..1_000)
                .map(|second| SecondRow {
                    second,
                    response_p99_ns: Some(if second == 777 { 9_000_000 } else { 90_000 }),
                    ..first
                })
                .collect();
        }
        let p99 = figures(&long).into_iter().find(|figure| figure.title.starts_with("p99")).unwrap();
        assert!(p99.caption.contains("the worst of 9 seconds"), "{}", p99.caption);
        let Picture::Curves(drawn) = &p99.picture else { panic!("a curve") };
        assert!(drawn.curves.iter().all(|curve| curve.points.len() == 112), "{drawn:?}");
        let worst = drawn.curves[0].points.iter().filter(|point| point.y > 1e6).count();
        assert_eq!(worst, 1);
        assert_eq!(p99.numbers.rows.len(), 112);
        assert_eq!(p99.numbers.rows[86].label, "774 to 782");
    }

    #[test]
    fn nothing_done_is_a_page_without_pictures() {
        let mut nothing = sample();
        for strategy in &mut nothing.strategies {
            strategy.done = 0;
            strategy.hit_ratio = None;
            strategy.seconds.clear();
            strategy.response.operations = 0;
            strategy.service.operations = 0;
            strategy.response.histogram = sample_runs::encode(&[]);
        }
        assert_eq!(titles(&nothing), [""; 0]);
    }
}
