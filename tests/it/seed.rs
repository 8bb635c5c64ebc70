//! Seeding: the same users everywhere, proved in the database, whatever happened before.

use std::process::Stdio;

use mysql::prelude::Queryable;

use crate::world::{self, Place};

crate::tests![
    the_same_arguments_give_the_same_bytes,
    a_second_seed_does_nothing,
    other_users_are_replaced_only_by_force,
    changed_rows_are_noticed_and_put_back,
    a_seed_that_was_cut_off_is_mended,
    without_load_data_it_inserts,
    two_seeds_at_once_keep_out_of_each_other_s_way,
    rows_of_somebody_else_are_not_thrown_away,
    a_server_with_autocommit_off_keeps_the_users,
    memory_does_not_grow_with_the_users,
];

fn fingerprint(place: &Place) -> String {
    place.ask("SELECT fingerprint FROM rcache_meta")
}

fn the_same_arguments_give_the_same_bytes() {
    let place = Place::seeded(1_000);
    // The same number as in the generator's own test: database and program agree to the last byte.
    assert_eq!(fingerprint(&place), include_str!("../snapshots/fingerprint_1000_42.txt").trim());
    let columns: Vec<(String, String, String)> = place
        .mysql()
        .query("SELECT column_name, column_type, is_nullable FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'users' ORDER BY ordinal_position")
        .unwrap();
    let names: Vec<_> = columns.iter().map(|column| column.0.as_str()).collect();
    assert_eq!(names, ["id", "username", "email"]);
    assert_eq!((columns[1].1.as_str(), columns[2].1.as_str()), ("varchar(80)", "varchar(120)"));
    assert!(columns.iter().all(|column| column.2 == "NO"));
}

fn a_second_seed_does_nothing() {
    let place = Place::seeded(300);
    let before: String = place.ask("SELECT changed_at FROM rcache_meta");
    assert!(place.run(&["seed", "--users", "300"]).fine().stdout.contains("nothing to do"));
    assert_eq!(place.ask::<String>("SELECT changed_at FROM rcache_meta"), before);
}

fn other_users_are_replaced_only_by_force() {
    let place = Place::seeded(300);
    let before = fingerprint(&place);
    for arguments in [&["seed", "--users", "200"][..], &["seed", "--users", "300", "--rng-seed", "7"]] {
        place.run(arguments).failed(1, &["300 users of rng_seed 42", "--force"]);
    }
    assert_eq!(fingerprint(&place), before);
    let forced = place.run(&["seed", "--users", "200", "--rng-seed", "7", "--force"]).fine();
    assert!(forced.stdout.contains("Replaced"), "{}", forced.stdout);
    assert_eq!(place.ask::<u32>("SELECT COUNT(*) FROM users"), 200);
    assert_ne!(fingerprint(&place), before);
}

fn changed_rows_are_noticed_and_put_back() {
    let place = Place::seeded(300);
    let before = fingerprint(&place);
    place.mysql().query_drop("UPDATE users SET email = CONCAT('x', email) WHERE id = 150").unwrap();
    place.run(&["seed", "--users", "300"]).failed(1, &["changed since it was seeded", "--force"]);
    place.run(&["bench", "--iterations", "1"]).failed(1, &["changed since it was seeded"]);
    place.run(&["seed", "--users", "300", "--force"]).fine();
    assert_eq!(fingerprint(&place), before);
    place.run(&["bench", "--iterations", "1"]).fine();
}

fn a_seed_that_was_cut_off_is_mended() {
    let place = Place::seeded(300);
    let mut conn = place.mysql();
    conn.query_drop("UPDATE rcache_meta SET state = 'seeding'").unwrap();
    conn.query_drop("DELETE FROM users WHERE id > 100").unwrap();
    place.run(&["bench", "--iterations", "1"]).failed(1, &["not seeded", "rcache seed"]);
    let mended = place.run(&["seed", "--users", "250"]).fine();
    assert!(mended.stdout.contains("interrupted"), "{}", mended.stdout);
    assert_eq!(place.ask::<u32>("SELECT COUNT(*) FROM users"), 250);
}

fn without_load_data_it_inserts() {
    let (place, other) = (Place::new(), Place::seeded(25_000));
    let mut conn = place.mysql();
    conn.query_drop("SET GLOBAL local_infile = OFF").unwrap();
    let seeded = place.run(&["seed", "--users", "25000"]);
    conn.query_drop("SET GLOBAL local_infile = ON").unwrap();
    assert!(seeded.fine().stdout.contains("multi-row INSERT"));
    assert_eq!(fingerprint(&place), fingerprint(&other));
}

fn two_seeds_at_once_keep_out_of_each_other_s_way() {
    let place = Place::new();
    let holder = place.mysql();
    let mut holder = holder;
    let got: u8 = holder
        .query_first("SELECT GET_LOCK(CONCAT('rcache:', LEFT(SHA2(DATABASE(), 256), 40)), 0)")
        .unwrap()
        .unwrap();
    assert_eq!(got, 1);
    place.run(&["seed", "--users", "10"]).failed(1, &["another rcache"]);
    drop(holder);
    place.run(&["seed", "--users", "10"]).fine();
}

fn rows_of_somebody_else_are_not_thrown_away() {
    let place = Place::new();
    place.run(&["schema"]).fine();
    place.mysql().query_drop("INSERT INTO users VALUES (7, 'ann', 'ann@mail.example')").unwrap();
    place.run(&["seed", "--users", "5"]).failed(1, &["did not put there", "untouched", "--force"]);
    assert_eq!(place.ask::<u32>("SELECT COUNT(*) FROM users"), 1);
    place.run(&["seed", "--users", "5", "--force"]).fine();
    assert_eq!(place.ask::<u32>("SELECT COUNT(*) FROM users"), 5);
}

fn a_server_with_autocommit_off_keeps_the_users() {
    // For our account alone: other tests use the same server.
    let place = Place::new();
    let port = world::world().mysql_port;
    let mut conn = place.mysql();
    conn.query_drop("CREATE USER lazy@'127.0.0.1' IDENTIFIED BY 'hunter2'").unwrap();
    conn.query_drop(format!("GRANT ALL ON {}.* TO lazy@'127.0.0.1'", place.database)).unwrap();
    // Runs at every login of an account without admin rights.
    conn.query_drop("SET GLOBAL init_connect = 'SET autocommit = 0'").unwrap();
    let url = format!("mysql://lazy:hunter2@127.0.0.1:{port}/{}", place.database);
    let seeded = world::ran(world::rcache().args(["seed", "--users", "500", "--mysql-url", &url]));
    conn.query_drop("SET GLOBAL init_connect = ''").unwrap();
    seeded.fine();
    assert_eq!(place.ask::<u32>("SELECT COUNT(*) FROM users"), 500);
    assert_eq!(place.ask::<String>("SELECT state FROM rcache_meta"), "seeded");
}

fn memory_does_not_grow_with_the_users() {
    let peak_kib = |users: &str| {
        let place = Place::new();
        let mut command = place.command(&["seed", "--users", users]);
        let mut seeding = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", seeding.id());
        let mut peak = 0;
        while seeding.try_wait().unwrap().is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim);
            peak = peak.max(line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0));
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(seeding.wait().unwrap().success());
        peak
    };
    let (few, many): (u32, u32) = (peak_kib("20000"), peak_kib("400000"));
    // 400,000 users are 25 MB of text; a tenth of that would show.
    assert!(many < few + 2_500, "{few} KiB for 20,000 users, {many} KiB for 400,000");
}
