//! The interface between measuring and the servers: the open connections of one client, with every
//! way to read as a value. It knows neither rounds nor threads nor time.

use super::query::Check;
use super::reader::{Read, ReadError};
use crate::model::Codec;
use crate::model::phase::Phase;
use crate::model::series::{BlockKind, Series};
use crate::samples::request_counts::{Exchanges, RequestCounts};
use crate::samples::written::Written;

/// One client.
pub(crate) trait Client: Send {
    type Answer: Send;

    /// The source of the right answers, for messages.
    const TRUTH: &'static str;

    /// Reads an item; `end` is called at the end of each phase. `cold` and `warm` are the same
    /// code: the difference is whether the entry is there, see [`Client::prepare`].
    fn read(
        &mut self,
        how: BlockKind,
        item: u32,
        end: &mut impl FnMut(Phase),
    ) -> Result<Read<Self::Answer>, ReadError>;

    /// Compares the answer with the right one, outside everything timed.
    fn check(&mut self, item: u32, read: &Read<Self::Answer>) -> Result<Check, ReadError>;

    /// Brings the cache into the state that the series wants for these items; not part of any
    /// measurement. Every series is prepared alike, down to a round trip on each connection: none
    /// starts on a colder one.
    fn prepare(&mut self, series: Series, items: &[u32]) -> Result<(), ReadError>;

    /// Opens the connections anew if one was lost while the other was busy, or while other clients
    /// were: a long block of one path leaves the other server's connection idle. Never called while
    /// a read is timed.
    fn wake(&mut self) -> Result<(), ReadError>;

    /// Waits until Redis has answered for every entry that reads have sent to it.
    fn flush(&self);

    /// Makes a bare round trip on every connection.
    fn prime(&mut self) -> Result<(), ReadError>;

    /// One bare round trip to Redis.
    fn ping(&mut self) -> Result<(), ReadError>;

    /// One bare round trip to MySQL.
    fn select_1(&mut self) -> Result<(), ReadError>;

    /// True if the entries that this client wrote take longer to receive than a round trip.
    fn has_large_entries(&self, codec: Codec) -> bool;

    /// Receives an entry and does not look at it.
    fn fetch(&mut self, codec: Codec, item: u32) -> Result<(), ReadError>;

    /// Round trips of reads so far; those to MySQL since its connection was opened.
    fn exchanges(&self) -> Exchanges;

    /// Loads from MySQL so far.
    fn loads(&self) -> u64;

    /// Requests to both servers so far.
    fn requests(&self) -> RequestCounts;

    /// Entries written so far, codec by codec.
    fn written(&self) -> Vec<(Codec, Written)>;
}
