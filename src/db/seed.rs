//! Fills the table: users are made while they are sent, so memory stays flat however many there are.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use mysql::prelude::Queryable;
use mysql::{Conn, LocalInfileHandler};

use super::error::DbError;
use super::schema::{self, SchemaError, SeedState};
use crate::interrupt::{self, Interrupted};
use crate::users::{DataSet, Fingerprint};

/// Users in one LOAD DATA: one transaction of the server, and what is lost by an interruption.
const LOAD_CHUNK: u32 = 250_000;
/// Users in one INSERT: far below the smallest `max_allowed_packet` in use (1 MiB).
const INSERT_CHUNK: u32 = 2_000;
/// Bytes made before they are handed to the driver.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Called with how many more users were sent.
pub(crate) type Progress = Arc<dyn Fn(u64) + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("{0}; a table that is half filled is mended by the next rcache seed")]
    Interrupted(#[from] Interrupted),
    #[error(
        "the table is seeded with {there_users} users of rng_seed {there_seed}, not {asked_users} of {asked_seed}\n  \
         replace them with: rcache seed --users {asked_users} --rng-seed {asked_seed} --force"
    )]
    Different { there_users: u32, there_seed: u64, asked_users: u32, asked_seed: u64 },
    #[error(
        "the table was changed since it was seeded: its fingerprint is {found}, not {expected}\n  \
         put the users back with: rcache seed --force"
    )]
    Changed { found: Fingerprint, expected: String },
    #[error(
        "the table users holds rows that rcache did not put there; they were left untouched\n  \
         replace them with: rcache seed --force"
    )]
    StrangeRows,
    #[error("another rcache is working on this database; wait for it, then run the same command again")]
    Busy,
    #[error(
        "the server does not hold what was sent: fingerprint {found}, expected {expected}\n  \
         does another program write to the table, or does a trigger change it?"
    )]
    Mismatch { found: Fingerprint, expected: Fingerprint },
}

impl From<super::schema::ForeignTable> for SeedError {
    fn from(foreign: super::schema::ForeignTable) -> Self {
        Self::Schema(foreign.into())
    }
}

/// What a seed found and therefore did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seeded {
    /// The table already held these users.
    Already,
    Filled(Method),
    /// An earlier seed had been interrupted; its rows were thrown away first.
    Mended(Method),
    /// Other users were replaced.
    Replaced(Method),
}

/// How the rows travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    LoadData,
    /// The server does not allow LOAD DATA LOCAL.
    Insert,
}

/// Makes the table hold exactly `data`, and proves it by count and fingerprint computed in the database.
///
/// With `force`, other users and changed rows are replaced; otherwise they are an error.
pub(crate) fn seed(
    conn: &mut Conn,
    data: DataSet,
    force: bool,
    progress: &Progress,
) -> Result<Seeded, SeedError> {
    lock(conn)?;
    let (_, state) = schema::create(conn)?;
    let plan = decide(&state, data, force)?;
    if plan == Plan::Fill && !force && holds_rows(conn)? {
        return Err(SeedError::StrangeRows);
    }
    if plan == Plan::Check {
        match check(conn) {
            Ok(_) => return Ok(Seeded::Already),
            Err(SeedError::Changed { .. }) if force => {}
            Err(error) => return Err(error),
        }
    }
    let method = fill(conn, data, progress)?;
    Ok(match plan {
        Plan::Fill => Seeded::Filled(method),
        Plan::Mend => Seeded::Mended(method),
        Plan::Replace | Plan::Check => Seeded::Replaced(method),
    })
}

/// Seconds for which another rcache may hold the lock: a server rolls back what an interrupted seed had sent.
const LOCK_PATIENCE_S: u32 = 15;

/// Takes the lock that keeps two commands from changing the tables at once; the server frees it with the connection.
pub(crate) fn lock(conn: &mut Conn) -> Result<(), SeedError> {
    for _ in 0..LOCK_PATIENCE_S {
        interrupt::check()?;
        let got: Option<Option<u8>> = conn
            .query_first(include_str!("../../sql/lock_seed.sql"))
            .map_err(|source| DbError::new("taking rcache's lock", source))?;
        if got.flatten() == Some(1) {
            return Ok(());
        }
    }
    Err(SeedError::Busy)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Fill,
    Mend,
    Replace,
    /// It says that it holds these users already.
    Check,
}

