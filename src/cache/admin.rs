//! Redis where speed does not matter: connections for administration, what the server is, and what
//! its errors mean.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{ErrorKind, RedisError};

use super::connection::Connection;
use super::flush::Flushed;
use super::wire::WireError;
use crate::endpoint::tls_files::plain_io;
use crate::endpoint::{RedisEndpoint, peer};
use crate::interrupt;
use crate::plain_text;
use crate::reopen::Reopening;

/// In the place of the crate's text, which holds its parser's state over several lines.
const NOT_REDIS: &str = "what came back is not the protocol of Redis";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A handshake that takes longer makes us look for a Redis without TLS.
const TLS_TIMEOUT: Duration = Duration::from_millis(1_500);
/// A large flush answers batch by batch; no single answer should take this long.
const IO_TIMEOUT: Duration = Duration::from_secs(30);

/// An error of Redis, in words that name the thing and the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("{context}: {}{}", said(cause), hint.map(|hint| format!("\n  {hint}")).unwrap_or_default())]
    Redis { context: String, hint: Option<&'static str>, cause: RedisError },
    /// An interrupt ended the wait, and nothing is wrong with the server.
    #[error("interrupted while {0}")]
    GivenUp(String),
    #[error("interrupted after {} removed; run the same command again to remove the rest", entries(.0.removed))]
    Interrupted(Flushed),
}

fn entries(number: u64) -> String {
    if number == 1 { "1 entry was".to_owned() } else { format!("{number} entries were") }
}

impl AdminError {
    pub(super) fn new(doing: &str, cause: RedisError) -> Self {
        if was_given_up(&cause) {
            return Self::GivenUp(doing.to_owned());
        }
        Self::Redis { context: format!("Redis failed while {doing}"), hint: hint(&cause), cause }
    }

    /// Whether an interrupt ended it.
    pub(crate) fn is_interruption(&self) -> bool {
        matches!(self, Self::GivenUp(_) | Self::Interrupted(_))
    }
}

/// Whether an interrupt ended the wait for an answer, which shows as a failed connection.
pub(super) fn was_given_up(cause: &RedisError) -> bool {
    interrupt::requested() && cause.kind() == ErrorKind::Io
}

/// Opens a connection for administration.
pub(crate) fn connect(endpoint: &RedisEndpoint) -> Result<Connection, AdminError> {
    // A Redis without TLS waits in silence for the rest of what it takes for a command.
    if endpoint.tls {
        match open(endpoint, TLS_TIMEOUT, IO_TIMEOUT) {
            Err(cause) if cause.is_timeout() => {
                if peer::identify(&endpoint.address) == Some(peer::Protocol::Redis) {
                    return Err(AdminError::login(endpoint, cause));
                }
            }
            outcome => return outcome.map_err(|cause| AdminError::login(endpoint, cause)),
        }
    }
    open(endpoint, CONNECT_TIMEOUT, IO_TIMEOUT).map_err(|cause| AdminError::login(endpoint, cause))
}

impl AdminError {
    /// An error while connecting: which server, and as whom.
    pub(crate) fn login(endpoint: &RedisEndpoint, cause: RedisError) -> Self {
        let user = endpoint.user.as_ref().map(|user| format!(" as user {user:?}")).unwrap_or_default();
        if was_given_up(&cause) {
            return Self::GivenUp(format!("connecting to Redis at {}", endpoint.name()));
        }
        let context =
            format!("cannot connect to Redis at {}{user}, database {}", endpoint.name(), endpoint.database);
        let hint = instead_of_redis(endpoint, &cause).or_else(|| hint(&cause));
        Self::Redis { context, hint, cause }
    }
}

/// Like [`connect`], for a connection that idles while others work.
pub(crate) fn reopening(endpoint: &RedisEndpoint) -> Result<Reopening<Connection, AdminError>, AdminError> {
    let endpoint = endpoint.clone();
    Reopening::open(move || connect(&endpoint), is_alive)
}

/// The server that answers there, if it is no Redis, or none that speaks as the URL says.
fn instead_of_redis(endpoint: &RedisEndpoint, cause: &RedisError) -> Option<&'static str> {
    // An error code is a Redis's own.
    if cause.code().is_some() {
        return None;
    }
    peer::identify(&endpoint.address)?.instead_of_redis(endpoint.tls)
}

/// Opens a connection with these timeouts, for connecting and for each answer.
pub(crate) fn open(
    endpoint: &RedisEndpoint,
    connect_timeout: Duration,
    io_timeout: Duration,
) -> Result<Connection, RedisError> {
    Connection::open(endpoint, connect_timeout, io_timeout)
}

/// Whether a connection still answers.
pub(crate) fn is_alive(connection: &mut Connection) -> bool {
    redis::cmd("PING").exec(connection).is_ok()
}

