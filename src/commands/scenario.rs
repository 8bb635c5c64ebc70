//! `rcache scenario`: one failure of caching on real servers, with and without the cure, and what that proves.

pub(super) mod experiment;

use anyhow::bail;

use super::Outcome;
use super::console::Console;
use super::json;
use super::servers::{Need, Servers};
use crate::cli::{self, Format, ScenarioChoice, ScenarioName, TypedFormat};
use crate::config::{Settings, UsageError};
use crate::report;
use crate::report::blocks::{Block, Entry as PageEntry, Section};
use crate::report::scenario::summary::{self, Entry, Found};
use crate::scenario_file::{self, Document};

pub(super) fn run(
    arguments: &cli::Scenario,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    match arguments.name {
        None => list(settings.format, console),
        Some(ScenarioChoice::One(name)) => one(name, arguments, settings, console),
        Some(ScenarioChoice::All) => all(arguments, settings, console),
    }
}

/// The names, with one line each.
fn list(format: Format, console: &Console) -> anyhow::Result<Outcome> {
    let names = ScenarioName::ALL.map(|name| (name.name(), name.meaning()));
    console.result(&match format {
        Format::Text => {
            let entries = names.iter().map(|(name, meaning)| PageEntry::new(*name, meaning.clone()));
            console.render(&[Section::new(vec![Block::Entries(entries.collect())])], TypedFormat::Text)
        }
        Format::Json => json::pretty(
            &names.map(|(name, meaning)| serde_json::json!({ "scenario": name, "meaning": meaning })),
        )?,
    })?;
    Ok(Outcome::Fine)
}

fn one(
    name: ScenarioName,
    arguments: &cli::Scenario,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    if let Some(obstacle) = named_servers(name, settings)? {
        bail!(UsageError(format!("{obstacle}: add --sandbox, or leave --mysql-url and --redis-url away")));
    }
    let mut servers = Servers::open(settings, Need::Both, "scenario", console)?;
    let document = experiment::run(name, arguments, settings, &mut servers, console)?;
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => console.render(&report::scenario::page(&document), settings.page_format),
        Format::Json => json::pretty(&document)?,
    })?;
    Ok(outcome(&document, settings.format, console))
}

/// Only servers of rcache's own are stopped and killed.
fn named_servers(name: ScenarioName, settings: &Settings) -> anyhow::Result<Option<&'static str>> {
    let named = settings.mysql()?.is_some() || settings.redis()?.is_some();
    Ok((name == ScenarioName::Outage && named).then_some(
        "the scenario outage stops and kills Redis, which rcache does to servers of its own alone",
    ))
}

/// Each scenario in turn, and a summary at the end. One that fails does not keep the others from running.
fn all(arguments: &cli::Scenario, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let mut servers = Servers::open(settings, Need::Both, "scenario", console)?;
    let (mut entries, mut documents, mut worst) = (Vec::new(), Vec::new(), Outcome::Fine);
    for name in ScenarioName::ALL {
        if worst == Outcome::Interrupted {
            break;
        }
        let (found, outcome) = match in_turn(name, arguments, settings, &mut servers, console) {
            InTurn::Skipped(reason) => (Found::Skipped(reason), Outcome::Fine),
            InTurn::Failed(error) => {
                console.error(&format!("scenario {}: {error:#}", name.name()));
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
        entries.push(Entry { name: name.name(), found });
        worst = worse(worst, outcome);
    }
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => console.render(&summary::page(&entries), settings.page_format),
        Format::Json => json::pretty(&serde_json::json!({
            "format": scenario_file::FORMAT_OF_SEVERAL, "format_version": 1, "experiments": documents
        }))?,
    })?;
    Ok(worst)
}

/// What became of one scenario among all.
enum InTurn {
    Ran(Box<Document>),
    Skipped(String),
    Failed(anyhow::Error),
}

fn in_turn(
    name: ScenarioName,
    arguments: &cli::Scenario,
    settings: &Settings,
    servers: &mut Servers,
    console: &Console,
) -> InTurn {
    match named_servers(name, settings) {
        Ok(Some(obstacle)) => return InTurn::Skipped(obstacle.to_owned()),
        Err(error) => return InTurn::Failed(error),
        Ok(None) => {}
    }
    if name == ScenarioName::Outage
        && let Err(error) = servers.own_sandbox()
    {
        return InTurn::Skipped(format!("{error:#}").replace("\n  ", "; "));
    }
    match experiment::run(name, arguments, settings, servers, console) {
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
