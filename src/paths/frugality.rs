//! The allocations and system calls of a read in its steady state, on real servers: no allocation,
//! and one send with one receive. Allocations are counted by the thread, so that other tests do not
//! get in the way.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::nodes::Nodes;
use super::query::{Expected, OneUser};
use super::reader::{CacheOutcome, LIMITS, Reader, ReaderOptions};
use crate::cache::{Cache, Key, Options};
use crate::db::rows::RowConnection;
use crate::db::{connect, schema, seed};
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, ReadPath};
use crate::sandbox::{Sandbox, Wanted};
use crate::socket_calls::{self, SocketCalls};
use crate::users::{DataSet, User};

const DATA: DataSet = DataSet { users: 1_000, rng_seed: 42 };
const READS: u64 = 1_000;
const TTL: Duration = Duration::from_secs(3_600);
/// They borrow texts from the reply. Arrow builds a set of columns for a single row, which cannot
/// be free.
const CODECS: [Codec; 3] = [Codec::Postcard, Codec::Msgpack, Codec::Json];

/// Less than that many reads of all: once a second a connection is asked whether it leads to a
/// primary, which a slow machine meets more than once.
const SELDOM: u64 = READS / 10;

/// One send and one receive for each read.
fn assert_one_each(calls: SocketCalls) {
    let SocketCalls { sends, receives } = calls;
    assert!((READS..READS + SELDOM).contains(&sends) && sends == receives, "{calls:?}");
}

/// The number of allocations of the work on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

fn items() -> impl Iterator<Item = u32> {
    (0..READS).map(|read| u32::try_from(read * 7 % u64::from(DATA.users)).unwrap() + 1)
}

fn reader(sandbox: &Sandbox) -> Reader<OneUser> {
    let (mysql, redis) = (sandbox.mysql().unwrap(), sandbox.redis().unwrap());
    let mut conn = connect::connect(mysql).unwrap();
    schema::create(&mut conn).unwrap();
    let progress: seed::Progress = Arc::new(|_| {});
    seed::seed(&mut conn, mysql, DATA, false, &progress).unwrap();
    let wire = Nodes::open(redis, LIMITS).unwrap();
    let options = ReaderOptions { codecs: &CODECS, namespace: "frugality", kind: "user", ttl: TTL };
    let expected = Arc::new(Expected::of(DATA, &[]));
    Reader::new(RowConnection::open(mysql).unwrap(), (wire, redis), &expected, &options).unwrap()
}

/// Reads users by a series, each of them checked to be whole and to have come by that series.
fn read_all(reader: &mut Reader<OneUser>, series: Series) {
    let by_cache = if series.codec.is_some() { CacheOutcome::Hit } else { CacheOutcome::Bypassed };
    for item in items() {
        let read = reader.read(BlockKind::Series(series), item, &mut |_| ()).unwrap();
        assert!(read.cache == by_cache && read.answer == DATA.user(item), "{:?}", read.answer);
    }
}

#[test]
fn reading_one_user_takes_no_memory_and_one_call_each_way() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted { mysql: true, redis: true };
    let sandbox = Sandbox::open(&folder.path().join("sandbox"), wanted, "test", &mut |_| {}).unwrap();
    let mut reader = reader(&sandbox);
    let items: Vec<u32> = items().collect();
    let warm = CODECS.map(|codec| Series::cached(ReadPath::Warm, codec));
    for series in [&[Series::MYSQL][..], &warm].concat() {
        reader.prepare(series, &items).unwrap();
        // Buffers grow to the longest entry.
        read_all(&mut reader, series);
        assert!(allocations(|| read_all(&mut reader, series)) < SELDOM, "{series:?}");
        assert_one_each(socket_calls::during(|| read_all(&mut reader, series)));
    }
    library_hits(&sandbox);
    sandbox.stop().unwrap();
}

/// A row as most programs have it.
#[derive(Serialize, Deserialize)]
struct Owning {
    id: u32,
    username: String,
    email: String,
}

/// The library adds nothing to what the value itself owns.
fn library_hits(sandbox: &Sandbox) {
    let options = Options::default().namespace("frugality").ttl(TTL);
    let cache = Cache::at(sandbox.redis().unwrap().clone(), options).unwrap();
    let (plain, owning) = (Key::new("plain", 1, 7).unwrap(), Key::new("owning", 1, 7).unwrap());
    let user = DATA.user(7);
    let plain_hits = || {
        for _ in 0..READS {
            let hit = cache.get(&plain, || Ok::<Option<User>, Infallible>(Some(user.clone()))).unwrap();
            assert_eq!(hit.as_ref(), Some(&user));
        }
    };
    let owning_hits = || {
        let load = || {
            let (username, email) = (user.username.to_string(), user.email.to_string());
            Ok::<_, Infallible>(Some(Owning { id: user.id, username, email }))
        };
        for _ in 0..READS {
            let hit = cache.get(&owning, load).unwrap().unwrap();
            assert!(hit.id == user.id && *hit.username == *user.username && *hit.email == *user.email);
        }
    };
    plain_hits();
    owning_hits();
    assert!(allocations(plain_hits) < SELDOM);
    let owned = allocations(owning_hits);
    assert!((2 * READS..2 * READS + SELDOM).contains(&owned), "its two texts: {owned}");
    assert_eq!(allocations(|| drop(Key::new("user", 1, 42))), 1);
    assert_one_each(socket_calls::during(plain_hits));
    assert_eq!(cache.stats().loads, 2);
}
