//! A database that is one of several: several servers behind one name, a replica, one that takes no
//! writes, a proxy. What a bench records of it, and what it warns of.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use mysql::prelude::Queryable;
use serde_json::Value;

use crate::private_mysql::PrivateMysql;
use crate::proxy::Proxy;
use crate::world::{self, Ran, rcache, world};

crate::tests![
    a_server_says_what_it_is,
    several_servers_behind_one_name_are_a_warning,
    a_server_that_takes_no_writes_is_a_warning,
    a_replica_is_a_warning,
    a_proxy_is_a_warning,
];

/// Codes of the warnings that are about the database's part among others.
const OURS: [&str; 5] = ["several_servers", "behind_proxy", "replica", "read_only_server", "node_not_synced"];

/// A command on this database and the Redis of all tests.
pub(crate) fn on(url: &str, arguments: &[&str]) -> Ran {
    let mut command = rcache();
    command.args(arguments).args(["--mysql-url", url, "--redis-url", &world().redis_url()]);
    world::ran(command.args(["--namespace", "nodes"]))
}

/// The run of a small bench.
#[track_caller]
pub(crate) fn bench(url: &str) -> Value {
    on(url, &["bench", "-n", "20", "-c", "2", "-w", "point", "--format", "json"]).fine().json()
}

