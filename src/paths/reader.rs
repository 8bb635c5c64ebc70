//! A client: two open connections, a prepared question, and the two ways to have it answered.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::issued::Issued;
use super::lane::Lane;
use super::query::{self, Expected, LoadError, Query};
use crate::cache::codec::{Codec, CodecError};
use crate::cache::entry::{self, Corrupt, Header};
use crate::cache::key::KeyLayout;
use crate::cache::wire::{Connection, Patience, WireError};
use crate::cli;
use crate::db::rows::RowConnection;
use crate::interrupt;
use crate::parts::Part;

const UNLINK_ENTRIES: &str = include_str!("../cache/unlink_entries.lua");

/// Generous: a benchmark must show slowness, not cut it off.
pub(crate) const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    reply: Duration::from_secs(30),
    is_over: Some(interrupt::requested),
};

/// Why a read gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("MySQL: {0}")]
    Load(#[from] LoadError),
    #[error("Redis: {0}")]
    Redis(#[from] WireError),
    #[error("{0}")]
    Codec(#[from] CodecError),
    #[error("the entry is too long for its format: {0}")]
    Entry(#[from] Corrupt),
    /// Somebody else's value is left alone, also one that appears in the middle of a run.
    #[error(
        "a key of rcache's holds a value that rcache did not make; it was left alone; choose another --namespace"
    )]
    ForeignKey,
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
            Self::Codec(_) | Self::Entry(_) | Self::NoCodec => "encode",
            Self::ForeignKey => "foreign_key",
        }
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

/// What stands under a key.
enum Found<A> {
    Answer(A),
    /// Something of ours that is no good entry: a miss that may be overwritten.
    Damaged,
    Nothing,
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
    pub(crate) ttl: Duration,
}

/// Where the entries of one codec stand. The codec is part of the key: two codecs in one run, or in two runs, would
/// otherwise take each other's entries for damaged and overwrite them, and a warm read would be a miss.
pub(crate) fn key_layout<Q: Query>(namespace: &str, codec: cli::Codec) -> KeyLayout {
    KeyLayout::new(namespace, &format!("{}.{}", Q::KIND, codec.name()))
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
    redis: Connection,
    query: Q,
    entries: Vec<Entries<Q::Answer>>,
    ttl: Duration,
    key: Vec<u8>,
    entry: Vec<u8>,
    reply: Vec<u8>,
    issued: Issued,
}

impl<Q: Query> Reader<Q> {
    /// Prepares the statement; the connections come open.
    pub(crate) fn new(
        mut mysql: RowConnection,
        redis: Connection,
        expected: &Arc<Expected>,
        options: &ReaderOptions<'_>,
    ) -> Result<Self, mysql::Error> {
        let query = Q::prepare(&mut mysql, expected)?;
        let entries = options.codecs.iter().map(|name| Entries {
            name: *name,
            codec: query::codec(*name),
            keys: key_layout::<Q>(options.namespace, *name),
            written: Written::default(),
        });
        Ok(Self {
            mysql,
            redis,
            query,
            entries: entries.collect(),
            ttl: options.ttl,
            key: Vec::new(),
            entry: Vec::new(),
            reply: Vec::new(),
            issued: Issued::default(),
        })
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

    /// Cache-aside: GET; on a miss SELECT, encode, SET. An entry that does not parse is a miss.
    fn read_through_cache(
        &mut self,
        entries: usize,
        item: u32,
        end: &mut impl FnMut(Part),
    ) -> Result<Read<Q::Answer>, ReadError> {
        self.entries[entries].keys.write_key(u64::from(item), &mut self.key);
        let replaces = match self.look_up(entries, end)? {
            Found::Answer(answer) => return Ok(Read { answer, cache: CacheOutcome::Hit }),
            Found::Damaged => true,
            Found::Nothing => false,
        };
        let answer = self.load(item)?;
        end(Part::Query);
        self.fill(entries, &answer, replaces, end)?;
        Ok(Read { answer, cache: CacheOutcome::Miss })
    }

    /// Asks MySQL.
    fn load(&mut self, item: u32) -> Result<Q::Answer, LoadError> {
        self.issued.executes += 1;
        self.query.load(&mut self.mysql, item)
    }

    /// What stands under the current key.
    fn look_up(&mut self, entries: usize, end: &mut impl FnMut(Part)) -> Result<Found<Q::Answer>, ReadError> {
        self.issued.look_ups += 1;
        let there = match self.redis.get(&self.key, &mut self.reply) {
            Err(error) if error.server_code() == Some("WRONGTYPE") => return Err(ReadError::ForeignKey),
            outcome => outcome?,
        };
        end(Part::Get);
        if !there {
            return Ok(Found::Nothing);
        }
        let found = self.parse_reply(entries);
        end(Part::Decode);
        found
    }

    fn parse_reply(&mut self, entries: usize) -> Result<Found<Q::Answer>, ReadError> {
        let codec = &self.entries[entries].codec;
        match entry::parse(&self.reply, &self.key) {
            Ok(entry::Parsed { header, payload: Some(payload) }) if header.codec == codec.id() => {
                let decoded = codec.decode(&mut self.reply, payload);
                Ok(decoded.map_or(Found::Damaged, Found::Answer))
            }
            // Of another codec, or damaged behind its first bytes: ours all the same.
            Ok(_) => Ok(Found::Damaged),
            Err(_) if entry::has_magic(&self.reply) => Ok(Found::Damaged),
            Err(_) => Err(ReadError::ForeignKey),
        }
    }

    /// Writes the entry; over nothing else than what the read has seen there.
    fn fill(
        &mut self,
        entries: usize,
        answer: &Q::Answer,
        replaces: bool,
        end: &mut impl FnMut(Part),
    ) -> Result<(), ReadError> {
        let Entries { codec, written, .. } = &mut self.entries[entries];
        entry::begin(&mut self.entry);
        codec.encode(answer, &mut self.entry)?;
        let header = Header {
            codec: codec.id(),
            nonce: rand::random(),
            expires_at_ms: expires_at_ms(self.ttl),
            load_us: 0,
        };
        entry::seal(&mut self.entry, &self.key, &header)?;
        end(Part::Encode);
        let is_written = if replaces {
            self.redis.set(&self.key, &self.entry, self.ttl).map(|()| true)?
        } else {
            // Where somebody was faster, the answer is right for this caller all the same.
            self.redis.set_if_absent(&self.key, &self.entry, self.ttl)?
        };
        end(Part::Set);
        if is_written {
            written.add(Written { entries: 1, bytes: self.entry.len() as u64 });
        }
        Ok(())
    }

    /// Brings the cache into the state that the lane wants for these items; not part of any measurement.
    /// Every lane is prepared alike, down to a round trip on both connections: none starts on a colder one.
    pub(crate) fn prepare(&mut self, lane: Lane, items: &[u32]) -> Result<(), ReadError> {
        match lane.path {
            cli::ReadPath::Mysql | cli::ReadPath::Disk => {}
            cli::ReadPath::Cold => self.remove(lane, items)?,
            cli::ReadPath::Warm => self.fill_missing(lane, items)?,
        }
        self.select_1()?;
        self.ping()
    }

    fn remove(&mut self, lane: Lane, items: &[u32]) -> Result<(), ReadError> {
        let keys = self.keys(self.entries_of(lane)?, items);
        self.issued.look_ups += 2 * keys.len() as u64;
        let foreign = self.redis.eval(UNLINK_ENTRIES, &keys, entry::magic())?;
        if foreign > 0 { Err(ReadError::ForeignKey) } else { Ok(()) }
    }

    fn fill_missing(&mut self, lane: Lane, items: &[u32]) -> Result<(), ReadError> {
        let entries = self.entries_of(lane)?;
        let keys = self.keys(entries, items);
        self.issued.look_ups += keys.len() as u64;
        let there = self.redis.exists(&keys)?;
        if usize::try_from(there) == Ok(items.len()) {
            return Ok(());
        }
        let mut fill = |item: &u32| self.read_through_cache(entries, *item, &mut |_| ()).map(drop);
        items.iter().try_for_each(&mut fill)
    }

    fn keys(&self, entries: usize, items: &[u32]) -> Vec<Vec<u8>> {
        let layout = &self.entries[entries].keys;
        items.iter().map(|item| layout.key(u64::from(*item))).collect()
    }

    /// One bare round trip to Redis.
    pub(crate) fn ping(&mut self) -> Result<(), ReadError> {
        Ok(self.redis.ping()?)
    }

    /// One bare round trip to MySQL.
    pub(crate) fn select_1(&mut self) -> Result<(), ReadError> {
        self.issued.text_selects += 1;
        self.mysql.round_trip().map_err(LoadError::from)?;
        Ok(())
    }

    /// Whether the answer is what the data set says it must be.
    pub(crate) fn is_right(&self, item: u32, answer: &Q::Answer, expected: &Expected) -> bool {
        self.query.is_right(item, answer, expected)
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

fn expires_at_ms(ttl: Duration) -> u64 {
    let at = SystemTime::now() + ttl;
    let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