fn decide(state: &SeedState, asked: DataSet, force: bool) -> Result<Plan, SeedError> {
    match state {
        SeedState::Empty => Ok(Plan::Fill),
        SeedState::Interrupted => Ok(Plan::Mend),
        SeedState::Seeded { data, .. } if *data == asked => Ok(Plan::Check),
        SeedState::Seeded { .. } if force => Ok(Plan::Replace),
        SeedState::Seeded { data, .. } => Err(SeedError::Different {
            there_users: data.users,
            there_seed: data.rng_seed,
            asked_users: asked.users,
            asked_seed: asked.rng_seed,
        }),
    }
}

fn holds_rows(conn: &mut Conn) -> Result<bool, DbError> {
    let any: Option<u8> = conn
        .query_first(include_str!("../../sql/any_user.sql"))
        .map_err(|source| DbError::new("looking into the table users", source))?;
    Ok(any == Some(1))
}

/// The users that the table holds, once it is certain that nobody changed them; none where it is not seeded.
pub(crate) fn check(conn: &mut Conn) -> Result<Option<DataSet>, SeedError> {
    match schema::inspect(conn)? {
        schema::Tables::Foreign(foreign) => Err(foreign.into()),
        schema::Tables::Ours { users_table: true, state: SeedState::Seeded { data, fingerprint } } => {
            let found = fingerprint_in_database(conn)?;
            if found.to_string() == fingerprint {
                Ok(Some(data))
            } else {
                Err(SeedError::Changed { found, expected: fingerprint })
            }
        }
        schema::Tables::Ours { .. } | schema::Tables::Absent => Ok(None),
    }
}

fn fingerprint_in_database(conn: &mut Conn) -> Result<Fingerprint, DbError> {
    let (rows, crc_sum, crc_xor) = conn
        .query_first(include_str!("../../sql/fingerprint.sql"))
        .map_err(|source| DbError::new("computing the table's fingerprint", source))?
        .unwrap_or_default();
    Ok(Fingerprint { rows, crc_sum, crc_xor })
}

/// Empties the table and sends every user. Until the end the meta table says `seeding`, so that an
/// interruption at any point is recognised.
fn fill(conn: &mut Conn, data: DataSet, progress: &Progress) -> Result<Method, SeedError> {
    let fail = |source| DbError::new("emptying the table users", source);
    schema::write_state(conn, "seeding", data, "")?;
    // An empty table is not emptied: TRUNCATE makes the server build it anew.
    if holds_rows(conn)? {
        conn.query_drop(include_str!("../../sql/truncate_users.sql")).map_err(fail)?;
    }
    conn.query_drop(include_str!("../../sql/load_session.sql")).map_err(fail)?;
    let method = load(conn, data, progress)?;
    // Both sides count at the same time: here, and in the database.
    let (found, expected) = std::thread::scope(|scope| {
        let expected = scope.spawn(|| data.fingerprint());
        let found = fingerprint_in_database(conn);
        let expected = expected.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        found.map(|found| (found, expected))
    })?;
    if found != expected {
        return Err(SeedError::Mismatch { found, expected });
    }
    schema::write_state(conn, "seeded", data, &found.to_string())?;
    Ok(method)
}

fn load(conn: &mut Conn, data: DataSet, progress: &Progress) -> Result<Method, SeedError> {
    match load_data(conn, data, 1, progress) {
        Ok(()) => Ok(Method::LoadData),
        Err(SeedError::Db(error)) if error.code().is_some_and(is_local_infile_refused) => {
            insert(conn, data, progress)?;
            Ok(Method::Insert)
        }
        Err(error) => Err(error),
    }
}

/// ER_NOT_ALLOWED_COMMAND, ER_CLIENT_LOCAL_FILES_DISABLED, ER_LOAD_INFILE_CAPABILITY_DISABLED (MariaDB).
fn is_local_infile_refused(code: u16) -> bool {
    matches!(code, 1148 | 3948 | 4166)
}

