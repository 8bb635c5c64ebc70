//! Answers to statements of a user's own: typed columns, of whatever types and however many.

use std::io::{Read, Write};
use std::sync::Arc;

use mysql::{Column, Row, Statement, Value as CrateValue};

use super::packets::Packets;
use super::{ERR, OK, RowConnection, RowsError, bind, each_row, explained, failed, is_broken, packets};
use super::{server_error, write_query};
use crate::answer::{Answer, Builder, Field, Kind, definition};
use crate::query::parameters::value::Value;

/// In the head of a result set: the server asks for a file of ours.
const LOCAL_FILE: u8 = 0xFB;

/// The statement that is asked.
#[derive(Clone, Copy)]
pub(crate) enum Question<'a> {
    Prepared { statement: &'a Statement, values: &'a [Value] },
    Text(&'a str),
}

/// The columns of the last answer: a server may leave their description out, or send the same
/// again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    definitions: Vec<u8>,
    incoming: Vec<u8>,
    fields: Arc<[Field]>,
}

impl Shape {
    /// The columns as the server described them when the statement was prepared; `None` for a type
    /// that is not known.
    pub(crate) fn of_statement(statement: &Statement) -> Option<Self> {
        Some(Self { fields: fields(&statement.columns())?, ..Self::default() })
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Takes the definitions that came, if they are others than the last ones.
    fn take_incoming(&mut self, ends: &[usize]) -> Result<(), RowsError> {
        if self.incoming == self.definitions {
            return Ok(());
        }
        let mut fields = Vec::with_capacity(ends.len());
        let mut start = 0;
        for end in ends {
            let packet = self.incoming.get(start..*end).unwrap_or_default();
            fields.push(definition(packet).map_err(|_| super::WrongCells)?);
            start = *end;
        }
        std::mem::swap(&mut self.definitions, &mut self.incoming);
        self.fields = fields.into();
        Ok(())
    }
}

fn fields(columns: &[Column]) -> Option<Arc<[Field]>> {
    let field = |column: &Column| {
        let kind = Kind::of_column(column.column_type() as u8, column.flags().bits(), column.character_set());
        Some(Field { name: column.name_str().into_owned(), kind: kind? })
    };
    columns.iter().map(field).collect()
}

impl RowConnection {
    /// Asks, and takes the whole answer if it is not larger than this. A larger one closes the
    /// connection, since the server would go on sending it.
    #[inline]
    pub(crate) fn answer(
        &mut self,
        question: Question<'_>,
        shape: &mut Shape,
        most_bytes: u64,
    ) -> Result<Answer, RowsError> {
        self.exchanges += 1;
        if self.packets.is_none() {
            return self.answer_by_the_crate(question, shape, most_bytes);
        }
        match question {
            Question::Prepared { statement, values } => {
                bind::write_execute(&mut self.command, statement.id(), values);
            }
            Question::Text(sql) => write_query(&mut self.command, sql),
        }
        if self.command.len() - packets::HEADER_BYTES >= packets::CONTINUED {
            return Err(packets::too_long().into());
        }
        let is_binary = matches!(question, Question::Prepared { .. });
        let Some(packets) = self.packets.as_mut().filter(|_| !self.broken) else {
            return Err(super::failed_before().into());
        };
        let watched = self.session.watched();
        watched.begin()?;
        let outcome = exchange(packets, &self.command, shape, is_binary, most_bytes);
        watched.end();
        self.broken = is_broken(&outcome);
        explained(outcome, watched.ended())
    }

