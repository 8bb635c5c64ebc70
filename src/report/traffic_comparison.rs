//! Two documents of traffic compared, as a page.

use super::blocks::{Align, Block, Column, Entry, Page, Role, Row, Section, Table};
use super::comparison::{tone, word};
use super::figures::{Figure, Interval, Intervals, Mark, Picture};
use super::numbers::{NONE, two_digits};
use super::scale::Scale;
use crate::compare::{Difference, FigureComparison, Gate, StrategyComparison, TrafficComparison, Verdict};
use crate::units;

/// The whole page; the verdicts and the gate are last.
pub(crate) fn page(compared: &TrafficComparison) -> Page {
    let files = Section::titled(
        "Two documents of traffic",
        vec![Block::Entries(vec![
            Entry::new("baseline", compared.baseline.clone()),
            Entry::new("candidate", compared.candidate.clone()),
        ])],
    );
    let forced = compared.forced.then(|| {
        Section::new(vec![Block::Note(
            "Forced: the loads differ, which may be the reason for any change.".to_owned(),
        )])
    });
    let differences =
        [("Loads", &compared.unlike), ("Machine and servers", &compared.environment_differences)];
    let differences = differences.into_iter().filter_map(|(title, list)| self::differences(title, list));
    std::iter::once(files)
        .chain(forced)
        .chain(differences)
        .chain([table(compared), summary(compared)])
        .collect()
}

/// The verdicts on each strategy, and the gate.
fn summary(compared: &TrafficComparison) -> Section {
    let entries: Vec<Entry> = compared.strategies.iter().map(verdicts).collect();
    let mut blocks = match entries.is_empty() {
        true => vec![Block::Sentence("The documents have no strategy in common.".to_owned())],
        false => vec![Block::Entries(entries)],
    };
    blocks.extend(compared.gate.map(|gate| {
        let sentence = gate_sentence(compared, gate);
        if gate == Gate::Passed { Block::Sentence(sentence) } else { Block::Note(sentence) }
    }));
    let title = format!("Summary: {}", word(overall(&compared.strategies)));
    Section { role: Role::Summary, ..Section::titled(title, blocks) }
}

/// `regressed: mean; improved: hit ratio; unchanged: p50`
fn verdicts(strategy: &StrategyComparison) -> Entry {
    let with = |verdict: Verdict| {
        let of = decidable(strategy).filter(|figure| figure.verdict == verdict);
        let names: Vec<&str> = of.map(|figure| name(&figure.figure)).collect();
        (!names.is_empty()).then(|| format!("{}: {}", word(verdict), names.join(", ")))
    };
    let found: Vec<String> = ORDER.into_iter().filter_map(with).collect();
    let text = if found.is_empty() {
        "undecided: no figure has an interval; measure longer".to_owned()
    } else {
        found.join("; ")
    };
    Entry { label: strategy.strategy.clone(), tone: tone(overall(std::slice::from_ref(strategy))), text }
}

/// Figures with an interval; without one there is never a verdict.
fn decidable(strategy: &StrategyComparison) -> impl Iterator<Item = &FigureComparison> {
    strategy.figures.iter().filter(|figure| figure.ratio_ci95.is_some())
}

/// From what matters most.
const ORDER: [Verdict; 4] =
    [Verdict::Regressed, Verdict::Inconclusive, Verdict::Improved, Verdict::Unchanged];

/// `mysql`, or `point.mysql` for a workload.
fn is_control(label: &str) -> bool {
    label == "mysql" || label.ends_with(".mysql")
}

/// The verdict that matters most of any figure; MySQL's own are no change of a cache.
fn overall(strategies: &[StrategyComparison]) -> Verdict {
    let cached: Vec<&StrategyComparison> = match strategies {
        [one] => vec![one],
        several => several.iter().filter(|it| !is_control(&it.strategy)).collect(),
    };
    let found =
        |verdict: &Verdict| cached.iter().any(|it| decidable(it).any(|figure| figure.verdict == *verdict));
    ORDER.into_iter().find(found).unwrap_or(Verdict::Inconclusive)
}

/// The words for a figure.
fn name(figure: &str) -> &str {
    match figure {
        "hit_ratio" => "hit ratio",
        "max_rate" => "highest rate",
        other => other,
    }
}

/// The ratios with their intervals: times, of which less is better, and rates, of which more is.
pub(super) fn figures(compared: &TrafficComparison) -> Vec<Section> {
    let allowed = 1.0 + compared.tolerance_percent / 100.0;
    let times = picture(
        compared,
        ["Response times, candidate / baseline", "to the right of the tolerance"],
        |figure| !is_better_if_larger(figure),
        allowed,
    );
    let rates = picture(
        compared,
        ["Hit ratios and rates, candidate / baseline", "to the left of the tolerance"],
        is_better_if_larger,
        1.0 / allowed,
    );
    let blocks: Vec<Block> =
        [times, rates].into_iter().flatten().map(|figure| Block::Figure(Box::new(figure))).collect();
    if blocks.is_empty() { Vec::new() } else { vec![Section::new(blocks)] }
}