fn load_data(conn: &mut Conn, data: DataSet, first_id: u32, progress: &Progress) -> Result<(), SeedError> {
    let mut next = first_id;
    while next <= data.users {
        interrupt::check()?;
        let last = data.users.min(next.saturating_add(LOAD_CHUNK - 1));
        let report = Arc::clone(progress);
        conn.set_local_infile_handler(Some(LocalInfileHandler::new(move |_, sink| {
            send_rows(sink, data, next..=last, &report)
        })));
        let outcome = conn.query_drop(include_str!("../../sql/load_users.sql"));
        conn.set_local_infile_handler(None);
        if interrupt::requested() {
            return Err(Interrupted.into());
        }
        outcome.map_err(|source| DbError::new("loading users", source))?;
        next = last + 1;
    }
    Ok(())
}

/// Writes users as tab-separated lines; generated names hold no character that would need escaping.
fn send_rows(
    sink: &mut dyn Write,
    data: DataSet,
    ids: std::ops::RangeInclusive<u32>,
    progress: &Progress,
) -> io::Result<()> {
    let (mut username, mut email) = (String::new(), String::new());
    let mut lines = String::with_capacity(SEND_BUFFER_BYTES + 256);
    let mut unreported = 0;
    let mut flush = |lines: &mut String, users: &mut u64| {
        sink.write_all(lines.as_bytes())?;
        progress(*users);
        lines.clear();
        *users = 0;
        io::Result::Ok(())
    };
    for id in ids {
        data.write_user(id, &mut username, &mut email);
        let _ = writeln!(lines, "{id}\t{username}\t{email}"); // writing to a String cannot fail
        unreported += 1;
        if lines.len() >= SEND_BUFFER_BYTES {
            flush(&mut lines, &mut unreported)?;
            interrupt::check().map_err(io::Error::other)?;
        }
    }
    flush(&mut lines, &mut unreported)
}

fn insert(conn: &mut Conn, data: DataSet, progress: &Progress) -> Result<(), SeedError> {
    let (mut username, mut email) = (String::new(), String::new());
    let mut statement = String::new();
    let mut next = 1;
    while next <= data.users {
        interrupt::check()?;
        let last = data.users.min(next + INSERT_CHUNK - 1);
        statement.clear();
        statement.push_str(include_str!("../../sql/insert_users.sql"));
        for id in next..=last {
            data.write_user(id, &mut username, &mut email);
            let comma = if id == next { ' ' } else { ',' };
            let _ = write!(statement, "{comma}({id},'{username}','{email}')"); // writing to a String cannot fail
        }
        conn.query_drop(&statement).map_err(|source| DbError::new("inserting users", source))?;
        progress(u64::from(last - next + 1));
        next = last + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: DataSet = DataSet { users: 10, rng_seed: 42 };

    fn seeded(users: u32, rng_seed: u64) -> SeedState {
        SeedState::Seeded { data: DataSet { users, rng_seed }, fingerprint: String::new() }
    }

    #[test]
    fn other_users_are_replaced_only_by_force() {
        assert_eq!(decide(&SeedState::Empty, ASKED, false).unwrap(), Plan::Fill);
        assert_eq!(decide(&SeedState::Interrupted, ASKED, false).unwrap(), Plan::Mend);
        assert_eq!(decide(&seeded(10, 42), ASKED, false).unwrap(), Plan::Check);
        assert_eq!(decide(&seeded(10, 42), ASKED, true).unwrap(), Plan::Check);
        for other in [seeded(11, 42), seeded(10, 43)] {
            assert!(matches!(decide(&other, ASKED, false), Err(SeedError::Different { .. })));
            assert_eq!(decide(&other, ASKED, true).unwrap(), Plan::Replace);
        }
    }

    #[test]
    fn rows_are_tab_separated_lines_and_all_are_reported() {
        use std::sync::atomic::{AtomicU64, Ordering};
        let reported = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&reported);
        let progress: Progress = Arc::new(move |users| {
            counter.fetch_add(users, Ordering::Relaxed);
        });
        let mut sent = Vec::new();
        send_rows(&mut sent, DataSet { users: 5_000, rng_seed: 1 }, 1..=5_000, &progress).unwrap();
        let text = String::from_utf8(sent).unwrap();
        assert_eq!(text.lines().count(), 5_000);
        assert!(text.lines().all(|line| line.split('\t').count() == 3));
        assert_eq!(reported.load(Ordering::Relaxed), 5_000);
    }
}