    fn answer_by_the_crate(
        &mut self,
        question: Question<'_>,
        shape: &mut Shape,
        most_bytes: u64,
    ) -> Result<Answer, RowsError> {
        let mut taker = Taker { fields: Arc::clone(&shape.fields), builder: None, allowed: most_bytes };
        let taken = match question {
            Question::Prepared { statement, values } => {
                self.session.exec_rows(statement, bind::for_the_crate(values), &mut taker)
            }
            Question::Text(sql) => self.session.query_rows(sql, &mut taker),
        };
        match taken.map_err(failed)? {
            Ok(()) => {}
            Err(Refusal::Wrong) => return Err(super::WrongCells.into()),
            Err(Refusal::TooLarge) => {
                self.broken = true;
                return Err(RowsError::TooLarge);
            }
        }
        shape.fields = Arc::clone(&taker.fields);
        let builder = taker.builder.unwrap_or_else(|| Builder::new(taker.fields));
        builder.finish().map_err(|_| super::WrongCells.into())
    }
}

/// Takes rows that the crate reads.
pub(in crate::db) struct Taker {
    fields: Arc<[Field]>,
    builder: Option<Builder>,
    allowed: u64,
}

/// Why the rest of an answer is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::db) enum Refusal {
    Wrong,
    TooLarge,
}

impl Taker {
    pub(in crate::db) fn columns(&mut self, columns: &[Column]) -> Result<(), Refusal> {
        self.fields = fields(columns).ok_or(Refusal::Wrong)?;
        self.builder = Some(Builder::new(Arc::clone(&self.fields)));
        Ok(())
    }

    pub(in crate::db) fn row(&mut self, row: Row) -> Result<(), Refusal> {
        let values = row.unwrap();
        let bytes: u64 = values.iter().map(value_bytes).sum();
        self.allowed = self.allowed.checked_sub(bytes).ok_or(Refusal::TooLarge)?;
        let builder = self.builder.as_mut().ok_or(Refusal::Wrong)?;
        builder.push_values(values.iter()).map_err(|_| Refusal::Wrong)
    }
}

fn value_bytes(value: &CrateValue) -> u64 {
    match value {
        CrateValue::Bytes(bytes) => bytes.len() as u64 + 1,
        _ => size_of::<u64>() as u64,
    }
}

fn exchange(
    packets: &mut Packets<impl Read + Write>,
    command: &[u8],
    shape: &mut Shape,
    is_binary: bool,
    most_bytes: u64,
) -> Result<Answer, RowsError> {
    packets.begin(most_bytes);
    packets.stream().write_all(command)?;
    head(packets, shape)?;
    let mut builder = Builder::new(Arc::clone(&shape.fields));
    let taken =
        each_row(
            packets,
            |packet| {
                if is_binary { builder.push_binary(packet) } else { builder.push_text(packet) }
            },
        )?;
    match (taken, builder.finish()) {
        (Ok(()), Ok(answer)) => Ok(answer),
        _ => Err(super::WrongCells.into()),
    }
}

/// Everything before the first row.
fn head(packets: &mut Packets<impl Read>, shape: &mut Shape) -> Result<(), RowsError> {
    let packet = packets.next()?;
    let (columns, definitions_follow) = match packet {
        [ERR, ..] => return Err(failed(server_error(packet)).into()),
        // The statement has no rows at all: it is another one than was prepared.
        [OK, ..] => return Err(super::WrongCells.into()),
        [LOCAL_FILE, ..] => return Err(packets::invalid("a request for a file").into()),
        [0xFC, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), follow(rest)),
        [columns, rest @ ..] => (usize::from(*columns), follow(rest)),
        [] => return Err(packets::invalid("the head of a result set").into()),
    };
    if definitions_follow {
        shape.incoming.clear();
        let mut ends = Vec::with_capacity(columns);
        for _ in 0..columns {
            shape.incoming.extend_from_slice(packets.next()?);
            ends.push(shape.incoming.len());
        }
        // The EOF packet behind them, which comes without them too.
        packets.next()?;
        shape.take_incoming(&ends)?;
    } else {
        packets.next()?;
    }
    if shape.fields.len() == columns { Ok(()) } else { Err(packets::invalid("other columns").into()) }
}

/// MariaDB says whether definitions follow, where it may leave them out.
fn follow(rest: &[u8]) -> bool {
    rest.first().is_none_or(|follow| *follow != 0)
}
