//! A run's histograms as files that other tools read: percentile files for the HdrHistogram
//! plotter, and one interval log. All values are milliseconds, as in what Java's
//! HistogramLogProcessor writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::distribution::{self, DistributionError};
use crate::run_file::{PathRun, Run, WorkloadRun};
use crate::traffic_file::Document;

/// Java's and every other implementation's default.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
const NS_PER_MS: f64 = 1e6;

/// The name of the interval log beside the percentile files.
pub(crate) const LOG_NAME: &str = "rcache.hlog";

/// Why a run cannot be written so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HdrError {
    #[error("the histogram of {tag} cannot be read: {cause}")]
    Histogram { tag: String, cause: DistributionError },
    #[error("the run's started_at is not a time: {0}")]
    Start(jiff::Error),
}

/// All files of a run by name: one percentile file for each path that was read, and the log.
pub(crate) fn files(run: &Run) -> Result<BTreeMap<String, String>, HdrError> {
    let mut log = log_head(run)?;
    let mut files = BTreeMap::new();
    for workload in &run.workloads {
        for path in workload.paths.iter().filter(|path| path.operations > 0) {
            let tag = tag(run, workload, path);
            let name = format!("{tag}.hgrm");
            if files.contains_key(&name) {
                // Codecs measured side by side share the path without a cache.
                continue;
            }
            let histogram = distribution::decode(&path.histogram)
                .map_err(|cause| HdrError::Histogram { tag: tag.clone(), cause })?;
            // Writing to a String cannot fail. Paths take turns all through the run, so that each
            // one's interval is the run.
            let _ = writeln!(
                log,
                "Tag={tag},0.000,{:.3},{:.3},{}",
                run.wall_s,
                ms(histogram.max()),
                path.histogram
            );
            files.insert(name, percentiles(&histogram));
        }
    }
    files.insert(LOG_NAME.to_owned(), log);
    Ok(files)
}

/// `point.warm`; with the codec in between where a workload was measured with several and the path
/// has a cache. Nothing that a file name or a log's line could not hold, whatever the run file
/// says.
fn tag(run: &Run, workload: &WorkloadRun, path: &PathRun) -> String {
    let namesakes = run.workloads.iter().filter(|other| other.name == workload.name).count();
    let codec =
        if namesakes > 1 && path.hits.is_some() { format!("{}.", workload.codec) } else { String::new() };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    format!("{}.{codec}{}", workload.name, path.path).chars().map(plain).collect()
}

/// The head of an interval log, version 1.3, as Java's HistogramLogWriter writes it.
fn log_head(run: &Run) -> Result<String, HdrError> {
    let start: jiff::Timestamp = run.started_at.parse().map_err(HdrError::Start)?;
    let since_1970_s = start.as_second();
    Ok(format!(
        "#[Logged with rcache {}; values in ns, Interval_Max in ms]\n\
         #[Histogram log format version 1.3]\n\
         #[StartTime: {since_1970_s}.000 (seconds since epoch), {start}]\n\
         #[BaseTime: {since_1970_s}.000 (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        run.rcache_version
    ))
}

/// The percentile files of traffic: response and service times of each strategy.
pub(crate) fn traffic_files(document: &Document) -> Result<BTreeMap<String, String>, HdrError> {
    let mut files = BTreeMap::new();
    for strategy in &document.strategies {
        for (kind, times) in [("response", &strategy.response), ("service", &strategy.service)] {
            let tag = format!("{}.{kind}", strategy.label());
            let histogram = distribution::decode(&times.histogram)
                .map_err(|cause| HdrError::Histogram { tag: tag.clone(), cause })?;
            files.insert(format!("{tag}.hgrm"), percentiles(&histogram));
        }
    }
    Ok(files)
}

/// The output of Java's `outputPercentileDistribution`, in ms, with six decimals instead of three:
/// a read of 21.6 µs would be 0.022 ms otherwise.
fn percentiles(histogram: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let (value, quantile) = (ms(step.value_iterated_to()), step.quantile_iterated_to());
        let _ = write!(text, "{value:>12.6} {quantile:>14.12} {total:>10}");
        if quantile < 1.0 {
            let _ = write!(text, " {:>14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let (mean, deviation) = (histogram.mean() / NS_PER_MS, histogram.stdev() / NS_PER_MS);
    let _ = writeln!(text, "#[Mean    = {mean:>12.6}, StdDeviation   = {deviation:>12.6}]");
    let _ = writeln!(
        text,
        "#[Max     = {:>12.6}, Total count    = {:>12}]",
        ms(histogram.max()),
        histogram.len()
    );
    let _ = writeln!(
        text,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        histogram.buckets(),
        sub_buckets(histogram.sigfig())
    );
    text
}

/// The linear steps of one bucket: the power of two that keeps twice ten to the digits apart.
fn sub_buckets(digits: u8) -> u64 {
    (2 * 10u64.pow(u32::from(digits.min(5)))).next_power_of_two()
}

fn ms(ns: u64) -> f64 {
    ns as f64 / NS_PER_MS
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::super::sample_runs;
    use super::*;

    #[test]
    fn a_percentile_file_has_javas_shape() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        (1..=1_000u64).for_each(|sample| histogram.record(sample * 1_000).unwrap());
        insta::assert_snapshot!(percentiles(&histogram));
    }

    #[test]
    fn every_path_that_was_read_has_a_file_and_a_line() {
        let mut run = sample_runs::full(100);
        run.workloads[0].paths[1] = sample_runs::path_of("cold", &[]);
        let files = files(&run).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let expected = ["all.mysql", "all.warm", "point.cold", "point.mysql", "point.warm"];
        assert_eq!(
            names,
            [&expected.map(|name| format!("{name}.hgrm"))[..], &[LOG_NAME.to_owned()]].concat()
        );
        let log = &files[LOG_NAME];
        insta::assert_snapshot!(log.lines().take(5).collect::<Vec<_>>().join("\n"));
        let intervals: Vec<_> = IntervalLogIterator::new(log.as_bytes())
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => Some(interval),
                _ => None,
            })
            .collect();
        assert_eq!(intervals.len(), 5);
        for interval in intervals {
            let tag = interval.tag().unwrap().to_string();
            assert!(expected.contains(&tag.as_str()), "{tag}");
            assert_eq!(interval.duration().as_millis(), 41_700);
            let histogram = distribution::decode(interval.encoded_histogram()).unwrap();
            assert_eq!(histogram.len(), 100);
            assert!((interval.max() - ms(histogram.max())).abs() <= 0.0005);
        }
    }

    #[test]
    fn codecs_are_told_apart_and_odd_names_do_no_harm() {
        let mut run = sample_runs::full(10);
        let mut json = run.workloads[0].clone();
        json.codec = "json".to_owned();
        run.workloads.push(json);
        run.workloads[1].name = "../point,\n".to_owned();
        let names: Vec<String> = files(&run).unwrap().into_keys().collect();
        assert!(names.contains(&"all.arrow.cold.hgrm".to_owned()), "{names:?}");
        assert!(names.contains(&"all.json.cold.hgrm".to_owned()), "{names:?}");
        assert!(names.contains(&"all.mysql.hgrm".to_owned()), "{names:?}");
        assert!(names.contains(&".._point__.cold.hgrm".to_owned()), "{names:?}");
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let mut run = sample_runs::full(10);
        run.workloads[0].paths[0].histogram = "no histogram".to_owned();
        assert!(files(&run).unwrap_err().to_string().contains("all.mysql"));
        run.started_at = "yesterday".to_owned();
        assert!(matches!(files(&run), Err(HdrError::Start(_))));
    }
}
