//! Responses: status, headers and a body, and how they are written.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::plain_text;

/// Writes to a client until either has enough.
pub(super) type Stream<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

pub(super) enum Body<'a> {
    Bytes(Vec<u8>),
    Stream(Stream<'a>),
}

pub(super) struct Response<'a> {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    pub(super) body: Body<'a>,
}

/// Nothing is fetched from elsewhere, framed by another page, or taken for another type.
const SAFE: [(&str, &str); 4] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// Bytes of a body that go with the headers; the rest is written without being copied.
const FIRST_BYTES: usize = 16 * 1024;

impl<'a> Response<'a> {
    pub(super) fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("Content-Type", kind.to_owned())], body: Body::Bytes(body) }
    }

    /// A message, on one line.
    pub(super) fn text(status: u16, text: &str) -> Self {
        let line = plain_text::one_line(text) + "\n";
        Self::new(status, "text/plain; charset=utf-8", line.into_bytes())
    }

    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, "application/json", body).header("Cache-Control", "no-cache")
    }

    pub(super) fn stream(kind: &str, stream: Stream<'a>) -> Self {
        let headers = vec![("Content-Type", kind.to_owned()), ("Cache-Control", "no-store".to_owned())];
        Self { status: 200, headers, body: Body::Stream(stream) }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.body, Body::Stream(_))
    }

    /// Writes all of it. The body is left out for a HEAD. Returns whether the connection may go on.
    pub(super) fn write(self, to: &mut dyn Write, is_head: bool, keeps_alive: bool) -> io::Result<bool> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let safe = SAFE.iter().map(|(name, value)| (*name, (*value).to_owned()));
        for (name, value) in self.headers.iter().cloned().chain(safe) {
            let _ = write!(head, "{name}: {value}\r\n"); // writing to a String cannot fail
        }
        match self.body {
            Body::Bytes(bytes) => {
                let connection = if keeps_alive { "" } else { "Connection: close\r\n" };
                let length = if self.status == 304 {
                    String::new()
                } else {
                    format!("Content-Length: {}\r\n", bytes.len())
                };
                let _ = write!(head, "{connection}{length}\r\n");
                let mut message = head.into_bytes();
                let body = if is_head { &[][..] } else { &bytes };
                let (first, rest) = body.split_at(body.len().min(FIRST_BYTES));
                message.extend_from_slice(first);
                to.write_all(&message)?;
                to.write_all(rest)?;
                Ok(keeps_alive)
            }
            Body::Stream(stream) => {
                head.push_str("Connection: close\r\n\r\n");
                to.write_all(head.as_bytes())?;
                if !is_head {
                    stream(to)?;
                }
                Ok(false)
            }
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_a_next_step_is_one_line() {
        let response =
            Response::text(503, "MySQL failed while reading: no answer in time\n  did the server restart?");
        let Body::Bytes(body) = response.body else { panic!("it is whole") };
        assert_eq!(body, b"MySQL failed while reading: no answer in time; did the server restart?\n");
    }
}
