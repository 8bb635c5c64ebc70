//! An experiment as a page: the setting, the arms side by side, and what one sees, in words made from the numbers.

mod avalanche;
mod corrupt;
mod outage;
mod penetration;
#[cfg(test)]
pub(crate) mod samples;
mod so_what;
mod stale;
mod stampede;
pub(crate) mod summary;

use anstyle::Style as Ink;

use super::layout::{clean, entry, heading, page, paragraph, text_column, wrap};
use super::{ALERT, PLAIN, Style, table};
use crate::scenario_file::{Arm, Document};
use crate::units;

/// The whole page, with a line break at its end.
pub(crate) fn render(document: &Document, style: &Style) -> String {
    let mut blocks = vec![head(document, style)];
    if !document.arms.is_empty() {
        blocks.push(meanings(document, style));
    }
    blocks.extend(match document.scenario.as_str() {
        "stale" => stale::blocks(document, style),
        "outage" => outage::blocks(document, style),
        "avalanche" => avalanche::blocks(document, style),
        "penetration" => penetration::blocks(document, style),
        "stampede" => stampede::blocks(document, style),
        "corrupt" => corrupt::blocks(document, style),
        _ => Vec::new(),
    });
    blocks.push(errors(document, style));
    blocks.push(warnings(document, style));
    blocks.push(verdict(document, style));
    blocks.push(so_what(document, style));
    page(&blocks)
}

fn head(document: &Document, style: &Style) -> Vec<String> {
    let wall = units::duration(document.wall_s.max(0.0) * 1e9);
    let title = format!(
        "rcache {}, scenario {} of {}, took {wall}",
        document.rcache_version, document.scenario, document.started_at
    );
    let mut lines = heading(&clean(&title), style);
    let environment = &document.environment;
    let server = |server: &crate::run_file::Server| {
        let owner = if server.sandbox { " in the sandbox" } else { "" };
        format!("{} {}{owner}", server.flavor, server.version)
    };
    let cores =
        environment.cores.map(|cores| format!("; {}", super::layout::counted(cores, "core", "cores")));
    let servers = format!(
        "{} and {}{}",
        server(&environment.mysql),
        server(&environment.redis),
        cores.unwrap_or_default()
    );
    lines.extend(paragraph(&clean(&servers), style));
    if document.interrupted {
        let text =
            "Interrupted: this run ended early, and every number covers only what happened until then.";
        lines.extend(alert(text, style));
    }
    lines
}

/// What each arm does.
fn meanings(document: &Document, style: &Style) -> Vec<String> {
    let names = document.arms.iter().map(|arm| arm.arm.as_str());
    let column = text_column(names.clone());
    let entries = names.filter_map(|name| Some(entry(name, PLAIN, column, meaning(name)?, style)));
    heading("Arms", style).into_iter().chain(entries.flatten()).collect()
}

fn meaning(arm: &str) -> Option<&'static str> {
    Some(match arm {
        "mysql" => "no cache",
        "naive" => "GET; on a miss SELECT, then SET. Writers COMMIT, then DEL",
        "naive-double-delete" => "as naive; a second DEL follows each write a while later",
        "lock" => "as naive, but only the client that gets a lock (SET NX) loads",
        "lease" => "rcache's library; writers COMMIT, then invalidate",
        "lease-marker" => "rcache's library; writers mark, COMMIT, finish",
        "naive-jitter" => "as naive; each time to live is shortened by a random 0 to 10 %",
        "lease-no-negative" => "as lease, but it does not remember which rows do not exist",
        "lease-no-mutex" => "as lease; each client is a process of its own, so no mutex is shared",
        "lease-early" => {
            "as lease; values are refreshed in the background before they expire, at random (XFetch)"
        }
        _ => return None,
    })
}

/// The first error of each arm that has one.
fn errors(document: &Document, style: &Style) -> Vec<String> {
    let failed: Vec<(&Arm, &String)> =
        document.arms.iter().filter_map(|arm| Some((arm, arm.first_error.as_ref()?))).collect();
    if failed.is_empty() {
        return Vec::new();
    }
    let column = text_column(failed.iter().map(|(arm, _)| arm.arm.as_str()));
    let entries = failed.iter().flat_map(|(arm, error)| {
        let text = format!(
            "{} and {} failed; the first: {error}",
            super::layout::counted(arm.failed_reads, "read", "reads"),
            super::layout::counted(arm.failed_writes, "write", "writes")
        );
        entry(&arm.arm, ALERT, column, &text, style)
    });
    heading("Errors", style).into_iter().chain(entries).collect()
}

