//! The socket under a connection of the `mysql` crate, for what the crate does not do: reading beside it, and another
//! deadline than the one that it was opened with.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};

use mysql::Conn;

/// A second handle of the connection's socket. A `TcpStream` also where it is a unix socket: recv(2), send(2) and the
/// deadlines, which are all that is used of it, do not tell them apart.
pub(super) struct Socket(TcpStream);

impl Socket {
    pub(super) fn of(conn: &Conn) -> io::Result<Self> {
        // SAFETY: the descriptor is the connection's own, and open while `conn` is borrowed; only its duplicate is kept.
        #[expect(unsafe_code, reason = "the crate lends its socket as a bare number only")]
        let descriptor = unsafe { BorrowedFd::borrow_raw(conn.as_raw_fd()) };
        Ok(Self(descriptor.try_clone_to_owned()?.into()))
    }

    /// Takes the deadlines away, from the connection too: both handles are of one socket.
    pub(super) fn wait_patiently(&self) -> io::Result<()> {
        self.0.set_read_timeout(None)?;
        self.0.set_write_timeout(None)
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(test)]
        crate::socket_calls::received();
        self.0.read(buffer)
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(test)]
        crate::socket_calls::sent();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
