//! Flushing: what rcache made goes, everything else stays.

use redis::Commands;

use crate::world::{self, Place};

crate::tests![
    only_our_entries_go,
    a_namespace_of_glob_characters_matches_only_itself,
    a_large_key_space_is_flushed_whole,
    a_bench_leaves_its_warm_entries_with_a_ttl,
    keys_in_the_way_are_an_error,
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
