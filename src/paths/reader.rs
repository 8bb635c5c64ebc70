//! A client: two open connections, a prepared question, and the two ways to have it answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::issued::{Exchanges, Issued};
use super::lane::Lane;
use super::query::{self, Check, LoadError, Query};
use crate::cache::codec::Codec;
use crate::cache::entry;
use crate::cache::key::KeyLayout;
use crate::cache::protocol::reading::{self, Close, Loaded, Saw, Step};
use crate::cache::protocol::standing::Head;
use crate::cache::session::{EncodeError, Session, Sight};
use crate::cache::store::{Acquired, Found, Store};
use crate::cache::wire::{Connection, Limits, WireError};
use crate::cli;
use crate::db::error::DbError;
use crate::db::rows::RowConnection;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::interrupt;
use crate::parts::Part;
use crate::reopen::TRUSTED_FOR;

/// Receiving an entry of this size or more takes longer than the round trip: hits of it are compared with its bare
/// transfer.
const LARGE_ENTRY_BYTES: u64 = 64 * 1024;

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
    #[error("Redis: {0}")]
    Redis(#[from] WireError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Somebody else's value is left alone, also one that appears in the middle of a run.
    #[error(
        "a key of rcache's holds a value that rcache did not make; it was left alone; choose another --namespace"
    )]
    ForeignKey,
    /// Both connections were to be opened anew, since one was lost while it was idle.
    #[error("a connection was closed while it was idle, and no other could be opened: {0}")]
    Lost(String),
    #[error("this client was opened without the codec of the lane that it was to read")]
    NoCodec,
}

impl ReadError {
    /// The kind under which the run file counts it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Load(LoadError::Missing) => "missing_row",
            Self::Load(LoadError::Mysql(_) | LoadError::Shape) => "mysql",
            Self::Redis(_) => "redis",
            Self::Encode(_) | Self::NoCodec => "encode",
            Self::ForeignKey => "foreign_key",
            Self::Lost(_) => "connection",
        }
    }

    /// Whether the program was asked to stop while it waited: the read was given up, and did not fail.
    pub(crate) fn is_interruption(&self) -> bool {
        match self {
            Self::Load(LoadError::Mysql(error)) => error.is_interruption(),
            Self::Redis(WireError::Io(_)) => interrupt::requested(),
            _ => false,
        }
    }

    /// Every further round would meet it again.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self, Self::ForeignKey)
    }
}

/// What the cache did for a read.
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

/// How a client reads and what it writes.
pub(crate) struct ReaderOptions<'a> {
    /// It can read the lanes of these.
    pub(crate) codecs: &'a [cli::Codec],
    pub(crate) namespace: &'a str,
    /// The second part of every key.
    pub(crate) kind: &'a str,
    pub(crate) ttl: Duration,
}

/// Where the entries of one codec stand. The codec is part of the key: two codecs in one run, or in two runs, would
/// otherwise take each other's entries for damaged and overwrite them, and a warm read would be a miss.
pub(crate) fn key_layout(namespace: &str, kind: &str, codec: cli::Codec) -> KeyLayout {
    KeyLayout::new(namespace, &format!("{kind}.{}", codec.name()))
}

/// What the keys of every workload's entries begin with, whatever their codec.
pub(crate) fn key_prefixes(namespace: &str) -> Vec<Vec<u8>> {
    use clap::ValueEnum;
    let layouts = cli::Codec::value_variants().iter().flat_map(|codec| {
        cli::Workload::value_variants()
            .iter()
            .map(|workload| key_layout(namespace, query::kind(*workload), *codec))
    });
    layouts.map(|layout| layout.prefix().to_vec()).collect()
}

/// The entries of one codec: how they are made, where they stand, and what was written of them.
struct Entries<A> {
    name: cli::Codec,
    codec: Box<dyn Codec<A>>,
    keys: KeyLayout,
    written: Written,
}

/// Entries written, and their size together, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Written {
    pub(crate) fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    /// Mean size of an entry; none where none was written.
    pub(crate) fn entry_bytes(self) -> Option<u64> {
        self.bytes.checked_div(self.entries)
    }
}

