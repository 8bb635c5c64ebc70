//! The private Redis or Valkey: without persistence, reachable by nobody who lacks its password.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;

use super::child::{Life, Server, Spawn};
use super::folder::{Folder, explain};
use super::launch::{Plan, Probe};
use super::programs::Program;
use crate::endpoint::{Address, Certificates, RedisEndpoint};
use crate::secret::Secret;

const TIMEOUT: Duration = Duration::from_millis(500);

pub(super) struct RedisPlan<'a> {
    pub(super) program: &'a Program,
    pub(super) folder: &'a Folder,
    /// Tells its files from those of other nodes.
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) socket: PathBuf,
    pub(super) password: Secret,
    pub(super) life: Life,
}

/// A server by itself, or a node of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Single,
    Node {
        /// The time after which the others take a silent node for gone.
        timeout: Duration,
    },
}

pub(super) fn address(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".to_owned(), port }
}

pub(super) fn endpoint(port: u16, password: &Secret) -> RedisEndpoint {
    RedisEndpoint {
        more: Vec::new(),
        sentinel: None,
        address: address(port),
        user: None,
        password: Some(password.clone()),
        database: 0,
        tls: false,
        certificates: Certificates::default(),
    }
}

impl Plan for RedisPlan<'_> {
    fn title(&self) -> String {
        self.program.release.to_string()
    }

    fn spawn(&self, port: u16) -> anyhow::Result<(Server, PathBuf)> {
        let (log_path, log) = self.folder.new_log(self.name)?;
        let mut server = Server::spawn(Spawn {
            program: &self.program.path,
            // The configuration comes by stdin: neither `ps` nor a file ever shows the password.
            args: vec!["-".into()],
            stdin: Stdio::piped(),
            log,
            birth: &self.folder.birth(self.name),
            life: self.life,
        })
        .map_err(|error| explain(&error, "run", &self.program.path))?;
        let mut config = config(port, &self.socket, &self.folder.scratch(), &self.password);
        if let Role::Node { timeout } = self.role {
            config.push_str(&cluster_config(self.name, timeout, &self.password));
        }
        // A server that died before it read this tells its reasons in the log.
        let _ = server.take_stdin().context("no stdin")?.write_all(config.as_bytes());
        Ok((server, log_path))
    }

    fn probe(&self, port: u16) -> Probe {
        probe(port, &self.password)
    }

    fn blames_port(&self, log: &str) -> bool {
        // The port of the cluster's own bus is 10,000 higher.
        ["Address already in use", "Failed listening on port", "port number too high"]
            .iter()
            .any(|words| log.contains(words))
    }

    fn password(&self) -> &Secret {
        &self.password
    }
}

/// Logs in.
pub(super) fn connect(port: u16, password: &Secret) -> redis::RedisResult<redis::Connection> {
    let settings = redis::RedisConnectionInfo::default().set_password(password.reveal());
    let info =
        redis::IntoConnectionInfo::into_connection_info(("127.0.0.1", port))?.set_redis_settings(settings);
    let connection = redis::Client::open(info)?.get_connection_with_timeout(TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    Ok(connection)
}

/// Logs in and asks for a PONG.
pub(super) fn probe(port: u16, password: &Secret) -> Probe {
    let ask = || -> redis::RedisResult<()> { redis::cmd("PING").query(&mut connect(port, password)?) };
    match ask() {
        Ok(()) => Probe::Answers,
        Err(error) if error.kind() == redis::ErrorKind::AuthenticationFailed => {
            Probe::Refuses(error.to_string())
        }
        Err(error) => Probe::NotYet(error.to_string()),
    }
}

fn config(port: u16, socket: &Path, work_folder: &Path, password: &Secret) -> String {
    format!(
        "bind 127.0.0.1\n\
         port {port}\n\
         protected-mode yes\n\
         unixsocket {}\n\
         unixsocketperm 700\n\
         requirepass {}\n\
         dir {}\n\
         save \"\"\n\
         appendonly no\n\
         daemonize no\n\
         supervised no\n\
         always-show-logo no\n",
        super::quoted(socket),
        password.reveal(),
        super::quoted(work_folder),
    )
}

/// The nodes know each other's password, and one that is gone stops no other. A replica copies its
/// primary immediately and may always take over.
fn cluster_config(name: &str, timeout: Duration, password: &Secret) -> String {
    format!(
        "cluster-enabled yes\n\
         cluster-config-file {}\n\
         dbfilename {}\n\
         cluster-node-timeout {}\n\
         cluster-require-full-coverage no\n\
         cluster-replica-validity-factor 0\n\
         repl-diskless-sync-delay 0\n\
         repl-ping-replica-period 1\n\
         masterauth {}\n",
        nodes_file(name),
        dump_file(name),
        timeout.as_millis(),
        password.reveal(),
    )
}

/// The file in which a node receives the values of another, in its working directory, which all
/// nodes share.
pub(super) fn dump_file(name: &str) -> String {
    format!("{name}.rdb")
}

/// The file in which a node keeps what it knows of its cluster, in its working directory.
pub(super) fn nodes_file(name: &str) -> String {
    format!("{name}.nodes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_keeps_nothing_and_listens_to_nobody_else() {
        let text = config(7001, Path::new("/a b/\"x\"/redis.sock"), Path::new("/w"), &Secret::new("hunter2"));
        for line in [
            "bind 127.0.0.1",
            "port 7001",
            "protected-mode yes",
            r#"unixsocket "/a b/\"x\"/redis.sock""#,
            "unixsocketperm 700",
            "requirepass hunter2",
            "dir \"/w\"",
            "save \"\"",
            "appendonly no",
            "daemonize no",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
        }
    }
}
