//! Saved documents as pages with pictures, the sentences first. Any renderer draws them; a document
//! may come from anywhere, so that everything that grows with it is bounded.

mod bounds;
mod run;
mod size;
mod traffic;
mod workload;

use super::blocks::{Block, Heading, Page, Role, Section};
use super::render::html::{Part, compact};
use super::{candidates, comparison, scenario, traffic_comparison};
use crate::candidates::Document as Candidates;
use crate::compare::{Comparison, TrafficComparison};
use crate::documents::{Loaded, Saved};
use crate::run_file::Run;
use crate::scenario::document::Document;
use crate::size::document::Document as Size;
use crate::traffic_file::Document as Traffic;

/// The parts of a page that shows a file: one, or one for each experiment in it. `file` is the name
/// that people know the file by.
pub(crate) fn of_file(file: &str, loaded: &Loaded) -> Vec<Part> {
    let mut parts = match &loaded.saved {
        Saved::Run(run) => vec![part(title_of_run(file, run), of_run(run))],
        Saved::Comparison(compared) => vec![part(format!("{file}: comparison"), of_comparison(compared))],
        Saved::Experiments(documents) => {
            let title = |document: &Document| format!("{file}: scenario {}", document.scenario);
            let parts = documents.iter().take(bounds::EXPERIMENTS);
            parts.map(|document| part(title(document), of_experiment(document))).collect()
        }
        Saved::Traffic(traffic) => {
            vec![part(format!("{file}: traffic of {}", traffic.started_at), of_traffic(traffic))]
        }
        Saved::TrafficComparison(compared) => {
            vec![part(format!("{file}: comparison of traffic"), of_traffic_comparison(compared))]
        }
        Saved::Size(size) => vec![part(format!("{file}: size"), of_size(size))],
        Saved::Candidates(found) => vec![part(format!("{file}: candidates"), of_candidates(found))],
    };
    if let Some(first) = parts.first_mut() {
        first.document = Some(compact(&loaded.json));
    }
    parts
}

/// The part that compares two runs, with the comparison as its document.
pub(crate) fn of_two_runs(compared: &Comparison, json: &str) -> Part {
    let title = format!("Comparison of {} with {}", compared.candidate.file, compared.baseline.file);
    Part { document: Some(compact(json)), ..part(title, of_comparison(compared)) }
}

/// The part that compares two documents of traffic, with the comparison as its document.
pub(crate) fn of_two_traffics(compared: &TrafficComparison, json: &str) -> Part {
    let title = format!("Comparison of {} with {}", compared.candidate, compared.baseline);
    Part { document: Some(compact(json)), ..part(title, of_traffic_comparison(compared)) }
}

/// The part that says why two documents were not compared.
pub(crate) fn of_refusal(reason: &str) -> Part {
    let reason = reason.replace('\n', " ");
    part("Comparison".to_owned(), vec![Section::new(vec![Block::Note(reason)])])
}

fn part(title: String, page: Page) -> Part {
    Part { title, page, document: None }
}

fn title_of_run(file: &str, run: &Run) -> String {
    let what = if run.first_accesses.is_some() { "demo" } else { "bench" };
    format!("{file}: {what} of {}", run.started_at)
}

/// All parts as one page, each below its title if there are several.
pub(crate) fn joined(parts: &[Part]) -> Page {
    let title = |part: &Part| {
        let heading = Heading { name: part.title.clone(), text: String::new(), aside: String::new() };
        Section { heading: Some(heading), ..Section::default() }
    };
    let is_several = parts.len() > 1;
    let page = |part: &Part| {
        is_several.then(|| title(part)).into_iter().chain(part.page.clone()).collect::<Vec<_>>()
    };
    parts.iter().flat_map(page).collect()
}

/// A run: its answer, its pictures, all its numbers, and its setting.
pub(crate) fn of_run(run: &Run) -> Page {
    let (run, left_out) = bounds::of_run(run);
    with_note(run::page(&run), &left_out)
}

/// A comparison: the verdicts, the changes with their intervals, and what differs.
pub(crate) fn of_comparison(compared: &Comparison) -> Page {
    let (compared, left_out) = bounds::of_comparison(compared);
    let page = summary_first(comparison::page(&compared), comparison::figures(&compared));
    with_note(page, &left_out)
}

/// An experiment: what to take away, the arms side by side, and every number.
pub(crate) fn of_experiment(document: &Document) -> Page {
    let (document, left_out) = bounds::of_experiment(document);
    with_note(summary_first(scenario::page(&document), scenario::figures(&document)), &left_out)
}

