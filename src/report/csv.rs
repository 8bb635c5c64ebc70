//! Documents as tables for spreadsheets and data frames: one file for each kind of row, units in
//! the titles, and a missing number as an empty cell.

mod others;
mod traffic;

use std::collections::BTreeMap;

use serde_json::Value;

use super::distribution;
use crate::compare::Comparison;
use crate::documents::{Loaded, Saved};
use crate::run_file::{HitRatio, Ratio, Run};
use crate::scenario::document::Document;

/// Tables by the names of their files. Each row begins with the file that it comes from.
pub(crate) fn files(documents: &[(String, Loaded)]) -> BTreeMap<String, String> {
    let mut tables = Tables::default();
    for (file, loaded) in documents {
        match &loaded.saved {
            Saved::Run(run) => tables.run(file, run),
            Saved::Comparison(compared) => tables.comparison(file, compared),
            Saved::Experiments(experiments) => {
                experiments.iter().for_each(|experiment| tables.experiment(file, experiment));
            }
            Saved::Traffic(traffic) => tables.traffic(file, traffic),
            Saved::TrafficComparison(compared) => tables.traffic_comparison(file, compared),
            Saved::Size(size) => tables.size(file, size),
            Saved::Candidates(found) => tables.candidates(file, found),
        }
    }
    tables.0
}

/// Rows below their titles, by file.
#[derive(Default)]
struct Tables(BTreeMap<String, String>);

const PERCENTILES: [&str; 5] = ["50", "90", "95", "99", "99.9"];

impl Tables {
    fn row(&mut self, table: &str, titles: &str, cells: &[String]) {
        let text = self.0.entry(format!("{table}.csv")).or_insert_with(|| format!("{titles}\n"));
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }

    fn run(&mut self, file: &str, run: &Run) {
        for workload in &run.workloads {
            let head = [file.to_owned(), workload.name.clone(), workload.codec.clone()];
            for path in &workload.paths {
                let head = [head.as_slice(), std::slice::from_ref(&path.path)].concat();
                let [low, high] = ends(path.mean_ci95_ns);
                let mut cells = vec![
                    path.operations.to_string(),
                    whole(path.hits),
                    whole(path.misses),
                    path.errors.values().fold(0_u64, |sum, errors| sum.saturating_add(*errors)).to_string(),
                    decimal(path.throughput_per_s),
                    decimal(path.mean_ns),
                    low,
                    high,
                    decimal(path.typical_ns),
                    whole(path.min_ns),
                ];
                cells.extend(PERCENTILES.map(|name| whole(path.percentiles_ns.get(name).copied().flatten())));
                cells.push(whole(path.max_ns));
                self.row(
                    "paths",
                    "file,workload,codec,path,reads,hits,misses,errors,throughput_per_s,mean_ns,mean_ci95_low_ns,\
                     mean_ci95_high_ns,typical_ns,min_ns,p50_ns,p90_ns,p95_ns,p99_ns,p99.9_ns,max_ns",
                    &[head.clone(), cells].concat(),
                );
                for (phase, ns) in &path.parts_mean_ns {
                    let cells = [head.clone(), vec![phase.clone(), ns.to_string()]].concat();
                    self.row("phases", "file,workload,codec,path,phase,mean_ns", &cells);
                }
                let titles = "file,workload,codec,path,from_ns,to_ns,reads";
                self.histogram("histograms", titles, &head, &path.histogram);
            }
            let ratio = |name: &str, found: Option<Ratio>| {
                let [low, high] = ends(found.map(|ratio| ratio.ci95));
                vec![name.to_owned(), decimal(found.map(|ratio| ratio.ratio)), low, high]
            };
            let break_even =
                workload.break_even_hit_ratio.map(|HitRatio { value, ci95 }| Ratio { ratio: value, ci95 });
            for cells in [
                ratio("speedup", workload.speedup),
                ratio("miss_penalty", workload.miss_penalty),
                ratio("break_even_hit_ratio", break_even),
            ] {
                let cells = [head.to_vec(), cells].concat();
                self.row("ratios", "file,workload,codec,ratio,value,ci95_low,ci95_high", &cells);
            }
            for point in &workload.hit_ratio_curve {
                let [low, high] = ends(point.mean_ci95_ns);
                let cells = vec![point.hit_percent.to_string(), decimal(point.mean_ns), low, high];
                let titles = "file,workload,codec,hit_percent,mean_ns,mean_ci95_low_ns,mean_ci95_high_ns";
                self.row("hit_ratios", titles, &[head.to_vec(), cells].concat());
            }
        }
    }