/// One client with connections of its own. Buffers are kept from read to read.
pub(crate) struct Reader<Q: Query> {
    mysql: RowConnection,
    redis: Session,
    query: Q,
    entries: Vec<Entries<Q::Answer>>,
    ttl: Duration,
    issued: Issued,
    /// Of [`Reader::fetch`].
    fetched: Vec<u8>,
    /// When the connections were last seen to be alive.
    used: Instant,
    reopen: Option<Reopen<Q>>,
}

/// Opens both connections anew.
type Reopen<Q> = Box<dyn Fn() -> anyhow::Result<(RowConnection, Connection, Q)> + Send>;

impl<Q: Query> Reader<Q> {
    /// Prepares the statement; the connections come open.
    pub(crate) fn new(
        mut mysql: RowConnection,
        redis: Connection,
        reference: &Arc<Q::Reference>,
        options: &ReaderOptions<'_>,
    ) -> Result<Self, DbError> {
        let query = Q::prepare(&mut mysql, reference)?;
        let entries = options.codecs.iter().map(|name| Entries {
            name: *name,
            codec: query::codec(*name),
            keys: key_layout(options.namespace, options.kind, *name),
            written: Written::default(),
        });
        let issued = Issued { text_selects: mysql.set_up_selects(), ..Issued::default() };
        Ok(Self {
            mysql,
            redis: Session::new(Store::new(redis)),
            query,
            entries: entries.collect(),
            ttl: options.ttl,
            issued,
            fetched: Vec::new(),
            used: Instant::now(),
            reopen: None,
        })
    }

    /// The same client, whose connections may be closed while they are idle.
    pub(crate) fn reopening(
        mut self,
        mysql: &MysqlEndpoint,
        redis: &RedisEndpoint,
        reference: &Arc<Q::Reference>,
    ) -> Self {
        let (mysql, redis, reference) = (mysql.clone(), redis.clone(), Arc::clone(reference));
        self.reopen = Some(Box::new(move || {
            let mut conn = RowConnection::open(&mysql)?;
            let query = Q::prepare(&mut conn, &reference)?;
            Ok((conn, Connection::open(&redis, LIMITS)?, query))
        }));
        self
    }

    /// Opens the connections anew if one was lost while the other was busy, or while other clients were: a long block of
    /// one path leaves the other server's connection idle. Never called while a read is timed.
    pub(crate) fn wake(&mut self) -> Result<(), ReadError> {
        let Some(reopen) = self.reopen.as_ref().filter(|_| self.used.elapsed() >= TRUSTED_FOR) else {
            return Ok(());
        };
        let is_alive = self.redis.store.connection().ping().is_ok() && self.mysql.round_trip().is_ok();
        self.issued.text_selects += 1;
        if !is_alive {
            let (mysql, redis, query) = reopen().map_err(|error| ReadError::Lost(format!("{error:#}")))?;
            self.issued.text_selects += mysql.set_up_selects();
            (self.mysql, self.query) = (mysql, query);
            self.redis = Session::new(Store::new(redis));
        }
        self.used = Instant::now();
        Ok(())
    }

    /// The read that the lane stands for; `end` hears of the end of each of its parts. `cold` and `warm` are the same
    /// code: what makes the difference is whether the entry is there, see [`Reader::prepare`].
    #[inline]
    pub(crate) fn read(
        &mut self,
        lane: Lane,
        item: u32,
        end: &mut impl FnMut(Part),
    ) -> Result<Read<Q::Answer>, ReadError> {
        match lane.path {
            cli::ReadPath::Mysql | cli::ReadPath::Disk => {
                let answer = self.load(item)?;
                end(Part::Query);
                Ok(Read { answer, cache: CacheOutcome::Bypassed })
            }
            cli::ReadPath::Cold | cli::ReadPath::Warm => {
                let entries = self.entries_of(lane)?;
                self.read_through_cache(entries, item, end)
            }
        }
    }

    /// Which of the codecs is the lane's.
    fn entries_of(&self, lane: Lane) -> Result<usize, ReadError> {
        let own = |entries: &Entries<Q::Answer>| Some(entries.name) == lane.codec;
        self.entries.iter().position(own).ok_or(ReadError::NoCodec)
    }

