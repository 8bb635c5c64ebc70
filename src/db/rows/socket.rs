//! The socket under a connection of the `mysql` crate, for reading beside it.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};

use mysql::Conn;

/// A second handle of the connection's socket. A `TcpStream` also where it is a unix socket: recv(2) and send(2),
/// which are all that is used of it, do not tell them apart.
pub(super) fn of(conn: &Conn) -> io::Result<TcpStream> {
    // SAFETY: the descriptor is the connection's own, and open while `conn` is borrowed; only its duplicate is kept.
    #[expect(unsafe_code, reason = "the crate lends its socket as a bare number only")]
    let descriptor = unsafe { BorrowedFd::borrow_raw(conn.as_raw_fd()) };
    descriptor.try_clone_to_owned().map(TcpStream::from)
}
