//! Flushing: what rcache made goes, everything else stays.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_aside::{Cache, Key, Options};
use redis::Commands;

use crate::private_redis::PrivateRedis;
use crate::world::{self, Place, ran, rcache};

crate::tests![
    only_our_entries_go,
    a_namespace_of_glob_characters_matches_only_itself,
    a_large_key_space_is_flushed_whole,
    a_bench_leaves_its_warm_entries_with_a_ttl,
    keys_in_the_way_are_an_error,
    what_may_not_be_looked_at_is_not_called_foreign,
    a_replica_is_named,
    live_markers_and_leases_are_spared,
    no_foreign_value_is_lost_in_a_race,
    what_a_killed_experiment_left_is_known_as_ours,
    other_keys_that_look_like_ours_stay,
];

/// Keys of others that a careless flush would take.
fn plant_foreign_keys(place: &Place) -> Vec<String> {
    let mut redis = place.redis();
    let n = &place.namespace;
    let strings = [
        n.clone(),
        format!("{n}:"),
        format!("{n}:session"),
        format!("{n}:user:1:not-an-entry"),
        format!("{n}2:user:1:1"),
        format!("{n}x"),
        format!("x{n}:user:1:1"),
    ];
    for key in &strings {
        let _: () = redis.set(key, "precious").unwrap();
    }
    let list = format!("{n}:user:1:list");
    let _: () = redis.rpush(&list, "precious").unwrap();
    strings.into_iter().chain([list]).collect()
}

fn only_our_entries_go() {
    let place = Place::seeded(500);
    place.run(&["bench", "--iterations", "60"]).fine();
    let foreign = plant_foreign_keys(&place);
    let flushed = place.run(&["flush", "--format", "json"]).fine().json();
    assert_eq!(flushed["removed"], 61, "60 users and one entry of all of them");
    assert_eq!(flushed["left_alone"], 4);
    let mut redis = place.redis();
    for key in &foreign {
        assert!(redis.exists::<_, bool>(key).unwrap(), "{key} is gone");
    }
    let again = place.run(&["flush"]).fine();
    assert!(again.stdout.contains("Removed 0 entries") && again.stdout.contains("Left 4 other keys alone"));
}

fn a_namespace_of_glob_characters_matches_only_itself() {
    let place = Place::seeded(100);
    let mut wild = Place::seeded(100);
    place.run(&["bench", "--iterations", "10", "--workload", "point"]).fine();
    for namespace in ["*", "it*", "it[0-9]*", "?t?", "\\*", "a:b", "%"] {
        wild.namespace = namespace.to_owned();
        wild.run(&["bench", "--iterations", "10", "--workload", "point"]).fine();
        assert_eq!(wild.run(&["flush", "--format", "json"]).fine().json()["removed"], 10, "{namespace}");
    }
    assert_eq!(place.run(&["flush", "--format", "json"]).fine().json()["removed"], 10);
}

fn a_large_key_space_is_flushed_whole() {
    let place = Place::seeded(3_000);
    place.run(&["bench", "--iterations", "3000", "--workload", "point", "--path", "warm"]).fine();
    assert_eq!(place.run(&["flush", "--format", "json"]).fine().json()["removed"], 3_000);
}

fn a_bench_leaves_its_warm_entries_with_a_ttl() {
    let place = Place::seeded(50);
    place.run(&["bench", "--iterations", "20", "--ttl", "500"]).fine();
    let mut redis = place.redis();
    let keys: Vec<String> =
        redis.scan_match(format!("{}:*", place.namespace)).unwrap().map(Result::unwrap).collect();
    assert_eq!(keys.len(), 21);
    for key in keys {
        let ttl: i64 = redis.ttl(&key).unwrap();
        assert!((1..=500).contains(&ttl), "{key} lives {ttl} s");
    }
}

fn keys_in_the_way_are_an_error() {
    let place = Place::seeded(50);
    let key = format!("{}:user.postcard:1:7", place.namespace);
    let _: () = place.redis().set(&key, "precious").unwrap();
    place.run(&["bench", "--iterations", "5"]).failed(1, &["did not make", "--namespace"]);
    assert_eq!(place.redis().get::<_, String>(&key).unwrap(), "precious");
    let _ = world::world();
}

