//! The web application: what each path answers, that writes are safe and for this origin alone, and
//! that no client can take more than its share.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::idle::Idle;
use crate::private_cluster::PrivateCluster;
use crate::sandbox::Sandbox;
use crate::world::{Place, rcache};

crate::tests![
    users_come_from_mysql_and_then_from_redis,
    a_write_is_seen_by_the_next_read,
    a_cluster_is_served_from_too,
    other_origins_names_and_methods_are_refused,
    malformed_large_and_slow_requests_are_bounded,
    a_thousand_connections_lose_nothing,
    redis_goes_and_comes_back,
    it_ends_soon_and_leaves_nothing,
    it_outlives_a_proxy_that_closes_idle_connections,
    a_signal_ends_it_beside_servers_that_stopped,
];

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    child: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Server {
    fn start(mut command: std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap();
        Self { address: address.trim_end_matches('/').to_owned(), child }
    }

    fn on(place: &Place) -> Self {
        Self::start(place.command(&["serve"]))
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// One request on a connection of its own.
    fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that refuses may close before it has read everything.
        let _ = stream.write_all(request);
        read_answer(&mut stream).unwrap()
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}{length}Connection: close\r\n\r\n",
            self.address
        );
        self.raw((head + body).as_bytes())
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    fn end(mut self) -> Duration {
        let start = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        start.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its destructors stop what it started.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ = self.child.wait();
    }
}

fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, head, body: Vec::new() };
    let length: usize = answer.header("Content-Length").map_or(0, |length| length.parse().unwrap());
    answer.body = vec![0; length];
    reader.read_exact(&mut answer.body).ok()?;
    Some(answer)
}

fn users_come_from_mysql_and_then_from_redis() {
    let place = Place::seeded(500);
    let server = Server::on(&place);
    for (path, source) in [
        ("/users", "miss"),
        ("/users", "hit"),
        ("/users?cache=off", "bypass"),
        ("/users/7", "miss"),
        ("/users/7", "hit"),
        ("/users/7?cache=off", "bypass"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("X-Cache")), (200, Some(source)), "{path}");
        let timing = answer.header("Server-Timing").unwrap();
        assert_eq!(timing.contains("mysql;dur="), source != "hit", "{path}: {timing}");
        assert_eq!(timing.contains("cache;dur="), source != "bypass", "{path}: {timing}");
    }
    let all = server.get("/users").json();
    assert_eq!(all.as_array().unwrap().len(), 500);
    assert_eq!(all[6], server.get("/users/7").json());
    assert_eq!(all[6], server.get("/users/7?cache=off").json());
    assert_eq!(server.get("/users/501").status, 404);
    for path in [
        "/users/07",
        "/users/-1",
        "/users/4294967296",
        "/users/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/users/",
        "/x",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let tag = server.get("/users/7").header("ETag").unwrap().to_owned();
    let again = server.ask("GET", "/users/7", &format!("If-None-Match: {tag}\r\n"), "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(
        metrics.contains("\nrcache_cache_hits_total ")
            && metrics.contains("# TYPE rcache_mysql_reads_total counter")
    );
    let page = server.get("/");
    assert!(page.header("Content-Security-Policy").unwrap().starts_with("default-src 'none'"));
    assert!(String::from_utf8(page.body).unwrap().contains("45,861 ms"));
    let mut stream = server.connect();
    let head = format!("HEAD /users/7 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
        "a head without a body: {answer}"
    );
}

fn a_write_is_seen_by_the_next_read() {
    let place = Place::seeded(20);
    let server = Server::on(&place);
    let before = server.get("/users/3").json();
    server.get("/users");
    let new = json!({ "username": "Ann", "email": "ann@mail.example" }).to_string();
    assert_eq!(server.ask("POST", "/users/3", "", &new).status, 200);
    let read = server.get("/users/3");
    assert_eq!((read.header("X-Cache"), read.json()["username"].as_str()), (Some("miss"), Some("Ann")));
    let all = server.get("/users");
    assert_eq!((all.header("X-Cache"), all.json()[2]["username"].as_str()), (Some("miss"), Some("Ann")));
    assert_eq!(server.get("/users/3").header("X-Cache"), Some("hit"));
    for (path, body, status) in [
        ("/users/21", new.as_str(), 404),
        ("/users/3", "{\"username\": 1}", 422),
        ("/users/3", "not JSON", 422),
        ("/nothing", "{}", 404),
    ] {
        assert_eq!(server.ask("POST", path, "", body).status, status, "{path} {body}");
    }
    let long = json!({ "username": "x".repeat(81), "email": "a" }).to_string();
    assert_eq!(server.ask("POST", "/users/3", "", &long).status, 422);
    // The users that a bench verifies are others.
    let seeded: Option<String> =
        mysql::prelude::Queryable::query_first(&mut place.mysql(), "SELECT username FROM users WHERE id = 3")
            .unwrap();
    assert_eq!(seeded.as_deref(), before["username"].as_str());
    let crowd = server.ask("POST", "/crowd", "", "").json();
    assert_eq!((crowd["answered"].as_u64(), crowd["mysql_reads"].as_u64()), (Some(32), Some(1)), "{crowd}");
}

