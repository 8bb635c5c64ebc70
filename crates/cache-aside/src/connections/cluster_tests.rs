//! The library on real clusters: every redirection, slots that move, nodes that die.

mod outages;

use std::collections::HashMap;
use std::convert::Infallible;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::chaos::{self, World, draw, ms};
use crate::cluster::{Redirect, slot_of};
use crate::private_cluster::{Plan, PrivateCluster};
use crate::private_redis::PrivateRedis;
use crate::store::Propagation;
use crate::wire::Tree;
use crate::{Cache, CallOptions, Key, KeyError, Observer, Options, RedisErrorKind, Stats};

const PATIENT: Duration = Duration::from_secs(30);
/// Enough that each of three nodes has some.
const MANY: u32 = 60;

fn options() -> Options {
    Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0)
}

fn cache(cluster: &PrivateCluster, number: usize) -> Cache {
    Cache::connect(&cluster.url(number), options()).unwrap()
}

fn key(id: &u32) -> Result<Key, KeyError> {
    Key::new("thing", 1, id)
}

fn name(id: u32) -> String {
    format!("cache:{}", key(&id).unwrap())
}

fn slot(id: u32) -> u16 {
    slot_of(name(id).as_bytes())
}

fn read(cache: &Cache, id: u32) -> String {
    cache.get(&key(&id).unwrap(), || Ok::<_, Infallible>(Some(format!("row {id}")))).unwrap().unwrap()
}

fn read_all(cache: &Cache, ids: impl Iterator<Item = u32>) {
    ids.for_each(|id| assert_eq!(read(cache, id), format!("row {id}")));
}

/// The counts of the work.
fn counted(cache: &Cache, does: impl FnOnce()) -> Stats {
    let before = cache.stats();
    does();
    let after = cache.stats();
    Stats {
        hits: after.hits - before.hits,
        loads: after.loads - before.loads,
        fills: after.fills - before.fills,
        redirects: after.redirects - before.redirects,
        redis_errors: after.redis_errors - before.redis_errors,
        connections_opened: after.connections_opened - before.connections_opened,
        breaker_opened: after.breaker_opened - before.breaker_opened,
        ..after
    }
}

/// An id whose key this node keeps.
fn id_on(cluster: &PrivateCluster, number: usize) -> u32 {
    (0..).find(|id| cluster.keeper(slot(*id)) == number).unwrap()
}

#[test]
fn the_slot_of_a_name_is_the_server_s() {
    let cluster = PrivateCluster::start(&Plan { primaries: 1, ..Plan::THREE });
    let mut names: Vec<String> =
        ["", "{}", "{", "}{", "a{b}c", "{{}}", "a{}{b}", "a{b}{c}", "{a}{"].map(str::to_owned).to_vec();
    let letters: Vec<char> = "{}{}ab:%ü ".chars().filter(|letter| *letter != ' ').collect();
    for _ in 0..300 {
        let length = draw(12);
        names.push(
            (0..length).map(|_| letters[usize::try_from(draw(letters.len() as u64)).unwrap()]).collect(),
        );
    }
    for name in names.iter().filter(|name| !name.is_empty()) {
        let expected = cluster.say_words(0, &["CLUSTER", "KEYSLOT", name]);
        assert_eq!(expected, Tree::Integer(i64::from(slot_of(name.as_bytes()))), "{name:?}");
    }
}

#[test]
fn one_node_is_enough_to_find_all_and_a_hit_is_one_exchange() {
    struct Exchanges(u64);
    impl Observer for Exchanges {
        fn exchanged(&mut self, round_trips: u64) {
            self.0 += round_trips;
        }
    }
    let cluster = PrivateCluster::start(&Plan::THREE);
    let cache = cache(&cluster, 1);
    let first = counted(&cache, || read_all(&cache, 0..MANY));
    assert_eq!((first.loads, first.redis_errors), (u64::from(MANY), 0));
    assert!(first.redirects >= 1, "{first:?}");
    let second = counted(&cache, || {
        for id in 0..MANY {
            let mut exchanges = Exchanges(0);
            let load = || Ok::<_, Infallible>(None::<String>);
            let call = CallOptions::default().expects_miss(false);
            cache.get_observed(&key(&id).unwrap(), &call, &mut exchanges, load).unwrap();
            assert_eq!(exchanges.0, 1);
        }
    });
    assert_eq!((second.hits, second.loads, second.redirects), (u64::from(MANY), 0, 0));
    assert_eq!(second.connections_opened, 0);
    let keys = (0..3).map(|number| cluster.say(number, "DBSIZE").integer().unwrap());
    assert_eq!(keys.sum::<i64>(), i64::from(MANY));
    let report = cache.check().unwrap();
    assert_eq!((report.cluster_primaries, report.is_primary), (Some(3), Some(true)));
    assert!(report.to_string().contains("a cluster of 3 primaries"), "{report}");
}