/// The beginning of an entry, as far as a flush looks at it.
const ENTRY: &[u8] = b"rcae\x01\x01\x02\0 and the rest of an entry";
const LEASE: &[u8] = b"rcae\x01\x03\0\0a nonce of 16 B.";

/// The URL of an account on the shared Redis with these rules.
fn account(place: &Place, rules: &[&str]) -> String {
    let name = place.namespace.as_str();
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg(name).arg(&["reset", "on", ">hunter2", "+@all"]).arg(rules);
    command.exec(&mut place.redis()).unwrap();
    format!("redis://{name}:hunter2@127.0.0.1:{}/0", world::world().redis_port)
}

fn flush(url: &str, namespace: &str, more: &[&str]) -> world::Ran {
    ran(rcache().args(["flush", "--redis-url", url, "--namespace", namespace]).args(more))
}

fn what_may_not_be_looked_at_is_not_called_foreign() {
    let place = Place::new();
    let key = |id: u32| format!("{}:user.postcard:1:{id}", place.namespace);
    for id in 0..5 {
        let _: () = place.redis().set(key(id), ENTRY).unwrap();
    }
    for (rules, refused) in [
        (&["~other:*"][..], 5),
        (&["~*", "-getrange"], 5),
        (&["~*", "-unlink"], 5),
        (&["~*", "-eval"], 5),
        (&["%R~*", "%W~other:*"], 5),
        (&[&format!("~{}", key(1)), "~other:*"], 4),
    ] {
        let url = account(&place, rules);
        let failed = flush(&url, &place.namespace, &["--format", "json"]).failed(
            1,
            &[&format!("{refused} keys of namespace"), "could not be looked at or removed", "ACL SETUSER"],
        );
        let nowhere = tempfile::tempdir().unwrap();
        let mut clean = rcache();
        clean.args(["clean", "--redis-url", &url, "--namespace", &place.namespace, "--sandbox-dir"]);
        let cleaned = world::ran(clean.arg(nowhere.path().join("none")));
        cleaned.failed(1, &["could not be looked at or removed", "ACL SETUSER"]);
        let document = failed.json();
        assert_eq!(
            (&document["not_looked_at"], &document["left_alone"]),
            (&refused.into(), &0.into()),
            "{rules:?}"
        );
        assert!(!flush(&url, &place.namespace, &[]).stdout.contains("not made by rcache"), "{rules:?}");
        let _: () = place.redis().set(key(1), ENTRY).unwrap();
    }
    // A right that only the progress bar would use.
    let document =
        flush(&account(&place, &["~*", "-dbsize"]), &place.namespace, &["--format", "json"]).fine().json();
    assert_eq!(document["removed"], 5);
}

fn a_replica_is_named() {
    let redis = PrivateRedis::start("");
    let mut connection = redis.connect();
    let _: () = connection.set("n:user:1:7", ENTRY).unwrap();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut connection).unwrap();
    flush(&redis.url(), "n", &[]).failed(1, &["1 key of namespace", "READONLY", "primary"]);
}

fn live_markers_and_leases_are_spared() {
    let redis = PrivateRedis::start("");
    let options = Options::default().namespace("n");
    let cache: Cache = Cache::connect(&redis.url(), options).unwrap();
    let (marked, leased) = (Key::new("user", 1, 7).unwrap(), Key::new("user", 1, 8).unwrap());
    let guard = cache.mark(&[&marked]).unwrap();
    let document =
        cache.get(&leased, || Ok::<_, ()>(Some(flush(&redis.url(), "n", &["--format", "json"]).stdout)));
    let document: serde_json::Value = serde_json::from_str(&document.unwrap().unwrap()).unwrap();
    assert_eq!((&document["removed"], &document["leases_and_markers"]), (&0.into(), &2.into()), "{document}");
    // The lease held, so the value was stored; the marker held, so nothing can be.
    assert_eq!(cache.stats().fills, 1);
    assert_eq!(
        cache.get(&marked, || Ok::<_, ()>(Some("not stored".to_owned()))).unwrap().unwrap(),
        "not stored"
    );
    assert_eq!(cache.stats().fills, 1);
    let spared = flush(&redis.url(), "n", &[]).fine();
    assert!(
        spared.stdout.contains("Removed 1 entry") && spared.stdout.contains("Left 1 lease or write marker"),
        "{}",
        spared.stdout
    );
    assert!(spared.stdout.contains("by themselves within "), "{}", spared.stdout);
    guard.finish().unwrap();
    let _: () = redis.connect().set("n:user.arrow:1:9", LEASE).unwrap();
    let gone = flush(&redis.url(), "n", &["--format", "json"]).fine().json();
    assert_eq!(
        (&gone["removed"], &gone["leases_and_markers"]),
        (&1.into(), &0.into()),
        "a bench's own lease"
    );
}

