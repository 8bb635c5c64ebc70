//! The room as a whole, with the real servers of this machine.

use std::time::Instant;

use ::mysql::prelude::Queryable;

use super::*;

#[test]
fn opens_serves_and_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let begun = Instant::now();
        let mut notes = Vec::new();
        let wanted = Wanted { mysql: true, redis: true };
        let sandbox =
            Sandbox::open(dir.path(), wanted, "test", &mut |text: &str| notes.push(text.to_owned())).unwrap();
        eprintln!("open {:?} {notes:?}", begun.elapsed());
        let crate::endpoint::Address::Tcp { port, .. } = sandbox.mysql().unwrap().address.clone() else {
            panic!()
        };
        let password = sandbox.mysql().unwrap().password.clone().unwrap();
        let mut connection = ::mysql::Conn::new(mysql::tcp_login(port, &password)).unwrap();
        let charset: String = connection.query_first("SELECT @@character_set_database").unwrap().unwrap();
        assert_eq!(charset, "utf8mb4");
        assert!(!sandbox.is_kept());
        let begun = Instant::now();
        sandbox.stop().unwrap();
        eprintln!("stop {:?}", begun.elapsed());
    }
}