/// The page of a small bench with everything on it, its lines joined.
#[track_caller]
pub(crate) fn page(url: &str) -> String {
    let page = on(url, &["bench", "-n", "20", "-w", "point", "-v"]).fine().stdout;
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn warnings(document: &Value) -> Vec<&str> {
    let codes = document["warnings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap());
    codes.filter(|code| OURS.contains(code)).collect()
}

pub(crate) fn node(document: &Value) -> &Value {
    &document["environment"]["mysql"]["node"]
}

fn seeded(options: &[&str]) -> PrivateMysql {
    let server = PrivateMysql::start(options);
    on(&server.url(), &["seed", "--users", "50"]).fine();
    server
}

fn query(server: &PrivateMysql, sql: &str) {
    world::connect(&server.url()).query_drop(sql).unwrap();
}

fn url_at(port: u16) -> String {
    format!("mysql://owner@127.0.0.1:{port}/shop")
}

fn a_server_says_what_it_is() {
    let server = seeded(&["--server-id=77"]);
    let run = bench(&server.url());
    assert_eq!(warnings(&run), [""; 0]);
    let node = node(&run);
    let host: String = world::connect(&server.url()).query_first("SELECT @@hostname").unwrap().unwrap();
    assert_eq!((&node["host_name"], &node["server_id"]), (&host.as_str().into(), &77.into()), "{node}");
    assert_eq!((&node["port"], &node["read_only"]), (&server.port().into(), &false.into()), "{node}");
    assert_eq!((&node["replica"], &node["replica_lag_s"]), (&false.into(), &Value::Null), "{node}");
    assert!(node["cluster"].is_null() && node["proxy"].is_null(), "{node}");
    assert_eq!(node["reached"].as_array().unwrap().len(), 1, "{node}");
    // An account without the right to ask for replication.
    query(&server, "CREATE USER reader@'127.0.0.1'");
    query(&server, "GRANT SELECT ON shop.* TO reader@'127.0.0.1'");
    let run = bench(&server.url_of("reader"));
    assert_eq!(warnings(&run), [""; 0]);
    assert_eq!(run["environment"]["mysql"]["node"]["replica"], Value::Null);
    // Experiments and traffic say it, too.
    for arguments in [
        &["scenario", "penetration", "--duration", "1", "-c", "2"][..],
        &["traffic", "--keys", "20", "-c", "2", "--duration", "1", "-s", "mysql"],
    ] {
        let ran = on(&server.url(), &[arguments, &["--format", "json"]].concat());
        let document = crate::scenario::not_broken(ran).json();
        assert_eq!(document["environment"]["mysql"]["node"]["server_id"], 77, "{arguments:?}");
    }
    let page = page(&server.url());
    assert!(page.contains("server id 77") && page.contains("takes writes"), "{page}");
}

fn several_servers_behind_one_name_are_a_warning() {
    let servers = [seeded(&[]), seeded(&[])];
    let proxy = Proxy::of_ports(&servers.each_ref().map(PrivateMysql::port));
    let run = bench(&url_at(proxy.port()));
    assert_eq!(warnings(&run), ["several_servers"]);
    assert_eq!(node(&run)["reached"].as_array().unwrap().len(), 2, "{}", node(&run));
    let page = page(&url_at(proxy.port()));
    assert!(page.contains("is 2 servers") && page.contains("connections led to"), "{page}");
    // Two names for one server are not two servers.
    let one = Proxy::of_ports(&[servers[0].port()]);
    let run = bench(&url_at(one.port()));
    assert_eq!(warnings(&run), [""; 0]);
    assert_eq!(node(&run)["port"], servers[0].port());
}

fn a_server_that_takes_no_writes_is_a_warning() {
    let server = seeded(&[]);
    query(&server, "SET GLOBAL read_only = 1");
    let run = bench(&server.url());
    assert_eq!((warnings(&run), &node(&run)["read_only"]), (vec!["read_only_server"], &true.into()));
    let page = page(&server.url());
    assert!(page.contains("MySQL is read-only"), "{page}");
}

fn a_replica_is_a_warning() {
    let source = PrivateMysql::start(&["--log-bin", "--server-id=1"]);
    let replica = PrivateMysql::start(&["--server-id=2"]);
    let port = source.port();
    let mut conn = world::connect(&replica.url());
    let mariadb =
        format!("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='owner'");
    let mysql = format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='owner'"
    );
    conn.query_drop(mariadb).or_else(|_| conn.query_drop(mysql)).unwrap();
    conn.query_drop("START SLAVE").or_else(|_| conn.query_drop("START REPLICA")).unwrap();
    on(&source.url(), &["seed", "--users", "50"]).fine();
    world::wait_until("the replica has all users", || {
        matches!(conn.query_first::<u64, _>("SELECT COUNT(*) FROM users"), Ok(Some(50)))
            && matches!(conn.query_first::<u64, _>("SELECT COUNT(*) FROM rcache_meta"), Ok(Some(1..)))
    });
    assert_eq!(warnings(&bench(&source.url())), [""; 0]);
    let run = bench(&replica.url());
    assert_eq!(warnings(&run), ["replica"]);
    assert!(node(&run)["replica_lag_s"].is_u64(), "{}", node(&run));
    conn.query_drop("STOP SLAVE").or_else(|_| conn.query_drop("STOP REPLICA")).unwrap();
    let run = bench(&replica.url());
    assert_eq!(warnings(&run), ["replica"], "also while it stands still");
    assert!(node(&run)["replica_lag_s"].is_null(), "{}", node(&run));
}

/// Greets with other connection numbers than the server's, as proxies do that share connections.
fn renumbering(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || relay(client, port));
        }
    });
    own
}

fn relay(mut client: TcpStream, port: u16) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut head = [0; 4];
    server.read_exact(&mut head).unwrap();
    let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    let mut greeting = vec![0; length];
    server.read_exact(&mut greeting).unwrap();
    // The number is behind the version, which ends with a zero.
    let number = greeting[1..].iter().position(|byte| *byte == 0).unwrap() + 2;
    greeting[number] ^= 0xff;
    client.write_all(&[&head[..], &greeting].concat()).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let sending = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    sending.join().unwrap();
}

fn a_proxy_is_a_warning() {
    let server = seeded(&[]);
    let run = bench(&url_at(renumbering(server.port())));
    assert_eq!(warnings(&run), ["behind_proxy"]);
    assert!(node(&run)["proxy"].as_str().unwrap().contains("numbers"), "{}", node(&run));
    // One that only passes bytes on gives no sign, and adds no more than the network does.
    let bytes = Proxy::of_ports(&[server.port()]);
    assert_eq!(warnings(&bench(&url_at(bytes.port()))), [""; 0]);
}
