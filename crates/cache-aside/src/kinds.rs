//! Removes what is cached of one kind, by walking through the keys of Redis.
//!
//! A walk is enough, without a generation that every read would have to look up. SCAN returns every
//! key that is there from its beginning to its end. A load that began before the walk holds a
//! lease, or replaces an entry, that was there before too: the walk meets the key and destroys
//! whatever is stored there, as for any removal, and the fill is refused. A lease that is put after
//! the walk began belongs to a load that reads what was committed by then.
//!
//! In a cluster every primary is walked. A key that moves from a node which is still to be walked
//! to one which was is met by neither walk, so the nodes are asked for their slots before and
//! after: if any changed or was on its way, all are walked again.

use std::thread;
use std::time::Duration;

use super::cluster::slot_of;
use super::connections::Node;
use super::core::Core;
use super::error::RedisError;
use super::key::layout::pattern_of;
use super::key::prefix_of;
use super::protocol::{Nonce, draw_nonce};
use super::session::Session;
use super::store::Propagation;
use super::wire::{Reply, WireError};
use super::write::{StaleError, too_few_replicas};
use crate::core::BATCH;

/// Slots that move for longer than so many walks, with pauses between them, make the removal fail.
const MOST_WALKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);
/// Replicas may lag behind a long walk by more than a single wait lasts.
const MOST_WAITS: u32 = 8;

/// The number of keys that were found.
pub(crate) fn invalidate(core: &Core, kind: &str) -> Result<u64, StaleError> {
    let prefix = [core.name_prefix().as_bytes(), prefix_of(kind).as_bytes()].concat();
    removal(core, &prefix).map_err(|error| StaleError::of_kind(core, kind, error))
}

fn removal(core: &Core, prefix: &[u8]) -> Result<u64, RedisError> {
    core.connections.refresh();
    let mut found = 0;
    for _ in 0..MOST_WALKS {
        let before = slots(core)?;
        found += walk_all(core, prefix)?;
        // One server keeps all keys, unless it has said meanwhile that it is a node of a cluster.
        if !core.connections.is_cluster() {
            return must_be_alone(core).map(|()| found);
        }
        if before.as_ref().is_some_and(|before| !before.is_moving) && before == slots(core)? {
            return Ok(found);
        }
        thread::sleep(PAUSE);
        core.connections.refresh();
    }
    let node = core.connections.for_slot(0);
    let words = "TRYAGAIN slots have been moving, or not all nodes that keep slots were known, all the time";
    Err(RedisError::new(node.pool.endpoint(), WireError::Server(words.to_owned())))
}

/// An error if the server is a node of a cluster whose other nodes are not known, because the
/// account may not ask: they may keep values of the kind.
fn must_be_alone(core: &Core) -> Result<(), RedisError> {
    if !core.connections.may_be_cluster() {
        return Ok(());
    }
    let words = "NOPERM this is a node of a cluster, and the account may not ask for the others: it needs +cluster|slots";
    for node in core.connections.primaries() {
        if on(core, &node, is_in_cluster)? {
            return Err(RedisError::new(node.pool.endpoint(), WireError::Server(words.to_owned())));
        }
    }
    Ok(())
}

