//! Opens connections to a primary.

use std::time::Instant;

use super::{Pool, UNASKED_FOR};
use crate::session::Session;
use crate::wire::{Connection, Role, WireError};

impl Pool {
    pub(super) fn open(&self, asks: bool) -> Result<Session, WireError> {
        self.open_session(asks).map_err(|error| match error {
            error @ WireError::Server(_) if error.is_unfit() => error,
            WireError::Server(words) => WireError::NotOpened(words.into_boxed_str()),
            error => error,
        })
    }

    fn open_session(&self, asks: bool) -> Result<Session, WireError> {
        if !asks {
            return Ok(self.session(Connection::open(&self.endpoint, self.limits)?));
        }
        let mut asked = Connection::open_asking(&self.endpoint, self.limits);
        if asked.as_ref().is_err_and(WireError::is_hang_up) {
            // A proxy may hang up on a command that it does not know, and a server that restarts
            // hangs up once.
            asked = Connection::open_asking(&self.endpoint, self.limits);
            if asked.as_ref().is_err_and(WireError::is_hang_up) {
                let connection = Connection::open(&self.endpoint, self.limits)?;
                self.lock().unasked_until = Some(Instant::now() + UNASKED_FOR);
                return Ok(self.session(connection));
            }
        }
        let (connection, role) = asked?;
        match role {
            Role::Primary => {}
            Role::Unknown => self.lock().unasked_until = Some(Instant::now() + UNASKED_FOR),
            Role::Replica | Role::Sentinel => return Err(no_primary(role)),
        }
        Ok(self.session(connection))
    }
}

/// True if the server, or this machine, has no room for another connection.
pub(super) fn is_full(error: &WireError) -> bool {
    use rustix::io::Errno;
    let full = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    match error {
        WireError::Server(_) => error.is_too_many_clients(),
        WireError::Io(error) => Errno::from_io_error(error).is_some_and(|errno| full.contains(&errno)),
        WireError::NotOpened(_) | WireError::Protocol(_) => false,
    }
}

fn no_primary(role: Role) -> WireError {
    WireError::Server(match role {
        Role::Sentinel => "SENTINEL this is a Sentinel, which keeps no data".to_owned(),
        Role::Replica | Role::Primary | Role::Unknown => "READONLY this server is a replica".to_owned(),
    })
}