#[test]
fn many_keys_are_read_marked_and_removed_node_by_node() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let (cache, other) = (cache(&cluster, 0), self::cache(&cluster, 2));
    let ids: Vec<u32> = (0..400).collect();
    let load = |ids: &[u32]| Ok::<_, Infallible>(ids.iter().map(|id| (*id, *id)).collect::<HashMap<_, _>>());
    let read = |cache: &Cache| cache.get_many(&ids, key, load).unwrap();
    assert_eq!(read(&cache).len(), ids.len());
    assert_eq!(cache.stats().fills, 400);
    assert_eq!(read(&other).len(), ids.len());
    assert_eq!((other.stats().hits, other.stats().loads), (400, 0));
    let keys: Vec<Key> = ids.iter().map(|id| key(id).unwrap()).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    let guard = self::cache(&cluster, 1).mark(&keys).unwrap();
    assert_eq!(other.get_many(&ids, key, load).unwrap().len(), 400);
    assert_eq!((other.stats().hits, other.stats().redis_errors), (400, 0), "a marker is no value");
    assert_eq!(guard.finish().unwrap().lost(), []);
    read(&cache);
    cache.invalidate_all(&keys[..200]).unwrap();
    assert_eq!(self::cache(&cluster, 1).invalidate_kind("thing").unwrap(), 200);
    assert_eq!((0..3).map(|number| cluster.say(number, "DBSIZE").integer().unwrap()).sum::<i64>(), 0);
}

#[test]
fn a_slot_that_has_moved_costs_one_redirection() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let cache = cache(&cluster, 0);
    read_all(&cache, 0..MANY);
    cluster.move_slot(slot(7), (cluster.keeper(slot(7)) + 1) % 3);
    let counted_first = counted(&cache, || read_all(&cache, 7..8));
    assert_eq!((counted_first.hits, counted_first.redirects, counted_first.redis_errors), (1, 1, 0));
    let later = counted(&cache, || read_all(&cache, 0..MANY));
    assert_eq!((later.hits, later.redirects, later.redis_errors), (u64::from(MANY), 0, 0));
    // A node that was not there before, and a value that is written without a script.
    let mut cluster = cluster;
    let new = cluster.add_node();
    cluster.move_slot(slot(8), new);
    let large = "x".repeat(200_000);
    cache.invalidate(&key(&8).unwrap()).unwrap();
    let put = cache.get(&key(&8).unwrap(), || Ok::<_, Infallible>(Some(large.clone()))).unwrap();
    assert_eq!(put.as_ref(), Some(&large));
    assert!(cluster.text(new, &format!("GET {}", name(8))).len() > large.len());
}

