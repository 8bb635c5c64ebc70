//! A MariaDB or MySQL of a test's own, with options that the tests' shared server does not have.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::sandbox::Sandbox;
use crate::tls::{database_of, free_port};
use crate::world;

/// The account `owner` has all rights and no password, which loopback alone can use.
const ACCOUNTS: &str = "\
CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS owner@'127.0.0.1';
GRANT ALL ON *.* TO owner@'127.0.0.1' WITH GRANT OPTION;
";

/// Runs on the data of a sandbox, which is gone with it. Ends with this value.
pub(crate) struct PrivateMysql {
    port: u16,
    server: Child,
    folder: tempfile::TempDir,
    _sandbox: Sandbox,
}

impl PrivateMysql {
    pub(crate) fn start(options: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.run_well("start");
        let (program, data) = sandbox.pids().into_iter().find_map(database_of).unwrap();
        sandbox.run_well("stop");
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(file("accounts.sql"), ACCOUNTS).unwrap();
        std::fs::create_dir(file("files")).unwrap();
        let server = Command::new(program)
            .args(data)
            .args([format!("--port={port}"), format!("--socket={}", file("db.sock"))])
            .args([format!("--pid-file={}", file("db.pid")), format!("--init-file={}", file("accounts.sql"))])
            .arg(format!("--secure-file-priv={}", file("files")))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--loose-mysqlx=OFF", "--skip-log-bin"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { port, server, folder, _sandbox: sandbox };
        world::wait_until("the database listens", || {
            std::net::TcpStream::connect(("127.0.0.1", started.port)).is_ok()
        });
        started
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder in which the server may write files.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("owner")
    }

    pub(crate) fn url_of(&self, user: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}/shop", self.port)
    }
}

impl PrivateMysql {
    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Drop for PrivateMysql {
    fn drop(&mut self) {
        self.kill();
    }
}
