//! A Redis of a test's own, which it may configure, stop, kill and start again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cache_aside::{Cache, Options};

use crate::world;

/// Longer than Redis takes to answer on the slowest machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(30);

/// A server on a unix socket in a folder of its own. Ends with this value.
pub(crate) struct PrivateRedis {
    folder: tempfile::TempDir,
    config: String,
    server: Option<Child>,
}

impl PrivateRedis {
    /// Starts one with these lines of configuration beside the usual ones.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut redis = Self { folder, config: config.to_owned(), server: None };
        redis.begin();
        redis
    }

    /// Starts the server, also again after [`PrivateRedis::kill`].
    pub(crate) fn begin(&mut self) {
        self.begin_with("");
    }

    /// Starts it with these lines of configuration too.
    pub(crate) fn begin_with(&mut self, more: &str) {
        let mut server = Command::new(program())
            .arg("-")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let config =
            format!("port 0\nunixsocket {}\nsave \"\"\n{}\n{more}\n", self.socket().display(), self.config);
        server.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        self.server = Some(server);
        world::wait_until("the private Redis listens", || {
            std::os::unix::net::UnixStream::connect(self.socket()).is_ok()
        });
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Sends a signal: `STOP` hangs it, `CONT` lets it go on.
    pub(crate) fn signal(&self, name: &str) {
        world::signal(self.server.as_ref().unwrap(), name);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(crate) fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// A cache on it.
    pub(crate) fn cache(&self, options: Options) -> Cache {
        Cache::connect(&self.url(), options).unwrap()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.signal("CONT");
        }
        self.kill();
    }
}

/// The server program on PATH.
pub(crate) fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]).collect();
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.exists())
        .unwrap()
}
