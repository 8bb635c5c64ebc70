//! The ways of caching that are put to the test: what one client of an arm does to read a row and
//! to write one.

mod app_redis;
mod delayed;
mod filling;
mod library;
mod lock;
mod mysql_only;
mod naive;
mod refreshing;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use self::app_redis::AppRedis;
pub(crate) use self::app_redis::TIMEOUT as APP_TIMEOUT;
use self::delayed::DelayedDeletes;
pub(crate) use self::filling::Filler;
use self::library::{Library, Writing};
use self::lock::Locking;
use self::mysql_only::MysqlOnly;
use self::naive::Naive;
use self::refreshing::Refreshing;
pub(crate) use self::usage::{AppCounts, Usage};
use super::ServerPair;
use super::database::{Capacity, Database, Loads, WriteError};
use super::keys::Keys;
use super::row::Row;
use crate::cache::admin::{self, AdminError};
use crate::cache::{Cache, MarkError, Options, SetupError, StaleError};
use crate::db::error::DbError;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};

/// A way of caching; an arm of an experiment goes one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// No cache.
    Mysql,
    /// GET; on a miss SELECT, then SET. Writers commit, then DEL.
    Naive,
    /// Like naive, and writers have a second DEL sent a while later.
    NaiveDoubleDelete,
    /// Like naive, with times to live that are shortened by chance.
    NaiveJitter,
    /// Like naive, but only the client that gets a lock (SET NX) loads; the fill is an unchecked
    /// SET.
    Lock,
    /// The library; writers commit, then `invalidate`.
    Lease,
    /// The library; writers `mark`, commit, `finish`.
    LeaseMarker,
    /// The library; values are refreshed behind the readers' backs.
    LeaseEarly,
}

impl Strategy {
    /// Its name in every output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Naive => "naive",
            Self::NaiveDoubleDelete => "naive-double-delete",
            Self::NaiveJitter => "naive-jitter",
            Self::Lock => "lock",
            Self::Lease => "lease",
            Self::LeaseMarker => "lease-marker",
            Self::LeaseEarly => "lease-early",
        }
    }
}

/// The fate of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriterOutcome {
    /// It does all it has to.
    Returns,
    /// Its COMMIT comes back, and it does nothing more.
    DiesAfterCommit,
}

/// One client of an arm.
pub(crate) trait Client: Send {
    /// The row, from wherever the arm takes it.
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError>;

    /// Raises the row's version and returns it: once it does, every read that begins must see it. A
    /// writer that dies returns its version too, and nobody must see that one.
    fn write(&mut self, id: u32, writer_outcome: WriterOutcome) -> Result<u64, ClientError>;
}

/// The refusal of Redis, in its own words.
#[derive(Debug)]
pub(crate) struct Refused(redis::RedisError);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&admin::said(&self.0))
    }
}

impl From<redis::RedisError> for ClientError {
    fn from(error: redis::RedisError) -> Self {
        Self::Redis(Refused(error))
    }
}