/// Foreign values arrive under the very keys that a flush is looking at.
fn no_foreign_value_is_lost_in_a_race() {
    const KEYS: usize = 3_000;
    let redis = PrivateRedis::start("");
    let key = |id: usize| format!("n:user:1:{id}");
    let mut arrived = 0;
    for round in 0..4 {
        let mut pipeline = redis::pipe();
        for id in 0..KEYS {
            pipeline.set(key(id), ENTRY).ignore();
        }
        pipeline.exec(&mut redis.connect()).unwrap();
        let begun = AtomicBool::new(false);
        let written: usize = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut connection = redis.connect();
                // Every key once, in an order that has nothing to do with that of SCAN.
                let mut written = 0;
                for id in (0..KEYS).map(|index| (index * 1_009 + round) % KEYS) {
                    let before: Option<Vec<u8>> = redis::cmd("SET")
                        .arg(key(id))
                        .arg("precious")
                        .arg("GET")
                        .query(&mut connection)
                        .unwrap();
                    written += usize::from(before.is_some());
                    begun.store(true, Ordering::Release);
                }
                written
            });
            while !begun.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_micros(50));
            }
            flush(&redis.url(), "n", &[]).fine();
            writer.join().unwrap()
        });
        arrived += written;
        let mut reader = redis.connect();
        let lost = (0..KEYS)
            .filter(|id| reader.get::<_, Option<Vec<u8>>>(key(*id)).unwrap().as_deref() != Some(b"precious"))
            .count();
        assert_eq!(lost, 0, "of {KEYS}");
    }
    assert!(arrived > 0, "nothing was ever replaced");
}

fn what_a_killed_experiment_left_is_known_as_ours() {
    let place = Place::seeded(50);
    let keys = || -> Vec<String> {
        redis::cmd("KEYS").arg(format!("{}:*", place.namespace)).query(&mut place.redis()).unwrap()
    };
    for arm in ["-naive:", "-lock:"] {
        let mut child =
            world::start(&mut place.command(&["scenario", "stale", "--duration", "3", "--clients", "4"]));
        world::wait_until("the arm has cached something", || keys().iter().any(|key| key.contains(arm)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(keys().iter().any(|key| key.contains(arm)), "{:?}", keys());
        place.run(&["bench", "--iterations", "5"]).fine();
        let document = place.run(&["flush", "--format", "json"]).fine().json();
        assert_eq!(
            (&document["left_alone"], &document["not_looked_at"]),
            (&0.into(), &0.into()),
            "{document}"
        );
        assert!(!keys().iter().any(|key| key.contains(arm)), "{:?}", keys());
    }
}

fn other_keys_that_look_like_ours_stay() {
    let place = Place::new();
    let mut redis = place.redis();
    let n = &place.namespace;
    // Named like an experiment's and like a bench's, but nobody made them to end.
    let _: () = redis.set(format!("{n}:scenario-0000002a-lease:1:7"), "precious").unwrap();
    let _: () = redis.sadd(format!("{n}:scenario-0000002a-lease:1:8"), "precious").unwrap();
    let _: () = redis.set_ex(format!("{n}:user:1:7"), "precious", 60).unwrap();
    let _: () = redis.set(format!("{n}:user:1:8"), "").unwrap();
    let _: () = redis.set(format!("{n}:user:1:9"), vec![b'x'; 20 << 20]).unwrap();
    let _: () = redis.set(format!("{n}:user:1:10"), b"rcae\x63\x01 of another version").unwrap();
    let document = place.run(&["flush", "--format", "json"]).fine().json();
    assert_eq!(
        (&document["removed"], &document["left_alone"], &document["other_version"]),
        (&0.into(), &5.into(), &1.into())
    );
    // None of them is where a bench would put anything.
    place.run(&["seed", "--users", "20"]).fine();
    place.run(&["bench", "--iterations", "5"]).fine();
}
