//! A prediction with its pictures: the hit ratio and the mean read at every size of Redis.

use super::workload::figure;
use crate::report::blocks::{Block, Page, Row, Section, Table, Tone};
use crate::report::figures::{Curve, Curves, Level, Picture, Point};
use crate::report::numbers::hit_ratio;
use crate::report::scale::Scale;
use crate::report::size as text;
use crate::size::document::{Document, Limit};
use crate::units;

/// The page of a terminal with its summary first, and the pictures behind it.
pub(super) fn page(document: &Document) -> Page {
    let page = super::summary_first(text::page(document), Vec::new());
    let blocks: Vec<Block> = [hit_ratios(document), mean_reads(document)].into_iter().flatten().collect();
    let pictures = (!blocks.is_empty()).then(|| Section::titled("By size of Redis", blocks));
    page.into_iter().chain(pictures).collect()
}

/// Sizes with a limit, from the smallest.
fn limited(document: &Document) -> Vec<(f64, &Limit)> {
    let sized = |limit: &Limit| limit.maxmemory_bytes.filter(|bytes| *bytes >= 1.0);
    let mut sizes: Vec<(f64, &Limit)> =
        document.limits.iter().filter_map(|limit| Some((sized(limit)?, limit))).collect();
    sizes.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    sizes
}

fn curve(document: &Document, label: &str, value: fn(&Limit) -> f64) -> Option<(Scale, Curve)> {
    let sizes = limited(document);
    let [(smallest, _), .., (largest, _)] = sizes.as_slice() else { return None };
    let points = sizes.iter().map(|(bytes, limit)| Point { x: *bytes, y: value(limit), interval: None });
    let curve = Curve { label: label.to_owned(), tone: Tone::Hit, points: points.collect() };
    Some((Scale::of_bytes("maxmemory of Redis, logarithmic", *smallest, *largest), curve))
}

/// The value without a limit, which no curve reaches.
fn without_limit(document: &Document, value: fn(&Limit) -> f64, text: fn(f64) -> String) -> Option<Level> {
    let limit = document.limits.iter().find(|limit| limit.maxmemory_bytes.is_none())?;
    let y = value(limit);
    Some(Level { label: format!("without a limit: {}", text(y)), tone: Tone::Plain, y, interval: None })
}

fn numbers(document: &Document, title: &str, value: fn(&Limit) -> f64, text: fn(f64) -> String) -> Table {
    let row = |limit: &Limit| {
        let label = limit.maxmemory_bytes.map_or("no limit".to_owned(), units::bytes);
        Row::new(label, vec![text(value(limit))])
    };
    Table::of_numbers("maxmemory", [title], document.limits.iter().map(row).collect())
}

fn hit_ratios(document: &Document) -> Option<Block> {
    let value = |limit: &Limit| limit.hit_ratio;
    let (x, curve) = curve(document, "hit ratio", value)?;
    let mut levels: Vec<Level> = without_limit(document, value, text::percent).into_iter().collect();
    levels.extend(document.workload.break_even_hit_ratio.map(|even| Level {
        label: format!("Redis pays above {}", hit_ratio(&even)),
        tone: Tone::Alert,
        y: even.value,
        interval: Some(even.ci95),
    }));
    let drawn =
        Curves { x, y: Scale::of_shares("hit ratio"), curves: vec![curve], levels, bands: Vec::new() };
    Some(figure(
        "Hit ratio by size of Redis",
        "The predicted share of reads that hit, with the policy allkeys-lru.",
        Picture::Curves(drawn),
        numbers(document, "hit ratio", value, text::percent),
    ))
}

fn mean_reads(document: &Document) -> Option<Block> {
    let value = |limit: &Limit| limit.mean_read_ns;
    let (x, curve) = curve(document, "through Redis", value)?;
    let mysql_ns = document.workload.mysql_mean_ns;
    let mysql = Level {
        label: format!("MySQL {}", units::duration(mysql_ns)),
        tone: Tone::Mysql,
        y: mysql_ns,
        interval: None,
    };
    let levels: Vec<Level> =
        std::iter::once(mysql).chain(without_limit(document, value, units::duration)).collect();
    let heights = curve.points.iter().map(|point| point.y).chain(levels.iter().map(|level| level.y));
    let top = heights.fold(0.0, f64::max);
    let y = Scale::of_durations_from_zero("mean read", top * 1.05);
    let drawn = Curves { x, y, curves: vec![curve], levels, bands: Vec::new() };
    Some(figure(
        "Mean read by size of Redis",
        "The predicted mean of all reads. Where the curve is below the line of MySQL, Redis saves time.",
        Picture::Curves(drawn),
        numbers(document, "mean read", value, units::duration),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::render::terminal::{self, Screen};
    use crate::report::size::tests::sample;

    #[test]
    fn a_prediction_has_both_curves() {
        let document = sample();
        let page = page(&document);
        let figures: Vec<_> = page
            .iter()
            .flat_map(|section| &section.blocks)
            .filter_map(|block| if let Block::Figure(figure) = block { Some(figure) } else { None })
            .collect();
        assert_eq!(figures.len(), 2);
        assert!(figures.iter().all(|figure| figure.numbers.rows.len() == document.limits.len()));
        let text = terminal::render(&page, &Screen::default());
        assert!(text.contains("Mean read by size of Redis") && text.contains("no limit"), "{text}");
    }

    #[test]
    fn a_single_size_has_no_curve() {
        let mut document = sample();
        document.limits.truncate(1);
        let page = page(&document);
        assert!(!page.iter().flat_map(|section| &section.blocks).any(|it| matches!(it, Block::Figure(_))));
    }
}
