//! Servers that say nothing, the wrong thing, or stop in the middle: an error names the likely
//! reason within seconds, and one signal ends every command, whatever a server does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::world::{self, Place, rcache};

crate::tests![
    what_answers_in_the_place_of_mysql_is_named_within_seconds,
    a_redis_at_mysql_s_address_is_named_and_a_mysql_at_redis_s,
    what_answers_in_the_place_of_redis_is_named_in_one_line,
    a_signal_ends_a_command_that_waits_for_a_silent_server,
    a_database_that_stops_in_the_middle_is_an_error_by_itself,
    a_signal_ends_every_command_beside_a_database_that_stopped,
    a_signal_ends_every_command_beside_a_redis_that_stopped,
    a_signal_in_the_middle_of_any_redis_command_is_reported_as_such,
    a_signal_ends_a_command_that_is_not_connected_yet,
];

/// Far above the 5 s that rcache waits for a server, and far below "for ever".
const SECONDS: Duration = Duration::from_secs(40);
/// After a signal. Rcache aims at 2 s; a busy machine needs more.
const SOON: Duration = Duration::from_secs(10);

/// The treatment of a client by a listener.
type Treatment = fn(TcpStream);

/// A listener that treats every client like this, on a port of its own.
fn listener(treat: Treatment) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || treat(client));
        }
    });
    port
}

fn hold(client: &TcpStream) {
    // Until the client hangs up.
    let _ = (&*client).read_to_end(&mut Vec::new());
}

#[expect(clippy::needless_pass_by_value, reason = "one kind of function treats all clients")]
fn silent(client: TcpStream) {
    hold(&client);
}

fn half_a_greeting(mut client: TcpStream) {
    let _ = client.write_all(b"\x4a\0\0\0\x0a8.4.6");
    hold(&client);
}

fn drop_by_drop(mut client: TcpStream) {
    for byte in b"\x4a\0\0\0\x0a8.4.6\0".iter().chain([b'x'; 100].iter()) {
        thread::sleep(Duration::from_millis(500));
        if client.write_all(&[*byte]).is_err() {
            return;
        }
    }
}

fn http(mut client: TcpStream) {
    let _ = client.read(&mut [0; 64]);
    let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
}

fn tls(mut client: TcpStream) {
    let _ = client.write_all(b"\x15\x03\x01\0\x02\x02\x46");
    hold(&client);
}

fn hang_up(client: TcpStream) {
    drop(client);
}

fn refuse_host(mut client: TcpStream) {
    let words = b"\xff\x6a\x04Host '10.0.0.9' is not allowed to connect to this MySQL server";
    let length = u8::try_from(words.len()).unwrap();
    let _ = client.write_all(&[&[length, 0, 0, 0][..], words].concat());
    hold(&client);
}

fn mysql_url(port: u16) -> String {
    format!("mysql://ann:hunter2@127.0.0.1:{port}/app")
}

fn what_answers_in_the_place_of_mysql_is_named_within_seconds() {
    let cases: [(Treatment, &str); 7] = [
        (silent, "says nothing: is this MySQL"),
        (half_a_greeting, "did not let us in"),
        (drop_by_drop, "cannot connect"),
        (http, "web server"),
        (tls, "expects TLS"),
        (hang_up, "is this MySQL?"),
        (refuse_host, "this host is not allowed to connect"),
    ];
    thread::scope(|scope| {
        for (treat, words) in cases {
            scope.spawn(move || {
                let start = Instant::now();
                let url = mysql_url(listener(treat));
                let ran = world::ran(rcache().args(["seed", "--users", "10", "--mysql-url", &url]));
                assert!(start.elapsed() < SECONDS, "{words}: {:?}", start.elapsed());
                let ran = ran.failed(1, &["cannot connect to MySQL at 127.0.0.1", words]);
                for form in ["Error {", "os error", "Some("] {
                    assert!(!ran.stderr.contains(form), "{}", ran.stderr);
                }
            });
        }
    });
}

