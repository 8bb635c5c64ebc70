//! The program on a Redis Cluster, of which the URL names any node.

use cache_aside::{Cache, Key, Options};

use std::time::{Duration, Instant};

use crate::private_cluster::{Plan, PrivateCluster};
use crate::scenario::not_broken;
use crate::world::{self, Place, ran, rcache};

crate::tests![
    the_program_works_on_any_node_of_a_cluster,
    the_demo_tells_its_story_on_a_cluster,
    a_signal_ends_every_command_beside_a_node_that_stopped,
    errors_of_a_cluster_and_of_sentinels_name_the_next_step,
];

/// The program with the place's database and the cluster.
fn run(place: &Place, url: &str, arguments: &[&str]) -> world::Ran {
    let mut command = rcache();
    command.args(arguments).args(["--redis-url", url, "--namespace", &place.namespace]);
    if !matches!(arguments[0], "flush") {
        command.args(["--mysql-url", &place.mysql_url()]);
    }
    ran(&mut command)
}

fn the_program_works_on_any_node_of_a_cluster() {
    let Some(cluster) = PrivateCluster::start() else { return };
    let place = Place::seeded(500);
    bench_and_flush(&place, &cluster);
    experiments(&place, &cluster);
}

/// With replicas, of which one is named: no node is special.
fn the_demo_tells_its_story_on_a_cluster() {
    let plan = Plan { replicas_each: 1, ..Plan::plain() };
    let Some(cluster) = PrivateCluster::start_with(plan) else { return };
    let place = Place::new();
    let demo = ["demo", "--users", "2000", "--iterations", "20"];
    let told = run(&place, &cluster.url(5), &demo).fine();
    let words = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in [
        "45,861 ms",
        "2,000 users",
        "(cluster of 3 primaries)",
        "all users, one key",
        "What Redis buys",
        "Next",
    ] {
        assert!(words.contains(word), "{word:?} is missing in:\n{}", told.stdout);
    }
    for word in ["Redis had other traffic", "MOVED", "redirect"] {
        assert!(
            !told.stdout.contains(word) && !told.stderr.contains(word),
            "{word}:\n{}{}",
            told.stdout,
            told.stderr
        );
    }
    let removed = run(&place, &cluster.url(4), &["clean", "--format", "json"]).fine().json();
    assert!(removed["redis"]["cleaned"]["removed"].as_u64() > Some(1), "{removed}");
    assert_eq!(cluster.keys(), 0);
}

fn bench_and_flush(place: &Place, cluster: &PrivateCluster) {
    let n = &place.namespace;
    let foreign: Vec<String> =
        [n.clone(), format!("{n}:session"), format!("{n}:user:1:not-an-entry"), format!("{n}2:user:1:1")]
            .to_vec();
    foreign.iter().for_each(|key| cluster.plant(key));
    let saved = tempfile::NamedTempFile::new().unwrap();
    let output = saved.path().to_str().unwrap();
    let bench =
        ["bench", "--iterations", "60", "--path", "mysql,cold,warm,naive", "--output", output, "--force"];
    let told = run(place, &cluster.url(1), &bench[..7]).fine();
    assert!(!told.stderr.contains("elsewhere"), "{}", told.stderr);
    let run_file: serde_json::Value = serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
    assert_eq!(run_file["environment"]["redis"]["cluster_primaries"], 3);
    let paths = |name: &str| {
        let workloads = run_file["workloads"].as_array().unwrap();
        let paths = workloads.iter().flat_map(|workload| workload["paths"].as_array().unwrap());
        paths.filter(|path| path["path"] == name).cloned().collect::<Vec<_>>()
    };
    for path in paths("warm") {
        assert_eq!(
            (&path["hits"], &path["misses"]),
            (&serde_json::json!(60), &serde_json::json!(0)),
            "{path}"
        );
    }
    for path in paths("cold") {
        assert_eq!(path["hits"], 0, "{path}");
    }
    // MySQL is shared with other tests.
    assert!(!told.stdout.contains("Redis had other traffic"), "{}", told.stdout);
    // Entries are on all nodes, and the flush finds them all.
    let entries = cluster.keys() - foreign.len() as u64;
    assert!(entries >= 61, "{entries}");
    let flushed = run(place, &cluster.url(2), &["flush", "--format", "json"]).fine().json();
    assert_eq!((flushed["removed"].as_u64(), flushed["left_alone"].as_u64()), (Some(entries), Some(2)));
    assert_eq!(cluster.keys(), foreign.len() as u64);
    foreign.iter().for_each(|key| assert!(cluster.has(key), "{key} is gone"));
    // A live marker of the library is spared, on whichever node it is.
    let cache = Cache::connect(&cluster.url(0), Options::default().namespace(n.as_str())).unwrap();
    let keys: Vec<Key> = (0..20).map(|id| Key::new("mine", 1, id).unwrap()).collect();
    let guard = cache.mark(&keys.iter().collect::<Vec<_>>()).unwrap();
    let spared = run(place, &cluster.url(0), &["flush", "--format", "json"]).fine().json();
    assert_eq!((spared["removed"].as_u64(), spared["leases_and_markers"].as_u64()), (Some(0), Some(20)));
    assert_eq!(guard.finish().unwrap().lost(), []);
}

