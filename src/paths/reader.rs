//! The connections of a bench's client, and the library's cache as a bench wants it.

mod client;
mod naive;
mod watch;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::naive::Naive;
use self::watch::Watch;
use super::nodes::Nodes;
use super::query::{self, LoadError, Query};
use crate::cache::admin;
use crate::cache::codec::Codec;
use crate::cache::entry;
use crate::cache::key::{self, KeyLayout};
use crate::cache::wire::{Limits, WireError};
use crate::cache::{Cache, CallOptions, Foreign, Key, KeyError, Options, RedisError, SetupError};
use crate::db::error::DbError;
use crate::db::rows::RowConnection;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::interrupt;
use crate::model;
use crate::model::phase::Phase;
use crate::model::series::Series;
use crate::samples::request_counts::RequestCounts;
use crate::samples::written::Written;

/// Receiving an entry of this size or more takes longer than the round trip: hits of it are
/// compared with its bare transfer.
const LARGE_ENTRY_BYTES: u64 = 64 * 1024;

/// The most that the library keeps.
const LARGEST_VALUE_BYTES: usize = 511 << 20;

const UNLINK_ENTRIES: &str = include_str!("../cache/unlink_entries.lua");

/// Generous: a benchmark must show slowness, not cut it off.
pub(crate) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    reply: Duration::from_secs(30),
    is_over: Some(interrupt::requested),
    max_string_bytes: Limits::MAX_STRING_BYTES,
};

/// Why a read gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("Redis: {0}{advice}", advice = admin::advice_on(.0))]
    Redis(#[from] WireError),
    /// In a read through the cache.
    #[error("{0}{advice}", advice = admin::advice_behind(.0))]
    Cache(RedisError),
    /// Somebody else's value is left alone, also one that appears in the middle of a run.
    #[error(
        "a key of rcache's holds a value that rcache did not make; it was left alone; choose another --namespace"
    )]
    ForeignKey,
    /// Both connections were to be opened anew, since one was lost while it was idle.
    #[error("a connection was closed while it was idle, and no other could be opened: {0}")]
    Lost(String),
    /// On the naive path; the library keeps such a value to its caller.
    #[error("an answer cannot be an entry: {0}")]
    Encode(String),
    #[error("this client was opened without the codec of the series that it was to read")]
    NoCodec,
}

impl ReadError {
    /// The kind under which the run file counts it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Load(LoadError::Missing) => "missing_row",
            Self::Load(LoadError::Mysql(_) | LoadError::Shape) => "mysql",
            Self::Load(LoadError::TooLarge) => "too_large",
            Self::Redis(_) | Self::Cache(_) => "redis",
            Self::Encode(_) | Self::NoCodec => "encode",
            Self::ForeignKey => "foreign_key",
            Self::Lost(_) => "connection",
        }
    }

    /// Whether the program was asked to stop while it waited: the read was given up, and did not
    /// fail.
    pub(crate) fn is_interruption(&self) -> bool {
        match self {
            Self::Load(LoadError::Mysql(error)) => error.is_interruption(),
            Self::Redis(WireError::Io(_)) | Self::Cache(_) => interrupt::requested(),
            _ => false,
        }
    }

    /// Every further round would meet it again.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self, Self::ForeignKey)
    }
}

/// The part of the cache in a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheOutcome {
    /// It was not asked.
    Bypassed,
    Hit,
    Miss,
}

/// An answer and how it was found.
pub(crate) struct Read<A> {
    pub(crate) answer: A,
    pub(crate) cache: CacheOutcome,
}

/// The options of a client.
pub(crate) struct ReaderOptions<'a> {
    /// It can read the all_series of these.
    pub(crate) codecs: &'a [model::Codec],
    pub(crate) namespace: &'a str,
    /// The second part of every key.
    pub(crate) kind: &'a str,
    pub(crate) ttl: Duration,
}

/// The layout of the keys of one codec. The codec is part of the key: two codecs in one run, or in
/// two runs, would otherwise take each other's entries for damaged and overwrite them, and a warm
/// read would be a miss.
pub(crate) fn key_layout(namespace: &str, kind: &str, codec: model::Codec) -> KeyLayout {
    KeyLayout::new(namespace, &key_kind(kind, codec))
}

/// The keys of the naive path.
fn naive_layout(namespace: &str, kind: &str, codec: model::Codec) -> KeyLayout {
    KeyLayout::new(namespace, &format!("{}.naive", key_kind(kind, codec)))
}

fn key_kind(kind: &str, codec: model::Codec) -> String {
    format!("{kind}.{}", codec.name())
}

/// The layouts of all entries of one codec, those of the naive path included.
pub(crate) fn key_layouts(namespace: &str, kind: &str, codec: model::Codec) -> [KeyLayout; 2] {
    [key_layout(namespace, kind, codec), naive_layout(namespace, kind, codec)]
}

