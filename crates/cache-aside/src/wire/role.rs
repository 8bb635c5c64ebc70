//! Whether a connection leads to a primary.

use super::{Connection, Reply, WireError};

/// The role of a server in its replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Primary,
    Replica,
    /// A Sentinel, which keeps no data.
    Sentinel,
    /// It does not say: a proxy, or an account without the right to ask.
    Unknown,
}

impl Connection {
    /// Asks the server for its role, by `INFO replication` if it does not know or allow `ROLE`.
    pub fn role(&mut self) -> Result<Role, WireError> {
        let mut value = Vec::new();
        match self.element(&[b"ROLE"], 0, &mut value) {
            Ok(false) => Err(self.unexpected()),
            Ok(true) => Ok(named(&value)),
            Err(error) if is_unable(&error) => self.role_by_info(&mut value),
            Err(error) => Err(error),
        }
    }

    fn role_by_info(&mut self, value: &mut Vec<u8>) -> Result<Role, WireError> {
        match self.command(&[b"INFO", b"replication"], value) {
            Ok(Reply::Bytes) => {
                let mut lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                Ok(lines.find_map(|line| line.strip_prefix(b"role:")).map_or(Role::Unknown, named))
            }
            Ok(Reply::Status | Reply::Integer(_) | Reply::Nil) => Err(self.unexpected()),
            Err(error) if is_unable(&error) => Ok(Role::Unknown),
            Err(error) => Err(error),
        }
    }

    /// A setting of the server; none if it does not say.
    pub(crate) fn setting(&mut self, name: &[u8]) -> Result<Option<Vec<u8>>, WireError> {
        let mut value = Vec::new();
        match self.element(&[b"CONFIG", b"GET", name], 1, &mut value) {
            Ok(is_there) => Ok(is_there.then_some(value)),
            Err(WireError::Server(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A command that answers a list: its element with this number, a string; the others are read
    /// and dropped. False where the list is too short.
    fn element(&mut self, arguments: &[&[u8]], number: u64, value: &mut Vec<u8>) -> Result<bool, WireError> {
        value.clear();
        let mut outcome = Ok(false);
        self.exchange(&[arguments], |connection| {
            connection.read_line()?;
            let Some(length) = connection.list_length()? else {
                return match connection.rest_of_reply(value, &mut |_| (), false) {
                    Err(error @ WireError::Server(_)) => {
                        outcome = Err(error);
                        Ok(())
                    }
                    Err(error) => Err(error),
                    Ok(_) => Err(NO_ROLE),
                };
            };
            for place in 0..length {
                if place != number {
                    connection.skip(MOST_NESTED)?;
                } else if connection.read_reply(value, &mut |_| (), false)? == Reply::Bytes {
                    outcome = Ok(true);
                } else {
                    return Err(NO_ROLE);
                }
            }
            Ok(())
        })?;
        outcome
    }

    /// The number of elements if the line begins a list.
    pub(super) fn list_length(&self) -> Result<Option<u64>, WireError> {
        const MOST: u64 = 10_000;
        let Some([b'*', digits @ ..]) = self.line.strip_suffix(b"\r\n") else { return Ok(None) };
        let length =
            u64::try_from(super::reply::parse_integer(digits)?).ok().filter(|length| *length <= MOST);
        length.map(Some).ok_or(NO_ROLE)
    }

    fn skip(&mut self, nested: u32) -> Result<(), WireError> {
        self.read_line()?;
        match self.list_length()? {
            None => self.rest_of_reply(&mut Vec::new(), &mut |_| (), false).map(drop),
            Some(_) if nested == 0 => Err(NO_ROLE),
            Some(length) => (0..length).try_for_each(|_| self.skip(nested - 1)),
        }
    }
}

const NO_ROLE: WireError = WireError::Protocol("another kind of reply than the command has");
const MOST_NESTED: u32 = 3;

fn named(name: &[u8]) -> Role {
    match name {
        b"master" => Role::Primary,
        b"slave" | b"replica" => Role::Replica,
        b"sentinel" => Role::Sentinel,
        _ => Role::Unknown,
    }
}

/// True if the command is not known or not allowed, which says nothing about the server.
fn is_unable(error: &WireError) -> bool {
    matches!(error.server_code(), Some("NOPERM" | "ERR")) && !error.is_too_many_clients()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Asks a server that answers its commands with these replies.
    fn asked(replies: &[&'static [u8]]) -> Result<Role, WireError> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let replies = replies.to_vec();
        let server = std::thread::spawn(move || {
            for reply in replies {
                let _ = theirs.read(&mut [0; 100]);
                theirs.write_all(reply).unwrap();
            }
        });
        let role = Connection::over(ours).unwrap().role();
        server.join().unwrap();
        role
    }

    #[test]
    fn the_role_is_known_by_whichever_command_is_allowed() {
        const NO: &[u8] = b"-NOPERM this user has no permissions to run the 'role' command\r\n";
        let primary =
            b"*3\r\n$6\r\nmaster\r\n:3129\r\n*2\r\n*3\r\n$3\r\n::1\r\n$4\r\n9001\r\n$1\r\n1\r\n*0\r\n";
        let replica = b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:9000\r\n$9\r\nconnected\r\n:3129\r\n";
        assert_eq!(asked(&[primary]).unwrap(), Role::Primary);
        assert_eq!(asked(&[replica]).unwrap(), Role::Replica);
        assert_eq!(asked(&[b"*2\r\n$8\r\nsentinel\r\n*1\r\n$1\r\na\r\n"]).unwrap(), Role::Sentinel);
        let info = b"$32\r\n# Replication\r\nrole:slave\r\nx:1\r\n\r\n";
        assert_eq!(asked(&[NO, info]).unwrap(), Role::Replica);
        assert_eq!(asked(&[b"-ERR unknown command 'ROLE'\r\n", NO]).unwrap(), Role::Unknown);
        assert!(matches!(asked(&[b"-NOAUTH Authentication required.\r\n"]), Err(WireError::Server(_))));
    }

    #[test]
    fn a_reply_of_another_kind_is_an_error() {
        let deep = b"*2\r\n$6\r\nmaster\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n";
        for reply in [&b"+OK\r\n"[..], b"*0\r\n", b"*-1\r\n", b"*99999999\r\n", b"*1\r\n:1\r\n", deep] {
            assert!(matches!(asked(&[reply]), Err(WireError::Protocol(_))), "{reply:?}");
        }
    }
}
