//! Redis where speed does not matter: connections for administration, what the server is, and what its errors mean.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use redis::{
    ClientTlsConfig, Connection, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisConnectionInfo,
    RedisError, TlsCertificates,
};

use super::flush::Flushed;
use crate::endpoint::{Address, RedisEndpoint, peer};
use crate::interrupt;
use crate::reopen::Reopening;
use crate::secret::Secret;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A large flush answers batch by batch; no single answer should take this long.
const IO_TIMEOUT: Duration = Duration::from_secs(30);

/// What went wrong with Redis, in words that name the thing and the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("{context}: {}{}", said(cause), hint.map(|hint| format!("\n  {hint}")).unwrap_or_default())]
    Redis { context: String, hint: Option<&'static str>, cause: RedisError },
    #[error("interrupted after {} entries were removed; run the same command again to remove the rest", .0.removed)]
    Interrupted(Flushed),
}

impl AdminError {
    pub(super) fn new(doing: &str, cause: RedisError) -> Self {
        Self::Redis { context: format!("Redis failed while {doing}"), hint: hint(&cause), cause }
    }
}

/// Opens a connection for administration.
pub(crate) fn connect(endpoint: &RedisEndpoint) -> Result<Connection, AdminError> {
    open(endpoint, CONNECT_TIMEOUT, IO_TIMEOUT).map_err(|cause| {
        let user = endpoint.user.as_ref().map(|user| format!(" as user {user:?}")).unwrap_or_default();
        let context =
            format!("cannot connect to Redis at {}{user}, database {}", endpoint.address, endpoint.database);
        let hint = instead_of_redis(endpoint, &cause).or_else(|| hint(&cause));
        AdminError::Redis { context, hint, cause }
    })
}

/// As [`connect`], for a connection that idles while others work.
pub(crate) fn reopening(endpoint: &RedisEndpoint) -> Result<Reopening<Connection, AdminError>, AdminError> {
    let endpoint = endpoint.clone();
    Reopening::open(move || connect(&endpoint), is_alive)
}

/// What answers there, if it is no Redis, or none that speaks as the URL says.
fn instead_of_redis(endpoint: &RedisEndpoint, cause: &RedisError) -> Option<&'static str> {
    // An error code is a Redis's own.
    if cause.code().is_some() || interrupt::requested() {
        return None;
    }
    peer::identify(&endpoint.address)?.instead_of_redis(endpoint.tls)
}

/// Opens a connection of the `redis` crate with these timeouts, for connecting and for each answer.
pub(crate) fn open(
    endpoint: &RedisEndpoint,
    connect_timeout: Duration,
    io_timeout: Duration,
) -> Result<Connection, RedisError> {
    let client = if endpoint.tls {
        redis::Client::build_with_tls(connection_info(endpoint)?, certificates(endpoint)?)?
    } else {
        redis::Client::open(connection_info(endpoint)?)?
    };
    let connection = client.get_connection_with_timeout(connect_timeout)?;
    connection.set_read_timeout(Some(io_timeout))?;
    connection.set_write_timeout(Some(io_timeout))?;
    Ok(connection)
}

/// The files that the URL names, read.
fn certificates(endpoint: &RedisEndpoint) -> Result<TlsCertificates, RedisError> {
    let read = |file: &Path| {
        std::fs::read(file).map_err(|error| {
            let words = format!("reading the certificate file {}: {error}", file.display());
            RedisError::from((ErrorKind::InvalidClientConfig, "TLS", words))
        })
    };
    let files = &endpoint.certificates;
    let client_tls = files.client.as_ref().map(|(certificate, key)| {
        Ok::<_, RedisError>(ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? })
    });
    let root_cert = files.authority.as_deref().map(read).transpose()?;
    Ok(TlsCertificates { client_tls: client_tls.transpose()?, root_cert })
}

fn connection_info(endpoint: &RedisEndpoint) -> Result<redis::ConnectionInfo, RedisError> {
    let address = match &endpoint.address {
        Address::Socket(path) => ConnectionAddr::Unix(path.clone()),
        Address::Tcp { host, port } if endpoint.tls => {
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
        }
        Address::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
    };
    // Without the name of the driver: proxies close the connection at a command that they do not know.
    let mut login =
        RedisConnectionInfo::default().set_skip_set_lib_name().set_db(i64::from(endpoint.database));
    if let Some(user) = &endpoint.user {
        login = login.set_username(user);
    }
    if let Some(password) = &endpoint.password {
        login = login.set_password(Secret::reveal(password));
    }
    Ok(address.into_connection_info()?.set_redis_settings(login))
}

/// Whether a connection still answers.
pub(crate) fn is_alive(connection: &mut Connection) -> bool {
    redis::cmd("PING").exec(connection).is_ok()
}