/// The prefixes of the keys of every workload, whatever their codec.
pub(crate) fn key_prefixes(namespace: &str) -> Vec<Vec<u8>> {
    use clap::ValueEnum;
    let layouts = model::Codec::value_variants().iter().flat_map(|codec| {
        query::Workload::value_variants()
            .iter()
            .map(|workload| workload.about().kind)
            .flat_map(|kind| key_layouts(namespace, kind, *codec))
    });
    let built_in = layouts.map(|layout| layout.prefix().to_vec());
    let own = [key::prefix_of(namespace), query::own::KIND.to_owned()].concat().into_bytes();
    built_in.chain([own]).collect()
}

/// Removes the entries under these keys; keys of others are left alone.
pub(crate) fn remove_entries(
    redis: &mut Nodes,
    keys: &mut dyn Iterator<Item = Vec<u8>>,
) -> Result<(), WireError> {
    /// In one script: few enough not to hold Redis up.
    const BATCH: usize = 500;
    loop {
        let batch: Vec<Vec<u8>> = keys.take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        redis.eval(UNLINK_ENTRIES, &batch, entry::magic())?;
    }
}

/// The entries of one codec: the cache that keeps them, their keys, and what was written of them.
struct Entries<A> {
    name: model::Codec,
    cache: Cache<Box<dyn Codec<A>>>,
    /// The key of the last read.
    key: Key,
    keys: KeyLayout,
    naive: Naive<A>,
    written: Written,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Mysql(#[from] DbError),
    #[error("the cache: {0}")]
    Cache(#[from] SetupError),
    #[error("the cache: {0}")]
    Key(#[from] KeyError),
}

/// The library's own cache, as a bench wants it: it waits for no other reader, refreshes nothing
/// ahead of time, leaves other programs' values alone, and shows slowness instead of cutting it
/// off.
fn cache(redis: &RedisEndpoint, options: &ReaderOptions<'_>) -> Result<Cache, SetupError> {
    let hour = Duration::from_secs(3_600);
    let options = Options::default()
        .namespace(options.namespace)
        .ttl(options.ttl)
        .early_refresh(0.0)
        .foreign(Foreign::Refuse)
        .lease(options.ttl.min(hour))
        .lease_wait(Duration::ZERO)
        .marker_wait(Duration::ZERO)
        .longest_load(hour)
        .max_value_bytes(LARGEST_VALUE_BYTES)
        .connect_timeout(LIMITS.connect)
        .reply_timeout(LIMITS.reply)
        // A read that leaves Redis alone would be none of either path.
        .breaker_failures(u32::MAX)
        .interrupted_by(interrupt::requested);
    Cache::at(redis.clone(), options)
}

/// One client with connections of its own. Buffers are kept from read to read.
pub(crate) struct Reader<Q: Query> {
    mysql: RowConnection,
    /// For everything but reads through the cache, which has a connection of its own.
    redis: Nodes,
    redis_exchanges: u64,
    query: Q,
    reference: Arc<Q::Reference>,
    entries: Vec<Entries<Q::Answer>>,
    /// The cache that all entries share, whatever their codec.
    cache: Cache,
    requests: RequestCounts,
    /// Questions of the query so far.
    loads: u64,
    /// The key and the value of the last fetch.
    fetched: (Vec<u8>, Vec<u8>),
    /// When the connections were last seen to be alive.
    used: Instant,
    reopen: Option<Reopen<Q>>,
}

/// Opens both connections anew.
type Reopen<Q> = Box<dyn Fn() -> anyhow::Result<(RowConnection, Nodes, Q)> + Send>;

impl<Q: Query> Reader<Q> {
    /// Prepares the statement; the connections come open.
    pub(crate) fn new(
        mut mysql: RowConnection,
        (redis, endpoint): (Nodes, &RedisEndpoint),
        reference: &Arc<Q::Reference>,
        options: &ReaderOptions<'_>,
    ) -> Result<Self, OpenError> {
        let query = Q::prepare(&mut mysql, reference)?;
        let cache = cache(endpoint, options)?;
        let entries = options.codecs.iter().map(|name| {
            Ok(Entries {
                name: *name,
                cache: cache.with_codec(query::codec(*name)),
                key: Key::new(&key_kind(options.kind, *name), key::SCHEMA_NUMBER, 0u64)?,
                keys: key_layout(options.namespace, options.kind, *name),
                naive: Naive::new(
                    query::codec(*name),
                    naive_layout(options.namespace, options.kind, *name),
                    options.ttl,
                ),
                written: Written::default(),
            })
        });
        let entries = entries.collect::<Result<_, KeyError>>()?;
        let requests = RequestCounts { text_selects: mysql.set_up_selects(), ..RequestCounts::default() };
        Ok(Self {
            mysql,
            redis,
            redis_exchanges: 0,
            query,
            reference: Arc::clone(reference),
            entries,
            cache,
            requests,
            loads: 0,
            fetched: Default::default(),
            used: Instant::now(),
            reopen: None,
        })
    }

    /// The same client, whose connections may be closed while they are idle.
    pub(crate) fn reopening(mut self, mysql: &MysqlEndpoint, redis: &RedisEndpoint) -> Self {
        let (mysql, redis, reference) = (mysql.clone(), redis.clone(), Arc::clone(&self.reference));
        self.reopen = Some(Box::new(move || {
            let mut conn = Q::open(&mysql, &reference)?;
            let query = Q::prepare(&mut conn, &reference)?;
            Ok((conn, Nodes::open(&redis, LIMITS)?, query))
        }));
        self
    }

    /// Which of the codecs is the series's.
    fn entries_of(&self, series: Series) -> Result<usize, ReadError> {
        let own = |entries: &Entries<Q::Answer>| Some(entries.name) == series.codec;
        self.entries.iter().position(own).ok_or(ReadError::NoCodec)
    }

    /// The library's own read; what makes it a miss or a hit is whether the entry is there.
    #[inline]
    fn read_through_cache(
        &mut self,
        entries: usize,
        item: u32,
        expects_miss: Option<bool>,
        end: &mut impl FnMut(Phase),
    ) -> Result<Read<Q::Answer>, ReadError> {
        let call = expects_miss.map_or_else(CallOptions::default, |expects_miss| {
            CallOptions::default().expects_miss(expects_miss)
        });
        let Self { mysql, redis_exchanges, query, entries: all, requests, loads, .. } = self;
        let Entries { cache, key, written, .. } = &mut all[entries];
        key.set_number(query.key_id(item));
        let (trouble, mut executes) = (RefCell::new(None), 0);
        let mut watch = Watch { end, requests, redis_exchanges, written, trouble: &trouble };
        let answer = cache.get_observed(key, &call, &mut watch, || {
            if let Some(trouble) = trouble.take() {
                return Err(trouble.into());
            }
            executes += 1;
            query.load(mysql, item).map(Some).map_err(ReadError::from)
        });
        requests.asked(executes, query.is_prepared());
        *loads += executes;
        let answer = answer?;
        if let Some(trouble) = trouble.into_inner() {
            return Err(trouble.into());
        }
        let cache = if executes == 0 { CacheOutcome::Hit } else { CacheOutcome::Miss };
        // No bench ever asks for a row that is not there.
        Ok(Read { answer: answer.ok_or(LoadError::Missing)?, cache })
    }

    /// Asks MySQL.
    fn load(&mut self, item: u32) -> Result<Q::Answer, LoadError> {
        self.requests.asked(1, self.query.is_prepared());
        self.loads += 1;
        self.query.load(&mut self.mysql, item)
    }

    fn remove(&mut self, series: Series, items: &[u32]) -> Result<(), ReadError> {
        let entries = self.entries_of(series)?;
        let layout = match series.path {
            model::ReadPath::Naive => &self.entries[entries].naive.keys,
            _ => &self.entries[entries].keys,
        };
        let keys = self.keys(layout, items);
        self.requests.look_ups += 2 * keys.len() as u64;
        let foreign = self.redis.eval(UNLINK_ENTRIES, &keys, entry::magic())?;
        if foreign > 0 { Err(ReadError::ForeignKey) } else { Ok(()) }
    }

    fn fill_missing(&mut self, series: Series, items: &[u32]) -> Result<(), ReadError> {
        let entries = self.entries_of(series)?;
        let keys = self.keys(&self.entries[entries].keys, items);
        self.requests.look_ups += keys.len() as u64;
        let there = self.redis.exists(&keys)?;
        if usize::try_from(there) == Ok(items.len()) {
            return Ok(());
        }
        for item in items {
            let read = self.read_through_cache(entries, *item, Some(true), &mut |_| ())?;
            if read.cache == CacheOutcome::Miss {
                self.query.note(*item, &read.answer);
            }
        }
        Ok(())
    }

    fn keys(&self, layout: &KeyLayout, items: &[u32]) -> Vec<Vec<u8>> {
        items.iter().map(|item| layout.key(self.query.key_id(*item))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layouts_of_a_codec_are_those_that_reads_write() {
        let [library, naive] = key_layouts("shop", "query-7", model::Codec::Json);
        assert_eq!(library.key(1), key_layout("shop", "query-7", model::Codec::Json).key(1));
        assert_eq!(naive.key(1), naive_layout("shop", "query-7", model::Codec::Json).key(1));
        assert_ne!(library.key(1), naive.key(1));
    }
}
