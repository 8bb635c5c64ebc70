//! Rows of a prepared statement, read off the connection as they arrive: the baseline must be as
//! fast as we can make it, because a slow one flatters the cache.
//!
//! The `mysql` crate makes a vector for every row and another for every text in it; here a cell is
//! a slice of the buffer that the socket was read into, and a short reply comes to where the one
//! before it stood, which is still in the processor's caches; the crate's buffer wanders through 4
//! MB. The crate still connects, logs in and prepares. This module then speaks on the same socket,
//! one whole exchange at a time, so that neither finds half a reply of the other. Protocol:
//! COM_STMT_EXECUTE and the binary result set
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html>,
//! <https://mariadb.com/docs/server/reference/clientserver-protocol/4-server-response-packets/result-set-packets>).
//! The crate asks for no CLIENT_DEPRECATE_EOF, so a result set ends with an EOF packet; and it lets
//! MariaDB leave out the column definitions of a statement that it has prepared.

mod answers;
mod bind;
mod cells;
mod packets;

use std::io::{self, Read, Write};
use std::time::Duration;

use mysql::consts::ColumnType;
use mysql::{MySqlError, Params, Statement, Value};

use super::connect;
use super::error::DbError;
use super::session::Session;
use super::socket::Socket;
use super::watch::Ended;
use crate::endpoint::{MysqlEndpoint, MysqlTls};
pub(crate) use answers::{Question, Shape};
pub(in crate::db) use answers::{Refusal, Taker};
pub(crate) use bind::write_literal;
pub(crate) use cells::{Cells, WrongCells};
use packets::{Packets, TooLarge};

const COM_QUERY: u8 = 0x03;
const COM_STMT_EXECUTE: u8 = 0x17;
const NO_CURSOR: u8 = 0;
const OK: u8 = 0x00;
const EOF: u8 = 0xFE;
const ERR: u8 = 0xFF;
/// An EOF packet is shorter than this, a row that begins with the same byte is not.
const LONGEST_EOF: usize = 8;
/// In the two bytes of a parameter's type.
const UNSIGNED: u8 = 0x80;

/// Why rows could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowsError {
    #[error(transparent)]
    Mysql(#[from] DbError),
    /// The rows came, and were not as the statement promised.
    #[error(transparent)]
    Cells(#[from] WrongCells),
    /// They are more than was allowed; the connection is closed.
    #[error("the answer is larger than allowed")]
    TooLarge,
}

impl From<io::Error> for RowsError {
    fn from(error: io::Error) -> Self {
        if error.get_ref().is_some_and(|cause| cause.is::<TooLarge>()) {
            return Self::TooLarge;
        }
        Self::Mysql(failed(error.into()))
    }
}

fn failed_before() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection failed before")
}

fn failed(error: mysql::Error) -> DbError {
    DbError::new("reading rows", error)
}

/// A connection whose rows are read as fast as its transport allows.
pub(crate) struct RowConnection {
    session: Session,
    /// `None` if the connection is encrypted: then only the crate can read it.
    packets: Option<Packets<Socket>>,
    command: Vec<u8>,
    /// After a failed exchange the next reply could belong to it.
    broken: bool,
    exchanges: u64,
}

impl RowConnection {
    /// Opens a connection as [`connect::connect`] does.
    pub(crate) fn open(endpoint: &MysqlEndpoint) -> Result<Self, DbError> {
        Ok(Self::over(connect::connect(endpoint)?, endpoint))
    }

    /// Opens a connection whose session can only read, and whose statements the server ends after
    /// this time.
    pub(crate) fn open_read_only(endpoint: &MysqlEndpoint, time_limit: Duration) -> Result<Self, DbError> {
        Ok(Self::over(connect::read_only(endpoint, time_limit)?, endpoint))
    }

    fn over(session: Session, endpoint: &MysqlEndpoint) -> Self {
        let packets = match endpoint.tls {
            MysqlTls::Disabled => Some(Packets::over(Socket::of(session.watched()))),
            MysqlTls::Required | MysqlTls::VerifyCa | MysqlTls::VerifyIdentity => None,
        };
        Self { session, packets, command: Vec::new(), broken: false, exchanges: 0 }
    }

