//! The tables and who made them. Nothing that rcache did not make is ever written, truncated or
//! dropped.

use super::error::DbError;
use super::session::Session;
use crate::users::DataSet;

/// The comment that marks a table as rcache's own.
pub(crate) const MARK: &str = "made by rcache";
const CREATE_META: &str = include_str!("../../sql/create_meta.sql");
const CREATE_USERS: &str = include_str!("../../sql/create_users.sql");

/// The SQL that [`create`] runs, for people who want to read it or run it themselves.
pub(crate) fn sql() -> String {
    let parts = [CREATE_META, CREATE_USERS, include_str!("../../sql/insert_meta.sql")];
    parts.map(|part| format!("{};\n", part.trim_end())).join("\n")
}

/// The state of the users in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeedState {
    Empty,
    /// A seed began and did not end.
    Interrupted,
    Seeded {
        data: DataSet,
        /// The fingerprint that the database computed when the seed ended.
        fingerprint: String,
    },
}

/// The tables or views under the two names that rcache uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    Absent,
    /// Both tables are there and ours; or only the meta table, which is made first and dropped
    /// last.
    Ours {
        users_table: bool,
        state: SeedState,
    },
    Foreign(ForeignTable),
}

/// A table under one of our names that rcache did not make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database {database:?} has a {kind} {table:?} that rcache did not make; it was left untouched\n  \
     give rcache a database of its own: CREATE DATABASE rcache CHARACTER SET utf8mb4, and end --mysql-url with /rcache"
)]
pub(crate) struct ForeignTable {
    database: String,
    kind: &'static str,
    table: String,
}

/// Why the tables could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error(transparent)]
    Foreign(#[from] ForeignTable),
    #[error(
        "the table {table:?} has the storage engine {engine}, which has no transactions: what rcache measures and promises \
         needs InnoDB\n  \
         look at the server's settings enforce_storage_engine and default_storage_engine; a table that is there already goes with \
         rcache schema --drop"
    )]
    NoTransactions { table: String, engine: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Refuses tables of ours that have no transactions. A server can put another engine in the place
/// of the one asked for.
pub(crate) fn check_engines(conn: &mut Session) -> Result<(), SchemaError> {
    let wrong: Option<(String, String)> = conn
        .query_first(include_str!("../../sql/wrong_engine.sql"))
        .map_err(|source| DbError::new("looking for the engine of its tables", source))?;
    match wrong {
        Some((table, engine)) => Err(SchemaError::NoTransactions { table, engine }),
        None => Ok(()),
    }
}

/// Looks at the database and changes nothing.
pub(crate) fn inspect(conn: &mut Session) -> Result<Tables, DbError> {
    let fail = |source| DbError::new("looking for its tables", source);
    let rows = conn.query(include_str!("../../sql/select_tables.sql")).map_err(fail)?.into_iter();
    let row = |(name, table_type, comment)| TableRow { name, table_type, comment };
    let rows: Vec<TableRow> = rows.map(row).collect();
    match judge(&rows) {
        Judgement::Absent => Ok(Tables::Absent),
        Judgement::Ours { users_table } => Ok(Tables::Ours { users_table, state: read_state(conn)? }),
        Judgement::Foreign { kind, table } => {
            let database =
                conn.query_first(include_str!("../../sql/database.sql")).map_err(fail)?.unwrap_or_default();
            Ok(Tables::Foreign(ForeignTable { database, kind, table }))
        }
    }
}

struct TableRow {
    name: String,
    table_type: String,
    comment: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Absent,
    Ours { users_table: bool },
    Foreign { kind: &'static str, table: String },
}

/// Ours is a base table that carries the mark; users without the meta table beside it are nobody's
/// proof.
fn judge(rows: &[TableRow]) -> Judgement {
    // On a case-sensitive server `Users` is another table than `users`: whoever made it, it is not
    // the one we would touch.
    if let Some(row) = rows.iter().find(|row| !["rcache_meta", "users"].contains(&row.name.as_str())) {
        return Judgement::Foreign { kind: kind_of(row), table: row.name.clone() };
    }
    let find = |name: &str| rows.iter().find(|row| row.name == name);
    let (meta, users) = (find("rcache_meta"), find("users"));
    for row in [meta, users].into_iter().flatten() {
        if kind_of(row) == "view" || row.comment != MARK {
            return Judgement::Foreign { kind: kind_of(row), table: row.name.clone() };
        }
    }
    match (meta, users) {
        (None, None) => Judgement::Absent,
        (None, Some(row)) => Judgement::Foreign { kind: "table", table: row.name.clone() },
        (Some(_), users) => Judgement::Ours { users_table: users.is_some() },
    }
}

fn kind_of(row: &TableRow) -> &'static str {
    if row.table_type == "BASE TABLE" { "table" } else { "view" }
}

fn read_state(conn: &mut Session) -> Result<SeedState, DbError> {
    let row: Option<(String, u32, u64, String)> = conn
        .query_first(include_str!("../../sql/select_meta.sql"))
        .map_err(|source| DbError::new("reading rcache_meta", source))?;
    Ok(match row {
        Some((state, users, rng_seed, fingerprint)) if state == "seeded" => {
            SeedState::Seeded { data: DataSet { users, rng_seed }, fingerprint }
        }
        Some((state, ..)) if state == "seeding" => SeedState::Interrupted,
        _ => SeedState::Empty,
    })
}

/// Records how far the users in the table are; `data` and `fingerprint` say which users.
pub(super) fn write_state(
    conn: &mut Session,
    state: &str,
    data: DataSet,
    fingerprint: &str,
) -> Result<(), DbError> {
    conn.exec_drop(include_str!("../../sql/update_meta.sql"), (state, data.users, data.rng_seed, fingerprint))
        .map_err(|source| DbError::new("writing rcache_meta", source))
}

/// Makes the tables where they are missing and says how far the users in them are.
///
/// # Errors
/// Where a table under one of our names is not ours; nothing was changed then.
pub(crate) fn create(conn: &mut Session) -> Result<(Created, SeedState), SchemaError> {
    let fail = |source| DbError::new("creating its tables", source);
    match inspect(conn)? {
        Tables::Foreign(foreign) => return Err(foreign.into()),
        Tables::Ours { users_table: true, state } => {
            check_engines(conn)?;
            return Ok((Created::Already, state));
        }
        Tables::Ours { users_table: false, .. } | Tables::Absent => {}
    }
    conn.query_drop(CREATE_META).map_err(fail)?;
    conn.query_drop(CREATE_USERS).map_err(fail)?;
    conn.query_drop(include_str!("../../sql/insert_meta.sql")).map_err(fail)?;
    if let Err(error) = check_engines(conn) {
        drop(conn)?;
        return Err(error);
    }
    write_state(conn, "empty", DataSet { users: 0, rng_seed: 0 }, "")?;
    Ok((Created::Now, SeedState::Empty))
}

/// Whether [`create`] had to do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    Now,
    Already,
}

