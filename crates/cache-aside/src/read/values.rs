//! Tests of the kept values, their types and their times to live; on a Redis of its own.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::{Json, Msgpack, Postcard};
use crate::private_redis::PrivateRedis;
use crate::{Cache, CallOptions, Key, Loaded, Options};

const PATIENT: Duration = Duration::from_secs(60);

fn cache(redis: &PrivateRedis) -> Cache {
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    Cache::at(redis.endpoint(), options).unwrap()
}

fn key() -> Key {
    Key::new("thing", 1, 1).unwrap()
}

mod old {
    use super::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    pub(super) struct Account {
        pub(super) debit: u32,
        pub(super) credit: u32,
    }
}

mod new {
    use super::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    pub(super) struct Account {
        pub(super) credit: u32,
        pub(super) debit: u32,
        #[serde(default)]
        pub(super) limit: u32,
    }
}

/// Two versions of a program, with different codecs, read and write the same rows by turns.
#[test]
fn a_rolling_change_of_type_and_codec_costs_a_load_each_and_no_wrong_value() {
    let redis = PrivateRedis::start();
    let (first, second) = (cache(&redis).with_codec(Postcard), cache(&redis).with_codec(Msgpack));
    let old = old::Account { debit: 1, credit: 2 };
    let new = new::Account { debit: 1, credit: 2, limit: 3 };
    for turn in 0..50 {
        let seen = first.get(&key(), || Ok::<_, Infallible>(Some(old.clone()))).unwrap();
        assert_eq!(seen.as_ref(), Some(&old));
        let seen = second.get(&key(), || Ok::<_, Infallible>(Some(new.clone()))).unwrap();
        assert_eq!(seen.as_ref(), Some(&new));
        let same_type = first.get(&key(), || Ok::<_, Infallible>(Some(new.clone()))).unwrap();
        assert_eq!(same_type.as_ref(), Some(&new), "{turn}");
    }
    assert_eq!((first.stats().loads, second.stats().loads), (2, 1));
    assert_eq!((first.stats().corrupt, second.stats().corrupt), (0, 0));
    // A write is for all of them, and so is a marker.
    second.invalidate(&key()).unwrap();
    let changed = old::Account { debit: 5, credit: 6 };
    let seen = first.get(&key(), || Ok::<_, Infallible>(Some(changed.clone()))).unwrap();
    assert_eq!(seen, Some(changed));
    let guard = first.mark(&[&key()]).unwrap();
    second.get(&key(), || Ok::<_, Infallible>(Some(new.clone()))).unwrap();
    guard.finish().unwrap();
    assert_eq!(second.stats().fills, 1, "not while it was marked");
}

/// Entries of formats that this version does not know, in front of its own or behind it.
#[test]
fn entries_of_another_version_are_left_alone() {
    let redis = PrivateRedis::start();
    let (mine, plain) = (cache(&redis), redis.endpoint());
    let raw = format!("{}:{}", Options::default().namespace, key());
    let mut connection = crate::middlebox::connect(&plain);
    mine.get(&key(), || Ok::<_, Infallible>(Some(1u8))).unwrap();
    let mut value = Vec::new();
    connection.command(&[b"GET", raw.as_bytes()], &mut value).unwrap();
    let mut newer = value.clone();
    newer[4] = 99;
    newer[8] ^= 1;
    connection.command(&[b"SET", raw.as_bytes(), &newer, b"PX", b"60000"], &mut Vec::new()).unwrap();
    for _ in 0..10 {
        assert_eq!(mine.get(&key(), || Ok::<_, Infallible>(Some(2u8))).unwrap(), Some(2));
    }
    assert_eq!((mine.stats().loads, mine.stats().corrupt, mine.stats().other_types), (2, 0, 1));
    connection.command(&[b"GET", raw.as_bytes()], &mut value).unwrap();
    assert!(value.ends_with(&newer), "it is still there");
    let mut left = Vec::new();
    let reply = connection.command(&[b"PTTL", raw.as_bytes()], &mut left).unwrap();
    assert!(matches!(reply, crate::wire::Reply::Integer(1..=60_000)), "{reply:?}: it lives no longer");
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    rest: Vec<u8>,
}

