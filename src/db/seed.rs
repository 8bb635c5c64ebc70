//! Fills the table with a data set, and proves in the database that it is there.

mod chunks;
mod loading;
mod lock;
mod sending;

use std::sync::Arc;

use super::error::DbError;
use super::schema::{self, SchemaError, SeedState};
use super::session::Session;
use crate::advice;
use crate::endpoint::MysqlEndpoint;
use crate::interrupt::Interrupted;
use crate::units;
use crate::users::{DataSet, Fingerprint};
pub(crate) use lock::lock;

/// Called with how many more users were sent.
pub(crate) type Progress = Arc<dyn Fn(u64) + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("interrupted; the next seed mends a table that is half filled:{}", advice::line("seed"))]
    Interrupted,
    #[error(
        "the table is seeded with {} of rng_seed {there_seed}, not with {} of rng_seed {asked_seed}\n  replace them with:{}",
        units::counted(u64::from(*there_users), "user", "users"),
        units::counted(u64::from(*asked_users), "user", "users"),
        advice::line(&format!("seed --users {asked_users} --rng-seed {asked_seed} --force"))
    )]
    Different { there_users: u32, there_seed: u64, asked_users: u32, asked_seed: u64 },
    #[error(
        "the table was changed since it was seeded: its fingerprint is {found}, not {expected}\n  \
         put the users back with:{}",
        advice::line("seed --force")
    )]
    Changed { found: Fingerprint, expected: String },
    #[error(
        "the table users holds rows that rcache did not put there; they were left untouched\n  \
         replace them with:{}",
        advice::line("seed --force")
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

impl From<Interrupted> for SeedError {
    /// It is no source: there is nothing behind it to be told.
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<super::schema::ForeignTable> for SeedError {
    fn from(foreign: super::schema::ForeignTable) -> Self {
        Self::Schema(foreign.into())
    }
}

/// The result of a seed: what it found and therefore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seeded {
    /// The table already held these users.
    Already,
    Filled(Method),
    /// An earlier seed had been interrupted; its rows were thrown away first.
    Mended(Method),
    /// Other users were replaced.
    Replaced(Method),
}

/// The way in which the rows travelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    LoadData,
    /// LOAD DATA LOCAL was refused, by the server or by a proxy, in these words.
    Insert {
        refusal: String,
    },
}

/// Makes the table hold exactly `data`, and proves it by count and fingerprint computed in the
/// database.
///
/// With `force`, other users and changed rows are replaced; otherwise they are an error. `endpoint`
/// is where `conn` is connected to: for further connections, if the server gives them.
pub(crate) fn seed(
    conn: &mut Session,
    endpoint: &MysqlEndpoint,
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
    let method = fill(conn, endpoint, plan, data, progress)?;
    Ok(match plan {
        Plan::Fill => Seeded::Filled(method),
        Plan::Mend => Seeded::Mended(method),
        Plan::Replace | Plan::Check => Seeded::Replaced(method),
    })
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

fn holds_rows(conn: &mut Session) -> Result<bool, DbError> {
    let any: Option<u8> = conn
        .query_first(include_str!("../../sql/any_user.sql"))
        .map_err(|source| DbError::new("looking into the table users", source))?;
    Ok(any == Some(1))
}

/// The users that the table holds, once it is certain that nobody changed them; none where it is
/// not seeded.
pub(crate) fn check(conn: &mut Session) -> Result<Option<DataSet>, SeedError> {
    match schema::inspect(conn)? {
        schema::Tables::Foreign(foreign) => Err(foreign.into()),
        schema::Tables::Ours { users_table: true, state: SeedState::Seeded { data, fingerprint } } => {
            schema::check_engines(conn)?;
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

fn fingerprint_in_database(conn: &mut Session) -> Result<Fingerprint, DbError> {
    let (rows, crc_sum, crc_xor) = conn
        .query_first(include_str!("../../sql/fingerprint.sql"))
        .map_err(|source| DbError::new("computing the table's fingerprint", source))?
        .unwrap_or_default();
    Ok(Fingerprint { rows, crc_sum, crc_xor })
}

/// Empties the table and sends every user. Until the end the meta table says `seeding`, so that an
/// interruption at any point is recognised.
fn fill(
    conn: &mut Session,
    endpoint: &MysqlEndpoint,
    plan: Plan,
    data: DataSet,
    progress: &Progress,
) -> Result<Method, SeedError> {
    schema::write_state(conn, "seeding", data, "")?;
    // An empty table is not emptied: TRUNCATE makes the server build it anew. After an interruption
    // it is, whatever it seems to hold: what other connections had sent may not be rolled back yet,
    // and TRUNCATE waits for that.
    if plan == Plan::Mend || holds_rows(conn)? {
        conn.query_drop(include_str!("../../sql/truncate_users.sql"))
            .map_err(|source| DbError::new("emptying the table users", source))?;
    }
    let method = loading::load(conn, endpoint, data, progress)?;
    // Both sides count at the same time: here, and in the database.
    let (found, expected) = std::thread::scope(|scope| {
        let expected = scope.spawn(|| data.fingerprint());
        let found = fingerprint_in_database(conn);
        lock::hold_until(conn, || expected.is_finished());
        let expected = expected.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        found.map(|found| (found, expected))
    })?;
    if found != expected {
        return Err(SeedError::Mismatch { found, expected });
    }
    schema::write_state(conn, "seeded", data, &found.to_string())?;
    // A server that refuses it finds the numbers by itself after a while.
    let _ = conn.query_drop(include_str!("../../sql/analyze_users.sql"));
    Ok(method)
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
}
