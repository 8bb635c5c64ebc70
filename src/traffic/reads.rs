//! The reads of a workload or of a query of the user's own, by each strategy. Nothing is written,
//! so an answer that MySQL gave at another time was changed by another program.

mod application;
mod database;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::application::Application;
use self::database::Database;
use super::plan::Plan;
use super::subject::{Arm, FILLING, Filler, Subject, TrafficError};
use super::tally::DoneKind;
use super::worker::{Failure, Verdict, Worker};
use crate::cache::codec::{Codec, CodecError};
use crate::cache::wire::WireError;
use crate::cache::{Cache, Key, KeyError, Options, SetupError};
use crate::model;
use crate::paths::query::{self, Check, Found, LoadError, Query};
use crate::scenario::ServerPair;
use crate::scenario::keys::Keys;
use crate::scenario::strategies::Strategy;

/// The most that a value may have: all users together, or a large answer.
const LARGEST_VALUE_BYTES: usize = 511 << 20;

/// Why a read gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadsError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("Redis: {0}")]
    Redis(#[from] WireError),
    #[error("an answer cannot be stored or restored: {0}")]
    Codec(#[from] CodecError),
    #[error("cannot set up the library's cache: {0}")]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<ReadsError> for Failure {
    fn from(error: ReadsError) -> Self {
        let kind = if matches!(error, ReadsError::Load(_)) { Self::MYSQL } else { Self::REDIS };
        Self::new(kind, &error)
    }
}

/// The reads of one workload.
pub(crate) struct Reads<'a, Q: Query> {
    pub(crate) pair: &'a ServerPair<'a>,
    pub(crate) name: String,
    pub(crate) codec: model::Codec,
    /// The number of different keys.
    pub(crate) keys: u32,
    /// The reference of answers.
    pub(crate) reference: Arc<Q::Reference>,
}

impl<Q: Query + 'static> Subject for Reads<'_, Q> {
    fn workload(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn most_keys(&self) -> Option<u32> {
        Some(self.keys)
    }

    fn arm(&self, strategy: Strategy, keys: &Keys, plan: &Plan) -> Result<Box<dyn Arm + '_>, TrafficError> {
        let (keys, ttl) = (keys.clone(), plan.ttl());
        let caches = match strategy {
            Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly => {
                Some(Caches { trial: self.cache(&keys, ttl)?, filling: self.cache(&keys, ttl + FILLING)? })
            }
            Strategy::Mysql
            | Strategy::Naive
            | Strategy::NaiveDoubleDelete
            | Strategy::NaiveJitter
            | Strategy::Lock => None,
        };
        Ok(Box::new(ReadArm { reads: self, strategy, keys, ttl, caches, loads: Arc::default() }))
    }
}

impl<Q: Query> Reads<'_, Q> {
    fn cache(&self, keys: &Keys, ttl: Duration) -> Result<Cache, ReadsError> {
        let options =
            Options::default().namespace(keys.namespace()).ttl(ttl).max_value_bytes(LARGEST_VALUE_BYTES);
        Ok(Cache::at(self.pair.redis.clone(), options)?)
    }

    fn database(&self) -> Result<Database<Q>, ReadsError> {
        Database::open(self.pair.mysql.clone(), Arc::clone(&self.reference))
    }
}

struct ReadArm<'a, Q: Query> {
    reads: &'a Reads<'a, Q>,
    strategy: Strategy,
    keys: Keys,
    ttl: Duration,
    /// The options of the library.
    caches: Option<Caches>,
    loads: Arc<AtomicU64>,
}

/// One that all clients share, and one for what is stored before the trial.
struct Caches {
    trial: Cache,
    filling: Cache,
}

/// The number of a key's item: items are numbered from 1.
fn item(key: u32) -> u32 {
    key.saturating_add(1)
}

type BoxedCodec<A> = Box<dyn Codec<A>>;

impl<Q: Query + 'static> ReadArm<'_, Q> {
    fn application(&self) -> Result<Application<Q::Answer>, ReadsError> {
        let codec = query::codec(self.reads.codec);
        Ok(Application::open(self.reads.pair.redis, codec, self.keys.clone())?)
    }

    fn library(&self, cache: &Cache) -> Result<Library<Q::Answer>, ReadsError> {
        Ok(Library { cache: cache.with_codec(query::codec(self.reads.codec)), key: self.keys.key(0)? })
    }

    fn strategy(&self) -> Result<ReadStrategy<Q::Answer>, ReadsError> {
        Ok(match (self.strategy, &self.caches) {
            (_, Some(caches)) => ReadStrategy::Library(self.library(&caches.trial)?),
            (Strategy::Mysql, _) => ReadStrategy::Mysql,
            (Strategy::Lock, _) => ReadStrategy::Lock(self.application()?),
            _ => ReadStrategy::Naive(self.application()?),
        })
    }

    fn worker(&self) -> Result<Box<dyn Worker>, ReadsError> {
        Ok(Box::new(ReadWorker {
            database: self.reads.database()?,
            strategy: self.strategy()?,
            ttl: self.ttl,
            loads: Arc::clone(&self.loads),
            last: None,
        }))
    }
}

