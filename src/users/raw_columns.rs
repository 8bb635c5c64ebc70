//! Users as they come off a connection: bytes that are appended to the columns as they are, and
//! checked once, whole.

use arrow_array::{StringArray, UInt32Array};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::columns::Users;
use crate::texts;

/// Collects users row by row without an allocation a row. What is not UTF-8 is found at the end.
pub(crate) struct RawUsersBuilder {
    ids: Vec<u32>,
    usernames: RawTexts,
    emails: RawTexts,
}

impl RawUsersBuilder {
    /// Makes room for that many users.
    pub(crate) fn with_capacity(users: usize) -> Self {
        Self {
            ids: Vec::with_capacity(users),
            usernames: RawTexts::with_capacity(users, users * 16),
            emails: RawTexts::with_capacity(users, users * 36),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, id: u32, username: &[u8], email: &[u8]) {
        self.ids.push(id);
        self.usernames.push(username);
        self.emails.push(email);
    }

    /// # Errors
    /// Where a text is not UTF-8, or a column is longer than 2 GiB.
    pub(crate) fn finish(self) -> Result<Users, ArrowError> {
        let (usernames, emails) = (self.usernames.finish()?, self.emails.finish()?);
        Ok(Users::of_columns(UInt32Array::from(self.ids), usernames, emails))
    }
}

/// One column of texts.
struct RawTexts {
    bytes: Vec<u8>,
    /// The beginning of each text, and at the end that of the end.
    offsets: Vec<i32>,
}

impl RawTexts {
    fn with_capacity(texts: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(texts + 1);
        offsets.push(0);
        Self { bytes: Vec::with_capacity(bytes), offsets }
    }

    #[inline]
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        // Too long a column is told at the end; no offset before it is wrong then.
        self.offsets.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    fn finish(self) -> Result<StringArray, ArrowError> {
        if i32::try_from(self.bytes.len()).is_err() {
            return Err(ArrowError::OffsetOverflowError(self.bytes.len()));
        }
        texts::column(ScalarBuffer::from(self.offsets), Buffer::from_vec(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::DataSet;

    #[test]
    fn the_same_users_come_out() {
        let users = DataSet { users: 500, rng_seed: 7 }.all();
        let mut builder = RawUsersBuilder::with_capacity(3);
        users.iter().for_each(|user| builder.push(user.id, user.username.as_bytes(), user.email.as_bytes()));
        assert_eq!(builder.finish().unwrap(), users);
        assert_eq!(RawUsersBuilder::with_capacity(0).finish().unwrap().len(), 0);
    }

    #[test]
    fn what_is_not_utf_8_is_an_error() {
        let finished = |texts: [&[u8]; 2]| {
            let mut builder = RawUsersBuilder::with_capacity(2);
            texts.iter().for_each(|text| builder.push(1, b"ann", text));
            builder.finish()
        };
        assert!(finished([b"a", b"\xff"]).is_err());
        // Whole only together: each text is checked for itself.
        assert!(finished([b"\xc3", b"\xa4"]).is_err());
        assert!(finished(["\u{e4}".as_bytes(), b""]).is_ok());
    }
}
