//! A walk through the keys of a server.

use super::{Connection, Reply, WireError};

/// So many keys does the server look at for one reply.
const COUNT: &[u8] = b"1000";
const NO_SCAN: WireError = WireError::Protocol("another kind of reply than SCAN has");

impl Connection {
    /// The next keys of this pattern, and the cursor after them. Some come twice.
    pub(crate) fn scan(
        &mut self,
        cursor: &[u8],
        pattern: &[u8],
    ) -> Result<(Vec<u8>, Vec<Vec<u8>>), WireError> {
        let (mut next, mut names, mut refused) = (Vec::new(), Vec::new(), None);
        let command: [&[u8]; 6] = [b"SCAN", cursor, b"MATCH", pattern, b"COUNT", COUNT];
        self.exchange(&[&command], |connection| {
            connection.read_line()?;
            if connection.list_length()? != Some(2) {
                return match connection.rest_of_reply(&mut Vec::new(), &mut |_| (), false) {
                    Err(error @ WireError::Server(_)) => {
                        refused = Some(error);
                        Ok(())
                    }
                    Err(error) => Err(error),
                    Ok(_) => Err(NO_SCAN),
                };
            }
            connection.text(&mut next)?;
            connection.read_line()?;
            for _ in 0..connection.list_length()?.ok_or(NO_SCAN)? {
                let mut name = Vec::new();
                connection.text(&mut name)?;
                names.push(name);
            }
            Ok(())
        })?;
        match refused {
            Some(error) => Err(error),
            None if next.is_empty() => Err(self.unexpected()),
            None => Ok((next, names)),
        }
    }

    fn text(&mut self, text: &mut Vec<u8>) -> Result<(), WireError> {
        match self.read_reply(text, &mut |_| (), false)? {
            Reply::Bytes => Ok(()),
            Reply::Status | Reply::Integer(_) | Reply::Nil => Err(NO_SCAN),
        }
    }
}