impl<Q: Query + 'static> Arm for ReadArm<'_, Q> {
    fn filler(&self) -> Result<Option<Box<dyn Filler>>, TrafficError> {
        if self.strategy == Strategy::Mysql {
            return Ok(None);
        }
        let store = match &self.caches {
            Some(caches) => Store::Library(self.library(&caches.filling)?),
            None => Store::Application(Box::new(self.application()?), self.ttl + FILLING),
        };
        Ok(Some(Box::new(ReadFiller { database: self.reads.database()?, store })))
    }

    fn workers(&self, clients: u16) -> Result<Vec<Box<dyn Worker>>, TrafficError> {
        (0..clients).map(|_| Ok(self.worker()?)).collect()
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }
}

/// The library's cache, and the key of the last operation.
struct Library<A> {
    cache: Cache<BoxedCodec<A>>,
    key: Key,
}

/// The way in which a client of a strategy reads.
enum ReadStrategy<A> {
    Mysql,
    /// GET; on a miss SELECT, then SET.
    Naive(Application<A>),
    /// Like naive, with a lock around the miss.
    Lock(Application<A>),
    /// The library.
    Library(Library<A>),
}

struct ReadWorker<Q: Query> {
    database: Database<Q>,
    strategy: ReadStrategy<Q::Answer>,
    ttl: Duration,
    loads: Arc<AtomicU64>,
    last: Option<(Q::Answer, DoneKind)>,
}

impl<Q: Query> ReadWorker<Q> {
    fn answer(&mut self, key: u32) -> Result<(Q::Answer, DoneKind), ReadsError> {
        let Self { database, strategy, ttl, loads, .. } = self;
        let mut load = || -> Result<Q::Answer, ReadsError> {
            loads.fetch_add(1, Ordering::Relaxed);
            database.load(item(key))
        };
        match strategy {
            ReadStrategy::Mysql => Ok((load()?, DoneKind::Load)),
            ReadStrategy::Naive(redis) => match redis.get(key)? {
                Some(answer) => Ok((answer, DoneKind::Hit)),
                None => {
                    let answer = load()?;
                    redis.set(key, &answer, *ttl)?;
                    Ok((answer, DoneKind::Load))
                }
            },
            ReadStrategy::Lock(redis) => redis.read_locked(key, *ttl, &mut load),
            ReadStrategy::Library(Library { cache, key: name }) => {
                name.set_number(u64::from(key));
                let mut kind = DoneKind::Hit;
                let answer = cache.get(name, || {
                    kind = DoneKind::Load;
                    load().map(Some)
                })?;
                // No row is ever removed.
                Ok((answer.ok_or(LoadError::Missing)?, kind))
            }
        }
    }
}

impl<Q: Query> Worker for ReadWorker<Q> {
    fn read(&mut self, key: u32) -> Result<DoneKind, Failure> {
        self.last = None;
        let (answer, kind) = self.answer(key)?;
        self.last = Some((answer, kind));
        Ok(kind)
    }

    fn write(&mut self, _key: u32) -> Result<(), Failure> {
        Err(Failure { kind: Failure::MYSQL, words: "a workload is only read".to_owned() })
    }

    fn check(&mut self, key: u32, _began: Duration, _done: Duration) -> Verdict {
        let Some((answer, kind)) = self.last.take() else { return Verdict::Right };
        let is_hit = kind == DoneKind::Hit;
        let is_entry = !is_hit && !matches!(self.strategy, ReadStrategy::Mysql);
        let found = |reference| Found { item: item(key), answer: &answer, is_hit, is_entry, reference };
        match self.database.check(found) {
            Ok(Check::Right) => Verdict::Right,
            Ok(Check::Wrong) => Verdict::Wrong,
            // Without MySQL an answer that it did not give before cannot be told from one that
            // another program cached.
            Ok(Check::Changed) | Err(_) => Verdict::Changed,
        }
    }
}

struct ReadFiller<Q: Query> {
    database: Database<Q>,
    store: Store<Q::Answer>,
}

enum Store<A> {
    Library(Library<A>),
    Application(Box<Application<A>>, Duration),
}

impl<Q: Query> ReadFiller<Q> {
    fn store(&mut self, key: u32) -> Result<(), ReadsError> {
        let answer = self.database.load(item(key))?;
        self.database.note(item(key), &answer);
        match &mut self.store {
            Store::Library(Library { cache, key: name }) => {
                name.set_number(u64::from(key));
                cache.get(name, || Ok::<_, ReadsError>(Some(answer)))?;
                Ok(())
            }
            Store::Application(redis, ttl) => redis.set(key, &answer, *ttl),
        }
    }
}

impl<Q: Query> Filler for ReadFiller<Q> {
    fn fill(&mut self, key: u32) -> Result<(), TrafficError> {
        Ok(self.store(key)?)
    }

    fn flush(&mut self) {
        if let Store::Library(Library { cache, .. }) = &self.store {
            cache.flush();
        }
    }
}
