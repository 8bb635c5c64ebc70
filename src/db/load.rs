//! Loads the statements of a dump into the database of a connection.

use std::io::BufRead;

use serde::Serialize;

use super::error::{self, DbError};
use super::schema::{self, Tables};
use super::session::Session;
use crate::dump::{DumpStatement, SplitError, Statements, Verdict};
use crate::interrupt::{self, Interrupted};
use crate::units::counted;

/// The rows that were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Loaded {
    /// Statements that were run.
    pub(crate) statements: u64,
    /// Statements about databases and the server that the dump came from.
    pub(crate) skipped: u64,
    /// Tables that were created, in the order of the dump.
    pub(crate) tables: Vec<String>,
}

/// Why a dump was not loaded, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error("line {line}, {kind}: {words}{}", hint.map(|hint| format!("\n  {hint}")).unwrap_or_default())]
    Statement { line: u64, kind: String, words: String, hint: Option<&'static str> },
    #[error(
        "line {line}, {kind}: it would change more than the sandbox's database\n  leave it out of the file"
    )]
    Refused { line: u64, kind: String },
    #[error(
        "line {line}: the file holds a second database, and all tables are loaded into one\n  write a dump of one database: \
         mysqldump DATABASE"
    )]
    SecondDatabase { line: u64 },
    #[error(
        "line {line}, {kind}: rcache's own table has this name\n  remove it first: rcache schema --drop --sandbox"
    )]
    OwnTable { line: u64, kind: String },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("on line {line}, after {}, which stay loaded", counted(*.statements, "statement", "statements"))]
    Interrupted {
        line: u64,
        statements: u64,
        #[source]
        cause: Interrupted,
    },
}

/// Loads all statements, one after the other.
pub(crate) fn load<R: BufRead>(
    session: &mut Session,
    statements: &mut Statements<R>,
) -> Result<Loaded, LoadError> {
    let own = own_tables(session)?;
    let mut loaded = Loaded::default();
    let mut database = None;
    while let Some(statement) = statements.next_statement()? {
        check(&statement, &loaded)?;
        if statement.kind.is_use()
            && *database.get_or_insert_with(|| statement.text.clone()) != statement.text
        {
            return Err(LoadError::SecondDatabase { line: statement.line });
        }
        let kind = || statement.kind.to_string();
        match statement.kind.verdict() {
            Verdict::Skip => loaded.skipped += 1,
            Verdict::Refuse => return Err(LoadError::Refused { line: statement.line, kind: kind() }),
            Verdict::Load => {
                let is_own = |table: &String| own.iter().any(|own| own.eq_ignore_ascii_case(table));
                if statement.kind.table.as_ref().is_some_and(is_own) {
                    return Err(LoadError::OwnTable { line: statement.line, kind: kind() });
                }
                run(session, &statement, &loaded)?;
                loaded.statements += 1;
                let creates = statement.kind.creates_table();
                loaded.tables.extend(statement.kind.table.filter(|_| creates));
            }
        }
    }
    Ok(loaded)
}

fn check(statement: &DumpStatement, loaded: &Loaded) -> Result<(), LoadError> {
    let (line, statements) = (statement.line, loaded.statements);
    interrupt::check().map_err(|cause| LoadError::Interrupted { line, statements, cause })
}

/// Names of rcache's own tables, as far as they are there.
fn own_tables(session: &mut Session) -> Result<Vec<&'static str>, DbError> {
    Ok(match schema::inspect(session)? {
        Tables::Ours { .. } => vec!["users", "rcache_meta", "rcache_scenario"],
        Tables::Absent | Tables::Foreign(_) => vec!["rcache_meta", "rcache_scenario"],
    })
}

fn run(session: &mut Session, statement: &DumpStatement, loaded: &Loaded) -> Result<(), LoadError> {
    let Err(source) = session.query_drop(&statement.text) else { return Ok(()) };
    check(statement, loaded)?;
    let code = match &source {
        mysql::Error::MySqlError(error) => error.code,
        _ => 0,
    };
    Err(LoadError::Statement {
        line: statement.line,
        kind: statement.kind.to_string(),
        words: error::words(&source),
        hint: hint(code),
    })
}

fn hint(code: u16) -> Option<&'static str> {
    match code {
        1050 => {
            Some("write the dump with --add-drop-table, or empty the sandbox first: rcache sandbox destroy")
        }
        1115 | 1273 => Some(
            "the dump comes from another kind or version of server than the sandbox runs: replace the collation in the \
             file by one that it knows, such as utf8mb4_unicode_ci",
        ),
        1064 => Some("is it a dump of another kind or version of server than the sandbox runs?"),
        1146 => Some("the file fills a table that it does not create: write a dump with its CREATE TABLE"),
        1452 => Some(
            "the dump fills a table before the one that it refers to: begin it with SET FOREIGN_KEY_CHECKS = 0",
        ),
        _ => None,
    }
}