    /// The library's cache-aside on connections of our own, by the same table. Two things differ: somebody else's value
    /// ends the read, and a bench waits for nobody.
    #[inline]
    fn read_through_cache(
        &mut self,
        entries: usize,
        item: u32,
        end: &mut impl FnMut(Part),
    ) -> Result<Read<Q::Answer>, ReadError> {
        self.entries[entries].keys.write_key(self.query.key_id(item), &mut self.redis.key);
        let mut step = Step::Get;
        loop {
            let sight = match step {
                Step::Get => self.get(entries, end)?,
                Step::Acquire => self.acquire(entries, end)?,
                Step::Discard(head) => {
                    self.issued.look_ups += 1;
                    self.redis.remove(head)?;
                    end(Part::Lease);
                    Sight::of(Saw::Done)
                }
                Step::Wait(_) | Step::Join | Step::Beside(_) | Step::Return => Sight::of(Saw::Alone),
                Step::Load(fill) => {
                    let answer = self.load(item)?;
                    end(Part::Query);
                    if let Close::Replace(head) = reading::after_load(fill, Loaded::Answer) {
                        self.fill(entries, head, &answer, end)?;
                    }
                    return Ok(Read { answer, cache: CacheOutcome::Miss });
                }
            };
            step = reading::next(step, sight.saw);
            if let (Step::Return, Some(answer)) = (step, sight.answer) {
                // No bench ever asks for a row that is not there.
                let answer = answer.ok_or(LoadError::Missing)?;
                return Ok(Read { answer, cache: CacheOutcome::Hit });
            }
        }
    }

    /// Asks MySQL.
    fn load(&mut self, item: u32) -> Result<Q::Answer, LoadError> {
        self.issued.executes += 1;
        self.query.load(&mut self.mysql, item)
    }

    /// What stands under the current key.
    #[inline]
    fn get(&mut self, entries: usize, end: &mut impl FnMut(Part)) -> Result<Sight<Q::Answer>, ReadError> {
        self.issued.look_ups += 1;
        let found = self.redis.get()?;
        end(Part::Get);
        if found == Found::Nothing {
            return Ok(Sight::of(Saw::Nothing));
        }
        let sight = self.understand(entries, found)?;
        end(Part::Decode);
        Ok(sight)
    }

    /// Puts a lease under the current key.
    fn acquire(&mut self, entries: usize, end: &mut impl FnMut(Part)) -> Result<Sight<Q::Answer>, ReadError> {
        self.issued.look_ups += 1;
        // As long as the entry itself: a bench must show a slow load, not refuse to keep it.
        let (acquired, head) = self.redis.acquire(self.ttl)?;
        let sight = match acquired {
            Acquired::Held => Sight::of(Saw::Held(head)),
            Acquired::Found(found) => self.understand(entries, found)?,
        };
        end(Part::Lease);
        Ok(sight)
    }

    fn understand(&mut self, entries: usize, found: Found) -> Result<Sight<Q::Answer>, ReadError> {
        let sight = self.redis.read(found, &*self.entries[entries].codec, 0.0);
        match sight.saw {
            Saw::Unreadable(head) if !entry::has_magic(head.as_bytes()) => Err(ReadError::ForeignKey),
            _ => Ok(sight),
        }
    }

    /// Writes the entry in the place of what stands there, if it still does.
    fn fill(
        &mut self,
        entries: usize,
        head: Head,
        answer: &Q::Answer,
        end: &mut impl FnMut(Part),
    ) -> Result<(), ReadError> {
        let Entries { codec, written, .. } = &mut self.entries[entries];
        self.redis.encode(Some(answer), &**codec, self.ttl, 0)?;
        end(Part::Encode);
        self.issued.look_ups += 1;
        let is_written = self.redis.replace(head, self.ttl)?;
        end(Part::Set);
        if is_written {
            written.add(Written { entries: 1, bytes: self.redis.entry_bytes() as u64 });
        }
        Ok(())
    }

