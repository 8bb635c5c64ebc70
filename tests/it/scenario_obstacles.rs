//! Experiments whose cache or database does not do what an arm needs: they prove nothing and say
//! why, whatever the rest of their counts look like.

use mysql::prelude::Queryable;
use serde_json::Value;

use crate::private_redis::PrivateRedis;
use crate::proxy::{Manners, Proxy};
use crate::scenario::not_broken;
use crate::world::{self, Place, Ran, ran, rcache};

crate::tests![
    an_account_without_a_command_proves_nothing,
    the_reason_is_said_once,
    every_experiment_notices_a_library_that_never_works,
    a_redis_that_is_full_or_a_replica_proves_nothing,
    a_proxy_that_loses_scripts_proves_nothing,
    a_mysql_account_that_may_not_write_is_named,
    the_rights_that_the_hint_names_suffice,
    traffic_without_a_working_cache_proves_nothing,
    a_redis_without_room_for_clients_or_entries_is_named,
];

/// A Redis account with all rights but these.
fn account(place: &Place, rules: &[&str]) -> String {
    let name = place.namespace.as_str();
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg(name).arg(&["reset", "on", ">hunter2", "~*", "&*", "+@all"]).arg(rules);
    command.exec(&mut place.redis()).unwrap();
    format!("redis://{name}:hunter2@127.0.0.1:{}/0", world::world().redis_port)
}

fn run(place: &Place, redis_url: &str, arguments: &[&str]) -> Ran {
    let mut command = rcache();
    command.args(arguments).args(["--mysql-url", &place.mysql_url(), "--redis-url", redis_url]);
    ran(command.args(["--namespace", &place.namespace]))
}

const STALE: [&str; 8] = ["scenario", "stale", "--duration", "1", "--clients", "4", "--format", "json"];

/// It ended with 4 and a reason that holds all of these words.
#[track_caller]
fn proves_nothing(ran: Ran, words: &[&str]) -> Value {
    let document = ran.ended(4).json();
    assert_eq!((&document["valid"], &document["broken"]), (&false.into(), &false.into()));
    let reason = document["reason"].as_str().unwrap();
    for word in words {
        assert!(reason.contains(word), "{word:?} is missing in: {reason}");
    }
    document
}

fn an_account_without_a_command_proves_nothing() {
    let place = Place::new();
    for (rules, words) in [
        // Of scripts, the library sends the whole only to a server that does not know it yet.
        (&["-eval", "-evalsha"][..], ["the arms lease and lease-marker", "refused EVAL, EVALSHA: NOPERM"]),
        (&["-evalsha"], ["the arms lease and lease-marker", "refused EVALSHA: NOPERM"]),
        // A marker is put without it; only the removal after the COMMIT fails.
        (&["-unlink"], ["the arm lease completed no write", "NOPERM"]),
        (&["-set"], ["answered no read", "NOPERM"]),
        (&["-del"], ["completed no write", "NOPERM"]),
        (&["-get"], ["answered no read", "NOPERM"]),
    ] {
        let document = proves_nothing(run(&place, &account(&place, rules), &STALE), &words);
        assert_eq!(document["arms"][0]["cache_hits"], Value::Null, "{document}");
    }
}

