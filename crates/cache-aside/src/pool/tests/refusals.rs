//! Servers that answer, and refuse.

use super::*;

/// A replica restarts, and the server is set to need it.
#[test]
fn a_server_that_lacks_replicas_keeps_its_connections_and_its_hits() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), patient().early_refresh(0.0)).unwrap().with_codec(Json);
    read(&cache, 1, "value");
    cache.flush();
    assert_eq!(redis.say("CONFIG SET min-replicas-to-write 1"), "+OK");
    let (began, before) = (Instant::now(), cache.stats());
    for id in 2..100 {
        assert_eq!(read(&cache, id, "loaded"), "loaded");
        must_hit(&cache, 1);
    }
    for id in 0..10 {
        let refused = cache.mark(&[&key(id)]).unwrap_err();
        assert_eq!(refused.cause().server_code(), Some("NOREPLICAS"), "{refused}");
        assert_eq!(cache.invalidate(&key(id)).unwrap_err().cause().server_code(), Some("NOREPLICAS"));
    }
    must_hit(&cache, 1);
    let after = cache.stats();
    let opened = after.connections_opened - before.connections_opened;
    assert!(opened <= began.elapsed().as_secs() + 2, "{after:?}");
    assert_eq!(after.breaker_opened, 0, "{after:?}");
    assert_eq!(redis.say("CONFIG SET min-replicas-to-write 0"), "+OK");
    cache.mark(&[&key(1)]).unwrap().finish().unwrap();
}

/// It says that it is a primary, and only that it lacks replicas shows that it is the wrong one.
#[test]
fn an_old_primary_that_was_cut_off_behind_its_name_is_left() {
    let (old, new) = (PrivateRedis::start(), PrivateRedis::start());
    let middlebox = Middlebox::start(&old.socket());
    let cache = cache(&middlebox, patient());
    with_idle(&cache, &middlebox, 12);
    assert_eq!(old.say("CONFIG SET min-replicas-to-write 1"), "+OK");
    middlebox.lead_to(&new.socket());
    let refused = cache.mark(&[&key(1)]).unwrap_err();
    assert_eq!(refused.cause().server_code(), Some("NOREPLICAS"), "{refused}");
    cache.mark(&[&key(1)]).unwrap().finish().unwrap();
    assert_eq!(read(&cache, 1, "new"), "new");
    assert_eq!(cache.stats().breaker_opened, 0);
}

/// A database that is not there, a right that is missing, a password where none is set.
#[test]
fn a_connection_that_is_refused_while_it_opens_is_not_tried_by_every_read() {
    const READS: usize = 60;
    let redis = PrivateRedis::start();
    redis.say("ACL SETUSER narrow on >pw ~* +@all -select");
    for (account, database, code) in [("", "99", "ERR"), ("narrow:pw@", "1", "NOPERM"), (":pw@", "0", "ERR")]
    {
        let middlebox = Middlebox::start(&redis.socket());
        let url = format!("redis://{account}{}/{database}", middlebox.endpoint().address);
        let cache = Cache::connect(&url, patient()).unwrap().with_codec(Json);
        for _ in 0..READS {
            assert_eq!(read(&cache, 1, "loaded"), "loaded");
        }
        let opened = middlebox.connections();
        assert!(opened < READS / 2, "{url}: {opened} connections for {READS} reads");
        assert_eq!(cache.stats().breaker_opened, 1, "{url}");
        let error = cache.invalidate(&key(1)).unwrap_err();
        let cause = (error.cause().kind(), error.cause().server_code());
        assert_eq!(cause, (RedisErrorKind::Refused, Some(code)), "{url}: {error}");
        assert!(cache.check().unwrap_err().to_string().starts_with("connecting"), "{url}");
    }
}

#[test]
fn a_server_that_runs_a_long_script_costs_no_connections() {
    const READS: usize = 60;
    let redis = PrivateRedis::start();
    let (open, closed) = (Middlebox::start(&redis.socket()), Middlebox::start(&redis.socket()));
    let (cache, other) = (cache(&open, patient()), cache(&closed, patient()));
    read(&cache, 1, "value");
    cache.flush();
    assert_eq!(redis.say("CONFIG SET lua-time-limit 10"), "+OK");
    thread::scope(|scope| {
        scope.spawn(|| redis.say("EVAL \"while true do end\" 0"));
        while !redis.say("PING").starts_with("-BUSY") {
            thread::sleep(Duration::from_millis(10));
        }
        // From now on connections are asked before they are used.
        thread::sleep(Duration::from_millis(1_100));
        for _ in 0..READS {
            read(&cache, 1, "loaded");
            read(&other, 1, "loaded");
        }
        redis.say("SCRIPT KILL");
    });
    assert_eq!(open.connections(), 1, "the connection is in order");
    assert!(closed.connections() < READS / 2, "{} for {READS} reads", closed.connections());
    must_hit(&cache, 1);
}