    /// One row for each range of times.
    fn histogram(&mut self, table: &str, titles: &str, head: &[String], saved: &str) {
        let Ok(histogram) = distribution::decode(saved) else { return };
        for bucket in histogram.iter_recorded() {
            let value = bucket.value_iterated_to();
            let ends = [histogram.lowest_equivalent(value), histogram.highest_equivalent(value)];
            let numbers = [ends[0], ends[1], bucket.count_at_value()].map(|number| number.to_string());
            self.row(table, titles, &[head, &numbers].concat());
        }
    }

    fn comparison(&mut self, file: &str, compared: &Comparison) {
        for workload in &compared.workloads {
            for path in &workload.paths {
                for figure in &path.figures {
                    let [low, high] = ends(figure.change.map(|change| change.ci95));
                    let cells = [
                        file.to_owned(),
                        workload.name.clone(),
                        workload.codec.clone(),
                        path.path.clone(),
                        figure.figure.clone(),
                        decimal(figure.baseline_ns),
                        decimal(figure.candidate_ns),
                        decimal(figure.change.map(|change| change.ratio)),
                        low,
                        high,
                        figure.tolerance_percent.to_string(),
                        figure.verdict.name().to_owned(),
                    ];
                    let titles = "file,workload,codec,path,figure,baseline_ns,candidate_ns,change,ci95_low,ci95_high,\
                                  tolerance_percent,verdict";
                    self.row("changes", titles, &cells);
                }
            }
        }
    }

    /// Arms count different things: one row for each number.
    fn experiment(&mut self, file: &str, document: &Document) {
        for arm in &document.arms {
            let Ok(value) = serde_json::to_value(arm) else { continue };
            let mut numbers = Vec::new();
            flatten("", &value, &mut numbers);
            for (field, number) in numbers.into_iter().filter(|(field, _)| field != "arm") {
                let cells = [file.to_owned(), document.scenario.clone(), arm.arm.clone(), field, number];
                self.row("arms", "file,scenario,arm,field,value", &cells);
            }
        }
    }
}

/// Every value with its path, such as `phases.0.latency_ms.p50`.
fn flatten(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&below(name), value, found)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&below(&index.to_string()), value, found));
        }
        Value::Null => found.push((path.to_owned(), String::new())),
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}

fn decimal(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn whole(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn ends(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or_else(Default::default, |ends| ends.map(|end| end.to_string()))
}

/// A cell that a spreadsheet takes for text or a number, never for a formula.
fn quoted(cell: &str) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    let is_formula = !is_number && cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::super::{sample_runs, scenario::samples};
    use super::*;

    fn loaded(saved: Saved) -> Loaded {
        Loaded { saved, json: String::new() }
    }

    #[test]
    fn a_run_has_its_tables() {
        let files = files(&[("run.json".to_owned(), loaded(Saved::Run(Box::new(sample_runs::full(100)))))]);
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["histograms.csv", "hit_ratios.csv", "paths.csv", "phases.csv", "ratios.csv"]);
        let reads = |path: &str| -> u64 {
            let rows = files["histograms.csv"].lines().filter(|row| row.contains(path));
            rows.map(|row| row.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        assert_eq!([reads(",all,arrow,mysql,"), reads(",point,postcard,warm,")], [100, 100]);
        for (name, text) in &files {
            let columns = text.lines().next().unwrap().split(',').count();
            assert!(text.lines().all(|row| row.split(',').count() == columns), "{name}: {text}");
        }
        insta::assert_snapshot!(
            [&files["paths.csv"], &files["ratios.csv"]].map(|text| text.trim_end()).join("\n")
        );
    }

    #[test]
    fn experiments_share_one_table() {
        let files = files(&[("all.json".to_owned(), loaded(Saved::Experiments(samples::all().to_vec())))]);
        let arms = &files["arms.csv"];
        for field in
            ["stale,naive,stale_reads,", "outage,lease,phases.0.reads,", "stampede,naive,loads_per_expiry,"]
        {
            assert!(arms.contains(field), "{field}: {arms}");
        }
    }

    #[test]
    fn cells_are_neither_formulas_nor_broken() {
        let cells = ["=1+1", "-5", "-a", "a,b", "a\"b", "@x", "1e5", ""].map(quoted);
        assert_eq!(cells, ["'=1+1", "-5", "'-a", "\"a,b\"", "\"a\"\"b\"", "'@x", "1e5", ""]);
    }
}
