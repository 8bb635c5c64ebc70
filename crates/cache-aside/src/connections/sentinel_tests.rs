//! The library behind real Sentinels: the primary is found, and found again after a failover.

use std::convert::Infallible;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::endpoint::RedisEndpoint;
use crate::private_redis::program;
use crate::wire::{Connection, Limits};
use crate::{Cache, Key, Options, RedisErrorKind};

const PATIENT: Duration = Duration::from_secs(60);

/// A primary, a replica and a Sentinel; more Sentinels would take longer to agree.
struct Watched {
    folder: tempfile::TempDir,
    servers: Vec<(u16, Child)>,
}

impl Watched {
    fn start() -> Self {
        let mut watched = Self { folder: tempfile::tempdir().unwrap(), servers: Vec::new() };
        watched.launch("requirepass hunter2\nmasterauth hunter2\n", false);
        let primary = watched.servers[0].0;
        let replica = format!(
            "requirepass hunter2\nmasterauth hunter2\nreplicaof 127.0.0.1 {primary}\nrepl-diskless-sync-delay 0\n"
        );
        watched.launch(&replica, false);
        watched.wait(|watched| watched.text(1, "INFO replication").contains("master_link_status:up"));
        let sentinel = format!(
            "sentinel monitor the-cache 127.0.0.1 {primary} 1\nsentinel auth-pass the-cache hunter2\n\
             sentinel down-after-milliseconds the-cache 300\nsentinel failover-timeout the-cache 3000\nrequirepass watchword\n"
        );
        watched.launch(&sentinel, true);
        watched.wait(|watched| watched.text(2, "INFO sentinel").contains("slaves=1"));
        watched
    }

    fn launch(&mut self, config: &str, is_sentinel: bool) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let file = self.folder.path().join(format!("{port}.conf"));
        let folder = self.folder.path().display();
        let config = format!(
            "port {port}\nbind 127.0.0.1\ndir {folder}\n{}{config}",
            if is_sentinel { "" } else { "save \"\"\n" }
        );
        std::fs::File::create(&file).unwrap().write_all(config.as_bytes()).unwrap();
        let mut server = Command::new(program());
        server.arg(&file);
        if is_sentinel {
            server.arg("--sentinel");
        }
        let server = server.stdout(Stdio::null()).spawn().unwrap();
        self.servers.push((port, server));
        let number = self.servers.len() - 1;
        self.wait(|watched| !watched.text(number, "INFO server").is_empty());
    }

    fn wait(&self, is_so: impl Fn(&Self) -> bool) {
        let give_up_at = Instant::now() + PATIENT;
        while !is_so(self) {
            assert!(Instant::now() < give_up_at, "the servers do not come to what is waited for");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn text(&self, number: usize, command: &str) -> String {
        let password = if number == 2 { "watchword" } else { "hunter2" };
        let endpoint =
            RedisEndpoint::parse(&format!("redis://:{password}@127.0.0.1:{}", self.servers[number].0))
                .unwrap();
        let limits = Limits { connect: PATIENT, reply: PATIENT, is_over: None, max_string_bytes: 1 << 20 };
        let Ok(mut connection) = Connection::open(&endpoint, limits) else { return String::new() };
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let answer = connection.tree(&words).ok();
        answer.and_then(|tree| Some(String::from_utf8_lossy(tree.text()?).into_owned())).unwrap_or_default()
    }

    fn url(&self, name: &str) -> String {
        // The first of the Sentinels is not there.
        let port = self.servers[2].0;
        format!("redis+sentinel://:hunter2@127.0.0.1:1,127.0.0.1:{port}/{name}/2?sentinel-pass=watchword")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for (_, server) in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn read(cache: &Cache, id: u32) -> String {
    let key = Key::new("thing", 1, id).unwrap();
    cache.get(&key, || Ok::<_, Infallible>(Some(format!("row {id}")))).unwrap().unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "the time is part of the result")]
fn the_primary_is_found_and_found_again_after_a_failover() {
    let mut watched = Watched::start();
    let patient = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    let cache = Cache::connect(&watched.url("the-cache"), patient).unwrap();
    let report = cache.check().unwrap();
    assert_eq!((report.is_primary, report.cluster_primaries), (Some(true), None));
    (0..20).for_each(|id| assert_eq!(read(&cache, id), format!("row {id}")));
    (0..20).for_each(|id| drop(read(&cache, id)));
    assert_eq!((cache.stats().hits, cache.stats().redis_errors), (20, 0));
    let (_, primary) = &mut watched.servers[0];
    primary.kill().unwrap();
    primary.wait().unwrap();
    let began = Instant::now();
    loop {
        let hits = cache.stats().hits;
        (0..20).for_each(|id| assert_eq!(read(&cache, id), format!("row {id}")));
        if cache.stats().hits == hits + 20 {
            break;
        }
        assert!(began.elapsed() < PATIENT, "no hits after the failover: {:?}", cache.last_error());
        thread::sleep(Duration::from_millis(5));
    }
    println!("a Sentinel's primary was killed: hits came back after {:?}", began.elapsed());
    let key = Key::new("thing", 1, 3).unwrap();
    assert_eq!(cache.mark(&[&key]).unwrap().finish().unwrap().lost(), []);
    assert!(watched.text(1, "INFO replication").contains("role:master"));
}

#[test]
fn what_is_wrong_with_the_sentinels_is_said() {
    let watched = Watched::start();
    for (url, words) in [
        (watched.url("another"), "no primary of that name"),
        (watched.url("the-cache").replace("watchword", "wrong"), "WRONGPASS"),
        ("redis+sentinel://127.0.0.1:1/the-cache".to_owned(), "the Sentinel at 127.0.0.1:1"),
        (
            format!("redis://:watchword@127.0.0.1:{}", watched.servers[2].0),
            "name the primary that it watches",
        ),
    ] {
        let patient = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT);
        let cache = Cache::connect(&url, patient).unwrap();
        assert_eq!(read(&cache, 1), "row 1");
        let key = Key::new("thing", 1, 1).unwrap();
        let error = cache.invalidate(&key).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(words), "{words}: {said}");
        assert!(matches!(error.cause().kind(), RedisErrorKind::Unreachable | RedisErrorKind::Refused));
    }
}
