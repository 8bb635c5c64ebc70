//! One workload with several codecs, side by side: what each makes of the same answer, and what that does to a hit and to
//! a miss.

use super::layout::{clean, counted, heading, paragraph};
use super::table::{self, Grid, WITHHELD};
use super::workload::{curve_row, entry_bytes, table_block, title};
use super::{Style, chart, summary, verified};
use crate::parts::Part;
use crate::run_file::{PathRun, WorkloadRun};
use crate::units;

/// The blocks of one workload; `codecs` are its runs, one for each codec.
pub(super) fn blocks(codecs: &[WorkloadRun], style: &Style) -> Vec<Vec<String>> {
    let mut head = heading(&codecs.first().map(title).unwrap_or_default(), style);
    head.extend(codecs.first().map(|first| paragraph(&makeup(first), style)).unwrap_or_default());
    let mut blocks = vec![head];
    if has(codecs, "cold") || has(codecs, "warm") {
        blocks.push(comparison(codecs, style));
    }
    let hits = beside_mysql(codecs, &["mysql", "disk"], "warm");
    blocks.push(captioned("Hits with each codec, and reads without a cache:", &hits, style));
    blocks.push(chart_block(&hits, style));
    if has(codecs, "cold") {
        let misses = beside_mysql(codecs, &["mysql"], "cold");
        blocks.push(captioned("Misses with each codec, and MySQL alone:", &misses, style));
    }
    blocks.push(curves(codecs, style));
    blocks.extend(codecs.iter().map(|workload| verified_block(workload, style)));
    blocks
}

fn makeup(workload: &WorkloadRun) -> String {
    let keys = counted(workload.keys, "key", "keys");
    let rounds = counted(workload.rounds, "round", "rounds");
    let block = counted(workload.block, "read", "reads");
    format!(
        "{keys} for each codec; {rounds} of {block} a path and codec, in shuffled order; the reads of mysql serve all \
         codecs"
    )
}

fn has(codecs: &[WorkloadRun], path: &str) -> bool {
    codecs.iter().any(|workload| path_of(workload, path).is_some())
}

fn path_of<'a>(workload: &'a WorkloadRun, name: &str) -> Option<&'a PathRun> {
    workload.paths.iter().find(|path| path.path == name)
}

/// One row a codec: how large, how long to make, how long to read, and what comes of it.
fn comparison(codecs: &[WorkloadRun], style: &Style) -> Vec<String> {
    let header = ["codec", "entry", "encode", "decode", "a miss", "a hit", "times as fast"];
    let rows = codecs.iter().map(row);
    let grid: Grid = std::iter::once(header.map(str::to_owned).to_vec()).chain(rows).collect();
    let mut lines = paragraph("The codecs side by side, mean times; in brackets the 95 % interval:", style);
    lines.extend(table::set_or_list(&grid, style));
    let mysql = codecs.first().and_then(|workload| path_of(workload, "mysql")).and_then(mean_ns);
    let mysql = mysql.map(|ns| format!(", which took {}", units::duration(ns))).unwrap_or_default();
    let note = format!(
        "The last column is how many times as fast a hit is as MySQL alone{mysql}. Encoding is part of a miss, \
         decoding of a hit."
    );
    lines.extend(paragraph(&note, style));
    lines
}

fn row(workload: &WorkloadRun) -> Vec<String> {
    let path = |name| path_of(workload, name);
    let part = |path: Option<&PathRun>, part: Part| {
        table::time(path.and_then(|path| path.parts_mean_ns.get(part.name()).copied()))
    };
    let speedup = workload.speedup.map_or(WITHHELD.to_owned(), |speedup| {
        let [low, high] = speedup.ci95.map(units::factor);
        format!("{} ({low} to {high})", units::factor(speedup.ratio))
    });
    vec![
        clean(&workload.codec),
        entry_bytes(workload).unwrap_or_else(|| WITHHELD.to_owned()),
        part(path("cold"), Part::Encode),
        part(path("warm"), Part::Decode),
        table::time(path("cold").and_then(mean_ns)),
        table::time(path("warm").and_then(mean_ns)),
        speedup,
    ]
}

fn mean_ns(path: &PathRun) -> Option<f64> {
    path.mean_ns.filter(|_| path.operations > 0)
}

/// Paths that all codecs share, once, and this path of every codec under its name.
fn beside_mysql(codecs: &[WorkloadRun], shared: &[&str], path: &str) -> Vec<PathRun> {
    let shared =
        shared.iter().filter_map(|name| codecs.first().and_then(|workload| path_of(workload, name)).cloned());
    let cached = codecs.iter().filter_map(|workload| {
        let path = path_of(workload, path)?;
        Some(PathRun {
            path: format!("{path} {codec}", path = path.path, codec = workload.codec),
            ..path.clone()
        })
    });
    shared.chain(cached).collect()
}

