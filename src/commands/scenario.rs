//! `rcache scenario`: one failure of caching on real servers, with and without the cure, and what
//! that proves.

pub(super) mod experiment;

use anyhow::bail;
use serde::Serialize;

use super::Outcome;
use super::console::Console;
use super::json;
use super::left::{Left, Made};
use super::servers::{Need, Servers};
use crate::cli::{self, Format, ScenarioChoice, TypedFormat};
use crate::config::Settings;
use crate::model::UsageError;
use crate::plain_text;
use crate::report;
use crate::report::blocks::{Block, Entry as PageEntry, Section};
use crate::report::scenario::summary::{self, Entry, Found};
use crate::scenario;
use crate::scenario::definition::{Needs, Scenario};
use crate::scenario::document::{Document, Experiments};

pub(super) fn run(
    arguments: &cli::Scenario,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    match arguments.name {
        None => list(settings.format, console),
        Some(ScenarioChoice::One(scenario)) => one(scenario, arguments, settings, console),
        Some(ScenarioChoice::All) => all(arguments, settings, console),
    }
}

/// The names, with one line each.
fn list(format: Format, console: &Console) -> anyhow::Result<Outcome> {
    let names = scenario::ALL.iter();
    console.result(&match format {
        Format::Text => {
            let entries = names.map(|it| PageEntry::new(it.name, it.meaning));
            console.render(&[Section::new(vec![Block::Entries(entries.collect())])], TypedFormat::Text)
        }
        Format::Json => {
            let scenarios = names.map(|it| Listed { scenario: it.name, meaning: it.meaning }).collect();
            json::line(List { scenarios })?
        }
    })?;
    Ok(Outcome::Fine)
}

/// The document of `scenario --list`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct List {
    /// In the order in which `all` runs them.
    scenarios: Vec<Listed>,
}

impl json::Small for List {
    const FORMAT: &'static str = "rcache-scenario-list";
}

/// One scenario.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Listed {
    /// Its name on the command line.
    scenario: &'static str,
    /// The failure, in one line.
    meaning: &'static str,
}

fn one(
    scenario: &Scenario,
    arguments: &cli::Scenario,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    if let Some(obstacle) = named_servers(scenario, settings)? {
        bail!(UsageError(format!("{obstacle}: add --sandbox, or leave --mysql-url and --redis-url away")));
    }
    let mut servers = Servers::open(settings, Need::Both, "scenario", console)?;
    let document = match experiment::run(scenario, arguments, settings, &mut servers, console) {
        Ok(document) => document,
        Err(error) => {
            drop(servers);
            Left::report(settings, Need::Both, Made::default(), console);
            return Err(error);
        }
    };
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => console.render(&report::scenario::page(&document), settings.page_format),
        Format::Json => json::pretty(&document)?,
    })?;
    Left::report(settings, Need::Both, Made::default(), console);
    Ok(outcome(&document, settings.format, console))
}

/// Only servers of rcache's own are stopped and killed.
fn named_servers(scenario: &Scenario, settings: &Settings) -> anyhow::Result<Option<String>> {
    let named = settings.mysql()?.is_some() || settings.redis()?.is_some();
    Ok((scenario.needs == Needs::PrivateServers && named).then(|| {
        format!(
            "the scenario {} stops and kills Redis, which rcache does to servers of its own alone",
            scenario.name
        )
    }))
}

/// Each scenario in turn, and a summary at the end. One that fails does not keep the others from
/// running.
fn all(arguments: &cli::Scenario, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let mut servers = Servers::open(settings, Need::Both, "scenario", console)?;
    let (mut entries, mut documents, mut worst) = (Vec::new(), Vec::new(), Outcome::Fine);
    for scenario in scenario::ALL {
        let name = scenario.name;
        if worst == Outcome::Interrupted {
            break;
        }
        let (found, outcome) = match in_turn(scenario, arguments, settings, &mut servers, console) {
            InTurn::Skipped(reason) => (Found::Skipped(reason), Outcome::Fine),
            InTurn::Failed(error) => {
                console.error(&format!("scenario {name}: {error:#}"));
                (Found::Failed(format!("{error:#}")), failed())
            }
            InTurn::Ran(document) => {
                if settings.format == Format::Text {
                    let page = console.render(&report::scenario::page(&document), settings.page_format);
                    console.result(&format!("{page}\n"))?;
                }
                let outcome = outcome(&document, settings.format, console);
                documents.push(*document.clone());
                (Found::Ran(document), outcome)
            }
        };
        entries.push(Entry { name, found });
        worst = worse(worst, outcome);
    }
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => console.render(&summary::page(&entries), settings.page_format),
        Format::Json => json::pretty(&Experiments::new(documents))?,
    })?;
    Left::report(settings, Need::Both, Made::default(), console);
    Ok(worst)
}

/// The result of one scenario among all.
enum InTurn {
    Ran(Box<Document>),
    Skipped(String),
    Failed(anyhow::Error),
}

fn in_turn(
    scenario: &Scenario,
    arguments: &cli::Scenario,
    settings: &Settings,
    servers: &mut Servers,
    console: &Console,
) -> InTurn {
    match named_servers(scenario, settings) {
        Ok(Some(obstacle)) => return InTurn::Skipped(obstacle),
        Err(error) => return InTurn::Failed(error),
        Ok(None) => {}
    }
    if scenario.needs == Needs::PrivateServers
        && let Err(error) = servers.own_sandbox()
    {
        return InTurn::Skipped(plain_text::one_line(&format!("{error:#}")));
    }
    match experiment::run(scenario, arguments, settings, servers, console) {
        Ok(document) => InTurn::Ran(Box::new(document)),
        Err(error) => InTurn::Failed(error),
    }
}

fn failed() -> Outcome {
    if crate::interrupt::requested() { Outcome::Interrupted } else { Outcome::Failed }
}

/// The one of both that the exit status tells.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    let rank = |outcome| match outcome {
        Outcome::Fine => 0,
        Outcome::Undecided => 1,
        Outcome::GateFailed => 2,
        Outcome::NotComparable => 3,
        Outcome::Failed => 4,
        Outcome::Interrupted => 5,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// A broken promise is said before anything else.
fn outcome(document: &Document, format: Format, console: &Console) -> Outcome {
    // A page ends with the reason.
    let reason = match (format, &document.reason) {
        (Format::Json, Some(reason)) => format!(": {reason}"),
        _ => String::new(),
    };
    if document.broken {
        console.error(&format!("the library broke a promise{reason}"));
    }
    if document.interrupted {
        console.warning("interrupted: the numbers cover what happened until then");
        return Outcome::Interrupted;
    }
    if document.broken {
        return Outcome::Failed;
    }
    if !document.valid {
        console.error(&format!("this run proves nothing{reason}"));
        return Outcome::Undecided;
    }
    Outcome::Fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_decides() {
        use Outcome::{Failed, Fine, Interrupted, Undecided};
        let rising = [Fine, Undecided, Failed, Interrupted];
        for (index, better) in rising.iter().enumerate() {
            for other in &rising[index..] {
                assert_eq!((worse(*better, *other), worse(*other, *better)), (*other, *other));
            }
        }
    }
}
