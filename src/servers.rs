//! The two servers of a command: named by a URL, or from the sandbox.

pub(crate) mod environment;
pub(crate) mod node;

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::advice;
use crate::config::Settings;
use crate::console::Console;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::model::Storage;
use crate::sandbox::{self, Company, Sandbox, Wanted};

/// Which of the two a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Mysql,
    Redis,
    Both,
}

/// The addresses of the servers. Those of the sandbox stop when this is dropped, unless `sandbox
/// start` keeps them.
pub(crate) struct Servers {
    sandbox: Option<Sandbox>,
    mysql: Option<MysqlEndpoint>,
    redis: Option<RedisEndpoint>,
    pub(crate) mysql_in_sandbox: bool,
    pub(crate) redis_in_sandbox: bool,
}

impl Servers {
    /// Starts or joins the sandbox for what no URL names. `purpose` is the command's name, for
    /// other processes.
    pub(crate) fn open(
        settings: &Settings,
        need: Need,
        purpose: &str,
        console: &Console,
    ) -> anyhow::Result<Self> {
        Self::open_in(settings, need, Company::Anybody, purpose, console)
    }

    /// Both servers, the database one that can be restarted: the sandbox's, which no other command
    /// may use meanwhile.
    pub(crate) fn open_to_restart(
        settings: &Settings,
        purpose: &str,
        console: &Console,
    ) -> anyhow::Result<Self> {
        Self::open_in(settings, Need::Both, Company::Nobody, purpose, console)
    }

    fn open_in(
        settings: &Settings,
        need: Need,
        company: Company,
        purpose: &str,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let mysql = if need == Need::Redis { None } else { settings.mysql()? };
        let redis = if need == Need::Mysql { None } else { settings.redis()? };
        let mysql_in_sandbox = need != Need::Redis && mysql.is_none();
        let redis_in_sandbox = need != Need::Mysql && redis.is_none();
        if need == Need::Both && mysql_in_sandbox != redis_in_sandbox {
            let (missing, flag) =
                if mysql_in_sandbox { ("MySQL", "--mysql-url") } else { ("Redis", "--redis-url") };
            console.note(&format!("No {flag}: {missing} comes from the sandbox."));
        }
        let empty = settings.empty_variables(
            need != Need::Redis,
            need != Need::Mysql,
            mysql_in_sandbox || redis_in_sandbox,
        );
        empty.iter().for_each(|note| console.warning(note));
        let sandbox = if mysql_in_sandbox || redis_in_sandbox {
            let wanted = Wanted { mysql: mysql_in_sandbox, redis: redis_in_sandbox };
            let (dir, note) = (sandbox_dir(settings)?, &mut |text: &str| console.note(text));
            Some(Sandbox::open_in(&dir, wanted, company, purpose, note)?)
        } else {
            None
        };
        let servers = Self {
            mysql: mysql.or_else(|| sandbox.as_ref()?.mysql().cloned()),
            redis: redis.or_else(|| sandbox.as_ref()?.redis().cloned()),
            sandbox,
            mysql_in_sandbox,
            redis_in_sandbox,
        };
        servers.log(console);
        Ok(servers)
    }

    /// Logs which server is used, and its process if it is ours.
    fn log(&self, console: &Console) {
        let [mysql_pid, redis_pid] = self.sandbox.as_ref().map(Sandbox::pids).unwrap_or_default();
        let mysql = self.mysql.as_ref().map(|mysql| &mysql.address);
        let redis = self.redis.as_ref().map(|redis| &redis.address);
        for (name, address, is_private, pid) in [
            ("MySQL", mysql, self.mysql_in_sandbox, mysql_pid),
            ("Redis", redis, self.redis_in_sandbox, redis_pid),
        ] {
            let Some(address) = address else { continue };
            let process = pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
            let origin = if is_private { format!("private{process}") } else { "named by a URL".to_owned() };
            console.detail(&format!("{name} at {address}: {origin}."));
        }
    }

    pub(crate) fn mysql(&self) -> anyhow::Result<&MysqlEndpoint> {
        self.mysql.as_ref().ok_or_else(|| anyhow::anyhow!("this command was not given a MySQL server"))
    }

    pub(crate) fn redis(&self) -> anyhow::Result<&RedisEndpoint> {
        self.redis.as_ref().ok_or_else(|| anyhow::anyhow!("this command was not given a Redis server"))
    }

    /// Ends the sandbox's database and starts it again, its memory empty.
    pub(crate) fn restart_mysql(&mut self) -> anyhow::Result<()> {
        let sandbox = self.sandbox.as_mut().context("the database is not the sandbox's")?;
        sandbox.restart_mysql()?;
        self.mysql = sandbox.mysql().cloned();
        Ok(())
    }

    /// The storage between the database's reads of this table and the disk.
    pub(crate) fn storage_of(&self, table: &str) -> Storage {
        self.sandbox.as_ref().map_or(Storage::Unknown, |sandbox| sandbox.storage_of(table))
    }

    /// The sandbox, where its servers end with this command.
    pub(crate) fn own_sandbox(&mut self) -> anyhow::Result<&mut Sandbox> {
        let sandbox = self.sandbox.as_mut().context("the servers are not the sandbox's")?;
        if sandbox.is_kept() {
            bail!(
                "the sandbox is kept for other commands, whose Redis must not be stopped and killed\n  \
                 stop it first, or name another folder with --sandbox-dir:{}",
                advice::line("sandbox stop")
            );
        }
        Ok(sandbox)
    }

    /// True if the sandbox's servers end with this command, so that no other command uses them now.
    pub(crate) fn mysql_is_transient(&self) -> bool {
        self.mysql_in_sandbox && !self.sandbox.as_ref().is_some_and(Sandbox::is_kept)
    }

    /// True where Redis was started by this very command, and is empty therefore, and will be gone.
    pub(crate) fn redis_is_ephemeral(&self) -> bool {
        self.redis_in_sandbox && !self.sandbox.as_ref().is_some_and(Sandbox::is_kept)
    }

    /// Stops what this command started, and says where that failed.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.sandbox.map_or(Ok(()), Sandbox::stop)
    }
}

/// The sandbox's folder: what was asked for, or the default.
pub(crate) fn sandbox_dir(settings: &Settings) -> anyhow::Result<PathBuf> {
    settings.sandbox_dir().map_or_else(sandbox::default_dir, Ok)
}