    /// Commands that were sent so far, each of which waits for its reply.
    pub(crate) fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// SELECT statements that setting the session up took.
    pub(crate) fn set_up_selects(&self) -> u64 {
        self.session.set_up_selects
    }

    /// Prepares a statement on the server.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<Statement, DbError> {
        self.session.prep(sql).map_err(|source| DbError::new("preparing a statement", source))
    }

    /// One bare round trip: a statement that returns a single number, as text.
    pub(crate) fn round_trip(&mut self) -> Result<(), RowsError> {
        let sql = include_str!("../../sql/round_trip.sql");
        self.exchanges += 1;
        if self.packets.is_none() {
            return Ok(self.session.query_drop(sql).map_err(failed)?);
        }
        write_query(&mut self.command, sql);
        self.exchange(|_, _| Ok(()))
    }

    /// Runs the statement and hands each row to `row`. Where that finds one wrong, the others are
    /// still read, so that the connection stays usable.
    #[inline]
    pub(crate) fn execute(
        &mut self,
        statement: &Statement,
        parameters: &[u32],
        mut row: impl FnMut(Cells<'_>) -> Result<(), WrongCells>,
    ) -> Result<(), RowsError> {
        self.exchanges += 1;
        if self.packets.is_none() {
            return by_the_crate(&mut self.session, statement, parameters, row);
        }
        write_command(&mut self.command, statement.id(), parameters);
        self.exchange(|packet, columns| Cells::in_packet(packet, columns).and_then(&mut row))
    }

    /// Sends the command at hand and hands each row to `row`: its packet, and how many columns it
    /// has.
    #[inline]
    fn exchange(
        &mut self,
        mut row: impl FnMut(&[u8], usize) -> Result<(), WrongCells>,
    ) -> Result<(), RowsError> {
        let Some(packets) = self.packets.as_mut().filter(|_| !self.broken) else {
            return Err(failed_before().into());
        };
        let watched = self.session.watched();
        watched.begin()?;
        let outcome = exchange(packets, &self.command, &mut row);
        watched.end();
        self.broken = is_broken(&outcome);
        explained(outcome, watched.ended())
    }
}

/// Whether the next reply could belong to a failed exchange.
fn is_broken<T>(outcome: &Result<T, RowsError>) -> bool {
    match outcome {
        Err(RowsError::Mysql(error)) => error.code().is_none(),
        Err(RowsError::TooLarge) => true,
        Ok(_) | Err(RowsError::Cells(_)) => false,
    }
}

/// The reason why the connection was shut down, in the place of what was seen of that.
fn explained<T>(outcome: Result<T, RowsError>, ended: Option<Ended>) -> Result<T, RowsError> {
    match (outcome, ended) {
        (Err(RowsError::Mysql(error)), Some(ended)) if error.code().is_none() => Err(ended.into_io().into()),
        (outcome, _) => outcome,
    }
}

