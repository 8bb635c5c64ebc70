//! twemproxy (`nutcracker`) before two Redis servers: it knows neither INFO, SCAN, ROLE nor
//! transactions, and closes the connection at them. Without the program the test is skipped.

use std::convert::Infallible;
use std::process::{Child, Command, Stdio};

use cache_aside::{Cache, Key, Options};

use crate::private_redis::{PATIENT, PrivateRedis};
use crate::tls::free_port;
use crate::world::{self, Place, rcache};

crate::tests![the_library_caches_behind_twemproxy, the_program_says_what_twemproxy_cannot_do,];

struct Twemproxy {
    folder: tempfile::TempDir,
    port: u16,
    proxy: Child,
    servers: [PrivateRedis; 2],
}

impl Twemproxy {
    /// None, with a word about it, if it is not installed.
    fn start() -> Option<Self> {
        let Some(program) = ["/usr/sbin/nutcracker", "/usr/bin/nutcracker"]
            .into_iter()
            .find(|program| std::path::Path::new(program).exists())
        else {
            world::skipped("nutcracker is not installed");
            return None;
        };
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let servers = [PrivateRedis::start(""), PrivateRedis::start("")];
        let server = |number: usize| format!("   - {}:1 redis{number}\n", servers[number].socket().display());
        let config = format!(
            "pool:\n  listen: 127.0.0.1:{port}\n  redis: true\n  hash: fnv1a_64\n  distribution: modula\n  servers:\n{}{}",
            server(0),
            server(1)
        );
        let file = folder.path().join("nutcracker.yml");
        std::fs::write(&file, config).unwrap();
        let proxy = Command::new(program)
            .arg("-c")
            .arg(&file)
            .args(["-s", &free_port().to_string(), "-a", "127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        world::wait_until("the proxy listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { folder, port, proxy, servers })
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Twemproxy {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn the_library_caches_behind_twemproxy() {
    let Some(proxy) = Twemproxy::start() else { return };
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    let cache = Cache::connect(&proxy.url(), options).unwrap();
    let key = |id: u32| Key::new("thing", 1, id).unwrap();
    let read = |id: u32, size: usize| {
        let value = || Ok::<_, Infallible>(Some(format!("{id}-").repeat(size)));
        assert_eq!(cache.get(&key(id), value).unwrap(), value().unwrap());
    };
    for _ in 0..2 {
        (0..60).for_each(|id| read(id, 1));
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.loads, stats.fills), (60, 60, 60), "{stats:?} {:?}", cache.last_error());
    // Values that go in a transaction elsewhere: that there are none here is found out once.
    for _ in 0..3 {
        (60..64).for_each(|id| read(id, 40_000));
    }
    let before = cache.stats();
    (60..64).for_each(|id| read(id, 40_000));
    let after = cache.stats();
    assert_eq!((after.hits - before.hits, after.redis_errors - before.redis_errors), (4, 0), "{after:?}");
    assert!(after.redis_errors <= 4, "{after:?}");
    let on_each = proxy
        .servers
        .each_ref()
        .map(|server| redis::cmd("DBSIZE").query::<u64>(&mut server.connect()).unwrap());
    assert_eq!(on_each.iter().sum::<u64>(), 64, "{on_each:?}");
    let keys: Vec<Key> = (0..10).map(key).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    let guard = cache.mark(&keys).unwrap();
    assert_eq!(guard.finish().unwrap().lost(), []);
    cache.invalidate_all(&keys).unwrap();
    let before = cache.stats().loads;
    (0..60).for_each(|id| read(id, 1));
    assert_eq!(cache.stats().loads - before, 10);
    // What it cannot do is said.
    let report = cache.check().unwrap().to_string();
    assert!(report.contains("SCAN") && report.contains("invalidate_kind fails"), "{report}");
    let error = cache.invalidate_kind("thing").unwrap_err().to_string();
    assert!(error.contains("clos"), "{error}");
    assert!(proxy.folder.path().exists());
}

fn the_program_says_what_twemproxy_cannot_do() {
    let Some(proxy) = Twemproxy::start() else { return };
    let place = Place::seeded(100);
    for arguments in [
        &["bench", "-n", "5", "-w", "point"][..],
        &["traffic", "--duration", "1"],
        &["scenario", "stale", "--duration", "1"],
        &["flush"],
    ] {
        let mut command = rcache();
        command.args(arguments).args(["--redis-url", &proxy.url()]);
        if arguments[0] != "flush" {
            command.args(["--mysql-url", &place.mysql_url()]);
        }
        world::ran(&mut command).failed(1, &["A proxy", "INFO, SCAN and EVAL"]);
    }
}
