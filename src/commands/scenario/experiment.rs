//! One experiment from open servers to its document.

use std::time::Duration;

use super::super::console::Console;
use super::super::environment;
use super::super::servers::Servers;
use crate::cache::admin;
use crate::cli::{self, ScenarioName};
use crate::config::Settings;
use crate::db::connect;
use crate::measure::clock::RunClock;
use crate::run_file::{self, Environment};
use crate::scenario::{
    self, Ground, Request, ScenarioError, avalanche, corrupt, metastable, outage, penetration, stale,
    stampede,
};
use crate::scenario_file::{Document, Head};
use crate::stats::warnings::Warning;
use crate::{interrupt, units};

pub(super) fn run(
    name: ScenarioName,
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
    let found = conduct(name, &ground, servers, &request, &progress);
    bar.finish_and_clear();
    let head = Head {
        scenario: name.name().to_owned(),
        interrupted: interrupt::requested(),
        started_at: clock.started_at(),
        wall_s: clock.elapsed_s(),
        environment,
        config: config(name, &request),
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
        ScenarioName::Metastable => metastable::run(ground, request, progress),
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
        ScenarioName::Metastable => metastable::config(request),
    }
}

/// What the servers say of themselves.
pub(in crate::commands) fn look(servers: &Servers) -> anyhow::Result<Environment> {
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
pub(in crate::commands) fn warnings() -> Vec<run_file::Warning> {
    let debug = cfg!(debug_assertions).then_some(Warning::DebugBuild);
    let saved = |warning: Warning| run_file::Warning {
        code: warning.code().to_owned(),
        message: warning.to_string(),
    };
    debug.into_iter().map(saved).collect()
}
