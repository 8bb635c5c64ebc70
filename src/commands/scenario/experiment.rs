//! One experiment from open servers to its document.

use std::time::Duration;

use super::super::console::Console;
use crate::cli;
use crate::config::Settings;
use crate::endpoint::MysqlEndpoint;
use crate::measure::clock::RunClock;
use crate::run_file::{self, Environment};
use crate::scenario::definition::{Needs, Scenario};
use crate::scenario::document::{Document, Head};
use crate::scenario::{Request, ScenarioError, ServerPair, runner};
use crate::servers::{Servers, environment, node};
use crate::stats::warnings::Warning;
use crate::{interrupt, units};

pub(super) fn run(
    scenario: &Scenario,
    arguments: &cli::Scenario,
    settings: &Settings,
    servers: &mut Servers,
    console: &Console,
) -> anyhow::Result<Document> {
    let mut environment = environment::ask(servers)?;
    let request =
        Request { clients: arguments.clients, duration_s: arguments.duration, rng_seed: arguments.rng_seed };
    let (mysql, redis) = (servers.mysql()?.clone(), servers.redis()?.clone());
    let pair = ServerPair { mysql: &mysql, redis: &redis, namespace: &settings.namespace };
    let clock = RunClock::start();
    let bar = console.progress(0, "{spinner} {msg}");
    let progress = |arm: &str, elapsed: Duration| {
        bar.set_message(format!("arm {arm}, {}", units::duration(elapsed.as_secs_f64() * 1e9)));
        bar.tick();
    };
    let sandbox = match scenario.needs {
        Needs::AnyServers => None,
        Needs::PrivateServers => Some(servers.own_sandbox().map_err(ScenarioError::Sandbox)?),
    };
    let outcome = runner::run(scenario, &pair, sandbox, &request, &progress);
    bar.finish_and_clear();
    let outcome = outcome?;
    for arm in &outcome.arms {
        if let Some(obstacle) = &arm.evidence.obstacle {
            console.detail(&format!("arm {}: {obstacle}", arm.arm));
        }
    }
    let found = warnings(&mut environment, &mysql);
    let head = Head {
        scenario: scenario.name.to_owned(),
        interrupted: interrupt::requested(),
        started_at: clock.started_at(),
        wall_s: clock.elapsed_s(),
        environment,
        config: outcome.config,
        warnings: found,
    };
    Ok(Document::new(head, outcome.verdict, outcome.arms))
}

/// Warnings of the build, and of a database server that is one of several.
pub(in crate::commands) fn warnings(
    environment: &mut Environment,
    mysql: &MysqlEndpoint,
) -> Vec<run_file::Warning> {
    // A debug build makes everything slower, and nothing less true.
    let debug = cfg!(debug_assertions).then_some(Warning::DebugBuild);
    let saved = |warning: Warning| run_file::Warning {
        code: warning.code().to_owned(),
        message: warning.to_string(),
    };
    debug.into_iter().chain(node::conclude(&mut environment.mysql, mysql)).map(saved).collect()
}