#[test]
fn a_slot_on_its_way_is_asked_for_on_both_sides() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let cache = cache(&cluster, 0);
    // Two keys of one slot, by their hash tag.
    let tagged = |id: u32| Key::new("thing", 1, format!("{{tag}}{id}").as_str()).unwrap();
    let slot = slot_of(b"tag");
    let (from, to) = (cluster.keeper(slot), (cluster.keeper(slot) + 1) % 3);
    let read = |id: u32, size: usize| {
        let value = || Ok::<_, Infallible>(Some(format!("{id}").repeat(size)));
        assert_eq!(cache.get(&tagged(id), value).unwrap(), value().unwrap());
    };
    (0..3).for_each(|id| read(id, 10));
    let other = cache.mark(&[&tagged(20), &tagged(21)]).unwrap();
    cluster.begin_move(slot, from, to);
    cluster.move_key(&format!("cache:{}", tagged(1)), from, to);
    cluster.move_key(&format!("cache:{}", tagged(21)), from, to);
    let seen = counted(&cache, || (0..3).for_each(|id| read(id, 10)));
    assert_eq!(
        (seen.hits, seen.redirects, seen.redis_errors),
        (3, 1, 0),
        "only the one that has moved is asked for there"
    );
    // A removal that is written although nothing is there.
    for id in [0, 1, 30] {
        let names = [format!("cache:{}", tagged(id)).into_bytes()];
        let removed = cache.core().tell_slot(slot, |session| {
            session.store.finish_all(&names, [9; 16], Propagation::Always)?.swap_remove(0)
        });
        assert!(!removed.unwrap());
        read(id, 10);
    }
    // What is new is written where the slot goes, in all ways of writing.
    let seen = counted(&cache, || {
        read(5, 10);
        read(6, 70_000);
        read(5, 10);
        read(6, 70_000);
    });
    assert_eq!((seen.loads, seen.hits, seen.redis_errors), (2, 2, 0));
    let guard = cache.mark(&[&tagged(0), &tagged(1), &tagged(9), &tagged(20), &tagged(21)]).unwrap();
    assert_eq!(guard.finish().unwrap().lost(), []);
    // Another writer's token stays there meanwhile.
    assert_eq!(other.finish().unwrap().lost(), []);
    let seen = counted(&cache, || (0..3).for_each(|id| read(id, 10)));
    assert_eq!((seen.loads, seen.hits), (2, 1));
    let ids: Vec<u32> = (0..12).collect();
    let load = |ids: &[u32]| {
        Ok::<_, Infallible>(ids.iter().map(|id| (*id, format!("{id}").repeat(10))).collect::<HashMap<_, _>>())
    };
    let seen = counted(&cache, || {
        let key = |id: &u32| Ok(tagged(*id));
        assert_eq!(cache.get_many(&ids, key, load).unwrap().len(), 12);
        assert_eq!(cache.get_many(&ids, key, load).unwrap().len(), 12);
    });
    assert_eq!((seen.loads, seen.redis_errors), (1, 0), "{seen:?}");
    thread::scope(|scope| {
        let removal = scope.spawn(|| cache.invalidate_kind("thing").unwrap());
        thread::sleep(ms(200));
        assert!(!removal.is_finished(), "a walk while a slot moves proves nothing");
        cluster.end_move(slot, from, to);
        removal.join().unwrap()
    });
    assert_eq!((0..3).map(|number| cluster.say(number, "DBSIZE").integer().unwrap()).sum::<i64>(), 0);
}

#[test]
fn keys_that_are_half_way_are_tried_again() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let cache = cache(&cluster, 0);
    read_all(&cache, 0..MANY);
    let slot = slot_of(b"tag");
    let (from, to) = (cluster.keeper(slot), (cluster.keeper(slot) + 1) % 3);
    cluster.say(from, "SET {tag}1 a");
    cluster.say(from, "SET {tag}2 b");
    cluster.begin_move(slot, from, to);
    cluster.move_key("{tag}1", from, to);
    let mut said = Vec::new();
    let answer = cache.core().tell_slot(slot, |session| {
        let answer = session.store.connection().tree(&[b"MGET", b"{tag}1", b"{tag}2"]);
        if let Err(error) = &answer {
            said.push(error.server_code().unwrap_or_default().to_owned());
            if said.len() == 2 {
                cluster.end_move(slot, from, to);
            }
        }
        answer
    });
    let texts = [b"a", b"b"].map(|text| Tree::Text(text.to_vec()));
    assert_eq!(answer.unwrap(), Tree::List(texts.to_vec()));
    // Redis 6 names the other node first.
    assert!(["TRYAGAIN", "ASK"].contains(&said[0].as_str()), "{said:?}");
    assert_eq!(said[1..], ["TRYAGAIN", "MOVED"]);
}

#[test]
fn a_slot_without_a_node_goes_to_the_database_and_comes_back() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let cache = cache(&cluster, 0);
    read_all(&cache, 0..MANY);
    let keeper = cluster.keeper(slot(3));
    (0..3).for_each(|number| drop(cluster.say(number, &format!("CLUSTER DELSLOTS {}", slot(3)))));
    let down = counted(&cache, || (0..10).for_each(|_| read_all(&cache, 3..4)));
    assert_eq!((down.loads, down.breaker_opened), (10, 0), "{down:?}");
    assert!(cache.last_error().unwrap().words.contains("CLUSTERDOWN"));
    assert!(cache.invalidate(&key(&3).unwrap()).is_err());
    let others = counted(&cache, || read_all(&cache, (0..MANY).filter(|id| slot(*id) != slot(3))));
    assert_eq!((others.loads, others.redis_errors), (0, 0));
    cluster.say(keeper, &format!("CLUSTER ADDSLOTS {}", slot(3)));
    let is_known = |number| cluster.text(number, "CLUSTER INFO").contains("cluster_slots_assigned:16384");
    cluster.wait(|_| (0..3).all(is_known));
    read_all(&cache, 3..4);
    let back = counted(&cache, || read_all(&cache, 3..4));
    assert_eq!((back.hits, back.loads), (1, 0));
}

