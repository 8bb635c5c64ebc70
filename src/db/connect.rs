//! Opens a connection to MySQL or MariaDB, with errors that name the server and the next step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use mysql::{ClientIdentity, Conn, OptsBuilder, SslOpts};

use super::error::{DbError, LoginError};
use super::identity;
use super::session::Session;
use super::settings;
use super::watch::{LAST_SILENCE, SILENCE, Server};
use crate::endpoint::peer::{self, Protocol};
use crate::endpoint::tls_files;
use crate::endpoint::{Address, MysqlEndpoint, MysqlTls};
use crate::interrupt;
use crate::reopen::Reopening;
use crate::secret::Secret;

/// A server that has not let us in by then is taken for absent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two looks for an interrupt while a connection is being opened.
const LOOK: Duration = Duration::from_millis(50);
/// MySQL greets its clients; a server that has not by then is asked whether it is another one.
const NO_GREETING: Duration = Duration::from_millis(1_500);
/// An idle connection is tried for the first time after this long: a peer that is gone is noticed
/// during a long query.
const KEEPALIVE_MS: u32 = 20_000;
/// Data that the other machine does not acknowledge for this long end the connection.
const UNACKNOWLEDGED_MS: u32 = 30_000;

/// Opens a connection under watch whose session has rcache's own settings, see [`settings`].
pub(crate) fn connect(endpoint: &MysqlEndpoint) -> Result<Session, DbError> {
    connect_within(endpoint, CONNECT_TIMEOUT)
}

/// Like [`connect`], for a question that nothing depends on.
pub(crate) fn connect_briefly(endpoint: &MysqlEndpoint) -> Result<Session, DbError> {
    connect_within(endpoint, Duration::from_secs(1))
}

/// Like [`connect`], for statements of a user's own: the session can only read, and the server ends
/// a statement that takes longer than this.
pub(super) fn read_only(endpoint: &MysqlEndpoint, time_limit: Duration) -> Result<Session, DbError> {
    let mut session = connect(endpoint)?;
    session.set_up_selects += settings::restrict(&mut session, time_limit)?;
    Ok(session)
}

/// Like [`connect`], for a connection that idles while others work.
pub(crate) fn reopening(endpoint: &MysqlEndpoint) -> Result<Reopening<Session, DbError>, DbError> {
    let endpoint = endpoint.clone();
    Reopening::open(move || connect(&endpoint), |conn| conn.ping().is_ok())
}

/// Like [`connect`], with another limit for the time until the server has let us in.
pub(super) fn connect_within(endpoint: &MysqlEndpoint, patience: Duration) -> Result<Session, DbError> {
    DbError::refuse_system_database(&endpoint.database)?;
    let server = Server::at(endpoint);
    let conn = log_in(endpoint, options(endpoint), &server, patience)
        .map_err(|error| DbError::login(endpoint, error))?;
    let mut session = Session::new(conn, Arc::clone(&server))
        .map_err(|source| DbError::new("setting up the connection", source))?;
    session.set_up_selects = settings::apply(&mut session)? + identity::SELECTS;
    identity::note(&mut session, &server);
    session
        .watched()
        .wait_patiently()
        .map_err(|source| DbError::new("setting up the connection", source.into()))?;
    Ok(session)
}

/// Whether the server answers a new client, be it with a refusal.
pub(super) fn answers(endpoint: &MysqlEndpoint) -> bool {
    match open(&endpoint.address, options(endpoint), SILENCE, &|| false) {
        Ok(_) => true,
        Err(LoginError::Driver(error)) => matches!(*error, mysql::Error::MySqlError(_)),
        Err(
            LoginError::Timeout(_) | LoginError::Interrupted | LoginError::TlsFile(_) | LoginError::Other(_),
        ) => false,
    }
}

fn log_in(
    endpoint: &MysqlEndpoint,
    options: OptsBuilder,
    server: &Server,
    patience: Duration,
) -> Result<Conn, LoginError> {
    tls_files::check(&endpoint.certificates).map_err(LoginError::TlsFile)?;
    if server.is_given_up() {
        return Err(LoginError::Interrupted);
    }
    let outcome = open(&endpoint.address, options, patience, &interrupt::requested);
    if matches!(outcome, Err(LoginError::Interrupted)) {
        server.give_up();
    }
    outcome
}

