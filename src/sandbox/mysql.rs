//! The private MariaDB or MySQL: its options, its accounts, and whether it answers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::child::{Life, Server, Spawn};
use super::folder::{Folder, explain, write_private};
use super::launch::{Plan, Probe};
use super::programs::{Flavor, Program};
use crate::endpoint::{Address, MysqlEndpoint, MysqlTls};
use crate::secret::Secret;

pub(super) const USER: &str = "rcache";
pub(super) const DATABASE: &str = "rcache";
const ACCOUNTS: &str = include_str!("../../sql/sandbox_accounts.sql");
const TIMEOUT: Duration = Duration::from_secs(1);
const ACCESS_DENIED: u16 = 1045;

pub(super) struct MysqlPlan<'a> {
    pub(super) program: &'a Program,
    pub(super) folder: &'a Folder,
    pub(super) data: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) password: Secret,
    pub(super) life: Life,
}

pub(super) fn endpoint(port: u16, password: &Secret) -> MysqlEndpoint {
    MysqlEndpoint {
        address: Address::Tcp { host: "127.0.0.1".to_owned(), port },
        user: USER.to_owned(),
        password: Some(password.clone()),
        database: DATABASE.to_owned(),
        tls: MysqlTls::Disabled,
        certificates: crate::endpoint::Certificates::default(),
    }
}

impl MysqlPlan<'_> {
    fn accounts_file(&self) -> PathBuf {
        self.folder.run().join("accounts.sql")
    }

    /// The passwords need not lie about once the server has taken them over.
    pub(super) fn remove_accounts_file(&self) -> anyhow::Result<()> {
        super::folder::remove_if_there(&self.accounts_file())
    }
}

impl Plan for MysqlPlan<'_> {
    fn title(&self) -> String {
        self.program.release.to_string()
    }

    fn spawn(&self, port: u16) -> anyhow::Result<(Server, PathBuf)> {
        write_private(&self.accounts_file(), accounts(&self.password).as_bytes())?;
        let (log_path, log) = self.folder.new_log("mysql")?;
        let places = Places {
            data: &self.data,
            socket: &self.socket,
            run: &self.folder.run(),
            scratch: &self.folder.scratch(),
            load_files: &self.folder.load_files(),
            accounts: &self.accounts_file(),
        };
        let server = Server::spawn(Spawn {
            program: &self.program.path,
            args: options(self.program.release.flavor, &places, port, is_root()),
            stdin: Stdio::null(),
            log,
            birth: &self.folder.birth("mysql"),
            life: self.life,
        })
        .map_err(|error| explain(&error, "run", &self.program.path))?;
        Ok((server, log_path))
    }

    fn probe(&self, port: u16) -> Probe {
        // By the socket first: there MySQL 8 and later take the password as it is and remember it,
        // so that logins by TCP need no exchange of RSA keys any more.
        match probe(&self.socket_login()) {
            Probe::Answers => probe(&tcp_login(port, &self.password)),
            other => other,
        }
    }

    fn blames_port(&self, log: &str) -> bool {
        blames_port(log)
    }

    fn password(&self) -> &Secret {
        &self.password
    }
}

impl MysqlPlan<'_> {
    fn socket_login(&self) -> mysql::OptsBuilder {
        login(&self.password).socket(self.socket.to_str())
    }
}

pub(super) fn tcp_login(port: u16, password: &Secret) -> mysql::OptsBuilder {
    login(password).ip_or_hostname(Some("127.0.0.1")).tcp_port(port).prefer_socket(false)
}

fn login(password: &Secret) -> mysql::OptsBuilder {
    mysql::OptsBuilder::new()
        .user(Some(USER))
        .pass(Some(password.reveal()))
        .db_name(Some(DATABASE))
        .tcp_connect_timeout(Some(TIMEOUT))
        .read_timeout(Some(TIMEOUT))
        .write_timeout(Some(TIMEOUT))
}

fn blames_port(log: &str) -> bool {
    log.contains("Address already in use")
        || log.contains("Do you already have another mysqld server running")
        || log.contains("Do you already have another server running on port")
}

/// Logs in and lets the server say something.
pub(super) fn probe(login: &mysql::OptsBuilder) -> Probe {
    match mysql::Conn::new(login.clone()).and_then(|mut connection| connection.ping()) {
        Ok(()) => Probe::Answers,
        Err(mysql::Error::MySqlError(error)) if error.code == ACCESS_DENIED => Probe::Refuses(error.message),
        Err(error) => Probe::NotYet(crate::db::error::words(&error)),
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// One statement a line, as `--init-file` wants it. The password is of letters and digits, so it
/// needs no escapes.
fn accounts(password: &Secret) -> String {
    ACCOUNTS.replace("{password}", password.reveal())
}

struct Places<'a> {
    data: &'a Path,
    socket: &'a Path,
    run: &'a Path,
    scratch: &'a Path,
    load_files: &'a Path,
    accounts: &'a Path,
}

/// `--name=path`, whatever bytes the path has.
pub(super) fn path_option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(format!("--{name}="));
    option.push(path);
    option
}