fn what_answers_in_the_place_of_redis_is_named_in_one_line() {
    let cases: [(Treatment, &str); 4] = [
        (http, "web server"),
        (tls, "expects TLS"),
        (hang_up, "is this Redis"),
        (refuse_host, "speaks MySQL"),
    ];
    for (treat, words) in cases {
        let url = format!("redis://127.0.0.1:{}", listener(treat));
        let ran = world::ran(rcache().args(["flush", "--redis-url", &url])).failed(1, &[words]);
        assert_eq!(ran.stderr.trim_end().lines().count(), 2, "cause and next step: {}", ran.stderr);
        for form in ["Parse", "Incompatible", "parse"] {
            assert!(!ran.stderr.contains(form), "{}", ran.stderr);
        }
    }
    let plain = format!("rediss://127.0.0.1:{}", world::world().redis_port);
    world::ran(rcache().args(["flush", "--redis-url", &plain])).failed(1, &["redis:// instead of rediss://"]);
}

fn a_redis_at_mysql_s_address_is_named_and_a_mysql_at_redis_s() {
    let world = world::world();
    let swapped = mysql_url(world.redis_port);
    world::ran(rcache().args(["seed", "--users", "10", "--mysql-url", &swapped]))
        .failed(1, &["speaks Redis", "--redis-url"]);
    let swapped = format!("redis://127.0.0.1:{}", world.mysql_port);
    world::ran(rcache().args(["flush", "--redis-url", &swapped])).failed(1, &["speaks MySQL", "--mysql-url"]);
}

/// Ends the command by one signal and says how long that took.
fn interrupted(command: Child, name: &str, what: &str) -> (Duration, world::Ran) {
    let start = Instant::now();
    world::signal(&command, name);
    let output = command.wait_with_output().unwrap();
    let took = start.elapsed();
    assert!(took < SOON, "{what}: {took:?}");
    (took, world::checked(&output))
}

fn a_signal_ends_a_command_that_waits_for_a_silent_server() {
    for (name, treat) in [("INT", silent as Treatment), ("TERM", drop_by_drop)] {
        let url = mysql_url(listener(treat));
        let command = world::start(rcache().args(["schema", "--mysql-url", &url]));
        thread::sleep(Duration::from_secs(1));
        let (_, ran) = interrupted(command, name, "connecting");
        ran.failed(130, &["interrupted"]);
    }
}

/// In front of the tests' Redis: passes everything on until a command with this word comes, and is
/// silent from then on. The flag tells that it has come.
fn silent_from(word: &'static str) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let has_come = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&has_come);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let flag = Arc::clone(&flag);
            thread::spawn(move || pass_on_until(&client, word, &flag));
        }
    });
    (port, has_come)
}

fn pass_on_until(client: &TcpStream, word: &str, has_come: &AtomicBool) {
    let server = TcpStream::connect(("127.0.0.1", world::world().redis_port)).unwrap();
    let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut back, &mut to_client));
    let mut bytes = [0; 65_536];
    while let Ok(length @ 1..) = (&*client).read(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..length]).to_uppercase();
        if text.contains(&format!("\n{word}\r")) {
            has_come.store(true, Ordering::Release);
            return hold(client);
        }
        (&server).write_all(&bytes[..length]).unwrap();
    }
}

fn is_an_interruption(ran: world::Ran) {
    let ran = ran.failed(130, &["interrupted"]);
    for words in ["is the server running", "os error", "cannot connect"] {
        assert!(!ran.stderr.contains(words), "{}", ran.stderr);
    }
}