fn a_cluster_is_served_from_too() {
    let Some(cluster) = PrivateCluster::start() else { return };
    let place = Place::seeded(100);
    let mut command = rcache();
    command.args(["serve", "--mysql-url", &place.mysql_url(), "--redis-url", &cluster.url(2)]);
    let server = Server::start(command);
    for (path, source) in [("/users", "miss"), ("/users", "hit"), ("/users/7", "miss"), ("/users/7", "hit")] {
        assert_eq!(server.get(path).header("X-Cache"), Some(source), "{path}");
    }
    for id in 1..=30 {
        assert_eq!(server.get(&format!("/users/{id}")).status, 200);
    }
    let new = json!({ "username": "Ann", "email": "ann@mail.example" }).to_string();
    assert_eq!(server.ask("POST", "/users/7", "", &new).status, 200);
    assert_eq!(server.get("/users/7").json()["username"], "Ann");
    assert_eq!(server.get("/users").json()[6]["username"], "Ann");
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(metrics.contains("\nrcache_cache_redis_errors_total 0\n"), "{metrics}");
    server.end();
}

fn other_origins_names_and_methods_are_refused() {
    let server = Server::on(&Place::seeded(10));
    let new = "{\"username\":\"x\",\"email\":\"x\"}";
    for headers in [
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        format!("Origin: https://{}\r\n", server.address),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
    ] {
        assert_eq!(server.ask("POST", "/users/1", &headers, new).status, 403, "{headers}");
        assert_eq!(server.ask("POST", "/redis/stop", &headers, "").status, 403, "{headers}");
    }
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", server.address);
    assert_eq!(server.ask("POST", "/users/1", &own, new).status, 200);
    // A name elsewhere that points here.
    let named = |host: &str| {
        server
            .raw(format!("GET /users/1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
            .status
    };
    let port = server.address.rsplit(':').next().unwrap();
    assert_eq!([named("evil.example"), named(&format!("evil.example:{port}"))], [403, 403]);
    assert_eq!(named(&format!("localhost:{port}")), 200);
    for method in ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        assert_eq!(server.ask(method, "/users/1", "", "").status, 405, "{method}");
    }
}

fn malformed_large_and_slow_requests_are_bounded() {
    let server = Server::on(&Place::seeded(10));
    let host = format!("Host: {}\r\n", server.address);
    for (request, status) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("GET http://other/ HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{host}A: {}\r\n\r\n", "x".repeat(20_000)), 431),
        (format!("POST /users/1 HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n"), 413),
        (format!("POST /users/1 HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400),
        (format!("POST /users/1 HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 411),
    ] {
        assert_eq!(server.raw(request.as_bytes()).status, status, "{}", &request[..request.len().min(80)]);
    }
    // Byte by byte: the time of a request is limited as a whole.
    let mut slow = server.connect();
    let start = Instant::now();
    slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nA: ").unwrap();
    let mut refused = String::new();
    while !refused.contains("408") {
        assert!(start.elapsed() < PATIENCE, "a slow request is never ended");
        let _ = slow.write_all(b"x");
        let mut bytes = [0; 512];
        if let Ok(count) = slow.read(&mut bytes) {
            refused.push_str(&String::from_utf8_lossy(&bytes[..count]));
            assert!(count > 0, "closed without a word: {refused}");
        }
    }
    // Several requests on one connection, sent together.
    let mut stream = server.connect();
    let one = format!("GET /users/1 HTTP/1.1\r\n{host}\r\n");
    stream.write_all((one.clone() + &one).as_bytes()).unwrap();
    let mut text = String::new();
    while text.matches("HTTP/1.1 200 OK").count() < 2 {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

fn a_thousand_connections_lose_nothing() {
    let server = Server::on(&Place::seeded(10));
    let mut streams: Vec<TcpStream> = (0..1_000).map(|_| server.connect()).collect();
    let request = format!("GET /users/1 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    streams.iter_mut().for_each(|stream| stream.write_all(request.as_bytes()).unwrap());
    let answers = streams.iter_mut().map(|stream| read_answer(stream).map(|answer| answer.status));
    assert!(answers.into_iter().all(|status| status == Some(200)));
    drop(streams);
    // Beyond the limit a client is told so, and the others are still served.
    let mut idle: Vec<TcpStream> =
        (0..1_150).filter_map(|_| TcpStream::connect(&server.address).ok()).collect();
    let told = idle.iter_mut().rev().take(40).filter_map(|stream| {
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        read_answer(stream).map(|answer| answer.status)
    });
    assert!(told.into_iter().any(|status| status == 503));
    drop(idle);
    let start = Instant::now();
    while server_status(&server) != Some(200) {
        assert!(start.elapsed() < PATIENCE, "it does not recover");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn server_status(server: &Server) -> Option<u16> {
    let mut stream = server.connect();
    let request = format!("GET /users/1 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).ok()?;
    Some(read_answer(&mut stream)?.status)
}

/// In a sandbox of its own, whose Redis may be stopped.
fn redis_goes_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rcache();
    command.args(["serve", "--sandbox", "--sandbox-dir"]).arg(folder.path().join("sandbox"));
    let server = Server::start(command);
    assert_eq!(server.get("/users/1").header("X-Cache"), Some("miss"));
    assert_eq!(server.get("/users/1").header("X-Cache"), Some("hit"));
    assert_eq!(server.ask("POST", "/redis/stop", "", "").status, 200);
    let without = server.get("/users/1");
    assert_eq!((without.status, without.header("X-Cache")), (200, Some("miss")));
    let new = "{\"username\":\"x\",\"email\":\"x\"}";
    let refused = server.ask("POST", "/users/1", "", new);
    assert_eq!(refused.status, 503);
    assert_eq!(server.get("/users/1").json()["id"], 1);
    assert_ne!(server.get("/users/1").json()["username"], "x", "a refused write changes nothing");
    assert_eq!(server.ask("POST", "/redis/start", "", "").status, 200);
    let start = Instant::now();
    while server.get("/users/1").header("X-Cache") != Some("hit") {
        assert!(start.elapsed() < PATIENCE, "hits do not come back");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.ask("POST", "/users/1", "", new).status, 200);
}

fn it_ends_soon_and_leaves_nothing() {
    let place = Place::seeded(10);
    let server = Server::on(&place);
    let mut events = server.connect();
    events.write_all(format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes()).unwrap();
    let mut reader = BufReader::new(events);
    let mut line = String::new();
    while !line.starts_with("data: {\"second\"") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
    let sample: Value = serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap();
    assert!(sample["hits"].is_u64() && sample["mean_ms"].is_null());
    let second = place.run(&["serve"]);
    second.failed(1, &["another rcache serve"]);
    let took = server.end();
    assert!(took < PATIENCE, "{took:?}");
    let tables: Vec<String> =
        mysql::prelude::Queryable::query(&mut place.mysql(), "SHOW TABLES LIKE 'rcache_serve'").unwrap();
    assert!(tables.is_empty());
}

/// Reads past the cache, on connections that were closed meanwhile.
fn it_outlives_a_proxy_that_closes_idle_connections() {
    let place = Place::seeded(100);
    let idle = Idle::new(Duration::from_secs(1));
    let [mysql, redis] = idle.urls(&place);
    let mut command = rcache();
    command.args(["serve", "--mysql-url", &mysql, "--redis-url", &redis, "--namespace", &place.namespace]);
    let server = Server::start(command);
    for id in 1..5 {
        let answer = server.get(&format!("/users/{id}?cache=off"));
        assert_eq!(answer.status, 200, "user {id}: {}", String::from_utf8_lossy(&answer.body));
        std::thread::sleep(Duration::from_secs(2));
    }
    server.end();
}

fn a_signal_ends_it_beside_servers_that_stopped() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let pids = sandbox.pids();
    let send = |name: &str| {
        let pids: Vec<String> = pids.iter().map(u64::to_string).collect();
        let kill = format!("kill -s {name} {}", pids.join(" "));
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    };
    let mut command = rcache();
    command.args(["serve", "--sandbox-dir"]).arg(sandbox.dir());
    let server = Server::start(command);
    assert_eq!(server.get("/users/1").status, 200);
    send("STOP");
    // Requests that wait for the servers when the signal comes.
    let mut streams: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
    for (stream, path) in streams.iter_mut().zip(["/users/2", "/users", "/users/3?cache=off"]) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        stream.write_all(request.as_bytes()).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    let took = server.end();
    send("CONT");
    sandbox.run_well("destroy");
    assert!(took < Duration::from_secs(10), "{took:?}");
}