    /// Brings the cache into the state that the lane wants for these items; not part of any measurement.
    /// Every lane is prepared alike, down to a round trip on both connections: none starts on a colder one.
    pub(crate) fn prepare(&mut self, lane: Lane, items: &[u32]) -> Result<(), ReadError> {
        self.wake()?;
        match lane.path {
            cli::ReadPath::Mysql | cli::ReadPath::Disk => {}
            cli::ReadPath::Cold => self.remove(lane, items)?,
            cli::ReadPath::Warm => self.fill_missing(lane, items)?,
        }
        self.select_1()?;
        self.ping()?;
        self.used = Instant::now();
        Ok(())
    }

    fn remove(&mut self, lane: Lane, items: &[u32]) -> Result<(), ReadError> {
        let keys = self.keys(self.entries_of(lane)?, items);
        self.issued.look_ups += 2 * keys.len() as u64;
        let foreign = self.redis.store.connection().eval(UNLINK_ENTRIES, &keys, entry::magic())?;
        if foreign > 0 { Err(ReadError::ForeignKey) } else { Ok(()) }
    }

    fn fill_missing(&mut self, lane: Lane, items: &[u32]) -> Result<(), ReadError> {
        let entries = self.entries_of(lane)?;
        let keys = self.keys(entries, items);
        self.issued.look_ups += keys.len() as u64;
        let there = self.redis.store.connection().exists(&keys)?;
        if usize::try_from(there) == Ok(items.len()) {
            return Ok(());
        }
        for item in items {
            let read = self.read_through_cache(entries, *item, &mut |_| ())?;
            if read.cache == CacheOutcome::Miss {
                self.query.note(*item, &read.answer);
            }
        }
        Ok(())
    }

    fn keys(&self, entries: usize, items: &[u32]) -> Vec<Vec<u8>> {
        let layout = &self.entries[entries].keys;
        items.iter().map(|item| layout.key(self.query.key_id(*item))).collect()
    }

    /// One bare round trip to Redis.
    pub(crate) fn ping(&mut self) -> Result<(), ReadError> {
        Ok(self.redis.store.connection().ping()?)
    }

    /// One bare round trip to MySQL.
    pub(crate) fn select_1(&mut self) -> Result<(), ReadError> {
        self.issued.text_selects += 1;
        self.mysql.round_trip().map_err(LoadError::from)?;
        Ok(())
    }

    /// Whether the entries that this client wrote take longer to receive than a round trip.
    pub(crate) fn has_large_entries(&self, codec: cli::Codec) -> bool {
        let own = self.entries.iter().find(|entries| entries.name == codec);
        let bytes = own.and_then(|entries| entries.written.entry_bytes());
        bytes.is_some_and(|bytes| bytes >= LARGE_ENTRY_BYTES)
    }

    /// Receives an entry and does not look at it.
    pub(crate) fn fetch(&mut self, codec: cli::Codec, item: u32) -> Result<(), ReadError> {
        let own = self.entries.iter().find(|entries| entries.name == codec).ok_or(ReadError::NoCodec)?;
        own.keys.write_key(self.query.key_id(item), &mut self.redis.key);
        self.issued.look_ups += 1;
        self.redis.store.connection().get(&self.redis.key, &mut self.fetched, &mut |_| ())?;
        Ok(())
    }

    /// Compares the answer with what it must be, outside everything timed.
    pub(crate) fn check(
        &mut self,
        item: u32,
        read: &Read<Q::Answer>,
        reference: &Q::Reference,
    ) -> Result<Check, ReadError> {
        let found = query::Found { item, answer: &read.answer, reference };
        Ok(self.query.check(&mut self.mysql, found)?)
    }

    /// Round trips of the open connections so far.
    #[inline]
    pub(crate) fn exchanges(&mut self) -> Exchanges {
        Exchanges { mysql: self.mysql.exchanges(), redis: self.redis.store.connection().exchanges() }
    }

    /// What was asked of both servers so far.
    pub(crate) fn issued(&self) -> Issued {
        self.issued
    }

    /// What was written so far, codec by codec.
    pub(crate) fn written(&self) -> Vec<(cli::Codec, Written)> {
        self.entries.iter().map(|entries| (entries.name, entries.written)).collect()
    }
}
