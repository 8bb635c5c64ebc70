//! One workload: what is read, the table of its paths, and the mean read at other hit ratios.

use super::summary::Basis;
use super::{Detail, codecs, own, phases, summary, table, verified};
use crate::report::blocks::{Align, Block, Column, Heading, Row, Section, Table};
use crate::report::names;
use crate::report::numbers::{UNKNOWN, duration, faster_or_slower, hit_ratio, inverse, percent, two_digits};
use crate::run_file::{Ratio, WorkloadRun};
use crate::units::{self, counted};

/// The hit ratios of the short curve, in percent.
const SHORT_CURVE: [u64; 5] = [50, 80, 90, 95, 99];

/// `codecs` are the runs of one workload, one for each codec.
pub(super) fn sections(codecs: &[WorkloadRun], clients: u64, detail: Detail, basis: Basis) -> Vec<Section> {
    let paths = table::named(codecs);
    let mut blocks = codecs.first().map(|first| own::blocks(first, clients)).unwrap_or_default();
    blocks.extend(match detail {
        Detail::Brief => table::brief(&paths, basis),
        Detail::Full => table::full(&paths),
    });
    blocks.extend(codecs::block(codecs));
    blocks.extend(codecs.iter().filter_map(|workload| beside_naive(workload, codecs.len() > 1)));
    blocks.extend(curve(codecs, detail, basis));
    blocks.extend(codecs.iter().filter_map(|workload| at_distance(workload, codecs.len() > 1)));
    blocks.extend(codecs.iter().filter_map(|workload| verified::sentence(workload, codecs.len() > 1)));
    let phases = if detail == Detail::Full {
        phases::sections(codecs)
    } else {
        phases::failures(codecs).into_iter().collect()
    };
    let first = Section {
        heading: codecs.first().map(|first| heading(first, codecs.len())),
        blocks,
        ..Section::default()
    };
    std::iter::once(first).chain(phases).collect()
}

pub(in crate::report) fn heading(workload: &WorkloadRun, codecs: usize) -> Heading {
    let entry = match workload.value_bytes {
        Some(bytes) if codecs == 1 => format!("{} in Redis", units::bytes(bytes as f64)),
        _ => String::new(),
    };
    let what = match &workload.query {
        Some(query) => own::heading(query),
        None => names::workload(&workload.name).to_owned(),
    };
    let parts = [what, entry];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Heading { name: workload.name.clone(), text: parts.join("; "), aside: reads(workload) }
}

/// `17,600 reads of each`, or the fewest and the most if they differ.
fn reads(workload: &WorkloadRun) -> String {
    let counts = || {
        workload
            .paths
            .iter()
            .filter(|path| path.disk.is_none())
            .map(|path| path.operations)
            .filter(|reads| *reads > 0)
    };
    match (counts().min(), counts().max()) {
        (Some(least), Some(most)) if least == most => format!("{} of each", counted(most, "read", "reads")),
        (Some(least), Some(most)) => {
            format!("{} to {} of each", units::count(least), counted(most, "read", "reads"))
        }
        _ => String::new(),
    }
}

/// The expected mean read at other hit ratios, and the ratio at which it is that of MySQL.
fn curve(codecs: &[WorkloadRun], detail: Detail, basis: Basis) -> Option<Block> {
    let several = codecs.len() > 1;
    let curves = codecs.iter().filter(|workload| !workload.hit_ratio_curve.is_empty());
    let points = curves.clone().next()?.hit_ratio_curve.iter().map(|point| point.hit_percent);
    let shown: Vec<u64> =
        points.filter(|percent| detail == Detail::Full || SHORT_CURVE.contains(percent)).collect();
    let rows = curves.map(|workload| {
        let mean = |percent: &u64| {
            let point = workload.hit_ratio_curve.iter().find(|point| point.hit_percent == *percent);
            duration(point.and_then(|point| point.mean_ns))
        };
        let label = if several { format!("hits {}", workload.codec) } else { "mean read".to_owned() };
        Row::new(label, shown.iter().map(mean).collect())
    });
    let titles = shown.iter().map(|percent| format!("{percent} %"));
    let mut table = Table::of_numbers("hit ratio", titles, rows.collect());
    if let ([only], Basis::Means) = (codecs, basis) {
        mark_break_even(&mut table, only, &shown);
    }
    Some(Block::Table(table))
}

