//! Seeding over several connections: what befalls one of them befalls the seed, and the next seed
//! mends it.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Child;
use std::{io, thread};

use mysql::prelude::Queryable;

use crate::world::{self, Place};

crate::tests![
    several_connections_load_and_an_interruption_is_mended,
    a_killed_seed_is_mended_at_once,
    a_row_that_the_server_refuses_is_told_once,
    one_connection_is_enough,
    who_lets_further_connections_wait_is_seeded_over_one,
];

const ENOUGH_FOR_SEVERAL: &str = "60000";

/// The connections that load into this place's table right now.
fn loaders(place: &Place) -> Vec<u64> {
    let query = format!(
        "SELECT id FROM information_schema.processlist
          WHERE db = '{}' AND info LIKE '%LOAD DATA LOCAL%' AND id <> CONNECTION_ID()",
        place.database
    );
    place.mysql().query(query).unwrap()
}

/// A seed that takes long, over several connections.
fn long_seed(place: &Place) -> Child {
    let seeding = world::start(&mut place.command(&["seed", "--users", "50000000"]));
    world::wait_until("two connections load", || loaders(place).len() > 1);
    seeding
}

#[track_caller]
fn mended(place: &Place) {
    assert_eq!(place.ask::<String>("SELECT state FROM rcache_meta"), "seeding");
    let seeded = place.run(&["seed", "--users", ENOUGH_FOR_SEVERAL]).fine();
    assert!(seeded.stdout.contains("An earlier seed had been interrupted"), "{}", seeded.stdout);
    assert_eq!(place.ask::<String>("SELECT COUNT(*) FROM users"), ENOUGH_FOR_SEVERAL);
}

fn several_connections_load_and_an_interruption_is_mended() {
    let place = Place::new();
    let seeding = long_seed(&place);
    world::signal(&seeding, "INT");
    let ended = world::checked(&seeding.wait_with_output().unwrap()).failed(130, &["interrupted"]);
    for words in ["interrupted", "half filled"] {
        assert_eq!(ended.stderr.matches(words).count(), 1, "{}", ended.stderr);
    }
    mended(&place);
}

fn a_killed_seed_is_mended_at_once() {
    let place = Place::new();
    let mut seeding = long_seed(&place);
    seeding.kill().unwrap();
    seeding.wait().unwrap();
    // What was under way on the other connections may not be rolled back yet.
    mended(&place);
}

fn a_row_that_the_server_refuses_is_told_once() {
    let place = Place::new();
    place.run(&["schema"]).fine();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW
        IF NEW.id = 33333 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF";
    place.mysql().query_drop(refuse).unwrap();
    let refused = place.run(&["seed", "--users", ENOUGH_FOR_SEVERAL]).failed(1, &["inserting users"]);
    assert_eq!(refused.stderr.matches("not this one").count(), 1, "{}", refused.stderr);
    assert!(!refused.stderr.contains("interrupted"), "{}", refused.stderr);
    place.mysql().query_drop("DROP TRIGGER refuse").unwrap();
    mended(&place);
}

fn one_connection_is_enough() {
    let (place, other) = (Place::new(), Place::new());
    let mut conn = place.mysql();
    let create = "CREATE USER single@'127.0.0.1' IDENTIFIED BY 'hunter2' WITH MAX_USER_CONNECTIONS 1";
    conn.query_drop(create).unwrap();
    conn.query_drop(format!("GRANT ALL ON {}.* TO single@'127.0.0.1'", place.database)).unwrap();
    let port = world::world().mysql_port;
    let url = format!("mysql://single:hunter2@127.0.0.1:{port}/{}", place.database);
    let arguments = ["seed", "--users", ENOUGH_FOR_SEVERAL];
    world::ran(world::rcache().args(arguments).args(["--mysql-url", &url])).fine();
    other.run(&arguments).fine();
    let fingerprint = |place: &Place| place.ask::<String>("SELECT fingerprint FROM rcache_meta");
    assert_eq!(fingerprint(&place), fingerprint(&other));
}

fn who_lets_further_connections_wait_is_seeded_over_one() {
    let place = Place::new();
    // The first connection is handed on; others get into the listener's queue, and no further.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let server = TcpStream::connect(("127.0.0.1", world::world().mysql_port)).unwrap();
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let there = thread::spawn(move || hand_on(&from_client, &to_server));
        hand_on(&server, &client);
        there.join().unwrap();
        drop(listener);
    });
    let url = place.mysql_url().replace(&format!(":{}/", world::world().mysql_port), &format!(":{port}/"));
    let seed = ["seed", "--users", ENOUGH_FOR_SEVERAL, "--mysql-url", &url];
    world::ran(world::rcache().args(seed)).fine();
    proxy.join().unwrap();
    assert_eq!(place.ask::<String>("SELECT COUNT(*) FROM users"), ENOUGH_FOR_SEVERAL);
}

/// Until one side hangs up, which the other is told then.
fn hand_on(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
