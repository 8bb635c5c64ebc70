//! A bare stream to Redis with the deadlines of a [`super::Connection`], for a client of another
//! kind.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::resolve;
use super::socket::Limits;
use super::stream::Stream;
use crate::endpoint::RedisEndpoint;

/// Bytes to and from a Redis. The caller speaks the protocol.
pub struct BareStream(Stream);

impl BareStream {
    /// Connects, and shakes hands if TLS is wanted; neither logs in nor selects a database.
    pub fn open(endpoint: &RedisEndpoint, limits: Limits) -> io::Result<Self> {
        let mut stream = Stream::open(endpoint, limits, &resolve::SYSTEM)?;
        stream.socket().is_open()?;
        Ok(Self(stream))
    }

    /// Sets another limit for the replies to come, for example once the server has let us in.
    pub fn set_reply_limit(&mut self, reply: Duration) {
        self.0.socket().set_reply_limit(reply);
    }

    /// A command of that many bytes is about to be sent: its deadline starts now.
    pub fn begin(&mut self, bytes: usize) -> io::Result<()> {
        self.0.socket().begin(bytes)
    }
}

impl Read for BareStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for BareStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    use super::*;

    const GIVEN_UP: Limits = Limits {
        connect: Duration::from_secs(60),
        reply: Duration::from_secs(60),
        is_over: Some(|| true),
        max_string_bytes: 0,
    };

    #[test]
    fn a_caller_that_gives_up_still_reaches_a_server_that_answers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let endpoint = RedisEndpoint::parse(&format!("redis+unix://{}", path.display())).unwrap();
        let mut stream = BareStream::open(&endpoint, GIVEN_UP).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"x").unwrap();
        stream.begin(1).unwrap();
        stream.write_all(b"y").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        let began = Instant::now();
        stream.begin(1).unwrap();
        assert!(stream.read(&mut [0; 8]).is_err(), "a silent one is not waited for");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