fn a_signal_in_the_middle_of_any_redis_command_is_reported_as_such() {
    let (place, cleaned) = (Place::seeded(100), Place::seeded(100));
    thread::scope(|scope| {
        for (arguments, word) in [
            (&["flush"][..], "AUTH"),
            (&["flush"], "SCAN"),
            (&["clean"], "SCAN"),
            (&["clean"], "AUTH"),
            (&["bench", "-n", "100M"], "AUTH"),
            (&["bench", "-n", "100M"], "INFO"),
            (&["bench", "-n", "100M"], "GET"),
            (&["scenario", "stale"], "INFO"),
            (&["scenario", "stampede"], "AUTH"),
            (&["demo"], "INFO"),
        ] {
            // Its tables are gone afterwards.
            let place = if arguments[0] == "clean" { &cleaned } else { &place };
            scope.spawn(move || {
                let (port, has_come) = silent_from(word);
                let redis = format!("redis://:{}@127.0.0.1:{port}/0", world::world().redis_password);
                let mut command = rcache();
                command.args(arguments).args(["--mysql-url", &place.mysql_url(), "--redis-url", &redis]);
                let mut command = world::start(command.args(["--namespace", &place.namespace]));
                world::wait_until("it asks", || {
                    let ended = command.try_wait().unwrap();
                    assert!(ended.is_none(), "{arguments:?} never sent {word}");
                    has_come.load(Ordering::Acquire)
                });
                let (_, ran) = interrupted(command, "INT", &format!("{arguments:?} at {word}"));
                is_an_interruption(ran);
            });
        }
    });
}

/// A server whose queue of new connections is full answers nothing, not even that somebody listens.
fn a_signal_ends_a_command_that_is_not_connected_yet() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

    let full = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&full, &"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    listen(&full, 0).unwrap();
    let address = std::net::SocketAddr::try_from(getsockname(&full).unwrap()).unwrap();
    let short = Duration::from_millis(300);
    let queued: Vec<TcpStream> =
        (0..8).map_while(|_| TcpStream::connect_timeout(&address, short).ok()).collect();
    assert!(queued.len() < 8, "the queue is not full");
    for arguments in [&["flush", "--redis-url"][..], &["schema", "--mysql-url"]] {
        let url = match arguments[0] {
            "flush" => format!("redis://{address}"),
            _ => format!("mysql://ann@{address}/app"),
        };
        let command = world::start(rcache().args(arguments).arg(&url));
        thread::sleep(Duration::from_secs(1));
        let (_, ran) = interrupted(command, "INT", arguments[0]);
        ran.failed(130, &["interrupted"]);
    }
}

/// Stops a server of the sandbox and lets it go on when dropped.
struct Stopped(u64);