/// Connects and logs in on a thread of its own, which is left behind if it takes too long: looking
/// up a name, connecting to a unix socket and a server that sends its greeting byte by byte know no
/// timeout otherwise.
fn open(
    address: &Address,
    options: OptsBuilder,
    patience: Duration,
    is_interrupted: &dyn Fn() -> bool,
) -> Result<Conn, LoginError> {
    // Longer than our own limit, which has words; a thread that is left behind ends by this one.
    let timeout = Some(2 * patience);
    let options = options.tcp_connect_timeout(timeout).read_timeout(timeout).write_timeout(timeout);
    let (sender, receiver) = mpsc::sync_channel(1);
    let opening = thread::Builder::new().name("mysql-connect".to_owned()).spawn(move || {
        // When it took too long, the receiver is gone and the connection is closed again.
        let _ = sender.send(Conn::new(options));
    });
    opening.map_err(|error| LoginError::Driver(Box::new(error.into())))?;
    let start = Instant::now();
    let (mut interrupted_at, mut is_examined) = (None, false);
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(outcome) => return outcome.map_err(|error| LoginError::Driver(Box::new(error))),
            Err(RecvTimeoutError::Disconnected) => return Err(LoginError::not_mysql()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if !is_examined && start.elapsed() >= NO_GREETING {
            is_examined = true;
            if let Some(other) = other_protocol(address) {
                return Err(LoginError::Other(other));
            }
        }
        if is_interrupted() && interrupted_at.get_or_insert_with(Instant::now).elapsed() >= LAST_SILENCE {
            return Err(LoginError::Interrupted);
        }
        if start.elapsed() >= patience {
            return Err(LoginError::Timeout(patience));
        }
    }
}

/// The server that answers there, if it is certainly not MySQL.
fn other_protocol(address: &Address) -> Option<Protocol> {
    peer::identify(address).filter(|found| found.is_surely_not_mysql())
}

fn options(endpoint: &MysqlEndpoint) -> OptsBuilder {
    let options = OptsBuilder::new()
        .user(Some(endpoint.user.as_str()))
        .pass(endpoint.password.as_ref().map(Secret::reveal))
        .db_name(Some(endpoint.database.as_str()))
        // The driver would move to a unix socket by itself, and the transport would not be what we
        // say.
        .prefer_socket(false)
        .tcp_keepalive_time_ms(Some(KEEPALIVE_MS))
        .ssl_opts(tls_options(endpoint));
    #[cfg(target_os = "linux")]
    let options = options.tcp_user_timeout_ms(Some(UNACKNOWLEDGED_MS));
    match &endpoint.address {
        Address::Tcp { host, port } => options.ip_or_hostname(Some(host.as_str())).tcp_port(*port),
        Address::Socket(path) => options.socket(Some(path.to_string_lossy().into_owned())),
    }
}

fn tls_options(endpoint: &MysqlEndpoint) -> Option<SslOpts> {
    let files = &endpoint.certificates;
    let identity =
        files.client.as_ref().map(|(certificate, key)| ClientIdentity::new(certificate.clone(), key.clone()));
    let ssl = SslOpts::default().with_root_cert_path(files.authority.clone()).with_client_identity(identity);
    match endpoint.tls {
        MysqlTls::Disabled => None,
        MysqlTls::Required => {
            Some(ssl.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
        }
        MysqlTls::VerifyCa => Some(ssl.with_danger_skip_domain_validation(true)),
        MysqlTls::VerifyIdentity => Some(ssl),
    }
}
/// A server's description of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerInfo {
    /// `MySQL` or `MariaDB`.
    pub(crate) flavor: &'static str,
    /// For example `10.11.14`.
    pub(crate) version: String,
    /// The settings that change a number.
    pub(crate) settings: BTreeMap<String, String>,
}

/// Asks the server for its version and the settings that change a number.
pub(crate) fn server_info(conn: &mut Session) -> Result<ServerInfo, DbError> {
    let fail = |source| DbError::new("asking the server for its version and settings", source);
    let (full, comment): (String, String) =
        conn.query_first(include_str!("../../sql/version.sql")).map_err(fail)?.unwrap_or_default();
    let settings: Vec<(String, String)> = conn.query(include_str!("../../sql/settings.sql")).map_err(fail)?;
    let (flavor, version) = parse_version(&full, &comment);
    Ok(ServerInfo { flavor, version, settings: settings.into_iter().collect() })
}

/// `10.11.14-MariaDB-0+deb12u2` is MariaDB 10.11.14; `8.4.6-0ubuntu1` is MySQL 8.4.6. Some MariaDB
/// packages say so only in the comment, and old ones put `5.5.5-` in front.
fn parse_version(full: &str, comment: &str) -> (&'static str, String) {
    let mariadb = [full, comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
    let plain = full.strip_prefix("5.5.5-").unwrap_or(full);
    let number = plain.split(['-', '+', '~', ' ']).next().unwrap_or(plain);
    (if mariadb { "MariaDB" } else { "MySQL" }, number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (full, comment, flavor, version) in [
            ("10.11.14-MariaDB-0+deb12u2", "Debian 12", "MariaDB", "10.11.14"),
            ("5.5.5-10.4.1-MariaDB", "", "MariaDB", "10.4.1"),
            ("11.4.2-log", "mariadb.org binary distribution", "MariaDB", "11.4.2"),
            ("8.4.6", "MySQL Community Server - GPL", "MySQL", "8.4.6"),
            ("9.7.0-0debian1", "(Debian)", "MySQL", "9.7.0"),
        ] {
            assert_eq!(parse_version(full, comment), (flavor, version.to_owned()));
        }
    }
}