fn the_reason_is_said_once() {
    let place = Place::new();
    let ran = run(&place, &account(&place, &["-evalsha"]), &STALE[..6]).ended(4);
    let pages = ran.stdout.matches("lease and lease-marker").count();
    let lines = ran.stderr.matches("lease and lease-marker").count();
    assert_eq!((pages, lines), (1, 0), "stdout:\n{}\nstderr:\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("this run proves nothing"), "{}", ran.stderr);
}

fn every_experiment_notices_a_library_that_never_works() {
    let place = Place::new();
    let redis = account(&place, &["-eval", "-evalsha"]);
    for name in ["stampede", "avalanche", "penetration", "corrupt"] {
        let arguments = ["scenario", name, "--duration", "1", "--clients", "8", "--format", "json"];
        proves_nothing(run(&place, &redis, &arguments), &["lease", "EVAL", "NOPERM", "0 fills"]);
    }
}

fn a_redis_that_is_full_or_a_replica_proves_nothing() {
    let place = Place::new();
    for (config, words) in [
        ("maxmemory 100kb\nmaxmemory-policy noeviction", ["OOM", "raise maxmemory"]),
        ("maxmemory 100kb\nmaxmemory-policy allkeys-lru", ["OOM", "raise maxmemory"]),
        ("replicaof 127.0.0.1 1", ["READONLY", "primary"]),
    ] {
        let redis = PrivateRedis::start(config);
        proves_nothing(run(&place, &redis.url(), &STALE), &words);
    }
}

fn a_proxy_that_loses_scripts_proves_nothing() {
    let place = Place::new();
    let redis = PrivateRedis::start("");
    let proxy = Proxy::of_socket(&redis.socket(), Manners { loses: Some("EVAL"), ..Manners::default() });
    proves_nothing(run(&place, &proxy.url(), &STALE), &["lease", "did not answer EVAL", "proxy"]);
}

fn a_mysql_account_that_may_not_write_is_named() {
    let place = Place::new();
    let name = &place.database;
    let mut mysql = place.mysql();
    mysql.query_drop(format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'hunter2'")).unwrap();
    mysql.query_drop(format!("GRANT SELECT, INSERT, CREATE, DROP ON {name}.* TO '{name}'@'%'")).unwrap();
    let mut command = rcache();
    let url = format!("mysql://{name}:hunter2@127.0.0.1:{}/{name}", world::world().mysql_port);
    command.args(STALE).args(["--mysql-url", &url, "--redis-url", &world::world().redis_url()]);
    ran(command.args(["--namespace", name])).failed(1, &["rcache_scenario", "UPDATE"]);
}

/// Every command that the hint for missing rights names, and no other.
fn the_rights_that_the_hint_names_suffice() {
    let place = Place::seeded(200);
    let refused =
        run(&place, &account(&place, &["-scan"]), &["flush"]).failed(1, &["SCAN", "NOPERM", "+scan"]);
    let words = refused
        .stderr
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_lowercase() && c != '+'));
    let mut rules: Vec<&str> = words.filter(|word| word.starts_with('+')).collect();
    rules.insert(0, "-@all");
    assert!(rules.len() > 10, "{}", refused.stderr);
    let redis = account(&place, &rules);
    run(&place, &redis, &["bench", "--iterations", "20"]).fine();
    run(&place, &redis, &["flush"]).fine();
    for name in ["stale", "stampede", "avalanche", "penetration", "corrupt"] {
        let ran = not_broken(run(&place, &redis, &["scenario", name, "--duration", "1", "--clients", "8"]));
        assert!(!ran.stdout.contains("NOPERM"), "{}", ran.stdout);
    }
    let traffic = [
        "traffic",
        "--duration",
        "2",
        "-c",
        "4",
        "--keys",
        "50",
        "-s",
        "mysql,naive,lock,lease,lease-marker",
    ];
    run(&place, &redis, &traffic).fine();
}

/// The numbers of a strategy whose cache never worked are those of MySQL alone.
fn traffic_without_a_working_cache_proves_nothing() {
    let place = Place::seeded(200);
    let redis = account(&place, &["-eval", "-evalsha"]);
    for subject in [&[][..], &["--workload", "point"]] {
        let traffic = ["traffic", "--duration", "2", "-c", "4", "--keys", "50", "-s", "naive,lease"];
        let ran = run(&place, &redis, &[&traffic[..], subject].concat()).ended(4);
        assert!(ran.stderr.contains("lease proves nothing: none of"), "{}", ran.stderr);
        assert!(ran.stdout.contains("NOPERM") && ran.stdout.contains("proves nothing"), "{}", ran.stdout);
        assert!(!ran.stderr.contains("naive proves nothing"), "{}", ran.stderr);
    }
}

/// The same words on every path: the measured one, and that of the experiments.
fn a_redis_without_room_for_clients_or_entries_is_named() {
    let place = Place::seeded(100);
    let mysql = place.mysql_url();
    let with = |redis: &str, arguments: &[&str]| {
        let mut command = rcache();
        command.args(arguments).args(["--mysql-url", &mysql, "--redis-url", redis]);
        ran(command.args(["--namespace", &place.namespace]))
    };
    let few = PrivateRedis::start("maxclients 3");
    for arguments in [&["scenario", "stale", "--duration", "1"][..], &["bench", "-n", "10", "-c", "8"]] {
        let ran = with(&few.url(), arguments);
        assert_ne!(ran.code, Some(0), "{arguments:?}");
        assert!(ran.stderr.contains("raise maxclients"), "{arguments:?}: {}", ran.stderr);
    }
    let full = PrivateRedis::start("maxmemory 1mb");
    let ran = with(&full.url(), &["bench", "-n", "10", "-w", "point"]).failed(1, &["OOM", "raise maxmemory"]);
    assert!(!ran.stderr.contains("entries of namespace"), "nothing was written: {}", ran.stderr);
    let account = account(&place, &["-set"]);
    let ran = with(&account, &["bench", "-n", "10", "-w", "point"]).failed(1, &["ACL SETUSER"]);
    assert!(!ran.stderr.contains("entries of namespace"), "nothing was written: {}", ran.stderr);
}
