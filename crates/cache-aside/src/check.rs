//! A look at Redis before it is needed: whether it can be reached, is the right one, and allows
//! what the cache asks of it.

use std::fmt;
use std::io;

use super::connections::Node;
use super::core::Core;
use super::entry;
use super::error::RedisError;
use super::key::layout::pattern_of;
use super::pool::Pool;
use super::protocol::key_state::{self, Head};
use super::protocol::{Nonce, draw_nonce};
use super::store::{Acquired, Found, Store};
use super::wire::{Reply, WireError};

/// The findings of [`Cache::check`](crate::Cache::check).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The server and its version, for example `Redis 7.2.4`; none if it does not say.
    pub server: Option<String>,
    /// Whether it says that it is a primary. A proxy, or an account without the right to ask, does
    /// not say.
    pub is_primary: Option<bool>,
    /// The number of primaries of the cluster; none if it is a single server.
    pub cluster_primaries: Option<usize>,
    /// The `maxmemory-policy`; none if it does not say.
    pub eviction: Option<String>,
    /// Surprises among what works, in sentences.
    pub warnings: Vec<String>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.server.as_deref().unwrap_or("a server that does not name its version"))?;
        match self.is_primary {
            Some(true) => f.write_str(", a primary")?,
            Some(false) | None => f.write_str(", which does not say whether it is a primary")?,
        }
        if let Some(primaries) = self.cluster_primaries {
            write!(f, ", a cluster of {primaries} primaries")?;
        }
        if let Some(eviction) = &self.eviction {
            write!(f, ", maxmemory-policy {eviction}")?;
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

/// Redis cannot serve as it is: what was tried, and what came of it.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {cause}")]
pub struct CheckError {
    doing: &'static str,
    #[source]
    cause: RedisError,
}

impl CheckError {
    /// The answer of Redis, or its absence.
    pub fn cause(&self) -> &RedisError {
        &self.cause
    }
}

/// Asks every server.
pub(crate) fn check(core: &Core) -> Result<CheckReport, CheckError> {
    core.connections.refresh();
    let nodes = core.connections.primaries();
    let mut report = CheckReport {
        server: None,
        is_primary: None,
        cluster_primaries: core.connections.is_cluster().then_some(nodes.len()),
        eviction: None,
        warnings: Vec::new(),
    };
    for node in nodes {
        let pool = &node.pool;
        let failed = |doing, cause| CheckError { doing, cause: RedisError::new(pool.endpoint(), cause) };
        let connect = || pool.take_fresh().map_err(|cause| failed("connecting", cause));
        let mut lent = connect()?;
        let steps = steps(core, &node).map_err(|error| failed("drawing a random number", error.into()))?;
        // A node that can keep no key of this namespace is never asked for one.
        if let (Some(steps), Some(session)) = (steps, lent.session()) {
            for (doing, step) in STEPS {
                step(&steps, &mut session.store).map_err(|cause| failed(doing, cause))?;
            }
            replicas(&mut session.store, pool, core, &mut report)
                .map_err(|cause| failed("waiting for replicas (WAIT)", cause))?;
        }
        for (command, look, missing) in LOOKS {
            let Some(session) = lent.session() else { continue };
            match look(&mut session.store, pool, core, &mut report) {
                Ok(()) => {}
                Err(cause) if cause.is_hang_up() => {
                    let address = &pool.endpoint().address;
                    report.warnings.push(format!(
                        "{address}: the connection is closed at {command}, as a proxy does that does not know it: {missing}"
                    ));
                    lent = connect()?;
                }
                Err(cause) => return Err(failed(command, cause)),
            }
        }
        lent.give_back();
    }
    Ok(report)
}

/// With a key that this server keeps; none if it can keep none of this namespace.
fn steps(core: &Core, node: &Node) -> io::Result<Option<Steps>> {
    let nonce = draw_nonce()?;
    let mut start = b"check:1:".to_vec();
    start.extend(nonce.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
    Ok(core.connections.name_on(node, &start).map(|key| Steps { key, nonce }))
}

/// Does once what the cache does, under a key of its own.
struct Steps {
    key: Vec<u8>,
    nonce: Nonce,
}

type Look = fn(&mut Store, &Pool, &Core, &mut CheckReport) -> Result<(), WireError>;

/// Looks that a server may refuse, each with what is missing then.
const LOOKS: [(&str, Look, &str); 2] =
    [("SCAN", walk, "invalidate_kind fails"), ("INFO", describe, "version, role and settings are not known")];

type Step = fn(&Steps, &mut Store) -> Result<(), WireError>;

const STEPS: [(&str, Step); 7] = [
    ("GET", Steps::get),
    ("EVAL", Steps::eval),
    ("putting a lease (EVALSHA; GET and SET within)", Steps::acquire),
    ("bounding a lease (EVALSHA; GETRANGE and PTTL within)", Steps::settle),
    ("replacing a lease by an entry (EVALSHA; GETRANGE and SET within)", Steps::replace),
    ("putting a marker (EVALSHA; TIME, GETRANGE, GET, UNLINK and SET within)", Steps::mark),
    ("taking a marker out (EVALSHA; TIME, GETRANGE, GET and UNLINK within)", Steps::finish),
];

impl Steps {
    fn get(&self, store: &mut Store) -> Result<(), WireError> {
        match store.get(&self.key, &mut Vec::new(), &mut |_| ())? {
            Found::Nothing => Ok(()),
            Found::Text | Found::Other => Err(UNEXPECTED),
        }
    }

    /// Rights that the scripts need only if Redis does not know them yet.
    fn eval(&self, store: &mut Store) -> Result<(), WireError> {
        let command: [&[u8]; 4] = [b"EVAL", b"return 1", b"1", &self.key];
        match store.connection().command(&command, &mut Vec::new())? {
            Reply::Integer(1) => Ok(()),
            Reply::Integer(_) | Reply::Status | Reply::Bytes | Reply::Nil => Err(UNEXPECTED),
        }
    }

    fn acquire(&self, store: &mut Store) -> Result<(), WireError> {
        let lease = key_state::lease(self.nonce);
        match store.acquire(&self.key, &lease, SHORT, &mut Vec::new())? {
            Acquired::Held => Ok(()),
            Acquired::Found(_) => Err(UNEXPECTED),
        }
    }

    fn settle(&self, store: &mut Store) -> Result<(), WireError> {
        store.settle(&self.key, SHORT).map(drop)
    }

    fn replace(&self, store: &mut Store) -> Result<(), WireError> {
        let mut missing = Vec::new();
        entry::seal_missing(&mut missing, &self.key, self.nonce, 0, 0);
        let lease = Head::of(&key_state::lease(self.nonce));
        // On a machine so slow that the lease has expired it is refused, which is an answer too.
        store.replace(&self.key, lease, &missing, SHORT).map(drop)
    }

    fn mark(&self, store: &mut Store) -> Result<(), WireError> {
        store.mark(&self.key, self.nonce, SHORT)
    }

    fn finish(&self, store: &mut Store) -> Result<(), WireError> {
        store.finish(&self.key, self.nonce).map(drop)
    }
}

/// The time after which anything that an interrupted check left behind is gone.
const SHORT: std::time::Duration = std::time::Duration::from_secs(5);
const UNEXPECTED: WireError = WireError::Protocol("another answer than the command has");

/// Waits for the replicas as a write does, for what the steps have written.
fn replicas(store: &mut Store, pool: &Pool, core: &Core, report: &mut CheckReport) -> Result<(), WireError> {
    let wanted = core.options.replicas;
    if wanted == 0 {
        return Ok(());
    }
    let have = store.wait(wanted, core.options.replica_wait())?;
    if have < wanted {
        let address = &pool.endpoint().address;
        report.warnings.push(format!(
            "{address}: {have} of the {wanted} replicas that a write waits for had one in time: writes fail"
        ));
    }
    Ok(())
}

/// Tries what only the removal of a whole kind needs.
fn walk(store: &mut Store, pool: &Pool, core: &Core, report: &mut CheckReport) -> Result<(), WireError> {
    let kind = [core.name_prefix(), "check:"].concat();
    match store.connection().scan(b"0", &pattern_of(kind.as_bytes())) {
        Ok(_) => Ok(()),
        Err(error @ WireError::Server(_)) => {
            let address = &pool.endpoint().address;
            report.warnings.push(format!("{address}: SCAN is refused, so invalidate_kind fails: {error}"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The server's description of itself, and what of it may surprise.
fn describe(store: &mut Store, pool: &Pool, core: &Core, report: &mut CheckReport) -> Result<(), WireError> {
    let mut info = Vec::new();
    match store.connection().command(&[b"INFO"], &mut info) {
        Ok(Reply::Bytes) => {}
        Ok(Reply::Status | Reply::Integer(_) | Reply::Nil) => return Err(UNEXPECTED),
        Err(WireError::Server(_)) => {
            report.warnings.push("INFO is refused: version, role and settings are not known".to_owned());
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let info = String::from_utf8_lossy(&info);
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let number = |name: &str| field(name).and_then(|text| text.parse::<u64>().ok());
    report.server = match (field("valkey_version"), field("redis_version")) {
        (Some(version), _) => Some(format!("Valkey {version}")),
        (None, version) => version.map(|version| format!("Redis {version}")),
    };
    report.is_primary = field("role").map(|role| role == "master");
    report.eviction = field("maxmemory_policy").map(str::to_owned);
    let is_alone = report.cluster_primaries.is_none();
    let mut warn = |words: String| report.warnings.push(format!("{}: {words}", pool.endpoint().address));
    if field("redis_mode") == Some("cluster") && is_alone {
        warn(
            "a node of a cluster; the account lacks the right to CLUSTER, so that the other nodes are found one key at a time"
                .to_owned(),
        );
    }
    if field("maxmemory_policy") == Some("noeviction") && number("maxmemory").is_some_and(|bytes| bytes > 0) {
        warn("maxmemory-policy is noeviction: once it is full, nothing more is cached".to_owned());
    }
    if field("aof_enabled") == Some("1") {
        warn(
            "the append-only file is on: after a restart, values that were removed meanwhile can be back"
                .to_owned(),
        );
    }
    // INFO names no setting; a server that refuses CONFIG may have saved already.
    let save = store.connection().setting(b"save").unwrap_or(None);
    if save.map_or_else(|| number("rdb_saves").is_some_and(|saves| saves > 0), |save| !save.is_empty()) {
        warn(
            "snapshots are on (`save`): after a restart, values that were removed meanwhile can be back"
                .to_owned(),
        );
    }
    if let Some(most) = number("maxclients")
        && most < core.options.max_connections as u64
    {
        warn(format!("maxclients is {most}, less than max_connections ({})", core.options.max_connections));
    }
    Ok(())
}
