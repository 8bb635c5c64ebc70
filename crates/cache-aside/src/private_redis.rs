//! A Redis or Valkey of a test's own, on a unix socket in a folder of its own. Ends with its value.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::endpoint::RedisEndpoint;

pub(crate) struct PrivateRedis {
    folder: tempfile::TempDir,
    server: Child,
}

impl PrivateRedis {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(program())
            .arg("-")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let config = format!("port 0\nunixsocket {}\nsave \"\"\n", socket(folder.path()).display());
        server.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        let give_up_at = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(socket(folder.path())).is_err() {
            assert!(Instant::now() < give_up_at, "the private Redis does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { folder, server }
    }

    pub(crate) fn endpoint(&self) -> RedisEndpoint {
        RedisEndpoint::parse(&self.url()).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Sends the server a signal by its name.
    #[allow(dead_code, reason = "the test of forks includes this file and needs no signal")]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.server.id().to_string()).status();
        assert!(status.unwrap().success(), "kill -{name}");
    }

    /// The first line of the answer to a command, which is written as one would type it.
    pub(crate) fn say(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

/// The server program on PATH.
pub(crate) fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    let mut programs = ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    programs.find(|program| program.exists()).expect("a redis-server or valkey-server on PATH")
}
