//! `rcache serve`: the blog post's web application on real servers, until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use anyhow::Context;

use super::Outcome;
use super::console::Console;
use super::left::{Left, Made};
use super::seed;
use super::servers::{Need, Servers};
use crate::cache::Cache;
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::interrupt;
use crate::model::UsageError;
use crate::sandbox::Sandbox;
use crate::serve::{self, App, Listener, Power, Setup, UserTable};

pub(super) fn run(arguments: &cli::Serve, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    if settings.format == Format::Json {
        return Err(UsageError(
            "serve has no JSON on stdout; its paths /users and /metrics answer".to_owned(),
        )
        .into());
    }
    let address = arguments.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)));
    // Before the servers: a port that is taken is found out at once.
    let listener = Listener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let mut servers = Servers::open(settings, Need::Both, "serve", console)?;
    seed::fill(&servers, None, console)?;
    let users = UserTable::create(servers.mysql()?)?;
    let cache = Cache::at(servers.redis()?.clone(), App::options(&settings.namespace))?;
    let (wish, wishes) = mpsc::channel();
    let mut power = match servers.own_sandbox() {
        Ok(sandbox) if sandbox.redis().is_some() => Ok(SandboxPower(sandbox)),
        Ok(_) => Err("it is not the sandbox's".to_owned()),
        Err(error) => Err(format!("{error:#}").lines().next().unwrap_or_default().to_owned()),
    };
    let granting = power.as_ref().map(|_| wish).map_err(Clone::clone);
    let app = App::new(Setup { cache, users: &users, power: granting, address: listener.address() });
    if !listener.address().ip().is_loopback() {
        console.warning(&format!(
            "{} can be reached from other machines, and there is no login: everyone who reaches it can read all users",
            listener.address()
        ));
    }
    console.result(&format!("http://{}/\n", listener.address()))?;
    console.note("Ctrl-C ends it.");
    let power = power.as_mut().ok().map(|power| power as &mut dyn Power);
    serve::serve(&listener, &app, (&wishes, power), &interrupt::requested);
    drop(app);
    drop(users);
    servers.stop()?;
    // Its own table is gone, its entries are within a minute; the seeded users stay.
    Left::report(settings, Need::Both, Made { tables: true, entries: None }, console);
    Ok(Outcome::Fine)
}

/// The sandbox's Redis, which ends with this command.
struct SandboxPower<'a>(&'a mut Sandbox);

impl Power for SandboxPower<'_> {
    fn stop(&mut self) -> Result<(), String> {
        self.0.kill_redis().map_err(|error| format!("{error:#}"))
    }

    fn start(&mut self) -> Result<(), String> {
        self.0.restart_redis().map_err(|error| format!("{error:#}"))
    }
}
