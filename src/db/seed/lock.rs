//! The lock in the server that keeps two commands from changing the tables at once.

use std::thread;
use std::time::{Duration, Instant};

use super::SeedError;
use crate::db::error::DbError;
use crate::db::session::Session;
use crate::interrupt;
use crate::reopen::TRUSTED_FOR;

/// The time between two looks of the lock's holder at whether others are done.
const LOOK: Duration = Duration::from_millis(1);

/// Seconds for which another rcache may hold the lock: a server rolls back what an interrupted seed
/// had sent.
const LOCK_LIMIT_S: u32 = 15;

/// Takes the lock; the server frees it with the connection.
pub(crate) fn lock(conn: &mut Session) -> Result<(), SeedError> {
    for _ in 0..LOCK_LIMIT_S {
        interrupt::check()?;
        let got: Option<Option<u8>> = conn
            .query_first(include_str!("../../../sql/lock_seed.sql"))
            .map_err(|source| DbError::new("taking rcache's lock", source))?;
        if got.flatten() == Some(1) {
            return Ok(());
        }
    }
    Err(SeedError::Busy)
}

/// Waits until the work of other threads is done, and uses the connection now and then: one that is
/// idle may be closed by the server or by a proxy, and the lock goes with it.
pub(super) fn hold_until(conn: &mut Session, is_done: impl Fn() -> bool) {
    let mut used = Instant::now();
    while !is_done() {
        thread::sleep(LOOK);
        if used.elapsed() >= TRUSTED_FOR {
            // Whatever is asked next meets the error.
            let _ = conn.ping();
            used = Instant::now();
        }
    }
}

/// The server's number of the connection that holds the lock; none where nobody does.
pub(super) fn holder(conn: &mut Session) -> Result<Option<u64>, DbError> {
    let holder: Option<Option<u64>> = conn
        .query_first(include_str!("../../../sql/seed_lock_holder.sql"))
        .map_err(|source| DbError::new("looking for the holder of rcache's lock", source))?;
    Ok(holder.flatten())
}

#[cfg(test)]
mod tests {
    #[test]
    fn taking_the_lock_and_looking_for_its_holder_name_the_same_lock() {
        let name = |sql: &str| {
            let (start, end) = (sql.find("CONCAT(").unwrap(), sql.find("40))").unwrap());
            sql[start..end].to_owned()
        };
        let taking = include_str!("../../../sql/lock_seed.sql");
        assert_eq!(name(taking), name(include_str!("../../../sql/seed_lock_holder.sql")));
    }
}