/// Drops the tables that rcache made; false where there were none.
///
/// # Errors
/// Where a table under one of our names is not ours; nothing was changed then.
pub(crate) fn drop(conn: &mut Session) -> Result<bool, SchemaError> {
    let fail = |source| DbError::new("dropping its tables", source);
    match inspect(conn)? {
        Tables::Foreign(foreign) => Err(foreign.into()),
        Tables::Absent => Ok(false),
        Tables::Ours { users_table, .. } => {
            if users_table {
                conn.query_drop(include_str!("../../sql/drop_users.sql")).map_err(fail)?;
            }
            conn.query_drop(include_str!("../../sql/drop_meta.sql")).map_err(fail)?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, table_type: &str, comment: &str) -> TableRow {
        TableRow { name: name.to_owned(), table_type: table_type.to_owned(), comment: comment.to_owned() }
    }

    #[test]
    fn only_marked_tables_are_ours() {
        let meta = || row("rcache_meta", "BASE TABLE", MARK);
        let users = |comment| row("users", "BASE TABLE", comment);
        let foreign = |kind, table: &str| Judgement::Foreign { kind, table: table.to_owned() };
        for (rows, judgement) in [
            (vec![], Judgement::Absent),
            (vec![meta()], Judgement::Ours { users_table: false }),
            (vec![users(MARK), meta()], Judgement::Ours { users_table: true }),
            (vec![users("")], foreign("table", "users")),
            (vec![users(MARK)], foreign("table", "users")),
            (vec![meta(), users("")], foreign("table", "users")),
            (vec![row("rcache_meta", "BASE TABLE", "")], foreign("table", "rcache_meta")),
            (vec![meta(), row("users", "VIEW", "VIEW")], foreign("view", "users")),
            (vec![meta(), row("Users", "BASE TABLE", "")], foreign("table", "Users")),
            (vec![meta(), row("Users", "BASE TABLE", MARK), users("")], foreign("table", "Users")),
            (vec![meta(), users(MARK), row("USERS", "BASE TABLE", MARK)], foreign("table", "USERS")),
        ] {
            assert_eq!(judge(&rows), judgement);
        }
    }
}
