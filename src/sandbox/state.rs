//! The state that `rcache sandbox start` leaves for later commands: the addresses of the kept
//! servers, and the login.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cluster::Size;
use super::folder::{Folder, explain, write_private};
use super::launch::Probe;
use super::process::Identity;
use super::programs::{Flavor, Release};
use super::{mysql, redis};
use crate::endpoint::RedisEndpoint;
use crate::secret::Secret;

/// The kept servers. Saved with mode 0600 in a folder with mode 0700: the one file that holds
/// passwords.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) since: String,
    pub(super) mysql: Kept,
    pub(super) redis: Kept,
    /// The other nodes, if Redis is a cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) more_redis: Vec<Kept>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) release: Release,
    pub(super) identity: Identity,
    pub(super) port: u16,
    pub(super) socket: PathBuf,
    password: SavedSecret,
}

/// The one secret that may be serialised, and only here.
#[derive(Clone, Serialize, Deserialize)]
struct SavedSecret(String);

impl std::fmt::Debug for SavedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Kept {
    pub(super) fn new(
        release: Release,
        identity: Identity,
        port: u16,
        socket: PathBuf,
        password: &Secret,
    ) -> Self {
        Self { release, identity, port, socket, password: SavedSecret(password.reveal().to_owned()) }
    }

    pub(super) fn password(&self) -> Secret {
        Secret::new(self.password.0.as_str())
    }
}

impl State {
    /// None if there is none, or if it cannot be read: then the birth records lead to the servers.
    pub(super) fn load(folder: &Folder) -> anyhow::Result<Option<Self>> {
        let path = folder.state();
        match std::fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(explain(&error, "read", &path)),
        }
    }

    /// Saves it, and the files that let a person log in without ever typing a password.
    pub(super) fn save(&self, folder: &Folder) -> anyhow::Result<()> {
        write_private(&folder.mysql_login(), login_file(&self.mysql).as_bytes())?;
        write_private(&folder.redis_login(), format!("{}\n", self.redis.password.0).as_bytes())?;
        write_private(&folder.state(), &serde_json::to_vec_pretty(self)?)
    }

    /// Every server of Redis.
    pub(super) fn all_redis(&self) -> impl Iterator<Item = &Kept> {
        [&self.redis].into_iter().chain(&self.more_redis)
    }

    /// The size of the cluster, if Redis is one.
    pub(super) fn cluster_size(&self) -> Option<Size> {
        (!self.more_redis.is_empty()).then(|| Size::of_nodes(1 + self.more_redis.len()))
    }

    fn all(&self) -> impl Iterator<Item = &Kept> {
        [&self.mysql].into_iter().chain(self.all_redis())
    }

    /// By TCP on 127.0.0.1.
    pub(super) fn redis_endpoint(&self) -> RedisEndpoint {
        let endpoint = redis::endpoint(self.redis.port, &self.redis.password());
        let more = self.more_redis.iter().map(|node| redis::address(node.port)).collect();
        RedisEndpoint { more, ..endpoint }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.all().all(|server| server.identity.is_alive())
    }

    /// The number of a process that a signal has suspended, if there is one.
    pub(super) fn suspended(&self) -> Option<u32> {
        let mut identities = self.all().map(|server| &server.identity);
        identities.find(|identity| identity.is_suspended()).map(|identity| identity.pid)
    }

    /// `Err` with the first answer that is not what it should be.
    pub(super) fn check_answers(&self) -> Result<(), String> {
        let of_mysql =
            (&self.mysql, mysql::probe(&mysql::tcp_login(self.mysql.port, &self.mysql.password())));
        let of_redis = self.all_redis().map(|node| (node, redis::probe(node.port, &node.password())));
        for (kept, probe) in [of_mysql].into_iter().chain(of_redis) {
            if let Probe::NotYet(answer) | Probe::Refuses(answer) = probe {
                return Err(format!("{} (process {}): {answer}", kept.release, kept.identity.pid));
            }
        }
        Ok(())
    }
}

/// For `mariadb --defaults-file=…` and `mysql --defaults-file=…`.
fn login_file(server: &Kept) -> String {
    // MariaDB's client insists on TLS since 11.4, and the sandbox has none.
    let no_tls = if server.release.flavor == Flavor::MariaDB { "loose-skip-ssl\n" } else { "" };
    format!(
        "[client]\n{no_tls}user={}\npassword={}\nsocket={}\n\n[mysql]\ndatabase={}\n",
        mysql::USER,
        server.password.0,
        super::quoted(&server.socket),
        mysql::DATABASE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_comes_back_and_debug_hides_its_passwords() {
        let kept = || {
            let release = Release { flavor: Flavor::MySQL, version: "9.7.4".to_owned() };
            let identity = Identity::of(std::process::id()).unwrap();
            Kept::new(release, identity, 3999, "/s/mysql.sock".into(), &Secret::new("hunter2"))
        };
        let since = "2026-01-01T00:00:00Z".to_owned();
        let state = State { since, mysql: kept(), redis: kept(), more_redis: vec![kept()] };
        assert!(!format!("{state:?}").contains("hunter2"));
        let text = serde_json::to_string(&state).unwrap();
        let back: State = serde_json::from_str(&text).unwrap();
        assert!(back.is_alive());
        assert_eq!(back.mysql.password().reveal(), "hunter2");
        assert!(login_file(&back.mysql).contains("socket=\"/s/mysql.sock\""));
    }
}