/// Why a client could not read or write.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("Redis: {0}")]
    Redis(Refused),
    #[error("the entry in Redis is not a row: {0}")]
    Decode(#[from] serde_json::Error),
    #[error(transparent)]
    Mark(#[from] MarkError),
    #[error(transparent)]
    Stale(#[from] StaleError),
    #[error(transparent)]
    Key(#[from] crate::cache::KeyError),
}

impl ClientError {
    /// Whether it was MySQL that failed.
    pub(crate) fn is_of_database(&self) -> bool {
        matches!(self, Self::Db(_))
    }
}

impl From<WriteError<ClientError>> for ClientError {
    fn from(error: WriteError<ClientError>) -> Self {
        match error {
            WriteError::Db(error) => Self::Db(error),
            WriteError::Refused(error) => error,
        }
    }
}

/// Why the clients of an arm could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArmSetupError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Redis(#[from] AdminError),
    #[error("cannot set up the library's cache: {0}")]
    Cache(#[from] SetupError),
}

/// The servers and settings that the clients of an arm share; the same for every arm of an
/// experiment.
pub(crate) struct ArmSetup<'a> {
    pub(crate) mysql: &'a MysqlEndpoint,
    pub(crate) redis: &'a RedisEndpoint,
    pub(crate) keys: Keys,
    pub(crate) loads: Arc<Loads>,
    /// The time by which a load is prolonged.
    pub(crate) load_delay: Duration,
    /// The capacity of the database, if it is to be limited; for strategies that load in a client's
    /// own thread.
    pub(crate) capacity: Option<Arc<Capacity>>,
    /// When the second DEL of `naive-double-delete` is sent, after the first.
    pub(crate) second_delete_after: Duration,
    /// The library's; the others take the time to live from here.
    pub(crate) options: Options,
    /// The counts of the arms without the library.
    pub(crate) counts: Arc<AppCounts>,
}

impl<'a> ArmSetup<'a> {
    /// Without any delay.
    pub(crate) fn new(pair: &ServerPair<'a>, keys: &Keys, loads: &Arc<Loads>, options: Options) -> Self {
        Self {
            mysql: pair.mysql,
            redis: pair.redis,
            keys: keys.clone(),
            loads: Arc::clone(loads),
            load_delay: Duration::ZERO,
            capacity: None,
            second_delete_after: Duration::ZERO,
            options,
            counts: Arc::default(),
        }
    }
}

/// The clients of an arm, and whatever works in their background until this is dropped.
pub(crate) struct ArmClients {
    pub(crate) clients: Vec<Box<dyn Client>>,
    pub(crate) background: Background,
    /// The counts of their cache.
    pub(crate) usage: Usage,
}

/// The work behind the clients; dropping it waits until it is done.
pub(crate) struct Background {
    _deletes: Option<DelayedDeletes>,
}

impl ArmSetup<'_> {
    /// Clients with connections of their own, spread over as many processes: clients of one share a
    /// [`Cache`].
    pub(crate) fn arm_clients(
        &self,
        strategy: Strategy,
        clients: usize,
        processes: usize,
    ) -> Result<ArmClients, ArmSetupError> {
        let caches = match strategy {
            Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly => {
                (0..processes.max(1)).map(|_| self.cache()).collect::<Result<Vec<_>, _>>()?
            }
            Strategy::Mysql
            | Strategy::Naive
            | Strategy::NaiveDoubleDelete
            | Strategy::NaiveJitter
            | Strategy::Lock => Vec::new(),
        };
        let deletes = match strategy {
            Strategy::NaiveDoubleDelete => {
                Some(DelayedDeletes::start(self.app_redis()?, self.second_delete_after, &self.counts))
            }
            _ => None,
        };
        let wrapped: Vec<_> = match strategy {
            Strategy::LeaseEarly => caches.iter().map(|cache| Refreshing::new(self, cache)).collect(),
            _ => Vec::new(),
        };
        let naive = || -> Result<Naive, ArmSetupError> {
            Ok(Naive {
                database: self.database()?,
                redis: self.app_redis()?,
                counts: Arc::clone(&self.counts),
                keys: self.keys.clone(),
                ttl: self.options.ttl,
                jitter: strategy == Strategy::NaiveJitter,
                later: deletes.as_ref().and_then(DelayedDeletes::desk),
            })
        };
        let arm_clients = (0..clients)
            .map(|number| -> Result<Box<dyn Client>, ArmSetupError> {
                Ok(match strategy {
                    Strategy::Mysql => Box::new(MysqlOnly { database: self.database()? }),
                    Strategy::Naive | Strategy::NaiveDoubleDelete | Strategy::NaiveJitter => {
                        Box::new(naive()?)
                    }
                    Strategy::Lock => Box::new(Locking(naive()?)),
                    Strategy::LeaseEarly => Box::new(wrapped[number % wrapped.len()].clone()),
                    Strategy::Lease | Strategy::LeaseMarker => Box::new(Library {
                        database: self.database()?,
                        cache: caches[number % caches.len()].clone(),
                        keys: self.keys.clone(),
                        writing: if strategy == Strategy::LeaseMarker {
                            Writing::Mark
                        } else {
                            Writing::Invalidate
                        },
                    }),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let usage = Usage::new(strategy, caches, &self.counts, self.options.negative_ttl.is_some());
        Ok(ArmClients { clients: arm_clients, background: Background { _deletes: deletes }, usage })
    }

    /// A connection for a client of this arm.
    pub(crate) fn database(&self) -> Result<Database, DbError> {
        let database = Database::open(self.mysql, &self.loads, self.load_delay)?;
        Ok(database.limited(self.capacity.clone()))
    }

    /// The library's cache of one more process.
    pub(crate) fn cache(&self) -> Result<Cache, SetupError> {
        let namespace = self.keys.namespace().to_owned();
        Cache::at(self.redis.clone(), self.options.clone().namespace(namespace))
    }

    fn app_redis(&self) -> Result<AppRedis, AdminError> {
        self.app_redis_with(&self.counts)
    }

    fn app_redis_with(&self, counts: &Arc<AppCounts>) -> Result<AppRedis, AdminError> {
        AppRedis::open(self.redis.clone(), counts).map_err(|cause| AdminError::login(self.redis, cause))
    }

    /// Somebody who looks at what is cached and loads nothing.
    pub(crate) fn inspector(&self, strategy: Strategy) -> Result<Inspector, ArmSetupError> {
        Ok(match strategy {
            Strategy::Mysql => Inspector::NothingIsCached,
            Strategy::Naive | Strategy::NaiveDoubleDelete | Strategy::NaiveJitter | Strategy::Lock => {
                Inspector::App(Box::new(self.app_redis()?), self.keys.clone())
            }
            Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly => {
                Inspector::Library(self.cache()?, self.keys.clone())
            }
        })
    }
}

/// Looks at what an arm has cached.
pub(crate) enum Inspector {
    NothingIsCached,
    App(Box<AppRedis>, Keys),
    Library(Cache, Keys),
}

impl Inspector {
    /// The cached row of an id, if there is one.
    pub(crate) fn cached(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        match self {
            Self::NothingIsCached => Ok(None),
            Self::App(redis, keys) => naive::cached(redis, &keys.entry(id)),
            Self::Library(cache, keys) => library::cached(cache, keys, id),
        }
    }
}