fn experiments(place: &Place, cluster: &PrivateCluster) {
    let several = format!("{},127.0.0.1:1", cluster.url(0));
    not_broken(run(place, &several, &["scenario", "stale", "--clients", "8", "--duration", "1"]));
    not_broken(run(place, &cluster.url(1), &["scenario", "corrupt", "--duration", "1"]));
    run(place, &cluster.url(2), &["traffic", "--duration", "1", "-c", "4", "--keys", "50"]).fine();
    run(place, &cluster.url(2), &["clean"]).fine();
    // Foreign keys alone are left.
    assert_eq!(cluster.keys(), 4);
}

fn a_signal_ends_every_command_beside_a_node_that_stopped() {
    let Some(cluster) = PrivateCluster::start() else { return };
    let place = Place::seeded(500);
    for (arguments, name) in [
        (&["bench", "-n", "10M", "-c", "4", "-w", "point"][..], "INT"),
        (&["traffic", "--duration", "300", "-c", "4", "--keys", "200"], "TERM"),
        (&["scenario", "stale", "--duration", "300", "-c", "8"], "INT"),
        (&["demo", "--users", "500", "--time", "60"], "INT"),
    ] {
        let mut command = rcache();
        command.args(arguments).args(["--redis-url", &cluster.url(1), "--namespace", &place.namespace]);
        command.args(["--mysql-url", &place.mysql_url()]);
        let command = world::start(&mut command);
        std::thread::sleep(Duration::from_secs(3));
        cluster.signal(2, "STOP");
        std::thread::sleep(Duration::from_secs(1));
        ends_soon(command, name, arguments);
        cluster.signal(2, "CONT");
        world::wait_until("the node serves again", || {
            redis::cmd("PING").exec(&mut cluster.connect(2)).is_ok()
        });
    }
    // The node that the URL names, and one that is only heard of.
    for stopped in [1, 2] {
        cluster.signal(stopped, "STOP");
        for arguments in [&["flush"][..], &["clean"]] {
            let mut command = rcache();
            command.args(arguments).args(["--redis-url", &cluster.url(1), "--namespace", &place.namespace]);
            let command = world::start(command.args(["--mysql-url", &place.mysql_url()]));
            std::thread::sleep(Duration::from_secs(1));
            ends_soon(command, "INT", arguments);
        }
        cluster.signal(stopped, "CONT");
    }
}

fn ends_soon(command: std::process::Child, name: &str, arguments: &[&str]) {
    crate::signals::wait_until_it_listens(&command);
    let start = Instant::now();
    world::signal(&command, name);
    let ran = world::checked(&command.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(10), "{arguments:?}: {:?}", start.elapsed());
    assert_eq!(ran.code, Some(130), "{arguments:?}: {}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{arguments:?}: {}", ran.stderr);
}

fn errors_of_a_cluster_and_of_sentinels_name_the_next_step() {
    let Some(cluster) = PrivateCluster::start() else { return };
    let plain = world::world().redis_port;
    let at = |node: usize| cluster.url(node).trim_start_matches("redis://").to_owned();
    for (url, words) in [
        (format!("{}/3", cluster.url(0)), &["database 3", "no other database than 0"][..]),
        (format!("redis://127.0.0.1:1,{}/1", at(0)), &["no other database than 0"]),
        (format!("redis+sentinel://{}/the-cache", at(0)), &["the-cache", "no Sentinel"]),
        (format!("redis+sentinel://127.0.0.1:{plain}/the%20cache"), &["the cache", "no Sentinel"]),
        ("redis+sentinel://127.0.0.1:1,127.0.0.1:2/name".to_owned(), &["are the Sentinels running"]),
        (format!("redis+sentinel://127.0.0.1:{}/name", world::world().mysql_port), &["speaks MySQL"]),
    ] {
        let failed = ran(rcache().args(["flush", "--redis-url", &url])).failed(1, words);
        assert!(!failed.stderr.contains("os error"), "{}", failed.stderr);
    }
}
