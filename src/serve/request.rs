//! Requests off a connection, with a limit on everything that a client chooses: sizes, numbers and
//! times.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longest request line and headers together.
const HEAD_BYTES: usize = 8 * 1024;
/// Most headers.
const HEADERS: usize = 64;
/// Longest body.
const BODY_BYTES: usize = 16 * 1024;
/// From the first byte of a request to its last.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// A connection without a request is closed after this time.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// Time between two looks at whether the server ends.
const LOOK: Duration = Duration::from_millis(100);

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The client may send another one on this connection.
    pub(super) keeps_alive: bool,
}

/// Why a request is not answered as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    TooSlow,
    HeadTooLarge,
    BodyTooLarge,
    /// Bodies of unknown length.
    NoLength,
}

/// The next step on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Request(Request),
    Refused(Refusal),
    /// The client has gone, or said nothing for too long, or the server ends.
    Closed,
}

impl Request {
    /// The only header of that name; nothing if there are several.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let first = found.next()?;
        found.next().is_none().then_some(first.1.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }
}

/// A connection and what was read from it beyond the last request.
pub(super) struct Incoming {
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// The head of a request, and where its body begins.
struct Head {
    request: Request,
    end: usize,
    body: usize,
    is_expecting: bool,
}

impl Incoming {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(LOOK))?;
        Ok(Self { stream, bytes: Vec::new() })
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Waits for the next request.
    pub(super) fn next(&mut self, is_ending: &dyn Fn() -> bool) -> Next {
        let mut deadline = Instant::now() + IDLE_TIME;
        let mut has_begun = false;
        loop {
            if !self.bytes.is_empty() {
                if !has_begun {
                    deadline = Instant::now() + REQUEST_TIME;
                    has_begun = true;
                }
                match self.take(deadline, is_ending) {
                    Ok(Some(next)) => return next,
                    Ok(None) => {}
                    Err(_) => return Next::Closed,
                }
            }
            if is_ending() {
                return Next::Closed;
            }
            if Instant::now() >= deadline {
                return if has_begun { Next::Refused(Refusal::TooSlow) } else { Next::Closed };
            }
            match self.read() {
                Ok(0) | Err(_) => return Next::Closed,
                Ok(_) => {}
            }
        }
    }

    /// The next request if all of it has come.
    fn take(&mut self, deadline: Instant, is_ending: &dyn Fn() -> bool) -> io::Result<Option<Next>> {
        let head = match parse(&self.bytes) {
            Ok(Some(head)) => head,
            Ok(None) if self.bytes.len() >= HEAD_BYTES => {
                return Ok(Some(Next::Refused(Refusal::HeadTooLarge)));
            }
            Ok(None) => return Ok(None),
            Err(refusal) => return Ok(Some(Next::Refused(refusal))),
        };
        if head.is_expecting && self.bytes.len() < head.end + head.body {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while self.bytes.len() < head.end + head.body {
            if is_ending() || Instant::now() >= deadline {
                return Ok(Some(Next::Refused(Refusal::TooSlow)));
            }
            if self.read()? == 0 {
                return Ok(Some(Next::Closed));
            }
        }
        let mut request = head.request;
        request.body = self.bytes.get(head.end..head.end + head.body).unwrap_or_default().to_vec();
        self.bytes.drain(..head.end + head.body);
        Ok(Some(Next::Request(request)))
    }

    /// Reads what has come; a timeout counts as one byte of nothing.
    fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(count) => {
                self.bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(1)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(1),
            Err(error) => Err(error),
        }
    }
}

/// The head of a request, if all of it is there.
fn parse(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let end = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
        Err(_) => return Err(Refusal::Malformed),
    };
    if end > HEAD_BYTES {
        return Err(Refusal::HeadTooLarge);
    }
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    // An absolute target, as to a proxy, and `*` are not for us.
    let (path, query) = match target.strip_prefix('/') {
        Some(_) => target.split_once('?').unwrap_or((target, "")),
        None => return Err(Refusal::Malformed),
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Refusal::Malformed);
    let headers = parsed.headers.iter().map(|header| Ok((header.name.to_owned(), text(header.value)?)));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect::<Result<_, Refusal>>()?,
        body: Vec::new(),
        keeps_alive: parsed.version == Some(1),
    };
    if let Some(connection) = request.header("connection") {
        request.keeps_alive &= !connection.to_ascii_lowercase().contains("close");
    }
    let body = body_length(&request)?;
    let is_expecting =
        request.header("expect").is_some_and(|expected| expected.eq_ignore_ascii_case("100-continue"));
    Ok(Some(Head { request, end, body, is_expecting }))
}

/// A length that is said twice, or beside another way to say it, may be read differently by a proxy
/// before us.
fn body_length(request: &Request) -> Result<usize, Refusal> {
    if request.has("transfer-encoding") {
        return Err(Refusal::NoLength);
    }
    if !request.has("content-length") {
        return Ok(0);
    }
    let text = request.header("content-length").ok_or(Refusal::Malformed)?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<usize>() {
        Ok(length) if is_number && length <= BODY_BYTES => Ok(length),
        _ if is_number => Err(Refusal::BodyTooLarge),
        _ => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> Option<Refusal> {
        parse(text.as_bytes()).err()
    }

    #[test]
    fn a_request_is_taken_apart() {
        let text = "POST /users/7?cache=off HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
        let head = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!((head.request.method.as_str(), head.request.path.as_str()), ("POST", "/users/7"));
        assert_eq!((head.request.query.as_str(), head.body), ("cache=off", 2));
        assert_eq!(head.request.header("HOST"), Some("a"));
        assert!(head.request.keeps_alive);
        assert!(parse(b"GET / HTTP/1.1\r\nHost:").unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let with = |header: &str| format!("POST / HTTP/1.1\r\n{header}\r\n\r\n");
        for (header, refusal) in [
            ("Content-Length: 2\r\nContent-Length: 3", Refusal::Malformed),
            ("Content-Length: +2", Refusal::Malformed),
            ("Content-Length: 99999999", Refusal::BodyTooLarge),
            ("Content-Length: 99999999999999999999999", Refusal::BodyTooLarge),
            ("Transfer-Encoding: chunked", Refusal::NoLength),
            ("Transfer-Encoding: chunked\r\nContent-Length: 2", Refusal::NoLength),
            ("no colon", Refusal::Malformed),
        ] {
            assert_eq!(refused(&with(header)), Some(refusal), "{header}");
        }
        assert_eq!(refused("GET http://other/ HTTP/1.1\r\n\r\n"), Some(Refusal::Malformed));
        assert_eq!(refused("GARBAGE\r\n\r\n"), Some(Refusal::Malformed));
        let many = (0..100).map(|index| format!("A{index}: b\r\n")).collect::<String>();
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Some(Refusal::HeadTooLarge));
        let old = parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().unwrap();
        assert!(!old.request.keeps_alive);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