/// The server's own words, or those of the `redis` crate.
pub(crate) fn said(error: &RedisError) -> String {
    if was_given_up(error) {
        return "interrupted".to_owned();
    }
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => short(&format!("{code} {detail}")),
        _ => match std::error::Error::source(error).and_then(|source| source.downcast_ref()) {
            Some(cause) => plain_io(cause),
            None if error.kind() == ErrorKind::Parse => NOT_REDIS.to_owned(),
            None => plain_io(&std::io::Error::other(plain_text::one_line(&error.to_string()))),
        },
    }
}

/// The server's words; of those of the protected mode, which go on for a page, the first sentence.
fn short(words: &str) -> String {
    match words.split_once(". ") {
        Some((first, _)) if words.starts_with("DENIED ") => format!("{first}."),
        _ => words.to_owned(),
    }
}

/// The next step after an error of Redis.
pub(crate) fn hint(error: &RedisError) -> Option<&'static str> {
    if was_given_up(error) {
        return None;
    }
    if let Some(hint) = error.code().and_then(|_| hint_for(&said(error))) {
        return Some(hint);
    }
    if let Some(hint) = sentinel_hint(&said(error)) {
        return Some(hint);
    }
    match error.kind() {
        _ if error.to_string().contains("fatal alert") => Some(
            "the server refused TLS; it may want a client certificate: add ?ssl-cert=FILE&ssl-key=FILE to --redis-url",
        ),
        _ if error.to_string().contains("certificate") => Some(
            "the server's certificate was not accepted: connect by a name that it contains; ?ssl-ca=/path/ca.pem behind the \
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

/// The next step after an error on the way to a primary that Sentinels watch.
fn sentinel_hint(words: &str) -> Option<&'static str> {
    if words.contains("named by the Sentinels") {
        return Some(
            "the Sentinels name an address that this machine does not reach: is the primary running, and does their \
             configuration give an address that is right from here?",
        );
    }
    let (_, words) = words.split_once("the Sentinel at ")?;
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    Some(if has(&["no primary of that name"]) {
        "is the name in --redis-url right? SENTINEL MASTERS lists the names that a Sentinel knows"
    } else if has(&["NOAUTH", "WRONGPASS", "AUTH", "NOPERM"]) {
        "Sentinels have accounts of their own, which --redis-url gives as ?sentinel-user=USER&sentinel-pass=PASSWORD, or as \
         ?sentinel-pass=PASSWORD alone"
    } else if has(&["unknown command"]) {
        "that server is no Sentinel: name the port of a Sentinel, such as 26379, or use redis:// for Redis itself"
    } else {
        "are the Sentinels running, and are their hosts and ports in --redis-url right?"
    })
}

/// Whether the other side ended the connection instead of answering.
fn is_closed(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal()
}

/// An error while opening a connection for the measured path, with the next step.
pub(crate) fn refused(endpoint: &RedisEndpoint, error: &WireError) -> anyhow::Error {
    if interrupt::requested() && matches!(error, WireError::Io(_)) {
        return AdminError::GivenUp(format!("connecting to Redis at {}", endpoint.name())).into();
    }
    let words = short(&error.to_string());
    anyhow::anyhow!("cannot connect to Redis at {}: {words}{}", endpoint.name(), advice_on(error))
}

/// Like [`advice_on`], for an error of the library.
pub(crate) fn advice_behind(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.map(advice_on).unwrap_or_default()
}

/// The next step after an error on the measured path, on a line of its own.
pub(crate) fn advice_on(error: &WireError) -> String {
    let of_words = |words| hint_for(words).or_else(|| error.server_code().and_then(hint_for_code));
    let hint = match error {
        WireError::Server(words) => of_words(words),
        WireError::NotOpened(words) => sentinel_hint(words).or_else(|| of_words(words)),
        WireError::Io(error) => sentinel_hint(&error.to_string()),
        WireError::Protocol(_) => None,
    };
    hint.map(|hint| format!("\n  {hint}")).unwrap_or_default()
}

/// The next step after an error in the server's words, which come from within a script.
pub(crate) fn hint_for(words: &str) -> Option<&'static str> {
    // What Redis 7.0 and later say when the account of a script lacks a right.
    let is_forbidden = ["user executing the script", "ACL failure"].iter().any(|it| words.contains(it));
    if words.contains("max number of clients") {
        return Some("the server has no connection left: use fewer --clients, or raise maxclients");
    }
    if words.contains("not allowed in cluster mode") {
        return Some(
            "a Redis Cluster has no other database than 0: leave the number at the end of --redis-url out",
        );
    }
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
                 +exists +getrange +pttl +unlink +eval +evalsha +scan +dbsize; for scenarios and traffic also +del +time +pexpire; \
                 for `scenario corrupt` also +multi +exec +rpush +sadd +hset"
        }
        "MOVED" | "ASK" | "TRYAGAIN" => "the cluster moves this slot: wait, then run the same command again",
        "CLUSTERDOWN" => {
            "the cluster has no node for some keys: look at `redis-cli --cluster check`, and wait for a failover"
        }
        "CROSSSLOT" => {
            "this Redis is a node of a cluster and does not say so in INFO: use an account that may ask for it"
        }
        "DENIED" => {
            "protected mode lets only this Redis's own machine in: set a password there (requirepass, ACL SETUSER), and give it in \
             --redis-url"
        }
        "MASTERDOWN" => "this Redis is a replica without its primary: point --redis-url at the primary",
        "NOREPLICAS" => "this Redis refuses writes without replicas: look at min-replicas-to-write",
        "BUSY" => "another program's script keeps Redis busy: wait, or end it with SCRIPT KILL",
        "LOADING" => "Redis is still loading its data: wait, then run the same command again",
        "READONLY" => "this Redis is a replica: point --redis-url at the primary",
        "OOM" => "Redis is full: raise maxmemory, or flush what is not needed",
        "MISCONF" => "Redis cannot save to its disk and refuses writes: look at its log",
        _ => return None,
    })
}