#[test]
fn each_node_learns_the_scripts_anew() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let cache = cache(&cluster, 0);
    read_all(&cache, 0..MANY);
    for (round, first) in [1000, 2000, 3000].into_iter().enumerate() {
        cluster.say(round, "SCRIPT FLUSH");
        let ids = first..first + MANY;
        let all = counted(&cache, || read_all(&cache, ids.clone()));
        assert_eq!((all.loads, all.redis_errors), (u64::from(MANY), 0));
        let keys: Vec<Key> = ids.map(|id| key(&id).unwrap()).collect();
        let guard = cache.mark(&keys.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(guard.finish().unwrap().lost(), []);
    }
}

#[test]
fn any_living_seed_will_do_and_so_will_a_replica() {
    let cluster = PrivateCluster::start(&Plan { replicas: 1, ..Plan::SIX });
    let dead_then_living = format!("redis://127.0.0.1:1,127.0.0.1:{}", cluster.port(2));
    for url in [dead_then_living, cluster.url(3)] {
        let cache = || Cache::connect(&url, options().namespace(url.as_str())).unwrap();
        cache().ping().unwrap();
        let cache = cache();
        read_all(&cache, 0..MANY);
        let again = counted(&cache, || read_all(&cache, 0..MANY));
        assert_eq!((again.hits, again.loads), (u64::from(MANY), 0), "{url}: {:?}", cache.last_error());
        assert_eq!(cache.check().unwrap().cluster_primaries, Some(3), "{url}");
        if url == cluster.url(3) {
            assert_eq!(cache.stats().redis_errors, 0, "a replica is no failure: {:?}", cache.last_error());
        }
    }
}

#[test]
fn a_single_server_is_not_taken_for_a_cluster() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), options()).unwrap();
    read_all(&cache, 0..10);
    assert_eq!(cache.check().unwrap().cluster_primaries, None);
    assert_eq!(cache.invalidate_kind("thing").unwrap(), 10);
    assert_eq!((cache.stats().redirects, cache.stats().redis_errors), (0, 0));
}

/// While a primary is dead, the other slots are not disturbed; when another one has taken its
/// place, its slots come back.
#[test]
fn a_dead_primary_costs_its_own_slots_alone_until_it_is_replaced() {
    let mut cluster = PrivateCluster::start(&Plan::SIX);
    let options = Options::default().early_refresh(0.0);
    let cache =
        Cache::connect(&cluster.url(0), options.connect_timeout(ms(500)).reply_timeout(ms(2000))).unwrap();
    read_all(&cache, 0..MANY);
    cache.flush();
    let (dead, lost): (usize, Vec<u32>) =
        (1, (0..MANY).filter(|id| cluster.keeper(slot(*id)) == 1).collect());
    let others: Vec<u32> = (0..MANY).filter(|id| !lost.contains(id)).collect();
    assert!(!lost.is_empty() && !others.is_empty());
    // What was written is with the replica.
    cluster.sync(dead);
    let before = cache.stats();
    cluster.kill(dead);
    let killed_at = Instant::now();
    let is_back = AtomicBool::new(false);
    let (replaced_after, back_after) = thread::scope(|scope| {
        let replacing = scope.spawn(|| {
            cluster.wait(|cluster| cluster.keeper(slot(lost[0])) != dead);
            killed_at.elapsed()
        });
        let living = scope.spawn(|| {
            let mut rounds = 0_u32;
            while !is_back.load(Ordering::SeqCst) || rounds == 0 {
                let of_living = others
                    .iter()
                    .filter(|id| cache.get(&key(id).unwrap(), || Err::<Option<String>, ()>(())).is_ok());
                assert_eq!(of_living.count(), others.len(), "a hit of a living node was lost");
                rounds += 1;
            }
            rounds
        });
        let give_up_at = Instant::now() + Duration::from_secs(60);
        loop {
            let mut loads = 0;
            for id in &lost {
                let value = cache.get(&key(id).unwrap(), || {
                    loads += 1;
                    Ok::<_, Infallible>(Some(format!("row {id}")))
                });
                assert_eq!(value.unwrap().unwrap(), format!("row {id}"));
            }
            if loads == 0 {
                break;
            }
            assert!(
                Instant::now() < give_up_at,
                "the slots of the dead node do not come back: {:?}",
                cache.last_error()
            );
            thread::sleep(ms(5));
        }
        let back_after = killed_at.elapsed();
        is_back.store(true, Ordering::SeqCst);
        assert!(living.join().unwrap() > 0);
        (replacing.join().unwrap(), back_after)
    });
    let after = cache.stats();
    assert!(after.breaker_opened > before.breaker_opened);
    // The old primary comes back as a replica, and is no trouble.
    cluster.revive(dead);
    cluster.wait(|cluster| cluster.text(dead, "INFO replication").contains("role:slave"));
    let calm = counted(&cache, || read_all(&cache, 0..MANY));
    assert_eq!((calm.loads, calm.redis_errors), (0, 0));
    println_elapsed("a killed primary was replaced after", replaced_after);
    println_elapsed("hits of its slots came back after", back_after);
}

