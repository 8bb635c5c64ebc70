//! Private, throw-away servers: with no server named, rcache runs a MariaDB or MySQL and a Redis or
//! Valkey of its own.
//!
//! How it holds together:
//! - One folder, one lock ([`lock`]). Whoever starts servers for one command holds the lock
//!   exclusively until they are stopped; servers that `rcache sandbox start` keeps are shared
//!   ([`enter`]).
//! - A server's identity (number and start time) is on disk before it is a server ([`child`]). The
//!   child still shares our lock at that moment, so the next owner of the lock always finds every
//!   server that outlived its rcache and ends it ([`leftovers::end_servers`]); nothing else is ever
//!   signalled ([`process`]).
//! - On Linux the kernel itself ends transient servers with us; elsewhere the next owner does.
//! - Passwords are made anew at every start. They reach the servers by stdin or a private file, and
//!   are saved only for kept servers ([`state`]).

mod child;
mod cluster;
mod enter;
mod folder;
mod kept;
mod launch;
mod leftovers;
mod lock;
mod mysql;
mod mysql_init;
mod outage;
mod own_cluster;
mod process;
mod programs;
mod redis;
mod restart;
mod state;
mod storage;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;

use anyhow::{Context, bail};
use rand::TryRng;

use self::child::{Life, Server};
use self::enter::Entry;
use self::folder::Folder;
use self::launch::{Plan, bring_up};
use self::lock::Lock;
use self::programs::{Program, Release};
use self::redis::Role;
use self::restart::Recipe;
use self::state::State;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::secret::Secret;

pub(crate) use self::cluster::{MOST_REPLICAS, Size};
pub(crate) use self::enter::Company;
pub(crate) use self::folder::{BELOW_STATE, default_dir};
pub(crate) use self::kept::{Report, ServerReport, destroy, kept_servers, start, status, stop};
pub(crate) use self::own_cluster::OwnCluster;

/// Which servers a command needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) mysql: bool,
    pub(crate) redis: bool,
}

/// Private servers at work: our own, which end with this value, or kept ones that we are attached
/// to.
#[derive(Debug)]
pub(crate) struct Sandbox {
    mysql: Option<MysqlEndpoint>,
    redis: Option<RedisEndpoint>,
    /// The recipe for starting the database again, if that was asked for.
    recipe: Option<Recipe>,
    /// The state of servers that run on after us.
    kept: Option<Box<State>>,
    // The servers stop before the lock is free: fields are dropped in this order.
    own_mysql: Option<Server>,
    own_redis: Option<Server>,
    folder: Folder,
    _lock: Lock,
    // The kernel ends servers with the thread that started them, so this value stays there (it is
    // not `Send`).
    _on_this_thread: PhantomData<MutexGuard<'static, ()>>,
}