/// The cost of a correct miss beside the usual one.
fn beside_naive(workload: &WorkloadRun, is_one_of_several: bool) -> Option<Block> {
    let found = workload.cold_over_naive?;
    let codec = if is_one_of_several { format!(" ({})", workload.codec) } else { String::new() };
    let [low, high] = found.ci95.map(two_digits);
    Some(Block::Sentence(format!(
        "A miss takes {} times as long as the naive one{codec} (95 % CI {low}–{high}).",
        two_digits(found.ratio)
    )))
}

/// The results of `--distance`: with the servers further away.
pub(in crate::report) fn at_distance(workload: &WorkloadRun, is_one_of_several: bool) -> Option<Block> {
    let far = workload.at_distance.as_ref()?;
    let [mysql, redis] = [far.mysql_extra_ns, far.redis_extra_ns].map(units::duration);
    let codec = if is_one_of_several { format!(" ({})", workload.codec) } else { String::new() };
    let speed = |speed: Option<Ratio>| speed.as_ref().map_or(UNKNOWN.to_owned(), faster_or_slower);
    let (hit, miss) = (speed(far.speedup), speed(far.miss_penalty.as_ref().map(inverse)));
    let worth = match (&far.break_even_hit_ratio, far.withheld.get("break_even_hit_ratio")) {
        (Some(found), _) => format!("Redis is worth it above {}", hit_ratio(found)),
        (None, reason) => reason.cloned().unwrap_or_else(|| "no break-even hit ratio".to_owned()),
    };
    let trips: Vec<String> = workload
        .paths
        .iter()
        .filter_map(|path| {
            let found = path.exchanges_per_read?;
            let each = [("MySQL", found.mysql), ("Redis", found.redis)];
            let each: Vec<String> = each
                .iter()
                .filter(|(_, trips)| *trips > 0.0)
                .map(|(server, trips)| format!("{} to {server}", two_digits(*trips)))
                .collect();
            Some(format!("{} {}", names::path(&path.path), each.join(" and ")))
        })
        .collect();
    Some(Block::Sentence(format!(
        "With {mysql} more to MySQL and {redis} more to Redis{codec}: a hit is {hit}, a miss {miss}; {worth}. Computed from \
         the round trips of a read: {}.",
        trips.join(", ")
    )))
}

/// Inserts the column of the break-even hit ratio among the others, and marks it.
fn mark_break_even(table: &mut Table, workload: &WorkloadRun, shown: &[u64]) {
    let Some(value) = summary::break_even_of_means(workload) else { return };
    let mysql = workload.paths.iter().find(|path| path.path == "mysql");
    let Some(mean_ns) = mysql.and_then(|path| path.mean_ns) else { return };
    let title = format!("{} %", percent(value));
    let place = shown.iter().filter(|percent| (**percent as f64) < value * 100.0).count();
    if table.columns.get(place).is_some_and(|column| column.title == title) {
        table.columns.remove(place);
        table.rows.iter_mut().for_each(|row| drop(row.cells.remove(place)));
    }
    let column = Column { title, align: Align::Right };
    table.columns.insert(place, column);
    table.rows.iter_mut().for_each(|row| row.cells.insert(place, units::duration(mean_ns)));
    let mut marks = vec![String::new(); table.columns.len()];
    if let Some(mark) = marks.get_mut(place) {
        "= MySQL".clone_into(mark);
    }
    table.rows.push(Row::new("", marks));
}