#[test]
fn what_would_come_back_changed_is_not_kept_and_counted() {
    let redis = PrivateRedis::start();
    let harmless = Skips { first: Some(1), rest: vec![1] };
    let harmful = Skips { first: None, rest: vec![0] };
    let postcard = cache(&redis).with_codec(Postcard);
    for value in [&harmless, &harmful] {
        for _ in 0..3 {
            postcard.invalidate(&key()).unwrap();
            for _ in 0..2 {
                let seen = postcard.get(&key(), || Ok::<_, Infallible>(Some(value.clone()))).unwrap();
                assert_eq!(seen.as_ref(), Some(value));
            }
        }
    }
    let stats = postcard.stats();
    assert_eq!((stats.fills, stats.unfaithful, stats.corrupt), (3, 6, 0), "{stats:?}");
    let json = cache(&redis).with_codec(Json);
    json.get(&key(), || Ok::<_, Infallible>(Some(f64::INFINITY))).unwrap();
    assert_eq!((json.stats().fills, json.stats().unfaithful), (0, 1));
}

#[test]
fn a_call_and_a_loader_may_say_how_long_a_value_is_kept() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    let raw = format!("{}:{}", Options::default().namespace, key());
    let mut connection = crate::middlebox::connect(&redis.endpoint());
    let mut left_ms = |call: CallOptions, loaded: Loaded<u8>| {
        cache.invalidate(&key()).unwrap();
        cache.get_with(&key(), &call, || Ok::<_, Infallible>(loaded)).unwrap();
        match connection.command(&[b"PTTL", raw.as_bytes()], &mut Vec::new()).unwrap() {
            crate::wire::Reply::Integer(left_ms) => left_ms,
            other => panic!("{other:?}"),
        }
    };
    let hour = Duration::from_secs(3600);
    let by_call = CallOptions::default().ttl(hour);
    assert!((3_000_000..=3_600_000).contains(&left_ms(by_call, Loaded::from(Some(1)))));
    assert!((6_000_000..=7_200_000).contains(&left_ms(by_call, Loaded::from(Some(1)).ttl(2 * hour))));
    assert!((6_000_000..=7_200_000).contains(&left_ms(by_call, Loaded::from(None).ttl(2 * hour))));
    assert!((1..=300_000).contains(&left_ms(CallOptions::default(), Loaded::from(Some(1)))));
    assert_eq!(left_ms(by_call, Loaded::from(Some(1)).ttl(Duration::ZERO)), -2);
    assert_eq!(left_ms(CallOptions::default().negative_ttl(None), Loaded::from(None)), -2);
    assert!(left_ms(CallOptions::default().ttl(Duration::MAX), Loaded::from(Some(1))) > 0);
}

#[test]
fn what_always_exists_needs_no_option() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    let settings = Key::singleton("settings", 1).unwrap();
    let calls = AtomicU32::new(0);
    let load = || {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(vec!["a".to_owned()])
    };
    for _ in 0..3 {
        assert_eq!(cache.get_present(&settings, load).unwrap(), ["a"]);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    // Another part of the program believes that it does not exist.
    cache.invalidate(&settings).unwrap();
    cache.get(&settings, || Ok::<Option<Vec<String>>, Infallible>(None)).unwrap();
    assert_eq!(cache.get_present(&settings, load).unwrap(), ["a"]);
}

#[test]
fn what_is_not_cached_is_counted_and_told() {
    let redis = PrivateRedis::start();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&heard);
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    let options = options.on_error(move |event| hook.lock().unwrap().push(event.to_string()));
    let cache = Cache::at(redis.endpoint(), options).unwrap();
    let echo =
        cache.wrap(|text: &str| Key::new("echo", 1, text), |text| Ok::<_, Infallible>(Some(text.len())));
    assert_eq!([echo(""), echo("x")], [Ok(Some(0)), Ok(Some(1))]);
    assert_eq!((cache.stats().unkeyed, cache.stats().fills), (1, 1));
    let infinite =
        cache.wrap(|id: &u8| Key::new("infinite", 1, id), |_| Ok::<_, Infallible>(Some(f64::INFINITY)));
    infinite(&1).unwrap();
    cache
        .get_many(&[1_u8], |id| Key::new("infinite", 1, id), |_| Ok::<_, Infallible>([(1, f64::NAN)]))
        .unwrap();
    let empty = |_: &u8| Key::new("", 1, 1);
    cache.get_many(&[1_u8], empty, |_| Ok::<_, Infallible>([(1, 1)])).unwrap();
    assert_eq!((cache.stats().unkeyed, cache.stats().unfaithful), (2, 2));
    let heard = heard.lock().unwrap();
    let of = |words: &str| heard.iter().filter(|event| event.contains(words)).count();
    assert_eq!((heard.len(), of("empty"), of("infinite:1:1")), (4, 2, 2), "{heard:?}");
}