impl Sandbox {
    /// Attaches to the kept servers of this folder, or starts servers of our own. `purpose` names
    /// the command to others.
    pub(crate) fn open(
        dir: &Path,
        wanted: Wanted,
        purpose: &str,
        note: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Self> {
        Self::open_in(dir, wanted, Company::Anybody, purpose, note)
    }

    /// Like [`Sandbox::open`]; without other users the database can be restarted.
    pub(crate) fn open_in(
        dir: &Path,
        wanted: Wanted,
        company: Company,
        purpose: &str,
        note: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Self> {
        let (folder, entry) = enter::enter(dir, purpose, company, note)?;
        match entry {
            Entry::Attached { lock, state } => Self::attached(folder, lock, state, wanted, company),
            Entry::Owner(lock) => Self::started(folder, lock, wanted, company, note),
        }
    }

    /// The process numbers of MySQL and Redis.
    pub(crate) fn pids(&self) -> [Option<u32>; 2] {
        let own = |server: &Option<Server>| Some(server.as_ref()?.identity()?.pid);
        match &self.kept {
            Some(state) => [Some(state.mysql.identity.pid), Some(state.redis.identity.pid)],
            None => [own(&self.own_mysql), own(&self.own_redis)],
        }
    }

    fn attached(
        folder: Folder,
        lock: Lock,
        state: Box<State>,
        wanted: Wanted,
        company: Company,
    ) -> anyhow::Result<Self> {
        let restarts = wanted.mysql && company == Company::Nobody;
        Ok(Self {
            mysql: wanted.mysql.then(|| mysql::endpoint(state.mysql.port, &state.mysql.password())),
            redis: wanted.redis.then(|| state.redis_endpoint()),
            recipe: restarts.then(|| Recipe::of_kept(&folder, &state.mysql)).transpose()?,
            kept: Some(state),
            own_mysql: None,
            own_redis: None,
            folder,
            _lock: lock,
            _on_this_thread: PhantomData,
        })
    }

    fn started(
        folder: Folder,
        lock: Lock,
        wanted: Wanted,
        company: Company,
        note: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Self> {
        let up = launch(&folder, wanted, Role::Single, Life::WithUs, note)?;
        let recipe =
            up.mysql.as_ref().filter(|_| company == Company::Nobody).map(|up| Recipe::of_own(&folder, up));
        Ok(Self {
            mysql: up.mysql.as_ref().map(|server| mysql::endpoint(server.port, &server.password)),
            redis: up.redis.as_ref().map(|server| redis::endpoint(server.port, &server.password)),
            recipe: recipe.transpose()?,
            kept: None,
            own_mysql: up.mysql.map(|up| up.server),
            own_redis: up.redis.map(|up| up.server),
            folder,
            _lock: lock,
            _on_this_thread: PhantomData,
        })
    }

    /// By TCP on 127.0.0.1, with a database that exists.
    pub(crate) fn mysql(&self) -> Option<&MysqlEndpoint> {
        self.mysql.as_ref()
    }

    /// By TCP on 127.0.0.1.
    pub(crate) fn redis(&self) -> Option<&RedisEndpoint> {
        self.redis.as_ref()
    }

    /// True if the servers run on after us.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Stops what is ours, as dropping does, but tells what went wrong.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.stop_servers()
    }

    fn stop_servers(&mut self) -> anyhow::Result<()> {
        let mut servers: Vec<Server> =
            [self.own_mysql.take(), self.own_redis.take()].into_iter().flatten().collect();
        if servers.is_empty() {
            return Ok(());
        }
        child::stop_all(&mut servers).context("cannot stop the sandbox")?;
        self.folder.forget_servers()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Nobody is left to tell; what remains is found by the next command on this folder.
        let _ = self.stop_servers();
    }
}

/// A server that answers, and all that is known of it.
#[derive(Debug)]
struct Up {
    server: Server,
    release: Release,
    port: u16,
    socket: PathBuf,
    password: Secret,
}

#[derive(Debug)]
struct UpPair {
    mysql: Option<Up>,
    redis: Option<Up>,
}

/// Starts the wanted servers; on an error none is left.
fn launch(
    folder: &Folder,
    wanted: Wanted,
    role: Role,
    life: Life,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<UpPair> {
    // Before anything is started, so that a missing program costs nobody a minute.
    let mysql_program = wanted.mysql.then(|| programs::find(&programs::MYSQL)).transpose()?;
    let redis_program = wanted.redis.then(|| programs::find(&programs::REDIS)).transpose()?;
    folder.make_folders()?;
    let sockets = folder.make_socket_folder()?;
    let data = match &mysql_program {
        Some(program) => Some(mysql_init::data_directory(folder, program, note)?),
        None => None,
    };
    note(&starting(mysql_program.as_ref(), redis_program.as_ref()));
    let mysql_plan = match (&mysql_program, data) {
        (Some(program), Some(data)) => Some(mysql::MysqlPlan {
            program,
            folder,
            data,
            socket: sockets.join("mysql.sock"),
            password: new_password()?,
            life,
        }),
        _ => None,
    };
    let redis_plan = match &redis_program {
        Some(program) => {
            let socket = sockets.join("redis.sock");
            let password = new_password()?;
            Some(redis::RedisPlan { program, folder, name: "redis", role, socket, password, life })
        }
        None => None,
    };
    let mut plans: Vec<&dyn Plan> = Vec::new();
    // Redis first: it answers while MySQL is still on its way.
    plans.extend(redis_plan.as_ref().map(|plan| plan as &dyn Plan));
    plans.extend(mysql_plan.as_ref().map(|plan| plan as &dyn Plan));
    let mut launched = bring_up(&plans)?.into_iter();
    let redis = redis_plan.and_then(|plan| {
        let up = launched.next()?;
        let release = plan.program.release.clone();
        Some(Up { server: up.server, release, port: up.port, socket: plan.socket, password: plan.password })
    });
    if let Some(plan) = &mysql_plan {
        plan.remove_accounts_file()?;
    }
    let mysql = mysql_plan.and_then(|plan| {
        let up = launched.next()?;
        let release = plan.program.release.clone();
        Some(Up { server: up.server, release, port: up.port, socket: plan.socket, password: plan.password })
    });
    if mysql.is_some() != wanted.mysql || redis.is_some() != wanted.redis {
        bail!("not every server that was asked for was started");
    }
    Ok(UpPair { mysql, redis })
}

fn starting(mysql: Option<&Program>, redis: Option<&Program>) -> String {
    let titles: Vec<String> =
        [mysql, redis].into_iter().flatten().map(|program| program.release.to_string()).collect();
    format!("starting {} ...", titles.join(" and "))
}

/// 192 bits from the operating system, as letters and digits, so that no file and no SQL needs to
/// escape them.
fn new_password() -> anyhow::Result<Secret> {
    let mut bytes = [0_u8; 24];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).context("the operating system gives no random numbers")?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[cfg(test)]
mod tests;

/// A path in double quotes, as the configuration files of MySQL and Redis want it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\""))
}