/// A server's description of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerInfo {
    /// `Redis` or `Valkey`.
    pub(crate) flavor: &'static str,
    pub(crate) version: String,
    /// The settings that change a number; empty where the account may not ask.
    pub(crate) settings: BTreeMap<String, String>,
    /// The number of primaries, if it is a cluster.
    pub(crate) cluster_primaries: Option<u64>,
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
    let cluster_primaries = match connection.is_cluster().map_err(fail)? {
        true => Some(connection.primaries().map_err(fail)?.len() as u64),
        false => None,
    };
    Ok(ServerInfo { flavor, version, settings, cluster_primaries })
}

/// Valkey gives its own version beside the Redis version that it is compatible with.
pub(crate) fn parse_version(info: &str) -> (&'static str, String) {
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

/// The number of keys in the database, of any program; of a cluster, in all its primaries.
pub(crate) fn key_count(connection: &mut Connection) -> Result<u64, AdminError> {
    let each = connection.on_each(|link| redis::cmd("DBSIZE").query::<u64>(link));
    Ok(each.map_err(|source| AdminError::new("counting its keys", source))?.into_iter().sum())
}

/// Bytes of memory that the server takes; none where it does not say.
pub(crate) fn memory_used(connection: &mut Connection) -> Option<u64> {
    let each: Vec<String> =
        connection.on_each(|link| redis::cmd("INFO").arg("memory").query::<String>(link)).ok()?;
    let used = |info: &String| {
        info.lines().find_map(|line| line.strip_prefix("used_memory:"))?.trim().parse::<u64>().ok()
    };
    each.iter().map(used).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_server_lead_to_a_next_step() {
        for (words, step) in [
            ("ERR max number of clients reached", "maxclients"),
            ("MOVED 866 10.0.0.1:7000", "cluster"),
            ("CLUSTERDOWN Hash slot not served", "cluster"),
            ("DENIED Redis is running in protected mode", "password"),
            ("READONLY You can't write against a read only replica.", "primary"),
            ("LOADING Redis is loading the dataset in memory", "wait"),
            ("NOPERM this user has no permissions to run the 'eval' command", "ACL SETUSER"),
            ("ERR SELECT is not allowed in cluster mode", "database"),
        ] {
            assert!(hint_for(words).is_some_and(|hint| hint.contains(step)), "{words}");
        }
        assert_eq!(hint_for("ERR unknown command"), None);
        assert_eq!(short("DENIED Redis is protected. In this mode. 1) Just"), "DENIED Redis is protected.");
        assert_eq!(short("ERR one. two"), "ERR one. two");
        for (words, step) in [
            ("NOPERM this user has no permissions to run the 'set' command", "ACL SETUSER"),
            ("OOM command not allowed when used memory > 'maxmemory'.", "maxmemory"),
            ("@user_script: 4: -OOM command not allowed", "maxmemory"),
            ("ERR max number of clients reached", "maxclients"),
        ] {
            let advice = advice_on(&WireError::Server(words.to_owned()));
            assert!(advice.starts_with("\n  ") && advice.contains(step), "{words}: {advice}");
        }
    }

    #[test]
    fn errors_of_sentinels_have_next_steps_of_their_own() {
        for (words, step) in [
            ("the Sentinel at h:1: it knows no primary of that name", "name in --redis-url"),
            ("the Sentinel at h:1: NOAUTH Authentication required.", "sentinel-pass"),
            ("the Sentinel at h:1: WRONGPASS invalid username-password pair", "sentinel-pass"),
            ("the Sentinel at h:1: ERR unknown command 'SENTINEL'", "no Sentinel"),
            ("the Sentinel at h:1: Connection refused (os error 111)", "running"),
            ("the primary at h:2, named by the Sentinels: Connection refused", "configuration"),
        ] {
            let error = RedisError::from(std::io::Error::other(words));
            assert!(hint(&error).is_some_and(|hint| hint.contains(step)), "{words}: {:?}", hint(&error));
            let advice = advice_on(&WireError::Io(std::io::Error::other(words)));
            assert!(advice.contains(step), "{words}: {advice}");
        }
        assert_eq!(sentinel_hint("Connection refused"), None);
    }

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