impl Stopped {
    fn new(pid: u64) -> Self {
        send("STOP", pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        send("CONT", self.0);
    }
}

fn send(name: &str, pid: u64) {
    let sent = std::process::Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// A sandbox of the test's own, seeded; and its database's process.
fn own_servers(users: &str) -> (Sandbox, u64) {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let pid = sandbox.pids()[0];
    let seeded = world::ran(rcache().args(["seed", "--users", users, "--sandbox-dir"]).arg(sandbox.dir()));
    seeded.fine();
    (sandbox, pid)
}

/// Entries of this kind are in Redis once a bench reads.
fn wait_until_it_reads(sandbox: &Sandbox, kind: &str) {
    let mut redis = redis::Client::open(sandbox.redis_url()).unwrap().get_connection().unwrap();
    let pattern = format!("rcache:{kind}:*");
    world::wait_until("the bench reads", || {
        !redis::Commands::keys::<_, Vec<String>>(&mut redis, &pattern).unwrap().is_empty()
    });
}

fn a_database_that_stops_in_the_middle_is_an_error_by_itself() {
    let (sandbox, pid) = own_servers("20000");
    let mut command = rcache();
    command
        .args(["bench", "--iterations", "100000", "--workload", "all", "--sandbox-dir"])
        .arg(sandbox.dir());
    let command = world::start(&mut command);
    wait_until_it_reads(&sandbox, "users.arrow");
    let stopped = Stopped::new(pid);
    let start = Instant::now();
    let output = command.wait_with_output().unwrap();
    drop(stopped);
    assert!(start.elapsed() < 2 * SECONDS, "{:?}", start.elapsed());
    let ran = world::checked(&output);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    // The last two: the connection was idle when the server stopped, and another one was opened in
    // its place.
    let words = ["stopped answering", "closed the connection", "no answer"];
    assert!(words.iter().any(|words| ran.stderr.contains(words)), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Error {"), "{}", ran.stderr);
    sandbox.run_well("destroy");
}

fn a_signal_ends_every_command_beside_a_redis_that_stopped() {
    let (sandbox, _) = own_servers("1000");
    let redis = sandbox.pids()[1];
    for arguments in [
        &["bench", "--iterations", "100000"][..],
        &["scenario", "stale", "--duration", "60"],
        &["traffic", "--duration", "60", "-c", "4", "-s", "naive,lock,lease"],
        &["traffic", "--duration", "60", "-c", "4", "-s", "lease,naive", "--workload", "point"],
        &["traffic", "--find", "p99 < 50ms", "-c", "4", "-s", "lock,lease"],
        &["demo", "--time", "60"],
    ] {
        let what = arguments.join(" ");
        let command = world::start(rcache().args(arguments).arg("--sandbox-dir").arg(sandbox.dir()));
        thread::sleep(Duration::from_secs(3));
        let stopped = Stopped::new(redis);
        thread::sleep(Duration::from_secs(1));
        let (_, ran) = interrupted(command, "INT", &what);
        drop(stopped);
        assert_eq!(ran.code, Some(130), "{what}: {}\n{}", ran.stdout, ran.stderr);
    }
    // The flush of a Redis that has stopped before.
    let stopped = Stopped::new(redis);
    let port = sandbox.redis_url();
    let command = world::start(rcache().args(["flush", "--redis-url", &port]));
    thread::sleep(Duration::from_secs(1));
    interrupted(command, "TERM", "flush");
    drop(stopped);
    sandbox.run_well("destroy");
}

fn a_signal_ends_every_command_beside_a_database_that_stopped() {
    let (sandbox, pid) = own_servers("1000");
    let saved = sandbox.dir().join("run.json");
    let saved = saved.to_string_lossy().into_owned();
    for arguments in [
        &["bench", "--iterations", "100000", "--output", &saved][..],
        &["seed", "--users", "3000000", "--force"],
        &["scenario", "stale", "--duration", "60"],
        &["traffic", "--duration", "60", "-c", "4", "-s", "mysql,lease"],
        &["traffic", "--find", "p99 < 50ms", "-c", "4", "-s", "mysql,lease", "--workload", "point,page"],
        &[
            "bench",
            "--query",
            "SELECT username FROM users WHERE id = ?",
            "--params",
            "1..900",
            "--time",
            "60",
        ],
    ] {
        let what = arguments.join(" ");
        let command = world::start(rcache().args(arguments).arg("--sandbox-dir").arg(sandbox.dir()));
        match arguments[0] {
            // Its page is looked at.
            "bench" if arguments[1] != "--query" => wait_until_it_reads(&sandbox, "users.arrow"),
            _ => thread::sleep(Duration::from_secs(3)),
        }
        let stopped = Stopped::new(pid);
        thread::sleep(Duration::from_secs(1));
        let (_, ran) = interrupted(command, "INT", &what);
        drop(stopped);
        assert_eq!(ran.code, Some(130), "{what}: {}\n{}", ran.stdout, ran.stderr);
        if arguments[0] == "bench" && arguments[1] != "--query" {
            let run: serde_json::Value = serde_json::from_slice(&std::fs::read(&saved).unwrap()).unwrap();
            assert_eq!(run["interrupted"], true);
            assert!(ran.stdout.contains("Interrupted"), "no page:\n{}", ran.stdout);
            let errors = &run["workloads"][0]["paths"][0]["errors"];
            assert!(
                errors.as_object().unwrap().is_empty(),
                "what the interrupt ended counts as failed: {errors}"
            );
        }
    }
    sandbox.run_well("destroy");
}
