//! Opens a connection to MySQL or MariaDB, with errors that name the server and the next step.

use std::collections::BTreeMap;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder, SslOpts};

use super::error::{self, DbError};
use super::socket::Socket;
use crate::endpoint::{Address, MysqlEndpoint, MysqlTls};
use crate::reopen::Reopening;
use crate::secret::Secret;

/// A server that does not answer the first packet by then is taken for absent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a connection that is ready for the statements in `sql/`: utf8mb4, and no query cache in the
/// server, which would answer in MySQL's place.
pub(crate) fn connect(endpoint: &MysqlEndpoint) -> Result<Conn, DbError> {
    prepared(endpoint, options(endpoint))
}

/// As [`connect`], for a connection that idles while others work.
pub(crate) fn reopening(endpoint: &MysqlEndpoint) -> Result<Reopening<Conn, DbError>, DbError> {
    let endpoint = endpoint.clone();
    Reopening::open(move || connect(&endpoint), |conn| conn.ping().is_ok())
}

/// As [`connect`], and no reply takes longer than this until [`wait_patiently`] is called.
pub(super) fn connect_within(endpoint: &MysqlEndpoint, patience: Duration) -> Result<Conn, DbError> {
    let (patience, options) = (Some(patience), options(endpoint));
    prepared(endpoint, options.tcp_connect_timeout(patience).read_timeout(patience).write_timeout(patience))
}

/// From now on a reply may take as long as it takes.
pub(super) fn wait_patiently(conn: &Conn) -> Result<(), DbError> {
    Socket::of(conn)
        .and_then(|socket| socket.wait_patiently())
        .map_err(|source| DbError::new("setting up the connection", source.into()))
}

fn prepared(endpoint: &MysqlEndpoint, options: OptsBuilder) -> Result<Conn, DbError> {
    let mut conn = Conn::new(options).map_err(|source| error::connecting(endpoint, source))?;
    let prepared = conn.query_drop(include_str!("../../sql/session.sql"));
    prepared.map_err(|source| DbError::new("setting up the connection", source))?;
    // Only MariaDB knows this setting, and refuses to turn off what is not there; both are fine.
    let _ = conn.query_drop(include_str!("../../sql/no_query_cache.sql"));
    Ok(conn)
}

fn options(endpoint: &MysqlEndpoint) -> OptsBuilder {
    let options = OptsBuilder::new()
        .user(Some(endpoint.user.as_str()))
        .pass(endpoint.password.as_ref().map(Secret::reveal))
        .db_name(Some(endpoint.database.as_str()))
        // The driver would move to a unix socket by itself, and the transport would not be what we say.
        .prefer_socket(false)
        .tcp_connect_timeout(Some(CONNECT_TIMEOUT))
        .ssl_opts(tls_options(endpoint));
    match &endpoint.address {
        Address::Tcp { host, port } => options.ip_or_hostname(Some(host.as_str())).tcp_port(*port),
        Address::Socket(path) => options.socket(Some(path.to_string_lossy().into_owned())),
    }
}

fn tls_options(endpoint: &MysqlEndpoint) -> Option<SslOpts> {
    let ssl = SslOpts::default().with_root_cert_path(endpoint.ca_file.clone());
    match endpoint.tls {
        MysqlTls::Disabled => None,
        MysqlTls::Required => {
            Some(ssl.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
        }
        MysqlTls::VerifyCa => Some(ssl.with_danger_skip_domain_validation(true)),
        MysqlTls::VerifyIdentity => Some(ssl),
    }
}

/// What a server says of itself.
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
pub(crate) fn server_info(conn: &mut Conn) -> Result<ServerInfo, DbError> {
    let fail = |source| DbError::new("asking the server for its version and settings", source);
    let (full, comment): (String, String) =
        conn.query_first(include_str!("../../sql/version.sql")).map_err(fail)?.unwrap_or_default();
    let settings: Vec<(String, String)> = conn.query(include_str!("../../sql/settings.sql")).map_err(fail)?;
    let (flavor, version) = parse_version(&full, &comment);
    Ok(ServerInfo { flavor, version, settings: settings.into_iter().collect() })
}

/// `10.11.14-MariaDB-0+deb12u2` is MariaDB 10.11.14; `8.4.6-0ubuntu1` is MySQL 8.4.6. Some MariaDB packages say so
/// only in the comment, and old ones put `5.5.5-` in front.
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