fn warnings(document: &Document, style: &Style) -> Vec<String> {
    document
        .warnings
        .iter()
        .flat_map(|warning| alert(&format!("Warning: {}", warning.message), style))
        .collect()
}

/// One line that says what to take away, from a run that shows it.
fn so_what(document: &Document, style: &Style) -> Vec<String> {
    so_what::line(document).map_or_else(Vec::new, |line| paragraph(&format!("So what: {line}"), style))
}

/// Where the run proves nothing, or proves the library wrong.
fn verdict(document: &Document, style: &Style) -> Vec<String> {
    let Some(reason) = &document.reason else { return Vec::new() };
    let what = if document.broken {
        "The library broke a promise"
    } else if document.valid {
        return Vec::new();
    } else {
        "This run proves nothing"
    };
    alert(&format!("{what}: {reason}."), style)
}

fn alert(text: &str, style: &Style) -> Vec<String> {
    wrap(&clean(text), style.columns()).into_iter().map(|line| style.paint(ALERT, &line)).collect()
}

/// A table of arms below a heading, each row under its arm's name.
fn arms_table(
    title: &str,
    header: &[&str],
    document: &Document,
    row: impl Fn(&Arm) -> Vec<String>,
    style: &Style,
) -> Vec<String> {
    let header = std::iter::once("arm").chain(header.iter().copied()).map(str::to_owned).collect();
    let rows = document.arms.iter().map(|arm| [vec![clean(&arm.arm)], row(arm)].concat());
    let grid: table::Grid = std::iter::once(header).chain(rows).collect();
    heading(title, style).into_iter().chain(table::set_or_list(&grid, style)).collect()
}

/// What was found, sentence by sentence.
fn sentences(sentences: &[String], style: &Style) -> Vec<String> {
    let title = style.paint(Ink::new().bold(), "Findings");
    std::iter::once(title).chain(sentences.iter().flat_map(|text| paragraph(text, style))).collect()
}

/// A setting by its name in the document.
fn config(document: &Document, name: &str) -> u64 {
    document.config.get(name).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::layout::columns_of;
    use super::*;

    const PAGE: Style = Style { width: 80, color: false };

    #[test]
    fn stale_as_it_should_be() {
        insta::assert_snapshot!(render(&samples::stale(), &PAGE));
    }

    #[test]
    fn stale_that_proves_nothing() {
        insta::assert_snapshot!(render(&samples::stale_without_harm(), &PAGE));
    }

    #[test]
    fn stale_with_a_broken_promise_and_errors() {
        insta::assert_snapshot!(render(&samples::stale_broken(), &PAGE));
    }

    #[test]
    fn interrupted_before_the_first_arm() {
        insta::assert_snapshot!(render(&samples::interrupted(), &PAGE));
    }

    #[test]
    fn stampede_as_it_should_be() {
        insta::assert_snapshot!(render(&samples::stampede(), &PAGE));
    }

    #[test]
    fn outage_as_it_should_be() {
        insta::assert_snapshot!(render(&samples::outage(), &PAGE));
    }

    #[test]
    fn avalanche_as_it_should_be() {
        insta::assert_snapshot!(render(&samples::avalanche(), &PAGE));
    }

    #[test]
    fn penetration_as_it_should_be() {
        insta::assert_snapshot!(render(&samples::penetration(), &PAGE));
    }

    #[test]
    fn corrupt_as_it_should_be() {
        insta::assert_snapshot!(render(&samples::corrupt(), &PAGE));
    }

    #[test]
    fn a_document_is_frozen() {
        let mut document = samples::stale();
        document.arms.retain(|arm| ["naive", "lease"].contains(&arm.arm.as_str()));
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_colour_changes_no_letter() {
        for document in samples::all() {
            for width in [40, 44, 48, 60, 80, 100] {
                let plain = render(&document, &Style { width, color: false });
                for line in plain.lines() {
                    assert!(columns_of(line) <= width, "{width}: {line}");
                }
                let colored = render(&document, &Style { width, color: true });
                assert_ne!(colored, plain);
                assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
            }
        }
    }
}
