//! The socket under a connection of the `mysql` crate, for what the crate does not do: reading
//! beside it, and ending a wait from another thread.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;

use mysql::Conn;

use super::watch::Watched;

/// The socket of a connection under watch.
pub(super) struct Socket(Arc<Watched>);

impl Socket {
    pub(super) fn of(watched: &Arc<Watched>) -> Self {
        Self(Arc::clone(watched))
    }

    /// A second handle of the connection's socket. A `TcpStream` also for a unix socket: recv(2),
    /// send(2), shutdown(2) and the timeouts, which are all that is used of it, are the same.
    pub(super) fn handle_of(conn: &Conn) -> io::Result<TcpStream> {
        // SAFETY: the descriptor is the connection's own, and open while `conn` is borrowed; only
        // its duplicate is kept.
        #[expect(unsafe_code, reason = "the crate lends its socket as a bare number only")]
        let descriptor = unsafe { BorrowedFd::borrow_raw(conn.as_raw_fd()) };
        Ok(descriptor.try_clone_to_owned()?.into())
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(test)]
        crate::socket_calls::received();
        let outcome = self.0.socket().read(buffer);
        self.0.arrived();
        outcome
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(test)]
        crate::socket_calls::sent();
        self.0.socket().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
