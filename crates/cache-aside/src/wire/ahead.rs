//! Commands that are sent ahead: their replies are read before that of the next command.

use super::{Connection, Reply, WireError};

impl Connection {
    /// The number of commands that were sent ahead and whose replies were not read.
    #[inline]
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// The next reply of a command that was sent ahead, if it was read: whether it was done.
    #[inline]
    pub(crate) fn take_late(&mut self) -> Option<Result<bool, WireError>> {
        self.late.pop_front()
    }

    /// Sends a command that answers 1 or 0, and leaves its reply for later: it is read before that
    /// of the next command.
    pub(crate) fn send_ahead(&mut self, command: &[&[u8]]) -> Result<(), WireError> {
        self.begin()?;
        if let Err(error) = self.send_all(&[command]) {
            return Err(self.last_words(error));
        }
        self.unread += 1;
        self.broken = false;
        Ok(())
    }

    /// Reads the replies of all commands that were sent ahead, within the time of the last of them.
    pub(crate) fn read_ahead(&mut self) -> Result<(), WireError> {
        if self.unread == 0 {
            return Ok(());
        }
        self.begin()?;
        self.read_late()?;
        self.broken = self.expect_no_reply().is_err();
        Ok(())
    }

    pub(super) fn read_late(&mut self) -> Result<(), WireError> {
        while self.unread > 0 {
            let reply = match self.read_reply(&mut Vec::new(), &mut |_| (), false) {
                Ok(Reply::Integer(done)) => Ok(done == 1),
                Ok(Reply::Status | Reply::Bytes | Reply::Nil) => return Err(self.unexpected()),
                Err(error @ WireError::Server(_)) => Err(error),
                Err(error) => return Err(error),
            };
            self.unread -= 1;
            self.late.push_back(reply);
        }
        Ok(())
    }
}
