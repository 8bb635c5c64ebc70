//! A client: two open connections, a prepared question, and the two ways to have it answered.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::issued::Issued;
use super::query::{self, Expected, LoadError, Query};
use crate::cache::codec::{Codec, CodecError};
use crate::cache::entry::{self, Corrupt, Header};
use crate::cache::key::KeyLayout;
use crate::cache::wire::{Connection, WireError};
use crate::cli;
use crate::db::rows::RowConnection;
use crate::parts::Part;

const UNLINK_ENTRIES: &str = include_str!("../cache/unlink_entries.lua");

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
}

impl ReadError {
    /// The kind under which the run file counts it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Load(LoadError::Missing) => "missing_row",
            Self::Load(LoadError::Mysql(_) | LoadError::Shape) => "mysql",
            Self::Redis(_) => "redis",
            Self::Codec(_) | Self::Entry(_) => "encode",
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
pub(crate) struct ReaderOptions {
    pub(crate) codec: cli::Codec,
    pub(crate) keys: KeyLayout,
    pub(crate) ttl: Duration,
}

/// One client with connections of its own. Buffers are kept from read to read.
pub(crate) struct Reader<Q: Query> {
    mysql: RowConnection,
    redis: Connection,
    query: Q,
    codec: Box<dyn Codec<Q::Answer>>,
    keys: KeyLayout,
    ttl: Duration,
    key: Vec<u8>,
    entry: Vec<u8>,
    reply: Vec<u8>,
    written_bytes: u64,
    written_entries: u64,
    issued: Issued,
}

impl<Q: Query> Reader<Q> {
    /// Prepares the statement; the connections come open.
    pub(crate) fn new(
        mut mysql: RowConnection,
        redis: Connection,
        expected: &Arc<Expected>,
        options: ReaderOptions,
    ) -> Result<Self, mysql::Error> {
        let query = Q::prepare(&mut mysql, expected)?;
        Ok(Self {
            mysql,
            redis,
            query,
            codec: query::codec(options.codec),
            keys: options.keys,
            ttl: options.ttl,
            key: Vec::new(),
            entry: Vec::new(),
            reply: Vec::new(),
            written_bytes: 0,
            written_entries: 0,
            issued: Issued::default(),
        })
    }

    /// The read that `path` stands for; `end` hears of the end of each of its parts. `cold` and `warm` are the same
    /// code: what makes the difference is whether the entry is there, see [`Reader::prepare`].
    #[inline]
    pub(crate) fn read(
        &mut self,
        path: cli::ReadPath,
        item: u32,
        end: &mut impl FnMut(Part),
    ) -> Result<Read<Q::Answer>, ReadError> {
        match path {
            cli::ReadPath::Mysql => {
                let answer = self.load(item)?;
                end(Part::Query);
                Ok(Read { answer, cache: CacheOutcome::Bypassed })
            }
            cli::ReadPath::Cold | cli::ReadPath::Warm => self.read_through_cache(item, end),
        }
    }

    /// Cache-aside: GET; on a miss SELECT, encode, SET. An entry that does not parse is a miss.
    fn read_through_cache(
        &mut self,
        item: u32,
        end: &mut impl FnMut(Part),
    ) -> Result<Read<Q::Answer>, ReadError> {
        self.keys.write_key(u64::from(item), &mut self.key);
        let replaces = match self.look_up(end)? {
            Found::Answer(answer) => return Ok(Read { answer, cache: CacheOutcome::Hit }),
            Found::Damaged => true,
            Found::Nothing => false,
        };
        let answer = self.load(item)?;
        end(Part::Query);
        self.fill(&answer, replaces, end)?;
        Ok(Read { answer, cache: CacheOutcome::Miss })
    }

    /// Asks MySQL.
    fn load(&mut self, item: u32) -> Result<Q::Answer, LoadError> {
        self.issued.executes += 1;
        self.query.load(&mut self.mysql, item)
    }

    /// What stands under the current key.
    fn look_up(&mut self, end: &mut impl FnMut(Part)) -> Result<Found<Q::Answer>, ReadError> {
        self.issued.look_ups += 1;
        let there = match self.redis.get(&self.key, &mut self.reply) {
            Err(error) if error.server_code() == Some("WRONGTYPE") => return Err(ReadError::ForeignKey),
            outcome => outcome?,
        };
        end(Part::Get);
        if !there {
            return Ok(Found::Nothing);
        }
        let found = self.parse_reply();
        end(Part::Decode);
        found
    }

    fn parse_reply(&mut self) -> Result<Found<Q::Answer>, ReadError> {
        match entry::parse(&self.reply, &self.key) {
            Ok((header, payload)) if header.codec == self.codec.id() => {
                let decoded = self.codec.decode(&mut self.reply, payload);
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
        answer: &Q::Answer,
        replaces: bool,
        end: &mut impl FnMut(Part),
    ) -> Result<(), ReadError> {
        entry::begin(&mut self.entry);
        self.codec.encode(answer, &mut self.entry)?;
        let header = Header {
            codec: self.codec.id(),
            nonce: rand::random(),
            expires_at_ms: expires_at_ms(self.ttl),
            load_us: 0,
        };
        entry::seal(&mut self.entry, &self.key, &header)?;
        end(Part::Encode);
        let written = if replaces {
            self.redis.set(&self.key, &self.entry, self.ttl).map(|()| true)?
        } else {
            // Where somebody was faster, the answer is right for this caller all the same.
            self.redis.set_if_absent(&self.key, &self.entry, self.ttl)?
        };
        end(Part::Set);
        if written {
            self.written_bytes += self.entry.len() as u64;
            self.written_entries += 1;
        }
        Ok(())
    }

    /// Brings the cache into the state that `path` wants for these items; not part of any measurement.
    /// Every path is prepared alike, down to a round trip on both connections: none starts on a colder one.
    pub(crate) fn prepare(&mut self, path: cli::ReadPath, items: &[u32]) -> Result<(), ReadError> {
        self.arrange(path, items)?;
        self.select_1()?;
        self.ping()
    }

    fn arrange(&mut self, path: cli::ReadPath, items: &[u32]) -> Result<(), ReadError> {
        let keys: Vec<Vec<u8>> = items.iter().map(|item| self.keys.key(u64::from(*item))).collect();
        match path {
            cli::ReadPath::Mysql => {}
            cli::ReadPath::Cold => {
                self.issued.look_ups += 2 * keys.len() as u64;
                if self.redis.eval(UNLINK_ENTRIES, &keys, entry::magic())? > 0 {
                    return Err(ReadError::ForeignKey);
                }
            }
            cli::ReadPath::Warm => {
                self.issued.look_ups += keys.len() as u64;
                let there = self.redis.exists(&keys)?;
                if usize::try_from(there) != Ok(keys.len()) {
                    items
                        .iter()
                        .try_for_each(|item| self.read_through_cache(*item, &mut |_| ()).map(drop))?;
                }
            }
        }
        Ok(())
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

    /// Entries written so far and their size together, headers included.
    pub(crate) fn written(&self) -> (u64, u64) {
        (self.written_entries, self.written_bytes)
    }
}

fn expires_at_ms(ttl: Duration) -> u64 {
    let at = SystemTime::now() + ttl;
    let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