fn is_better_if_larger(figure: &str) -> bool {
    ["hit_ratio", "throughput", "max_rate"].contains(&figure)
}

fn picture(
    compared: &TrafficComparison,
    [title, worse]: [&str; 2],
    is_shown: impl Fn(&str) -> bool,
    limit: f64,
) -> Option<Figure> {
    let rows: Vec<Interval> = compared
        .strategies
        .iter()
        .flat_map(|strategy| strategy.figures.iter().map(move |figure| (strategy, figure)))
        .filter(|(_, figure)| is_shown(&figure.figure))
        .filter_map(|(strategy, figure)| interval(strategy, figure))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let ends = || rows.iter().flat_map(|row| row.ends).chain([limit, 1.0]).filter(|end| *end > 0.0);
    let (lowest, highest) = (ends().fold(f64::INFINITY, f64::min), ends().fold(0.0, f64::max));
    let mark = |label: String, at: f64| Mark { label, at, text: two_digits(at) };
    let lines =
        vec![mark("1: as the baseline".to_owned(), 1.0), mark(format!("{limit:.2}: the tolerance"), limit)];
    let cells = rows.iter().map(|row| {
        let (ratio, verdict) = row.text.split_once(", ").unwrap_or((&row.text, ""));
        Row::new(row.label.clone(), vec![ratio.to_owned(), verdict.to_owned()])
    });
    let numbers = Table::of_texts("strategy", ["candidate / baseline", "verdict"], cells.collect());
    let caption = format!(
        "Each point is candidate / baseline with its 95 % interval; figures of cached strategies are first divided by those          of MySQL in the same document, if both have them, so that a slower machine is no change. An interval {worse} is a          regression."
    );
    Some(Figure {
        title: title.to_owned(),
        caption,
        picture: Picture::Intervals(Intervals {
            scale: Scale::of_ratios("candidate / baseline, logarithmic", lowest / 1.02, highest * 1.02),
            lines,
            rows,
        }),
        numbers,
    })
}

/// Enough digits to tell a ratio from 1.
fn digits(ratio: f64) -> String {
    if ratio < 9.95 { format!("{ratio:.2}") } else { two_digits(ratio) }
}

fn interval(strategy: &StrategyComparison, figure: &FigureComparison) -> Option<Interval> {
    let [low, high] = figure.ratio_ci95?;
    Some(Interval {
        label: format!("{} {}", strategy.strategy, name(&figure.figure)),
        tone: tone(figure.verdict),
        text: format!(
            "{} ({}-{}), {}",
            digits(figure.ratio),
            digits(low),
            digits(high),
            word(figure.verdict)
        ),
        value: figure.ratio,
        ends: [low, high],
    })
}

fn differences(title: &str, differences: &[Difference]) -> Option<Section> {
    let entry =
        |it: &Difference| Entry::new(it.field.clone(), format!("{}, then {}", it.baseline, it.candidate));
    let entries: Vec<Entry> = differences.iter().map(entry).collect();
    (!entries.is_empty()).then(|| Section::titled(title, vec![Block::Entries(entries)]))
}

fn table(compared: &TrafficComparison) -> Section {
    let column = |(title, align): (&str, Align)| Column { title: title.to_owned(), align };
    let columns = [
        ("figure", Align::Left),
        ("baseline", Align::Right),
        ("candidate", Align::Right),
        ("ratio", Align::Right),
        ("95 % CI", Align::Right),
        ("judged by", Align::Left),
        ("verdict", Align::Left),
    ];
    let rows = compared.strategies.iter().flat_map(|strategy| {
        strategy.figures.iter().map(|figure| Row::new(strategy.strategy.clone(), cells(figure)))
    });
    let table = Table {
        corner: "strategy".to_owned(),
        columns: columns.map(column).to_vec(),
        rows: rows.collect(),
        chart: None,
    };
    Section::new(vec![Block::Table(table)])
}

fn cells(figure: &FigureComparison) -> Vec<String> {
    let value = |value: f64| match figure.figure.as_str() {
        "hit_ratio" => format!("{:.1} %", value * 100.0),
        "throughput" | "max_rate" => units::rate(value),
        _ => units::duration(value),
    };
    let interval =
        figure.ratio_ci95.map_or(NONE.to_owned(), |[low, high]| format!("{}-{}", digits(low), digits(high)));
    vec![
        name(&figure.figure).to_owned(),
        value(figure.baseline),
        value(figure.candidate),
        digits(figure.ratio),
        interval,
        figure.judged_by.clone(),
        word(figure.verdict).to_owned(),
    ]
}

/// The result of the gate in one sentence.
pub(crate) fn gate_sentence(compared: &TrafficComparison, gate: Gate) -> String {
    let tolerance = compared.tolerance_percent;
    match gate {
        Gate::Passed => format!("The gate passed: no cached strategy got worse by more than {tolerance} %."),
        Gate::Failed => format!("The gate failed: a cached strategy got worse by more than {tolerance} %."),
        Gate::Undecided => {
            format!(
                "The gate could not decide whether a cached strategy got worse by more than {tolerance} %."
            )
        }
    }
}
