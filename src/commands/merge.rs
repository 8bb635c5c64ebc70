//! `rcache merge`: the runs of several load generators as one run of all their clients.

use std::path::Path;

use anyhow::anyhow;

use super::Outcome;
use super::console::Console;
use super::json;
use super::output_file::OutputFile;
use super::outputs::{PageTo, check_apart, refuse_twice, report_saved, show};
use crate::cli::{Format, Merge};
use crate::compare;
use crate::config::Settings;
use crate::model::UsageError;
use crate::plain_text;
use crate::report;
use crate::run_file::{Run, load, pool};

pub(super) fn run(arguments: &Merge, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    if arguments.runs.iter().filter(|path| load::is_stdin(path)).count() > 1 {
        return Err(UsageError("only one of the runs can come from stdin".to_owned()).into());
    }
    let output = OutputFile::create(&arguments.output).map_err(|error| error.context("--output"))?;
    refuse_twice("run", Some(&output), settings)?;
    check_apart("--output", Some(&output), &arguments.runs)?;
    let mut runs = Vec::new();
    for path in &arguments.runs {
        match load::load(path) {
            Ok(run) => runs.push((path.as_path(), run)),
            Err(error) if error.is_another_document() => {
                console.error(&unreadable(path, &error));
                return Ok(Outcome::NotComparable);
            }
            Err(error) => return Err(anyhow!(unreadable(path, &error))),
        }
    }
    if let Some(refusal) = refusal(&runs) {
        console.error(&plain_text::lines(&refusal));
        return Ok(Outcome::NotComparable);
    }
    let runs: Vec<Run> = runs.into_iter().map(|(_, run)| run).collect();
    if let Some(warning) = not_at_the_same_time(&runs) {
        console.warning(&warning);
    }
    let Some(merged) = pool::merge_runs(&runs) else { return Ok(Outcome::NotComparable) };
    save(output, &merged, settings, console)
}

fn save(output: OutputFile, merged: &Run, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let document = json::pretty(merged)?;
    let page_to = PageTo::beside([&output]);
    let what = format!("the merged run to {}", output.path().display());
    let saved = output.save(&document);
    let text = match settings.format {
        Format::Text => {
            let page = report::bench::page(merged, console.detail_of_pages());
            console.render(&page, settings.page_format)
        }
        Format::Json => document,
    };
    let shown = show(page_to, &text, console);
    let all_saved = report_saved(vec![(what, saved)], console);
    shown?;
    Ok(Outcome::Fine.and_saved(all_saved))
}

fn unreadable(path: &Path, error: &load::LoadError) -> String {
    format!("cannot read the run {}: {error}", name(path))
}

fn name(path: &Path) -> String {
    if load::is_stdin(path) { "from stdin".to_owned() } else { path.display().to_string() }
}

/// Why runs cannot be merged, with every reason.
fn refusal(runs: &[(&Path, Run)]) -> Option<String> {
    let (first, others) = runs.split_first()?;
    let mut reasons = Vec::new();
    for (path, run) in runs {
        let file = name(path);
        if !run.runs.is_empty() {
            let what =
                if run.generators > 1 { "was merged before" } else { "holds several runs (bench --runs)" };
            reasons.push(format!("{file} {what}; merge single runs, all of them together"));
        }
        if run.interrupted {
            reasons.push(format!("{file} was interrupted before it was complete"));
        }
        if let Some(where_it_is) = pool::damaged_histogram(run) {
            reasons.push(format!("{file} has a histogram that cannot be read: {where_it_is}"));
        }
    }
    for (index, (path, run)) in others.iter().enumerate() {
        let (first_file, file) = (name(first.0), name(path));
        let is_it = |(_, earlier): &&(&Path, Run)| earlier == run;
        if let Some((earlier, _)) = runs.iter().take(index + 1).find(is_it) {
            reasons.push(format!("{file} holds the same run as {}", name(earlier)));
        }
        let differences = compare::unmergeable(&first.1, run).into_iter();
        reasons.extend(differences.map(|compare::Difference { field, baseline, candidate }| {
            format!("{field} differs: {baseline} in {first_file}, {candidate} in {file}")
        }));
    }
    let listed: String = reasons.iter().map(|reason| format!("\n  {reason}")).collect();
    (!reasons.is_empty()).then(|| format!("the runs cannot be merged:{listed}"))
}

/// The rates of runs that did not overlap were never reached together.
fn not_at_the_same_time(runs: &[Run]) -> Option<String> {
    let span = |run: &Run| {
        let start: jiff::Timestamp = run.started_at.parse().ok()?;
        let start_s = start.as_duration().as_secs_f64();
        Some((start_s, start_s + run.wall_s))
    };
    let spans: Vec<(f64, f64)> = runs.iter().filter_map(span).collect();
    let latest_start = spans.iter().map(|(start, _)| *start).fold(f64::MIN, f64::max);
    let first_end = spans.iter().map(|(_, end)| *end).fold(f64::MAX, f64::min);
    (latest_start > first_end).then(|| {
        "these runs were not made at the same time: the throughput of all together is a sum of rates that were never \
         reached together; start generators with bench --start-at"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;

    fn refused(change: impl Fn(&mut Run)) -> String {
        let one = sample_runs::full(100);
        let mut other = one.clone();
        other.config.rng_seed += 1;
        change(&mut other);
        refusal(&[(Path::new("one.json"), one), (Path::new("other.json"), other)]).unwrap_or_default()
    }

    #[test]
    fn what_does_not_add_up_is_refused_with_every_reason() {
        assert_eq!(refused(|_| {}), "");
        let said = [
            refused(|run| run.config.rng_seed -= 1),
            refused(|run| run.interrupted = true),
            refused(|run| run.workloads[1].paths[2].histogram = "?".to_owned()),
            refused(|run| {
                run.dataset.as_mut().unwrap().users += 1;
                run.config.time_s = Some(7.0);
            }),
            refused(|run| *run = pool::merge_runs(&[run.clone(), sample_runs::full(50)]).unwrap()),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn runs_one_after_the_other_are_no_load_of_several_generators() {
        let one = sample_runs::full(100);
        let mut other = one.clone();
        assert_eq!(not_at_the_same_time(&[one.clone(), other.clone()]), None);
        other.started_at = "2030-01-01T00:00:00Z".to_owned();
        assert!(not_at_the_same_time(&[one.clone(), other.clone()]).is_some());
        other.started_at = "?".to_owned();
        assert_eq!(not_at_the_same_time(&[one, other]), None);
    }
}