/// Traffic: what the strategies did, its pictures, and its setting.
pub(crate) fn of_traffic(document: &Traffic) -> Page {
    let (document, left_out) = bounds::of_traffic(document);
    with_note(traffic::page(&document), &left_out)
}

/// A comparison of traffic: the verdicts, the ratios with their intervals, and what differs.
pub(crate) fn of_traffic_comparison(compared: &TrafficComparison) -> Page {
    let (compared, left_out) = bounds::of_traffic_comparison(compared);
    let page = summary_first(traffic_comparison::page(&compared), traffic_comparison::figures(&compared));
    with_note(page, &left_out)
}

/// A prediction: what each size of Redis leads to.
pub(crate) fn of_size(document: &Size) -> Page {
    let (document, left_out) = bounds::of_size(document);
    with_note(size::page(&document), &left_out)
}

/// The reads of a server that a cache could relieve most.
pub(crate) fn of_candidates(document: &Candidates) -> Page {
    let (document, left_out) = bounds::of_candidates(document);
    with_note(candidates::page(&document), &left_out)
}

/// A page that ends with its summary on a terminal, turned round, with its pictures below the
/// summary.
fn summary_first(page: Page, figures: Vec<Section>) -> Page {
    let is_finding = |section: &Section| {
        let title = section.heading.as_ref().map(|heading| heading.text.as_str());
        section.role == Role::Summary || title == Some(scenario::FINDINGS)
    };
    let (mut first, rest): (Page, Page) = page.into_iter().partition(is_finding);
    first.sort_by_key(|section| section.role != Role::Summary);
    [first, figures, rest].concat()
}

fn with_note(page: Page, left_out: &[String]) -> Page {
    if left_out.is_empty() {
        return page;
    }
    let text = format!("Not shown, since the document holds too many: {}.", left_out.join(", "));
    [vec![Section::new(vec![Block::Note(text)])], page].concat()
}

#[cfg(test)]
mod tests {
    use super::super::render::terminal::{self, Screen};
    use super::super::traffic::tests as samples;
    use super::super::{sample_runs, scenario};
    use super::*;

    #[test]
    fn a_run_in_text() {
        let page = of_run(&sample_runs::full(1_000));
        insta::assert_snapshot!(terminal::render(&page, &Screen::default()));
    }

    #[test]
    fn experiments_in_text() {
        let pages = [scenario::samples::stale(), scenario::samples::outage()];
        let text = pages.map(|document| terminal::render(&of_experiment(&document), &Screen::default()));
        insta::assert_snapshot!(text.join("\n---\n"));
    }

    #[test]
    fn traffic_in_text() {
        let pages = [of_traffic(&samples::sample()), of_traffic(&samples::searched())];
        let text = pages.map(|page| terminal::render(&page, &Screen::default()));
        insta::assert_snapshot!(text.join("\n---\n"));
    }

    #[test]
    fn traffic_compared_in_text() {
        let mut candidate = samples::sample();
        let lease = &mut candidate.strategies[2].response;
        lease.mean_ns = lease.mean_ns.map(|ns| ns * 2.0);
        lease.mean_ci95_ns = lease.mean_ci95_ns.map(|ends| ends.map(|ns| ns * 2.0));
        // Another measurement of all of them.
        candidate.strategies.iter_mut().for_each(|strategy| strategy.database_loads += 1);
        let page = of_traffic_comparison(&samples::compared(&samples::sample(), &candidate));
        insta::assert_snapshot!(terminal::render(&page, &Screen::default()));
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        let runs = [0, 1, 1_000].map(|reads| of_run(&sample_runs::full(reads)));
        let experiments = scenario::samples::all().into_iter().map(|document| of_experiment(&document));
        let traffic = [samples::sample(), samples::troubled(), samples::searched(), samples::of_workloads()];
        let compared = of_traffic_comparison(&samples::compared(&traffic[0], &traffic[1]));
        let others = [compared, of_size(&super::super::size::tests::sample())];
        let traffic = traffic.map(|document| of_traffic(&document));
        for page in runs.into_iter().chain(experiments).chain(traffic).chain(others) {
            for width in [40, 60, 80, 100] {
                let screen = Screen { width, ascii: width == 60, ..Screen::default() };
                for line in terminal::render(&page, &screen).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                    assert!(!screen.ascii || line.is_ascii(), "{line}");
                }
            }
        }
    }
}
