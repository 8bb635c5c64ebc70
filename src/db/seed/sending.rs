//! Sends users over one connection. They are made while they are sent, so memory stays flat however
//! many there are.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mysql::LocalInfileHandler;

use super::{Progress, SeedError};
use crate::db::error::DbError;
use crate::db::session::Session;
use crate::interrupt::{self, Interrupted};
use crate::users::DataSet;

/// Users in one INSERT at most.
const INSERT_USERS: u64 = 2_000;
/// Bytes of one INSERT at most, where the server takes as much; far below the usual limit of 1 MiB
/// or more.
const INSERT_BYTES: usize = 256 * 1024;
/// Kept free for the packet's header, and for a proxy that adds a comment.
const RESERVED_BYTES: usize = 256;
/// Bytes made before they are handed to the driver.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The rows to send, the observer, and whether to go on. Clones belong together.
#[derive(Clone)]
pub(super) struct Sending {
    data: DataSet,
    progress: Progress,
    stopped: Arc<AtomicBool>,
}

impl Sending {
    pub(super) fn new(data: DataSet, progress: &Progress) -> Self {
        Self { data, progress: Arc::clone(progress), stopped: Arc::default() }
    }

    /// Whoever still sends ends soon.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// An error once somebody asked us to stop: the person at the keyboard, or another loader.
    pub(super) fn check(&self) -> Result<(), Interrupted> {
        if self.stopped.load(Ordering::Acquire) { Err(Interrupted) } else { interrupt::check() }
    }

    /// One LOAD DATA LOCAL.
    pub(super) fn load_data(&self, conn: &mut Session, ids: RangeInclusive<u32>) -> Result<(), SeedError> {
        let sending = self.clone();
        conn.set_local_infile_handler(Some(LocalInfileHandler::new(move |_, sink| {
            sending.write_rows(sink, ids.clone())
        })));
        let outcome = conn.query_drop(include_str!("../../../sql/load_users.sql"));
        conn.set_local_infile_handler(None);
        self.check()?;
        outcome.map_err(|source| DbError::new("loading users", source).into())
    }

    /// Writes users as tab-separated lines; generated names hold no character that would need
    /// escaping.
    fn write_rows(&self, sink: &mut dyn Write, ids: RangeInclusive<u32>) -> io::Result<()> {
        let (mut username, mut email) = (String::new(), String::new());
        let mut lines = String::with_capacity(SEND_BUFFER_BYTES + 256);
        let mut unreported = 0;
        let mut flush = |lines: &mut String, users: &mut u64| {
            sink.write_all(lines.as_bytes())?;
            (self.progress)(*users);
            lines.clear();
            *users = 0;
            io::Result::Ok(())
        };
        for id in ids {
            self.data.write_user(id, &mut username, &mut email);
            let _ = writeln!(lines, "{id}\t{username}\t{email}"); // writing to a String cannot fail
            unreported += 1;
            if lines.len() >= SEND_BUFFER_BYTES {
                flush(&mut lines, &mut unreported)?;
                self.check().map_err(io::Error::other)?;
            }
        }
        flush(&mut lines, &mut unreported)
    }

    /// Multi-row INSERTs, each of a size that the server takes.
    pub(super) fn insert(&self, conn: &mut Session, ids: RangeInclusive<u32>) -> Result<(), SeedError> {
        let packet: Option<u64> = conn
            .query_first(include_str!("../../../sql/max_packet.sql"))
            .map_err(|source| DbError::new("asking for max_allowed_packet", source))?;
        let packet = packet.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(INSERT_BYTES);
        let most = packet.saturating_sub(RESERVED_BYTES).min(INSERT_BYTES);
        self.statements(ids, most, |statement, users| {
            conn.query_drop(statement).map_err(|source| DbError::new("inserting users", source))?;
            (self.progress)(users);
            Ok(())
        })
    }

    /// Hands over INSERTs of so many bytes at most, with how many users each has; never less than
    /// one user.
    fn statements(
        &self,
        ids: RangeInclusive<u32>,
        most_bytes: usize,
        mut send: impl FnMut(&str, u64) -> Result<(), SeedError>,
    ) -> Result<(), SeedError> {
        const HEAD: &str = include_str!("../../../sql/insert_users.sql");
        let (mut username, mut email, mut row) = (String::new(), String::new(), String::new());
        let (mut statement, mut users) = (HEAD.to_owned(), 0);
        for id in ids {
            self.data.write_user(id, &mut username, &mut email);
            row.clear();
            let _ = write!(row, "({id},'{username}','{email}')"); // writing to a String cannot fail
            if users > 0 && (users == INSERT_USERS || statement.len() + 1 + row.len() > most_bytes) {
                self.check()?;
                send(&statement, users)?;
                statement.truncate(HEAD.len());
                users = 0;
            }
            statement.push(if users == 0 { ' ' } else { ',' });
            statement.push_str(&row);
            users += 1;
        }
        self.check()?;
        if users > 0 { send(&statement, users) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    fn counting(users: u32) -> (Sending, Arc<AtomicU64>) {
        let reported = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&reported);
        let progress: Progress = Arc::new(move |users| {
            counter.fetch_add(users, Ordering::Relaxed);
        });
        (Sending::new(DataSet { users, rng_seed: 1 }, &progress), reported)
    }

    #[test]
    fn rows_are_tab_separated_lines_and_all_are_reported() {
        let (sending, reported) = counting(5_000);
        let mut sent = Vec::new();
        sending.write_rows(&mut sent, 1..=5_000).unwrap();
        let text = String::from_utf8(sent).unwrap();
        assert_eq!(text.lines().count(), 5_000);
        assert!(text.lines().all(|line| line.split('\t').count() == 3));
        assert_eq!(reported.load(Ordering::Relaxed), 5_000);
    }

    #[test]
    fn statements_keep_to_the_server_s_limit_and_hold_every_user() {
        let (sending, _) = counting(5_000);
        for most in [1, 200, 1_024, 65_536, INSERT_BYTES] {
            let (mut rows, mut longest, mut sent) = (0, 0, 0);
            let outcome = sending.statements(1..=5_000, most, |statement, users| {
                let addresses = statement.matches(".example')").count() as u64;
                // One more in the comment at the beginning.
                assert_eq!(addresses - 1, users, "{statement}");
                assert!(users <= INSERT_USERS && (statement.len() <= most || users == 1));
                (rows, longest, sent) = (rows + users, longest.max(statement.len()), sent + 1);
                Ok(())
            });
            outcome.unwrap();
            assert_eq!(rows, 5_000, "{most}");
            assert!(sent >= 3, "{sent} statements of {longest} bytes");
        }
    }

    #[test]
    fn who_is_told_to_stop_sends_one_buffer_more_at_most() {
        let (sending, reported) = counting(u32::MAX);
        sending.clone().stop();
        let mut sent = Vec::new();
        assert!(sending.write_rows(&mut sent, 1..=u32::MAX).is_err());
        assert!(sent.len() < 2 * SEND_BUFFER_BYTES, "{}", sent.len());
        let lines = sent.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(reported.load(Ordering::Relaxed), lines as u64);
    }
}
