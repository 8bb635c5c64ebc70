//! Connections that are closed as idle, by a proxy or by the server: no command dies of it.

use std::time::Duration;

use crate::private_redis::PrivateRedis;
use crate::proxy::{Manners, Proxy};
use crate::scenario::not_broken;
use crate::world::{self, Place, Ran, ran, rcache};

crate::tests![
    experiments_outlive_a_proxy_that_closes_idle_connections,
    a_bench_outlives_a_proxy_that_closes_idle_connections,
    a_seed_outlives_a_proxy_that_closes_idle_connections,
    a_redis_that_closes_idle_connections_is_enough,
    traffic_outlives_a_proxy_that_closes_idle_connections,
];

/// Both servers behind proxies that close what is idle for so long.
pub(crate) struct Idle {
    mysql: Proxy,
    redis: Proxy,
}

impl Idle {
    pub(crate) fn new(idle: Duration) -> Self {
        let manners = Manners { idle: Some(idle), ..Manners::default() };
        let of = |port| Proxy::of_port(port, manners);
        Self { mysql: of(world::world().mysql_port), redis: of(world::world().redis_port) }
    }

    pub(crate) fn urls(&self, place: &Place) -> [String; 2] {
        let replaced = |url: &str, from: u16, to: u16| url.replace(&format!(":{from}/"), &format!(":{to}/"));
        let mysql = replaced(&place.mysql_url(), world::world().mysql_port, self.mysql.port());
        let redis = replaced(&world::world().redis_url(), world::world().redis_port, self.redis.port());
        [mysql, redis]
    }

    fn run(&self, place: &Place, arguments: &[&str]) -> Ran {
        let [mysql, redis] = self.urls(place);
        run(place, &mysql, &redis, arguments)
    }
}

fn run(place: &Place, mysql: &str, redis: &str, arguments: &[&str]) -> Ran {
    let mut command = rcache();
    command.args(arguments).args(["--mysql-url", mysql, "--redis-url", redis]);
    ran(command.args(["--namespace", &place.namespace]))
}

/// Every arm lasts longer than a connection may be idle, and there is more than one.
fn experiments_outlive_a_proxy_that_closes_idle_connections() {
    let place = Place::new();
    let idle = Idle::new(Duration::from_millis(1_500));
    for name in ["corrupt", "avalanche", "penetration", "stampede"] {
        let arguments = ["scenario", name, "--duration", "3", "--clients", "3", "--format", "json"];
        let document = not_broken(idle.run(&place, &arguments)).json();
        for arm in document["arms"].as_array().unwrap() {
            assert!(arm["reads"].as_u64() > Some(0), "{name}: {arm}");
            // The corrupt arms fail reads on purpose.
            let expected = if name == "corrupt" { &arm["failed_reads"] } else { &0.into() };
            assert_eq!(&arm["failed_reads"], expected, "{name}: {arm}");
        }
    }
}

fn a_bench_outlives_a_proxy_that_closes_idle_connections() {
    let place = Place::seeded(40_000);
    let idle = Idle::new(Duration::from_secs(1));
    let arguments = ["bench", "--iterations", "60", "--workload", "all,point", "--format", "json"];
    let run = idle.run(&place, &arguments).fine().json();
    assert!(run["wall_s"].as_f64() > Some(1.0), "too short to show anything: {}", run["wall_s"]);
    for workload in run["workloads"].as_array().unwrap() {
        let counters = &workload["server_counters"];
        assert!(
            counters["mysql"]["com_select"].is_u64() && counters["redis"]["keyspace_hits"].is_u64(),
            "{workload}"
        );
    }
}

fn a_seed_outlives_a_proxy_that_closes_idle_connections() {
    let place = Place::new();
    let idle = Idle::new(Duration::from_secs(1));
    idle.run(&place, &["seed", "--users", "150000"]).fine();
    assert_eq!(place.ask::<u64>("SELECT COUNT(*) FROM users"), 150_000);
}

fn a_redis_that_closes_idle_connections_is_enough() {
    let place = Place::seeded(40_000);
    let redis = PrivateRedis::start("timeout 1");
    let mysql = place.mysql_url();
    run(&place, &mysql, &redis.url(), &["bench", "--iterations", "60", "--workload", "all"]).fine();
    for name in ["avalanche", "penetration"] {
        let arguments = ["scenario", name, "--duration", "4", "--clients", "3", "--format", "json"];
        let document = not_broken(run(&place, &mysql, &redis.url(), &arguments)).json();
        for arm in document["arms"].as_array().unwrap() {
            assert_eq!(arm["failed_reads"], 0, "{name}: {arm}");
        }
    }
}

/// At a rate at which each client waits longer than a connection may be idle.
fn traffic_outlives_a_proxy_that_closes_idle_connections() {
    let place = Place::seeded(100);
    let idle = Idle::new(Duration::from_secs(1));
    for subject in [&["--keys", "20"][..], &["--workload", "point,page"]] {
        let traffic = ["traffic", "--rate", "2", "--duration", "6", "-c", "6", "--format", "json"];
        let document = idle.run(&place, &[&traffic[..], subject].concat()).fine().json();
        for strategy in document["strategies"].as_array().unwrap() {
            assert_eq!(strategy["errors"], serde_json::json!({}), "{strategy}");
        }
    }
}