fn captioned(caption: &str, paths: &[PathRun], style: &Style) -> Vec<String> {
    if paths.is_empty() {
        return Vec::new();
    }
    let mut lines = paragraph(caption, style);
    lines.extend(table_block(paths, style));
    lines
}

fn chart_block(paths: &[PathRun], style: &Style) -> Vec<String> {
    let lines = chart::draw(paths, style);
    if lines.is_empty() {
        return lines;
    }
    let caption = "How long they took, on a logarithmic axis; each fills its own height.";
    paragraph(caption, style).into_iter().chain(lines).collect()
}

/// What a read would take at other hit ratios, one row a codec.
fn curves(codecs: &[WorkloadRun], style: &Style) -> Vec<String> {
    let Some(longest) =
        codecs.iter().map(|workload| &workload.hit_ratio_curve).find(|curve| !curve.is_empty())
    else {
        return Vec::new();
    };
    let cells = |workload: &WorkloadRun| {
        let mean = |ns: Option<f64>| ns.map_or_else(|| WITHHELD.to_owned(), units::duration);
        let label = clean(&workload.codec);
        curve_row(&label, &workload.hit_ratio_curve, &|point| mean(point.mean_ns))
    };
    let mut grid = vec![curve_row("hit ratio", longest, &|point| format!("{} %", point.hit_percent))];
    grid.extend(codecs.iter().map(cells));
    let caption = "Mean read expected at other hit ratios, from each codec's cold and warm path:";
    paragraph(caption, style).into_iter().chain(table::set_or_list(&grid, style)).collect()
}

fn verified_block(workload: &WorkloadRun, style: &Style) -> Vec<String> {
    let mut lines = verified::block(workload, style);
    if !lines.is_empty() {
        lines.splice(0..0, paragraph(&format!("With {}:", clean(&workload.codec)), style));
    }
    lines
}

/// What it comes to: the codec with the fastest hit in full, the slowest one's hit beside it.
pub(super) fn sentences(codecs: &[WorkloadRun]) -> String {
    let hit_ns = |workload: &&WorkloadRun| path_of(workload, "warm").and_then(mean_ns);
    let mut by_hit: Vec<&WorkloadRun> = codecs.iter().filter(|workload| hit_ns(workload).is_some()).collect();
    by_hit.sort_by(|a, b| hit_ns(a).unwrap_or(0.0).total_cmp(&hit_ns(b).unwrap_or(0.0)));
    let (Some(fastest), Some(slowest)) = (by_hit.first(), by_hit.last()) else {
        return codecs.first().map(summary::sentences).unwrap_or_default();
    };
    let name = clean(&fastest.codec);
    let number = counted(by_hit.len() as u64, "codec", "codecs");
    let [least, most] = [fastest, slowest].map(|workload| {
        let ns = hit_ns(workload).map_or_else(|| WITHHELD.to_owned(), units::duration);
        format!("{} ({ns})", clean(&workload.codec))
    });
    let head = match by_hit.get(1) {
        None => format!("Hits were measured with {name} alone."),
        Some(next) if lies_below(fastest, next) => {
            format!("The fastest hits of {number} came with {least}, the slowest with {most}.")
        }
        Some(_) => format!(
            "Which of {number} has the fastest hits is lost in the noise: the lowest mean is that of {least}, the \
             highest that of {most}."
        ),
    };
    format!("{head} With {name}: {}", summary::sentences(fastest))
}

/// Whether the interval of one codec's mean hit lies wholly below that of another.
fn lies_below(one: &WorkloadRun, other: &WorkloadRun) -> bool {
    let ci95 = |workload| path_of(workload, "warm").and_then(|path| path.mean_ci95_ns);
    matches!((ci95(one), ci95(other)), (Some([_, high]), Some([low, _])) if high < low)
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs;
    use super::*;

    #[test]
    fn the_fastest_codec_is_named_only_where_it_is_sure() {
        let mut codecs = sample_runs::several_codecs(100).workloads;
        codecs.truncate(3);
        let said = sentences(&codecs);
        assert!(said.starts_with("The fastest hits of 3 codecs came with arrow (1.8"), "{said}");
        codecs[0].paths[2].mean_ci95_ns = Some([1.0, 1e9]);
        let said = sentences(&codecs);
        assert!(said.starts_with("Which of 3 codecs has the fastest hits is lost in the noise"), "{said}");
        codecs.truncate(1);
        assert!(
            sentences(&codecs).starts_with("Hits were measured with arrow alone. With arrow: A hit took")
        );
        codecs.iter_mut().for_each(|workload| workload.paths.retain(|path| path.path == "mysql"));
        assert!(sentences(&codecs).starts_with("MySQL alone took"));
        assert_eq!(sentences(&[]), "");
    }
}
