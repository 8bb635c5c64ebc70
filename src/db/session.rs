//! A connection to MySQL under watch: every statement that goes through the `mysql` crate is sent
//! from here.

use std::net::Shutdown;
use std::sync::Arc;

use mysql::prelude::{AsStatement, FromRow, Queryable};
use mysql::{Conn, Error, LocalInfileHandler, Params, Row, Statement};

use super::rows::{Refusal, Taker};
use super::socket::Socket;
use super::watch::{Server, Watched};

/// A connection whose statements end soon after an interrupt, and when the server stops answering.
///
/// The methods are those of [`Queryable`], but rows of an unexpected shape are an error and no
/// panic.
pub(crate) struct Session {
    // Dropped before `watched`, so that saying goodbye is still under watch.
    conn: Conn,
    watched: Arc<Watched>,
    /// SELECT statements that setting the session up took.
    pub(super) set_up_selects: u64,
}

impl Session {
    /// Puts an open connection under watch.
    pub(super) fn new(conn: Conn, server: Arc<Server>) -> Result<Self, Error> {
        let watched = Watched::new(Socket::handle_of(&conn)?, server);
        Ok(Self { conn, watched, set_up_selects: 0 })
    }

    pub(super) fn watched(&self) -> &Arc<Watched> {
        &self.watched
    }

    /// The number of the connection, as it was greeted.
    pub(super) fn greeted_as(&self) -> u32 {
        self.conn.connection_id()
    }

    fn run<T>(&mut self, statement: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
        self.watched.begin()?;
        let outcome = statement(&mut self.conn);
        self.watched.end();
        outcome.map_err(|error| self.explain(error))
    }

    /// The reason why the connection was shut down, in the place of what the crate saw of that.
    fn explain(&self, error: Error) -> Error {
        match (self.watched.ended(), &error) {
            (Some(ended), Error::IoError(_) | Error::CodecError(_) | Error::DriverError(_)) => {
                ended.into_io().into()
            }
            _ => error,
        }
    }

    pub(crate) fn query_drop(&mut self, sql: impl AsRef<str>) -> Result<(), Error> {
        self.run(|conn| conn.query_drop(sql))
    }

    pub(crate) fn query_first<T: FromRow>(&mut self, sql: impl AsRef<str>) -> Result<Option<T>, Error> {
        self.run(|conn| Ok(conn.query_first_opt(sql)?.transpose()?))
    }

    pub(crate) fn query<T: FromRow>(&mut self, sql: impl AsRef<str>) -> Result<Vec<T>, Error> {
        self.run(|conn| Ok(conn.query_opt(sql)?.into_iter().collect::<Result<_, _>>()?))
    }

    pub(crate) fn prep(&mut self, sql: impl AsRef<str>) -> Result<Statement, Error> {
        self.run(|conn| conn.prep(sql))
    }

    pub(crate) fn exec_drop(
        &mut self,
        statement: impl AsStatement,
        parameters: impl Into<Params>,
    ) -> Result<(), Error> {
        self.run(|conn| conn.exec_drop(statement, parameters))
    }

    pub(crate) fn exec_first<T: FromRow>(
        &mut self,
        statement: impl AsStatement,
        parameters: impl Into<Params>,
    ) -> Result<Option<T>, Error> {
        self.run(|conn| Ok(conn.exec_first_opt(statement, parameters)?.transpose()?))
    }

    /// One bare round trip.
    pub(crate) fn ping(&mut self) -> Result<(), Error> {
        self.run(Conn::ping)
    }

    /// Hands every row to `row`.
    pub(super) fn exec_each(
        &mut self,
        statement: &Statement,
        parameters: Params,
        mut row: impl FnMut(&Row),
    ) -> Result<(), Error> {
        let watched = Arc::clone(&self.watched);
        self.run(|conn| {
            for found in conn.exec_iter(statement, parameters)? {
                watched.arrived();
                row(&found?);
            }
            Ok(())
        })
    }

    /// Executes a prepared statement and hands its columns and rows over.
    pub(super) fn exec_rows(
        &mut self,
        statement: &Statement,
        parameters: Params,
        taker: &mut Taker,
    ) -> Result<Result<(), Refusal>, Error> {
        let watched = Arc::clone(&self.watched);
        self.run(|conn| {
            let mut result = conn.exec_iter(statement, parameters)?;
            let columns = taker.columns(result.columns().as_ref());
            hand_over(&mut result, columns, taker, &watched)
        })
    }

    /// Sends a statement whole and hands its columns and rows over.
    pub(super) fn query_rows(&mut self, sql: &str, taker: &mut Taker) -> Result<Result<(), Refusal>, Error> {
        let watched = Arc::clone(&self.watched);
        self.run(|conn| {
            let mut result = conn.query_iter(sql)?;
            let columns = taker.columns(result.columns().as_ref());
            hand_over(&mut result, columns, taker, &watched)
        })
    }

    /// Begins a transaction, which is rolled back unless it is committed.
    pub(crate) fn start_transaction(&mut self) -> Result<Transaction<'_>, Error> {
        self.query_drop(include_str!("../../sql/start_transaction.sql"))?;
        Ok(Transaction { session: self, is_over: false })
    }

    /// Sets what the next LOAD DATA LOCAL sends.
    pub(crate) fn set_local_infile_handler(&mut self, handler: Option<LocalInfileHandler>) {
        self.conn.set_local_infile_handler(handler);
    }
}

/// Hands rows over until one is refused; if they are too many, the connection is closed, since the
/// server would go on.
fn hand_over(
    rows: &mut dyn Iterator<Item = Result<Row, Error>>,
    columns: Result<(), Refusal>,
    taker: &mut Taker,
    watched: &Watched,
) -> Result<Result<(), Refusal>, Error> {
    let mut refusal = columns;
    for found in rows {
        watched.arrived();
        let found = found?;
        if refusal.is_ok() {
            refusal = taker.row(found);
        }
        if refusal == Err(Refusal::TooLarge) {
            // It may be closed already.
            let _ = watched.socket().shutdown(Shutdown::Both);
            break;
        }
    }
    Ok(refusal)
}

/// An open transaction. Each of its statements is under watch, and the time between them is not.
pub(crate) struct Transaction<'a> {
    session: &'a mut Session,
    is_over: bool,
}

impl Transaction<'_> {
    pub(crate) fn exec_drop(
        &mut self,
        statement: impl AsStatement,
        parameters: impl Into<Params>,
    ) -> Result<(), Error> {
        self.session.exec_drop(statement, parameters)
    }

    pub(crate) fn exec_first<T: FromRow>(
        &mut self,
        statement: impl AsStatement,
        parameters: impl Into<Params>,
    ) -> Result<Option<T>, Error> {
        self.session.exec_first(statement, parameters)
    }

    pub(crate) fn commit(mut self) -> Result<(), Error> {
        self.is_over = true;
        self.session.query_drop(include_str!("../../sql/commit.sql"))
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // A connection that fails here takes its transaction with it.
            let _ = self.session.query_drop(include_str!("../../sql/rollback.sql"));
        }
    }
}