/// False also if the server does not say.
fn is_in_cluster(session: &mut Session) -> Result<bool, WireError> {
    let mut info = Vec::new();
    match session.store.connection().command(&[b"INFO", b"cluster"], &mut info) {
        Ok(_) => Ok(String::from_utf8_lossy(&info).lines().any(|line| line.trim() == "cluster_enabled:1")),
        Err(error @ WireError::Server(_)) if !error.is_unfit() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Which node keeps which slots, in the words of each.
#[derive(PartialEq, Eq)]
struct Slots {
    of_nodes: Vec<String>,
    /// A slot is on its way, or a node that was not asked keeps some.
    is_moving: bool,
}

/// None if there is one server alone.
fn slots(core: &Core) -> Result<Option<Slots>, RedisError> {
    if !core.connections.is_cluster() {
        return Ok(None);
    }
    let mut slots = Slots { of_nodes: Vec::new(), is_moving: false };
    let (mut asked, mut all) = (0, Vec::new());
    for node in core.connections.primaries() {
        let view = on(core, &node, view)?;
        slots.is_moving |= view.own.contains('[') || view.own.is_empty();
        asked += count(&view.own);
        all.push(view.in_cluster);
        slots.of_nodes.push(format!("{} {}", node.pool.endpoint().address, view.own));
    }
    slots.is_moving |= all.iter().any(|in_cluster| *in_cluster != asked);
    slots.of_nodes.sort();
    Ok(Some(slots))
}

/// The view that a node has of the slots.
#[derive(Debug, PartialEq, Eq)]
struct View {
    /// Its own. Those on their way are in brackets.
    own: String,
    /// The number of slots that some node keeps.
    in_cluster: u32,
}

fn view(session: &mut Session) -> Result<View, WireError> {
    let (connection, mut nodes) = (session.store.connection(), Vec::new());
    match connection.command(&[b"CLUSTER", b"NODES"], &mut nodes)? {
        Reply::Bytes => {}
        Reply::Status | Reply::Integer(_) | Reply::Nil => return Err(connection.unexpected()),
    }
    Ok(view_in(&String::from_utf8_lossy(&nodes)))
}

/// The answer of `CLUSTER NODES`.
fn view_in(nodes: &str) -> View {
    let mut view = View { own: String::new(), in_cluster: 0 };
    for line in nodes.lines() {
        // Identifier, address, flags, primary, two times, epoch, state of the link, and the slots.
        let slots = line.split_ascii_whitespace().skip(8).collect::<Vec<_>>().join(" ");
        view.in_cluster += count(&slots);
        if line.split(' ').nth(2).is_some_and(|flags| flags.contains("myself")) {
            view.own = slots;
        }
    }
    view
}

/// The number of slots in a list of numbers and ranges.
fn count(slots: &str) -> u32 {
    let of_range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
        (u32::from(last) + 1).checked_sub(u32::from(first))
    };
    slots.split(' ').filter(|range| !range.starts_with('[')).filter_map(of_range).sum()
}

fn walk_all(core: &Core, prefix: &[u8]) -> Result<u64, RedisError> {
    let token = draw_nonce().map_err(|error| core_error(core, error.into()))?;
    let (mut found, mut elsewhere) = (0, Vec::new());
    for node in core.connections.primaries() {
        // On one connection: a cursor is of no meaning to another server. After a failure the walk
        // begins anew.
        let name = name_for_wait(core, &node, token);
        let walked = on(core, &node, |session| {
            let walked = walk(session, prefix, token)?;
            match &name {
                Some(name) => wait_for_replicas(core, session, name, token).map(|()| walked),
                None => Ok(walked),
            }
        })?;
        found += walked.found;
        elsewhere.extend(walked.elsewhere);
    }
    for name in elsewhere {
        let slot = slot_of(&name);
        let names = [name];
        let removed = core.tell_slot(slot, |session| {
            session
                .store
                .finish_all(&names, token, Propagation::IfRemoved)?
                .into_iter()
                .collect::<Result<Vec<bool>, _>>()?;
            if core.options.replicas == 0 {
                return Ok(());
            }
            let [name] = &names;
            wait_for_replicas(core, session, name, token)
        });
        removed.map_err(|error| RedisError::new(core.connections.for_slot(slot).pool.endpoint(), error))?;
        found += 1;
    }
    Ok(found)
}

/// A name of this server's under which nothing is stored, if replicas are to be waited for. From a
/// server that can keep no name of this cache nothing was removed.
fn name_for_wait(core: &Core, node: &Node, token: Nonce) -> Option<Vec<u8>> {
    if core.options.replicas == 0 {
        return None;
    }
    let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    core.connections.name_on(node, format!("removal:1:{token}").as_bytes())
}

/// Waits until replicas have all that the server did until now, also what other connections had it
/// do: a value that is met no more may have been removed by one of them, a moment ago.
fn wait_for_replicas(core: &Core, session: &mut Session, name: &[u8], token: Nonce) -> Result<(), WireError> {
    let wanted = core.options.replicas;
    let written = session.store.finish_all(&[name.to_vec()], token, Propagation::Always)?;
    match written.into_iter().find_map(Result::err) {
        // The slot has moved meanwhile, so all nodes are walked again.
        Some(error) if error.is_redirect() => return Ok(()),
        Some(error) => return Err(error),
        None => {}
    }
    for _ in 0..MOST_WAITS {
        if session.store.wait(wanted, core.options.replica_wait())? >= wanted {
            return Ok(());
        }
    }
    Err(too_few_replicas(wanted))
}

fn on<R>(
    core: &Core,
    node: &Node,
    command: impl FnMut(&mut Session) -> Result<R, WireError>,
) -> Result<R, RedisError> {
    core.tell(node, command).map_err(|error| RedisError::new(node.pool.endpoint(), error))
}

fn core_error(core: &Core, error: WireError) -> RedisError {
    RedisError::new(core.connections.for_slot(0).pool.endpoint(), error)
}

/// The keys of one server.
#[derive(Default)]
struct Walked {
    found: u64,
    /// Keys that are another server's by now.
    elsewhere: Vec<Vec<u8>>,
}

fn walk(session: &mut Session, prefix: &[u8], token: Nonce) -> Result<Walked, WireError> {
    let (pattern, mut cursor, mut walked) = (pattern_of(prefix), b"0".to_vec(), Walked::default());
    loop {
        let (next, mut names) = session.store.connection().scan(&cursor, &pattern)?;
        names.retain(|name| name.starts_with(prefix));
        for names in names.chunks(BATCH) {
            let removed = session.store.finish_all(names, token, Propagation::IfRemoved)?;
            for (removed, name) in removed.into_iter().zip(names) {
                match removed {
                    Ok(_) => walked.found += 1,
                    Err(error) if error.is_redirect() => walked.elsewhere.push(name.clone()),
                    Err(error) => return Err(error),
                }
            }
        }
        if next == b"0" {
            return Ok(walked);
        }
        cursor = next;
    }
}

#[cfg(test)]
#[cfg(feature = "json")]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;

    use crate::private_redis::PrivateRedis;
    use crate::{Cache, Key, KeyError, Options};

    fn cache(redis: &PrivateRedis, namespace: &str) -> Cache {
        let long = std::time::Duration::from_secs(60);
        let options = Options::default().connect_timeout(long).reply_timeout(long).early_refresh(0.0);
        Cache::at(redis.endpoint(), options.namespace(namespace)).unwrap()
    }

    fn fill(cache: &Cache, kind: &str, schema: u32, ids: u32) {
        let ids: Vec<u32> = (0..ids).collect();
        let rows =
            |ids: &[u32]| Ok::<_, Infallible>(ids.iter().map(|id| (*id, *id)).collect::<HashMap<_, _>>());
        cache.get_many(&ids, |id| Key::new(kind, schema, id), rows).unwrap();
    }

    #[test]
    fn one_kind_is_removed_and_nothing_else() {
        let redis = PrivateRedis::start();
        let (mine, other) = (cache(&redis, "a*"), cache(&redis, "ab"));
        fill(&mine, "user", 1, 700);
        fill(&mine, "user", 2, 300);
        fill(&mine, "user:x", 1, 10);
        fill(&mine, "use", 1, 10);
        fill(&mine, "users", 1, 10);
        fill(&other, "user", 1, 10);
        let writer = mine.mark(&[&Key::new("user", 1, 5).unwrap()]).unwrap();
        assert_eq!(mine.invalidate_kind("user").unwrap(), 1000);
        assert_eq!(redis.say("DBSIZE"), ":41", "and the marker of a writer at work stays");
        assert_eq!(writer.finish().unwrap().lost(), []);
        assert_eq!(mine.invalidate_kind("user").unwrap(), 0);
        assert_eq!(mine.invalidate_kind("nothing [of] this?").unwrap(), 0);
        assert_eq!(redis.say("DBSIZE"), ":40");
    }

    #[test]
    fn a_load_from_before_is_not_kept() {
        let redis = PrivateRedis::start();
        let cache = cache(&redis, "c");
        let key = Key::new("user", 1, 1).unwrap();
        let seen = cache.get(&key, || {
            assert_eq!(cache.invalidate_kind("user").unwrap(), 1);
            Ok::<_, Infallible>(Some(1))
        });
        assert_eq!((seen, cache.stats().fills, cache.stats().fills_refused), (Ok(Some(1)), 0, 1));
    }

    #[test]
    fn slots_of_nodes_that_were_not_asked_are_seen() {
        let nodes = "a 10.0.0.1:1@2 myself,master - 0 0 1 connected 0-99 200 [300->-b]\n\
                     b 10.0.0.2:1@2,name master - 0 0 2 connected 100-199 201-16383\n\
                     c 10.0.0.3:1@2 slave b 0 0 2 connected\n\
                     d :0@0 master,noaddr - 0 0 0 disconnected\n";
        let view = super::view_in(nodes);
        assert_eq!((view.own.as_str(), view.in_cluster), ("0-99 200 [300->-b]", 16_384));
        assert_eq!(super::count(&view.own), 101);
        let of_replica = nodes.replace("myself,", "").replace("slave", "myself,slave");
        assert_eq!(super::view_in(&of_replica).own, "");
        for nonsense in ["", "x", "5-", "-5", "9-3", "99999", "[1-<-a]"] {
            assert_eq!(super::count(nonsense), 0, "{nonsense}");
        }
    }

    #[test]
    fn without_redis_it_says_so() {
        let nowhere = Cache::connect("redis://127.0.0.1:1", Options::default()).unwrap();
        let error = nowhere.invalidate_kind("user").unwrap_err();
        assert!(error.keys().is_empty() && !error.is_marked(), "{error}");
        assert!(error.to_string().contains("\"user\""), "{error}");
    }

    /// A write of all rows, then the removal of their kind: later reads see what was
    /// written.
    #[test]
    fn nothing_stale_is_read_after_it() {
        const ROWS: u32 = 300;
        let redis = PrivateRedis::start();
        let (writer, reader) = (cache(&redis, "c"), cache(&redis, "c"));
        let (version, floor, is_over) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
        let key = |id: &u32| -> Result<Key, KeyError> { Key::new("row", 1, id) };
        thread::scope(|scope| {
            for number in 0..4_u32 {
                let (version, floor, is_over) = (&version, &floor, &is_over);
                let cache = if number % 2 == 0 { &writer } else { &reader };
                scope.spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let ids: Vec<u32> = (0..30).map(|_| rand::random::<u32>() % ROWS).collect();
                        let least = floor.load(Ordering::SeqCst);
                        let load = |ids: &[u32]| {
                            let row = version.load(Ordering::SeqCst);
                            thread::yield_now();
                            Ok::<_, Infallible>(ids.iter().map(|id| (*id, row)).collect::<HashMap<_, _>>())
                        };
                        let seen = cache.get_many(&ids, key, load).unwrap();
                        assert!(seen.values().all(|version| *version >= least));
                    }
                });
            }
            for turn in 1..60 {
                version.store(turn, Ordering::SeqCst);
                writer.invalidate_kind("row").unwrap();
                floor.store(turn, Ordering::SeqCst);
                thread::sleep(std::time::Duration::from_millis(10));
            }
            is_over.store(true, Ordering::SeqCst);
        });
        assert!(reader.stats().hits > 0);
    }
}