fn by_the_crate(
    session: &mut Session,
    statement: &Statement,
    parameters: &[u32],
    mut row: impl FnMut(Cells<'_>) -> Result<(), WrongCells>,
) -> Result<(), RowsError> {
    let parameters = match parameters {
        [] => Params::Empty,
        parameters => Params::Positional(parameters.iter().map(|value| Value::from(*value)).collect()),
    };
    let mut wrong = None;
    let each = |found: &mysql::Row| {
        if wrong.is_none() {
            wrong = row(Cells::in_row(found)).err();
        }
    };
    session.exec_each(statement, parameters, each).map_err(failed)?;
    wrong.map_or(Ok(()), |wrong| Err(wrong.into()))
}

fn exchange(
    packets: &mut Packets<Socket>,
    command: &[u8],
    row: &mut impl FnMut(&[u8], usize) -> Result<(), WrongCells>,
) -> Result<(), RowsError> {
    packets.begin(u64::MAX);
    packets.stream().write_all(command)?;
    let columns = match result_set_head(packets)? {
        0 => return Ok(()),
        columns => columns,
    };
    Ok(each_row(packets, |packet| row(packet, columns))??)
}

/// Hands the packets of rows over until one is refused, and reads all of them.
#[inline]
fn each_row<E>(
    packets: &mut Packets<impl Read>,
    mut row: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Result<(), E>, RowsError> {
    let mut taken = Ok(());
    loop {
        let packet = packets.next()?;
        match packet.first() {
            Some(&ERR) => return Err(failed(server_error(packet)).into()),
            Some(&EOF) if packet.len() < LONGEST_EOF => return Ok(taken),
            _ => {}
        }
        if taken.is_ok() {
            taken = row(packet);
        }
    }
}

/// Everything before the first row; how many columns there are.
fn result_set_head(packets: &mut Packets<impl Read>) -> Result<usize, RowsError> {
    let packet = packets.next()?;
    let (columns, definitions_follow) = match packet {
        [ERR, ..] => return Err(failed(server_error(packet)).into()),
        [OK, ..] => return Ok(0),
        // Below 251 a number is one byte; no statement of ours has more columns.
        [columns @ 1..=250] => (usize::from(*columns), true),
        [columns @ 1..=250, follow, ..] => (usize::from(*columns), *follow != 0),
        _ => return Err(packets::invalid("the head of a result set").into()),
    };
    // The definitions, and the EOF packet behind them, which comes without them too.
    for _ in 0..if definitions_follow { columns + 1 } else { 1 } {
        packets.next()?;
    }
    Ok(columns)
}

fn begin_command(command: &mut Vec<u8>, code: u8) {
    command.clear();
    // The header comes last, when the length is known.
    command.extend_from_slice(&[0; packets::HEADER_BYTES]);
    command.push(code);
}

fn write_query(command: &mut Vec<u8>, sql: &str) {
    begin_command(command, COM_QUERY);
    command.extend_from_slice(sql.as_bytes());
    packets::write_header(command);
}

fn begin_execute(command: &mut Vec<u8>, statement: u32) {
    begin_command(command, COM_STMT_EXECUTE);
    command.extend_from_slice(&statement.to_le_bytes());
    command.push(NO_CURSOR);
    // One execution.
    command.extend_from_slice(&1u32.to_le_bytes());
}

fn write_command(command: &mut Vec<u8>, statement: u32, parameters: &[u32]) {
    begin_execute(command, statement);
    if !parameters.is_empty() {
        // A bit for each parameter that is NULL, then "types follow", the types, the values.
        command.extend(std::iter::repeat_n(0, parameters.len().div_ceil(8)));
        command.push(1);
        parameters
            .iter()
            .for_each(|_| command.extend_from_slice(&[ColumnType::MYSQL_TYPE_LONG as u8, UNSIGNED]));
        parameters.iter().for_each(|value| command.extend_from_slice(&value.to_le_bytes()));
    }
    packets::write_header(command);
}

/// ERR packet: code, `#` and five characters of SQL state, message.
fn server_error(packet: &[u8]) -> mysql::Error {
    let (code, rest) = match packet {
        [_, low, high, rest @ ..] => (u16::from_le_bytes([*low, *high]), rest),
        _ => (0, &[][..]),
    };
    let (state, message) = match rest {
        [b'#', rest @ ..] if rest.len() >= 5 => rest.split_at(5),
        message => (&b"HY000"[..], message),
    };
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    mysql::Error::MySqlError(MySqlError { code, state: words(state), message: words(message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_the_bytes_of_the_protocol() {
        let mut command = Vec::new();
        write_query(&mut command, "SELECT 1");
        assert_eq!(command, [&[9, 0, 0, 0, 3][..], b"SELECT 1"].concat());
        write_command(&mut command, 7, &[]);
        assert_eq!(command, [10, 0, 0, 0, 0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0]);
        write_command(&mut command, 7, &[258, 3]);
        let tail = [0, 1, 3, 0x80, 3, 0x80, 2, 1, 0, 0, 3, 0, 0, 0];
        assert_eq!(command, [&[24, 0, 0, 0, 0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0][..], &tail].concat());
    }

    #[test]
    fn the_servers_words_are_kept() {
        let said = |packet: &[u8]| match server_error(packet) {
            mysql::Error::MySqlError(error) => format!("{} {} {}", error.code, error.state, error.message),
            other => other.to_string(),
        };
        assert_eq!(said(b"\xff\x48\x04#42S02No such table"), "1096 42S02 No such table");
        assert_eq!(said(b"\xff\x48\x04bad"), "1096 HY000 bad");
        assert_eq!(said(b"\xff"), "0 HY000 ");
    }
}
