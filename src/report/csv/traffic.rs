//! Traffic as tables: strategies, their seconds and their histograms; and comparisons of it.

use super::{PERCENTILES, Tables, decimal, ends, whole};
use crate::compare::TrafficComparison;
use crate::traffic_file::{Distribution, Document, SecondRow, Strategy};

impl Tables {
    pub(super) fn traffic(&mut self, file: &str, document: &Document) {
        for strategy in &document.strategies {
            let workload = strategy.workload.clone().unwrap_or_default();
            let head = [file.to_owned(), workload, strategy.strategy.clone()];
            self.strategy(&head, strategy);
            for row in &strategy.seconds {
                self.second(&head, row);
            }
            for (times, distribution) in [
                ("response", &strategy.response),
                ("service", &strategy.service),
                ("waking", &strategy.waking),
            ] {
                let head = [head.as_slice(), &[times.to_owned()]].concat();
                self.times(&head, distribution);
                let titles = "file,workload,strategy,times,from_ns,to_ns,operations";
                self.histogram("strategy_histograms", titles, &head, &distribution.histogram);
            }
        }
    }

    fn strategy(&mut self, head: &[String], strategy: &Strategy) {
        let [low, high] = ends(strategy.hit_ratio_ci95);
        let rate = strategy.max_rate.as_ref();
        let [rate_low, rate_high] = ends(rate.and_then(|rate| rate.interval_per_s));
        let failed = strategy.errors.values().fold(0_u64, |sum, errors| sum.saturating_add(*errors));
        let cells = [
            strategy.measured_s.to_string(),
            strategy.offered.to_string(),
            strategy.done.to_string(),
            failed.to_string(),
            strategy.given_up.to_string(),
            strategy.throughput_per_s.to_string(),
            decimal(strategy.waiting_mean_ns),
            strategy.hits.operations.to_string(),
            decimal(strategy.hits.mean_ns),
            strategy.loads.operations.to_string(),
            decimal(strategy.loads.mean_ns),
            strategy.writes.operations.to_string(),
            decimal(strategy.writes.mean_ns),
            decimal(strategy.hit_ratio),
            low,
            high,
            decimal(strategy.expected_hit_ratio),
            strategy.stale_reads.to_string(),
            whole(strategy.stale_age_max_ns),
            strategy.wrong_reads.to_string(),
            strategy.changed_reads.to_string(),
            strategy.database_loads.to_string(),
            rate.map(|rate| rate.kind.clone()).unwrap_or_default(),
            decimal(rate.map(|rate| rate.per_s)),
            rate_low,
            rate_high,
        ];
        let titles = "file,workload,strategy,measured_s,offered,done,failed,given_up,throughput_per_s,waiting_mean_ns,hits,hit_mean_ns,\
                      loads,load_mean_ns,writes,write_mean_ns,hit_ratio,hit_ratio_ci95_low,hit_ratio_ci95_high,\
                      expected_hit_ratio,stale_reads,stale_age_max_ns,wrong_reads,changed_reads,database_loads,max_rate,max_rate_per_s,\
                      max_rate_low_per_s,max_rate_high_per_s";
        self.row("strategies", titles, &[head, &cells].concat());
    }

    fn second(&mut self, head: &[String], row: &SecondRow) {
        let counts = [
            row.second,
            row.offered,
            row.done,
            row.failed,
            row.given_up,
            row.hits,
            row.loads,
            row.stale_reads,
        ];
        let counts = counts.map(|number| number.to_string());
        let times = [
            decimal(row.response_mean_ns),
            whole(row.response_p50_ns),
            whole(row.response_p99_ns),
            whole(row.response_max_ns),
        ];
        let titles = "file,workload,strategy,second,offered,done,failed,given_up,hits,loads,stale_reads,response_mean_ns,\
                      response_p50_ns,response_p99_ns,response_max_ns";
        self.row("seconds", titles, &[head, &counts, &times].concat());
    }

    fn times(&mut self, head: &[String], distribution: &Distribution) {
        let [low, high] = ends(distribution.mean_ci95_ns);
        let mut cells = vec![
            distribution.operations.to_string(),
            decimal(distribution.mean_ns),
            low,
            high,
            whole(distribution.min_ns),
        ];
        cells.extend(PERCENTILES.map(|name| whole(distribution.percentiles_ns.get(name).copied().flatten())));
        cells.push(whole(distribution.max_ns));
        let titles = "file,workload,strategy,times,operations,mean_ns,mean_ci95_low_ns,mean_ci95_high_ns,min_ns,p50_ns,p90_ns,p95_ns,\
                      p99_ns,p99.9_ns,max_ns";
        self.row("strategy_times", titles, &[head, &cells].concat());
    }

    pub(super) fn traffic_comparison(&mut self, file: &str, compared: &TrafficComparison) {
        for strategy in &compared.strategies {
            for figure in &strategy.figures {
                let [low, high] = ends(figure.ratio_ci95);
                let cells = [
                    file.to_owned(),
                    strategy.strategy.clone(),
                    figure.figure.clone(),
                    figure.baseline.to_string(),
                    figure.candidate.to_string(),
                    figure.ratio.to_string(),
                    low,
                    high,
                    figure.judged_by.clone(),
                    compared.tolerance_percent.to_string(),
                    figure.verdict.name().to_owned(),
                ];
                let titles = "file,strategy,figure,baseline,candidate,ratio,ci95_low,ci95_high,judged_by,tolerance_percent,\
                              verdict";
                self.row("strategy_changes", titles, &cells);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files;
    use crate::documents::{Loaded, Saved};
    use crate::report::traffic::tests::{compared, sample, searched};

    fn loaded(saved: Saved) -> (String, Loaded) {
        ("traffic.json".to_owned(), Loaded { saved, json: String::new() })
    }

    #[test]
    fn traffic_has_its_tables() {
        let comparison = compared(&sample(), &sample());
        let files = files(&[
            loaded(Saved::Traffic(Box::new(sample()))),
            loaded(Saved::Traffic(Box::new(searched()))),
            loaded(Saved::TrafficComparison(Box::new(comparison))),
        ]);
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "seconds.csv",
                "strategies.csv",
                "strategy_changes.csv",
                "strategy_histograms.csv",
                "strategy_times.csv"
            ]
        );
        for (name, text) in &files {
            let columns = text.lines().next().unwrap().split(',').count();
            assert!(text.lines().all(|row| row.split(',').count() == columns), "{name}: {text}");
        }
        let rows = |name: &str| files[name].lines().count() - 1;
        assert_eq!((rows("strategies.csv"), rows("seconds.csv"), rows("strategy_times.csv")), (5, 50, 15));
        insta::assert_snapshot!(files["strategies.csv"].trim_end());
    }
}