#[expect(clippy::print_stdout, reason = "the time is part of the result")]
fn println_elapsed(what: &str, elapsed: Duration) {
    println!("{what} {elapsed:?}");
}

/// An orderly failover, over and over.
#[test]
fn an_orderly_failover_loses_no_hit_and_no_write() {
    let cluster = PrivateCluster::start(&Plan::SIX);
    let cache = cache(&cluster, 0);
    read_all(&cache, 0..MANY);
    for _ in 0..2 {
        let keeper = cluster.keeper(slot(5));
        let primary = cluster.id(keeper);
        let replica = (0..cluster.nodes())
            .find(|number| {
                cluster
                    .text(*number, "CLUSTER NODES")
                    .lines()
                    .any(|line| line.contains("myself,slave") && line.contains(&primary))
            })
            .unwrap();
        cache.flush();
        cluster.sync(keeper);
        cluster.say(replica, "CLUSTER FAILOVER");
        cluster.wait(|cluster| cluster.keeper(slot(5)) == replica);
        let seen = counted(&cache, || read_all(&cache, 0..MANY));
        assert_eq!((seen.loads, seen.redis_errors), (0, 0), "{:?}", cache.last_error());
        let guard = cache.mark(&[&key(&5).unwrap()]).unwrap();
        assert_eq!(guard.finish().unwrap().lost(), []);
        read_all(&cache, 0..MANY);
    }
}

#[test]
fn a_write_waits_for_replicas_and_says_so_if_they_do_not_answer() {
    let mut cluster = PrivateCluster::start(&Plan { replicas: 3, node_timeout_ms: 60_000, ..Plan::SIX });
    let waits = Options::default().early_refresh(0.0).replicas(1).reply_timeout(ms(5000));
    let cache = Cache::connect(&cluster.url(0), waits.clone()).unwrap();
    let id = id_on(&cluster, 0);
    let key = key(&id).unwrap();
    let guard = cache.mark(&[&key]).unwrap();
    assert_eq!(guard.unreplicated().count(), 0);
    guard.finish().unwrap();
    read_all(&cache, id..id + 1);
    cache.invalidate(&key).unwrap();
    assert_eq!(cache.stats().unreplicated, 0);
    // The replica of the first primary.
    cluster.kill(3);
    let error = cache.mark(&[&key]).unwrap_err();
    assert_eq!(
        (error.cause().kind(), error.cause().server_code()),
        (RedisErrorKind::Refused, Some("NOREPLICAS"))
    );
    assert!(cache.invalidate(&key).unwrap_err().to_string().contains("replicas"));
    let proceeds = Cache::connect(&cluster.url(0), waits.unmarked(crate::Unmarked::Proceed)).unwrap();
    let guard = proceeds.mark(&[&key]).unwrap();
    assert_eq!(guard.unreplicated().collect::<Vec<_>>(), [&key]);
    assert!(!guard.finish().unwrap_err().is_marked(), "a failover would bring the old value back");
    assert_eq!((cache.stats().unreplicated, proceeds.stats().unreplicated), (2, 2));
    read_all(&cache, id..id + 1);
}