fn options(flavor: Flavor, places: &Places<'_>, port: u16, root: bool) -> Vec<OsString> {
    // No configuration file of the system may have a say; this must come first.
    let mut options: Vec<OsString> = vec!["--no-defaults".into()];
    if root {
        options.push("--user=root".into());
    }
    options.extend([
        path_option("datadir", places.data),
        path_option("socket", places.socket),
        path_option("pid-file", &places.run.join("mysql.pid")),
        path_option("tmpdir", places.scratch),
        path_option("secure-file-priv", places.load_files),
        path_option("init-file", places.accounts),
        format!("--port={port}").into(),
    ]);
    let fixed = [
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--character-set-server=utf8mb4",
        "--local-infile=ON",
        // Enough for --clients 1024 with control connections, within an open-files limit of 4096.
        "--max-connections=1200",
        // A dump may hold rows of any size.
        "--max-allowed-packet=1G",
        "--table-open-cache=400",
        // A benchmark reads from memory unless it says otherwise, and every start is alike.
        "--innodb-buffer-pool-size=512M",
        "--innodb-buffer-pool-dump-at-shutdown=OFF",
        "--innodb-buffer-pool-load-at-startup=OFF",
        "--innodb-flush-log-at-trx-commit=2",
        // After a restart pages must come from the disk and not from the system's own cache.
        "--loose-innodb-flush-method=O_DIRECT",
        "--skip-log-bin",
        "--performance-schema=OFF",
    ];
    options.extend(fixed.map(OsString::from));
    options.extend(flavor_options(flavor).iter().map(OsString::from));
    options
}

/// Options that only one of the two knows. `--loose-` lets a release pass over what it no longer,
/// or not yet, knows.
fn flavor_options(flavor: Flavor) -> &'static [&'static str] {
    if flavor == Flavor::MariaDB {
        &[
            "--loose-skip-ssl",
            // The query cache would answer in place of the tables.
            "--loose-query-cache-type=0",
            "--loose-query-cache-size=0",
            // Temporary tables grow from here; writing 12 MB at every start buys nothing.
            "--loose-innodb-temp-data-file-path=ibtmp1:2M:autoextend",
        ]
    } else {
        &[
            // The X protocol would listen on a fixed port of its own.
            "--loose-mysqlx=OFF",
            // No TLS on loopback, so no keys to make.
            "--loose-tls-version=",
            "--loose-auto-generate-certs=OFF",
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(root: bool) -> Vec<String> {
        let places = Places {
            data: Path::new("/s/data"),
            socket: Path::new("/s/run/mysql.sock"),
            run: Path::new("/s/run"),
            scratch: Path::new("/s/run/tmp"),
            load_files: Path::new("/s/run/files"),
            accounts: Path::new("/s/run/accounts.sql"),
        };
        options(Flavor::MariaDB, &places, 3999, root)
            .into_iter()
            .map(|option| option.into_string().unwrap())
            .collect()
    }

    #[test]
    fn system_configuration_is_ruled_out_first_and_only_loopback_listens() {
        let options = shown(false);
        assert_eq!(options[0], "--no-defaults");
        for option in [
            "--bind-address=127.0.0.1",
            "--port=3999",
            "--datadir=/s/data",
            "--init-file=/s/run/accounts.sql",
        ] {
            assert!(options.iter().any(|there| there == option), "{option}");
        }
        assert!(!options.iter().any(|option| option.starts_with("--user")));
        assert!(shown(true).contains(&"--user=root".to_owned()));
    }

    #[test]
    fn a_taken_port_is_told_from_other_trouble() {
        for log in [
            "[ERROR] Can't start server: Bind on TCP/IP port. Got error: 98: Address already in use",
            "[ERROR] [MY-010257] [Server] Do you already have another mysqld server running on port: 45999 ?",
            "[ERROR] Do you already have another server running on port: 45999 ?",
        ] {
            assert!(blames_port(log), "{log}");
        }
        assert!(!blames_port("[ERROR] Aborting"));
    }

    #[test]
    fn every_account_gets_the_password_and_every_statement_is_one_line() {
        let sql = accounts(&Secret::new("hunter2"));
        assert!(!sql.contains('{') && sql.matches("hunter2").count() == 3, "{sql}");
        assert!(sql.lines().all(|line| line.ends_with(';')), "{sql}");
    }
}
