//! Rows of a CSV or TSV file.
//!
//! The parser is the `csv` crate's own, `csv-core`: the outer crate does not tell whether a field
//! had quotes, which is what tells an empty text from NULL and the text "7" from the number 7.
//!
//! CSV: a field without quotes is NULL if it is empty or `\N`, a number if it is written as one,
//! else text; a field in double quotes is text. TSV: as MySQL writes it, without quotes, with `\t`,
//! `\n`, `\\` and `\N` for NULL; an empty field is an empty text.

use std::io::{BufRead, BufReader, Chain, Cursor, Read};

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

use super::Cause;
use super::value::Value;
use crate::plain_text::NotText;

pub(super) const LONGEST_VALUE: usize = 1024 * 1024;
/// The part of a file by which its delimiter is recognised.
const HEAD_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Comma,
    Tab,
}

pub(super) struct Rows<R: Read> {
    input: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    delimiter: Delimiter,
    reader: Reader,
    field: Vec<u8>,
    row: u64,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(mut input: R, delimiter: Option<Delimiter>) -> Result<Self, Cause> {
        let mut head = read_head(&mut input)?;
        match NotText::recognise(&head) {
            Some(NotText::Compressed { kind, tool }) => return Err(Cause::Compressed { kind, tool }),
            Some(NotText::Utf16) => return Err(Cause::Utf16),
            None => {}
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        let first_line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let delimiter = delimiter.unwrap_or(match first_line.contains(&b'\t') {
            true => Delimiter::Tab,
            false => Delimiter::Comma,
        });
        let reader = match delimiter {
            Delimiter::Comma => ReaderBuilder::new().build(),
            Delimiter::Tab => ReaderBuilder::new().delimiter(b'\t').quoting(false).build(),
        };
        let input = BufReader::with_capacity(HEAD_BYTES, Cursor::new(head).chain(input));
        Ok(Self { input, delimiter, reader, field: vec![0; 256], row: 0 })
    }

    /// The values of the next row that is not empty.
    pub(super) fn next_row(&mut self) -> Result<Option<Vec<Value>>, Cause> {
        if !self.skip_line_ends()? {
            return Ok(None);
        }
        self.row += 1;
        let mut values = Vec::new();
        loop {
            let (length, is_quoted, is_last) = match self.next_field()? {
                Some(field) => field,
                None => return Ok((!values.is_empty()).then_some(values)),
            };
            let field = self.field.get(..length).unwrap_or_default();
            let column = values.len() + 1;
            let text = str::from_utf8(field).map_err(|_| Cause::NotUtf8 { row: self.row, column })?;
            values.push(value(text, is_quoted, self.delimiter));
            if is_last {
                return Ok(Some(values));
            }
        }
    }

    /// False at the end of the file.
    fn skip_line_ends(&mut self) -> Result<bool, Cause> {
        loop {
            let buffer = self.input.fill_buf().map_err(super::unreadable)?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let count = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_done = count < buffer.len();
            self.input.consume(count);
            if is_done {
                return Ok(true);
            }
        }
    }

    /// Reads one field: its length, whether it had quotes, and whether it is the last of its row.
    fn next_field(&mut self) -> Result<Option<(usize, bool, bool)>, Cause> {
        let (mut length, mut quotes, mut is_quoted) = (0, 0, None);
        loop {
            let buffer = self.input.fill_buf().map_err(super::unreadable)?;
            let quoted =
                *is_quoted.get_or_insert(self.delimiter == Delimiter::Comma && buffer.first() == Some(&b'"'));
            let out = self.field.get_mut(length..).unwrap_or_default();
            let (result, taken, written) = self.reader.read_field(buffer, out);
            quotes += buffer.iter().take(taken).filter(|byte| **byte == b'"').count();
            self.input.consume(taken);
            length += written;
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull if self.field.len() >= LONGEST_VALUE => {
                    return Err(Cause::TooLong { row: self.row });
                }
                ReadFieldResult::OutputFull => self.field.resize(2 * self.field.len(), 0),
                ReadFieldResult::Field { .. } if quoted && quotes % 2 == 1 => {
                    return Err(Cause::Quotes(self.row));
                }
                ReadFieldResult::Field { record_end } => return Ok(Some((length, quoted, record_end))),
                ReadFieldResult::End => return Ok(None),
            }
        }
    }
}

/// Reads up to the end of the first line, and no further: more may be typed on a terminal.
fn read_head(input: &mut impl Read) -> Result<Vec<u8>, Cause> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while head.len() < HEAD_BYTES && !head.contains(&b'\n') {
        match input.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                crate::interrupt::check()?;
            }
            Err(error) => return Err(super::unreadable(error)),
        }
    }
    Ok(head)
}

fn value(text: &str, is_quoted: bool, delimiter: Delimiter) -> Value {
    match (delimiter, is_quoted, text) {
        (_, true, text) => Value::Text(text.to_owned()),
        (Delimiter::Comma, false, "") | (_, false, "\\N") => Value::Null,
        (Delimiter::Comma, false, text) => Value::from_unquoted(text),
        (Delimiter::Tab, false, text) if text.contains('\\') => Value::Text(unescape(text)),
        (Delimiter::Tab, false, text) => Value::from_unquoted(text),
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let escaped = (character == '\\').then(|| characters.next()).flatten();
        plain.push(match escaped {
            None => character,
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('0') => '\0',
            Some('b') => '\u{8}',
            Some('Z') => '\u{1a}',
            Some(other) => other,
        });
    }
    plain
}

/// True if the first row names the columns: distinct words, above a row with something that is
/// none, such as a number.
pub(super) fn is_header(first: &[Value], second: &[Value]) -> bool {
    let names: Vec<_> = first.iter().filter_map(name).collect();
    let is_distinct =
        names.iter().enumerate().all(|(index, name)| !names.iter().skip(index + 1).any(|n| n == name));
    let looks_like_data = |value: &Value| match value {
        Value::Signed(_) | Value::Unsigned(_) | Value::Decimal(_) => true,
        Value::Text(text) => text.starts_with(|c: char| c.is_ascii_digit()),
        Value::Null | Value::Bytes(_) => false,
    };
    names.len() == first.len() && is_distinct && second.iter().any(looks_like_data)
}

fn name(value: &Value) -> Option<&str> {
    let Value::Text(text) = value else { return None };
    let begins = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let is_name = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ' '));
    (begins && is_name && text.len() <= 64).then_some(text)
}