/// Readers and writers while slots move.
fn storm_of_moves(lasts: Duration) {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let first = Cache::connect(&cluster.url(0), chaos::options()).unwrap();
    let second = Cache::connect(&cluster.url(1), chaos::options()).unwrap();
    let world = World::new(false);
    let mut moved = 0;
    chaos::storm(&world, [&first, &second], lasts, || {
        let slot = slot_of(format!("cache:row:1:{}", draw(24)).as_bytes());
        cluster.move_slot(slot, usize::try_from(draw(3)).unwrap());
        moved += 1;
        thread::sleep(ms(draw(20)));
    });
    assert!(moved > 3 && first.stats().redirects + second.stats().redirects > 3);
}

#[test]
fn no_read_is_stale_while_slots_move() {
    storm_of_moves(Duration::from_secs(3));
}

/// Readers and writers while slots move, by the tool of Redis itself, and primaries are killed.
/// Returns the stale reads.
fn storm_of_failovers(lasts: Duration, replicas: u32) -> u64 {
    let mut cluster = PrivateCluster::start(&Plan::SIX);
    let options = || chaos::options().replicas(replicas).reply_timeout(ms(250));
    let first = Cache::connect(&cluster.url(0), options()).unwrap();
    let second = Cache::connect(&cluster.url(1), options()).unwrap();
    let world = World::new(replicas == 0);
    let slots: Vec<u16> = (0..24).map(|id| slot_of(format!("cache:row:1:{id}").as_bytes())).collect();
    chaos::storm(&world, [&first, &second], lasts, || match draw(3) {
        _ if !cluster.agrees(&slots) => thread::sleep(ms(20)),
        0 => {
            let slot = draw_slot();
            let victim = cluster.keeper(slot);
            cluster.kill(victim);
            cluster.wait(|cluster| cluster.keeper(slot) != victim);
            thread::sleep(ms(draw(500)));
            cluster.revive(victim);
            cluster
                .wait(|cluster| cluster.text(victim, "INFO replication").contains("master_link_status:up"));
        }
        1 => {
            let slot = slot_of(format!("cache:row:1:{}", draw(24)).as_bytes());
            let to = cluster.keeper(draw_slot());
            cluster.move_slot(slot, to);
        }
        _ => reshard(&cluster),
    });
    world.stale.load(Ordering::SeqCst)
}

/// Moves some slots with `redis-cli`, where it is there.
fn reshard(cluster: &PrivateCluster) {
    let (from, to) = (cluster.keeper(draw_slot()), cluster.keeper(draw_slot()));
    if from == to {
        return;
    }
    let host = format!("127.0.0.1:{}", cluster.port(from));
    let (from, to) = (cluster.id(from), cluster.id(to));
    let arguments = [
        "--cluster",
        "reshard",
        &host,
        "--cluster-from",
        &from,
        "--cluster-to",
        &to,
        "--cluster-slots",
        "50",
        "--cluster-yes",
    ];
    let _ = Command::new("redis-cli").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

fn draw_slot() -> u16 {
    u16::try_from(draw(16_384)).unwrap()
}

fn seconds() -> Duration {
    Duration::from_secs(std::env::var("RCACHE_CHAOS_SECONDS").map_or(60, |seconds| seconds.parse().unwrap()))
}

/// `scripts/chaos` runs these.
#[test]
#[ignore = "minutes: RCACHE_CHAOS_SECONDS, 60 by default"]
fn no_read_is_wrong_for_long_while_slots_move() {
    storm_of_moves(seconds());
}

#[test]
#[ignore = "minutes: RCACHE_CHAOS_SECONDS, 60 by default"]
fn no_read_is_wrong_while_primaries_die() {
    storm_of_failovers(seconds(), 0);
}

#[test]
#[ignore = "minutes: RCACHE_CHAOS_SECONDS, 60 by default"]
fn no_read_is_stale_while_primaries_die_if_writes_wait_for_replicas() {
    assert_eq!(storm_of_failovers(seconds(), 1), 0);
}

/// Latencies of hits, sorted, by two threads.
fn latencies(cache: &Cache, ids: &[u32], lasts: Duration) -> Vec<Duration> {
    let all = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (began, mut own) = (Instant::now(), Vec::new());
                while began.elapsed() < lasts {
                    for id in ids {
                        let before = Instant::now();
                        cache.get(&key(id).unwrap(), || Err::<Option<String>, ()>(())).unwrap();
                        own.push(before.elapsed());
                    }
                }
                all.lock().unwrap().extend(own);
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_unstable();
    all
}

/// Prints what a dead node costs the hits of the others, by turns with all nodes alive. In every
/// turn one more thread reads the keys of the node that dies.
#[test]
#[ignore = "prints figures"]
#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn hits_of_living_nodes_while_one_is_dead() {
    const PAIRS: usize = 9;
    let mut cluster = PrivateCluster::start(&Plan::THREE);
    // A machine that is busy otherwise is no reason for a miss.
    let cache = cache(&cluster, 0);
    read_all(&cache, 0..MANY);
    let (lost, living): (Vec<u32>, Vec<u32>) = (0..MANY).partition(|id| cluster.keeper(slot(*id)) == 1);
    let turn = || {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    for id in &lost {
                        let _ = read(&cache, *id);
                        thread::sleep(ms(1));
                    }
                }
            });
            let hits = latencies(&cache, &living, Duration::from_secs(2));
            is_over.store(true, Ordering::SeqCst);
            hits
        })
    };
    turn();
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        let first = (number % 2 == 0).then(&turn);
        cluster.kill(1);
        let dead = turn();
        cluster.revive(1);
        cluster.wait(|cluster| cluster.knows_all_slots(1));
        // Its keys are filled again before anything counts.
        turn();
        pairs.push((first.unwrap_or_else(&turn), dead));
    }
    for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
        let at = |hits: &[Duration]| hits[hits.len() * percent / 100].as_secs_f64() * 1e6;
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            (values[PAIRS / 2], values[0], values[PAIRS - 1])
        };
        let (alive, ..) = median(pairs.iter().map(|(alive, _)| at(alive)).collect());
        let (dead, ..) = median(pairs.iter().map(|(_, dead)| at(dead)).collect());
        let (ratio, least, most) = median(pairs.iter().map(|(alive, dead)| at(dead) / at(alive)).collect());
        println!(
            "{name}: all nodes live {alive:.1} us, one node is dead {dead:.1} us, ratio {ratio:.3} ({least:.3} to {most:.3} of {PAIRS} pairs)"
        );
    }
    let hits: usize = pairs.iter().map(|(alive, dead)| alive.len() + dead.len()).sum();
    println!("{hits} hits");
}