/// The server's own words, or those of the `redis` crate.
pub(crate) fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

/// The next step after an error of Redis.
pub(crate) fn hint(error: &RedisError) -> Option<&'static str> {
    if let Some(hint) = error.code().and_then(hint_for_code) {
        return Some(hint);
    }
    match error.kind() {
        _ if error.to_string().contains("certificate") => Some(
            "the server's certificate was not accepted: connect by a name that stands in it; ?ssl-ca=/path/ca.pem behind the \
             URL, or SSL_CERT_FILE, names the file of its authority",
        ),
        ErrorKind::Io if is_closed(error) => Some(
            "the connection was closed. A proxy that does not know a command does that: rcache needs INFO, SCAN and EVAL, so \
             let --redis-url lead to Redis itself",
        ),
        ErrorKind::Io => Some(
            "is the server running, and are host and port right? With no --redis-url, rcache runs a private server of its own",
        ),
        ErrorKind::AuthenticationFailed => Some(
            "user name or password is wrong, or this Redis wants none; look at --redis-url or RCACHE_REDIS_URL",
        ),
        _ => None,
    }
}

/// Whether the other side ended the connection instead of answering.
fn is_closed(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal()
}

/// The next step after an error in the server's words, which come from within a script.
pub(crate) fn hint_for(words: &str) -> Option<&'static str> {
    // What Redis 7.0 and later say when the account of a script lacks a right.
    let is_forbidden = ["user executing the script", "ACL failure"].iter().any(|it| words.contains(it));
    hint_for_code(if is_forbidden { "NOPERM" } else { words.split(' ').next().unwrap_or_default() })
}

/// The next step after an error with this code.
fn hint_for_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "NOAUTH" => "this Redis requires a password: redis://:password@host:port, or set RCACHE_REDIS_URL",
        "WRONGPASS" => {
            "the user name or the password is wrong; give it in --redis-url or in RCACHE_REDIS_URL"
        }
        "NOPERM" => {
            "the account lacks a right. This suffices, on keys of the namespace: ACL SETUSER … +ping +select +info +get +set \
                 +exists +getrange +pttl +unlink +eval +evalsha +scan +dbsize; for scenarios also +del +time; for `scenario \
                 corrupt` also +multi +exec +pexpire +rpush +sadd +hset"
        }
        "LOADING" => "Redis is still loading its data: wait, then run the same command again",
        "READONLY" => "this Redis is a replica: point --redis-url at the primary",
        "OOM" => "Redis is full: raise maxmemory, or flush what is not needed",
        "MISCONF" => "Redis cannot save to its disk and refuses writes: look at its log",
        _ => return None,
    })
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerInfo {
    /// `Redis` or `Valkey`.
    pub(crate) flavor: &'static str,
    pub(crate) version: String,
    /// The settings that change a number; empty where the account may not ask.
    pub(crate) settings: BTreeMap<String, String>,
}

/// Asks the server for its version and the settings that change a number.
pub(crate) fn server_info(connection: &mut Connection) -> Result<ServerInfo, AdminError> {
    let fail = |source| AdminError::new("asking the server for its version", source);
    let info: String = redis::cmd("INFO").arg("server").query(connection).map_err(fail)?;
    let (flavor, version) = parse_version(&info);
    let mut settings = BTreeMap::new();
    for name in ["save", "appendonly", "maxmemory", "maxmemory-policy", "io-threads"] {
        // Managed services rename or forbid CONFIG: then the setting is unknown, and missing.
        let answer: Result<Vec<(String, String)>, _> =
            redis::cmd("CONFIG").arg("GET").arg(name).query(connection);
        settings.extend(answer.unwrap_or_default());
    }
    Ok(ServerInfo { flavor, version, settings })
}

/// Valkey gives its own version beside the Redis version that it is compatible with.
fn parse_version(info: &str) -> (&'static str, String) {
    let field = |name: &str| {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.trim().to_owned())
    };
    match field("valkey_version") {
        Some(version) => ("Valkey", version),
        None => ("Redis", field("redis_version").unwrap_or_else(|| "unknown".to_owned())),
    }
}

/// How many keys the database holds, of any program.
pub(crate) fn key_count(connection: &mut Connection) -> Result<u64, AdminError> {
    redis::cmd("DBSIZE").query(connection).map_err(|source| AdminError::new("counting its keys", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse_version("# Server\r\nredis_version:7.0.15\r\n"), ("Redis", "7.0.15".to_owned()));
        assert_eq!(
            parse_version("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n"),
            ("Valkey", "8.1.1".to_owned())
        );
        assert_eq!(parse_version(""), ("Redis", "unknown".to_owned()));
    }
}
