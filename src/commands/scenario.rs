//! `rcache scenario`: one failure of caching on real servers, with and without the cure, and what that proves.

use std::time::Duration;

use anyhow::bail;

use super::Outcome;
use super::console::Console;
use super::environment;
use super::json;
use super::servers::{Need, Servers};
use crate::cache::admin;
use crate::cli::{self, Format, ScenarioName};
use crate::config::{Settings, UsageError};
use crate::db::connect;
use crate::measure::clock::RunClock;
use crate::run_file::{self, Environment};
use crate::scenario::{
    self, Ground, Request, ScenarioError, avalanche, corrupt, outage, penetration, stale, stampede,
};
use crate::scenario_file::{Document, Head};
use crate::stats::warnings::Warning;
use crate::{interrupt, report, units};

pub(super) fn run(
    arguments: &cli::Scenario,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    check_servers(arguments.name, settings)?;
    let mut servers = Servers::open(settings, Need::Both, "scenario", console)?;
    let document = experiment(arguments, settings, &mut servers, console)?;
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => report::scenario::render(&document, &console.page_style()),
        Format::Json => json::pretty(&document)?,
    })?;
    Ok(outcome(&document, settings.format, console))
}

/// Nobody's servers are stopped and killed but our own.
fn check_servers(name: ScenarioName, settings: &Settings) -> anyhow::Result<()> {
    let named = settings.mysql()?.is_some() || settings.redis()?.is_some();
    if name == ScenarioName::Outage && named {
        bail!(UsageError(
            "the scenario outage stops and kills Redis, which rcache does to servers of its own alone: add --sandbox, or leave \
             --mysql-url and --redis-url away"
                .to_owned()
        ));
    }
    Ok(())
}

fn experiment(
    arguments: &cli::Scenario,
    settings: &Settings,
    servers: &mut Servers,
    console: &Console,
) -> anyhow::Result<Document> {
    let environment = look(servers)?;
    let request =
        Request { clients: arguments.clients, duration_s: arguments.duration, rng_seed: arguments.rng_seed };
    let (mysql, redis) = (servers.mysql()?.clone(), servers.redis()?.clone());
    let ground = Ground { mysql: &mysql, redis: &redis, namespace: &settings.namespace };
    let clock = RunClock::start();
    let bar = console.progress(0, "{spinner} {msg}");
    let progress = |arm: &str, elapsed: Duration| {
        bar.set_message(format!("arm {arm}, {}", units::duration(elapsed.as_secs_f64() * 1e9)));
        bar.tick();
    };
    let found = conduct(arguments.name, &ground, servers, &request, &progress);
    bar.finish_and_clear();
    let head = Head {
        scenario: arguments.name.name().to_owned(),
        interrupted: interrupt::requested(),
        started_at: clock.started_at(),
        wall_s: clock.elapsed_s(),
        environment,
        config: config(arguments.name, &request),
        warnings: warnings(),
    };
    Ok(Document::new(head, found?))
}

/// The one place that knows every scenario.
fn conduct(
    name: ScenarioName,
    ground: &Ground<'_>,
    servers: &mut Servers,
    request: &Request,
    progress: scenario::Progress<'_>,
) -> Result<scenario::outcome::Outcome, ScenarioError> {
    match name {
        ScenarioName::Outage => {
            let sandbox = servers.own_sandbox().map_err(ScenarioError::Sandbox)?;
            outage::run(ground, sandbox, request, progress)
        }
        ScenarioName::Avalanche => avalanche::run(ground, request, progress),
        ScenarioName::Penetration => penetration::run(ground, request, progress),
        ScenarioName::Stale => stale::run(ground, request, progress),
        ScenarioName::Stampede => stampede::run(ground, request, progress),
        ScenarioName::Corrupt => corrupt::run(ground, request, progress),
    }
}

fn config(name: ScenarioName, request: &Request) -> Vec<(&'static str, u64)> {
    match name {
        ScenarioName::Stale => stale::config(request),
        ScenarioName::Outage => outage::config(request),
        ScenarioName::Avalanche => avalanche::config(request),
        ScenarioName::Penetration => penetration::config(request),
        ScenarioName::Stampede => stampede::config(request),
        ScenarioName::Corrupt => corrupt::config(request),
    }
}

/// What the servers say of themselves.
fn look(servers: &Servers) -> anyhow::Result<Environment> {
    let (mysql, redis) = (servers.mysql()?, servers.redis()?);
    let info = connect::server_info(&mut connect::connect(mysql)?)?;
    let mysql_server = environment::server(
        info.flavor,
        &info.version,
        mysql.transport(),
        servers.mysql_in_sandbox,
        info.settings,
    );
    let info = admin::server_info(&mut admin::connect(redis)?)?;
    let redis_server = environment::server(
        info.flavor,
        &info.version,
        redis.transport(),
        servers.redis_in_sandbox,
        info.settings,
    );
    Ok(environment::environment(mysql_server, redis_server))
}

/// A debug build makes everything slower, and nothing less true.
fn warnings() -> Vec<run_file::Warning> {
    let debug = cfg!(debug_assertions).then_some(Warning::DebugBuild);
    let saved = |warning: Warning| run_file::Warning {
        code: warning.code().to_owned(),
        message: warning.to_string(),
    };
    debug.into_iter().map(saved).collect()
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