/// Prints what finding the node of a key costs a hit: the same keys on the same node, by turns,
/// through a cache that knows of the cluster and one that has met no other node.
#[test]
#[ignore = "prints figures"]
#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn a_hit_in_a_cluster_compared_with_one_on_a_single_server() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let options = || Options::default().early_refresh(0.0);
    let (knows, single) = (
        Cache::connect(&cluster.url(0), options()).unwrap(),
        Cache::connect(&cluster.url(0), options()).unwrap(),
    );
    read_all(&knows, 0..MANY);
    let own: Vec<u32> = (0..MANY).filter(|id| cluster.keeper(slot(*id)) == 0).collect();
    read_all(&single, own.iter().copied());
    assert!(knows.core().connections.is_cluster() && !single.core().connections.is_cluster());
    let block = |cache: &Cache| {
        let began = Instant::now();
        (0..5).for_each(|_| read_all(cache, own.iter().copied()));
        began.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..600)
        .map(|turn| {
            if turn % 2 == 0 {
                let first = block(&knows);
                first / block(&single)
            } else {
                let second = block(&single);
                block(&knows) / second
            }
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "a hit in a cluster: {:.3} x that on a single server (middle half {:.3} to {:.3})",
        ratios[300], ratios[150], ratios[450]
    );
}

#[test]
fn words_of_real_nodes_are_understood() {
    let cluster = PrivateCluster::start(&Plan::THREE);
    let other = (cluster.keeper(100) + 1) % 3;
    let mut connection = crate::wire::Connection::open(
        &crate::endpoint::RedisEndpoint::parse(&cluster.url(other)).unwrap(),
        options().limits(),
    )
    .unwrap();
    let name =
        (0..).map(|number: u32| format!("k{number}")).find(|name| slot_of(name.as_bytes()) == 100).unwrap();
    let error = connection.get(name.as_bytes(), &mut Vec::new(), &mut |_| ()).unwrap_err();
    let asked = crate::endpoint::Address::Tcp { host: "127.0.0.1".to_owned(), port: cluster.port(other) };
    let to = crate::endpoint::Address::Tcp {
        host: "127.0.0.1".to_owned(),
        port: cluster.port(cluster.keeper(100)),
    };
    assert_eq!(Redirect::read(&error, &asked), Some(Redirect::Moved { slot: 100, to }));
}
