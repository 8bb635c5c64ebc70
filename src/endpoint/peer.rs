//! Finds out which protocol a port speaks, to name the likely mix-up after a failed connection.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::endpoint::Address;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For a server that greets its clients, and for one that answers a question.
const READ_TIMEOUT: Duration = Duration::from_millis(700);

/// A protocol, by the first bytes of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Mysql,
    Redis,
    Http,
    Ssh,
    Tls,
    /// It accepts connections and says nothing.
    Silent,
    /// It says something else, or hangs up.
    Unknown,
}

/// Connects, listens, and then asks what a Redis or a web server answers; `None` if nothing accepts
/// the connection.
pub(crate) fn identify(address: &Address) -> Option<Protocol> {
    match address {
        Address::Tcp { host, port } => {
            let address = (host.as_str(), *port).to_socket_addrs().ok()?.next()?;
            let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok()?;
            stream.set_read_timeout(Some(READ_TIMEOUT)).ok()?;
            stream.set_write_timeout(Some(READ_TIMEOUT)).ok()?;
            Some(talk(stream))
        }
        Address::Socket(path) => {
            let stream = UnixStream::connect(path).ok()?;
            stream.set_read_timeout(Some(READ_TIMEOUT)).ok()?;
            stream.set_write_timeout(Some(READ_TIMEOUT)).ok()?;
            Some(talk(stream))
        }
    }
}

fn talk(mut stream: impl Read + Write) -> Protocol {
    let mut bytes = [0; 64];
    if let Ok(length) = stream.read(&mut bytes) {
        return classify(bytes.get(..length).unwrap_or_default());
    }
    if stream.write_all(b"PING\r\n\r\n").is_err() {
        return Protocol::Unknown;
    }
    match stream.read(&mut bytes) {
        Ok(length) => classify(bytes.get(..length).unwrap_or_default()),
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
        {
            Protocol::Silent
        }
        Err(_) => Protocol::Unknown,
    }
}

fn classify(bytes: &[u8]) -> Protocol {
    match bytes {
        // Packet number 0 with protocol version 10 or an error.
        [_, _, _, 0, 10 | 0xFF, ..] => Protocol::Mysql,
        // A handshake or an alert of SSL 3 or later.
        [0x15 | 0x16, 3, ..] => Protocol::Tls,
        [b'H', b'T', b'T', b'P', b'/', ..] => Protocol::Http,
        [b'S', b'S', b'H', b'-', ..] => Protocol::Ssh,
        [b'+', b'P', b'O', b'N', b'G', ..] => Protocol::Redis,
        // Error codes of Redis are words in capitals: ERR, NOAUTH, DENIED, LOADING.
        [b'-', rest @ ..] if rest.len() > 3 && rest.iter().take(3).all(u8::is_ascii_uppercase) => {
            Protocol::Redis
        }
        _ => Protocol::Unknown,
    }
}

impl Protocol {
    /// Whether it certainly is neither MySQL nor a server that is merely slow.
    pub(crate) fn is_surely_not_mysql(self) -> bool {
        matches!(self, Self::Redis | Self::Http | Self::Ssh | Self::Tls)
    }

    /// A sentence for people who expected MySQL there.
    pub(crate) fn instead_of_mysql(self) -> Option<&'static str> {
        Some(match self {
            Self::Mysql => "a MySQL server is there, and it did not let us in: is it overloaded, or stopped?",
            Self::Redis => "that address speaks Redis: are --mysql-url and --redis-url mixed up?",
            Self::Http => "that address is a web server: is the port right?",
            Self::Ssh => "that address is an SSH server: is the port right?",
            Self::Tls => {
                "that address expects TLS from the first byte, which MySQL does not: is the port right?"
            }
            Self::Silent => "it accepts connections and says nothing: is this MySQL, and is it running well?",
            Self::Unknown => "it closes connections or speaks another protocol: is this MySQL?",
        })
    }

    /// A sentence for people who expected Redis there; `tls`: with TLS.
    pub(crate) fn instead_of_redis(self, tls: bool) -> Option<&'static str> {
        Some(match self {
            Self::Mysql => "that address speaks MySQL: are --redis-url and --mysql-url mixed up?",
            Self::Redis if tls => {
                "that Redis speaks without TLS on this port: use redis:// instead of rediss://"
            }
            Self::Redis => return None,
            Self::Http => "that address is a web server: is the port right?",
            Self::Ssh => "that address is an SSH server: is the port right?",
            Self::Tls if tls => return None,
            Self::Tls => "that address expects TLS: use rediss:// instead of redis://",
            Self::Silent => "it accepts connections and says nothing: is this Redis, and is it running well?",
            Self::Unknown if tls => return None,
            Self::Unknown => {
                "it closes connections or speaks another protocol: is this Redis, and does it perhaps expect TLS (rediss://)?"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn first_bytes_tell_protocols_apart() {
        for (bytes, protocol) in [
            (&b"\x4a\0\0\0\x0a8.4.6\0"[..], Protocol::Mysql),
            (b"\x45\0\0\0\xff\x6a\x04Host is not allowed", Protocol::Mysql),
            (b"+PONG\r\n", Protocol::Redis),
            (b"-NOAUTH Authentication required.\r\n", Protocol::Redis),
            (b"-DENIED Redis is running in protected mode", Protocol::Redis),
            (b"HTTP/1.1 400 Bad Request\r\n", Protocol::Http),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Protocol::Ssh),
            (b"\x15\x03\x01\0\x02\x02\x46", Protocol::Tls),
            (b"220 mail.example ESMTP\r\n", Protocol::Unknown),
            (b"+OK POP3 ready\r\n", Protocol::Unknown),
            (b"-", Protocol::Unknown),
            (b"", Protocol::Unknown),
        ] {
            assert_eq!(classify(bytes), protocol, "{bytes:?}");
        }
    }

    #[test]
    fn a_silent_listener_is_found_silent_and_a_closed_port_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address =
            Address::Tcp { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port() };
        assert_eq!(identify(&address), Some(Protocol::Silent));
        drop(listener);
        assert_eq!(identify(&address), None);
    }
}
