//! Reads replies: a line each, and behind the line of a string its bytes, straight from the socket
//! into the caller's buffer.

use std::io::{self, BufRead, Read};

use super::{Connection, WireError};
use crate::protocol::key_state::HEAD_BYTES;

/// The size of the pieces in which a longer string is received: small enough that a piece is still
/// in the second-level cache when it is looked at, and that the kernel soon takes in the next one.
/// A reply of 5 MB arrived sooner in pieces than at once.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// The reply of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK` and its like.
    Status,
    Integer(i64),
    /// A string; its bytes are in the buffer that the command was given.
    Bytes,
    /// No such thing.
    Nil,
}

impl Connection {
    /// A line, and behind the line of a string its bytes, straight from the socket into `value`.
    pub(super) fn read_reply(
        &mut self,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
        may_be_list: bool,
    ) -> Result<Reply, WireError> {
        self.read_line()?;
        self.rest_of_reply(value, seen, may_be_list)
    }

    /// The first line of a reply, into `line`.
    pub(super) fn read_line(&mut self) -> Result<(), WireError> {
        const MAX_LINE_BYTES: u64 = 64 * 1024;
        self.line.clear();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis closed the connection").into());
        }
        if !self.line.ends_with(b"\n") && (self.line.len() as u64) < MAX_LINE_BYTES {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis broke off in a reply").into());
        }
        Ok(())
    }

    pub(super) fn rest_of_reply(
        &mut self,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
        may_be_list: bool,
    ) -> Result<Reply, WireError> {
        match self.line.strip_suffix(b"\r\n") {
            Some([b'-', words @ ..]) => Err(WireError::Server(String::from_utf8_lossy(words).into_owned())),
            Some([b'+', ..]) => Ok(Reply::Status),
            Some([b':', digits @ ..]) => Ok(Reply::Integer(parse_integer(digits)?)),
            Some(b"$-1" | b"*-1") => Ok(Reply::Nil),
            // The answer of EXEC to one command. No command answers with deeper lists.
            Some(b"*1") if may_be_list => self.read_reply(value, seen, false),
            Some([b'$', digits @ ..]) => {
                let length = parse_integer(digits)?;
                self.read_string(length, value, seen)
            }
            _ => Err(WireError::Protocol("a reply of no kind that is expected here")),
        }
    }

    fn read_string(
        &mut self,
        length: i64,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Reply, WireError> {
        let wanted =
            usize::try_from(length).map_err(|_| WireError::Protocol("a string of impossible length"))?;
        if wanted > self.max_string_bytes {
            value.resize(HEAD_BYTES.min(wanted), 0);
            self.stream.read_exact(value)?;
            self.is_too_long = true;
            return Err(WireError::Protocol("a string longer than any that is kept"));
        }
        value
            .try_reserve_exact(wanted)
            .map_err(|_| WireError::Protocol("a string too long for this memory"))?;
        while value.len() < wanted {
            let start = value.len();
            value.resize(wanted.min(start + PIECE_BYTES), 0);
            let piece = value.get_mut(start..).unwrap_or_default();
            self.stream.read_exact(piece)?;
            if wanted > PIECE_BYTES {
                seen(piece);
            }
        }
        let mut end = [0; 2];
        self.stream.read_exact(&mut end)?;
        if end != *b"\r\n" {
            return Err(WireError::Protocol("a string without its end"));
        }
        Ok(Reply::Bytes)
    }
}

pub(super) fn parse_integer(digits: &[u8]) -> Result<i64, WireError> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(WireError::Protocol("a number that is none"))
}
