//! What the workloads ask of the database, and how their answers become cache entries.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mysql::Statement;

use crate::cache::codec::{self, Codec, Columnar};
use crate::cli;
use crate::db::rows::{Cells, RowConnection, RowsError, WrongCells};
use crate::users::{DataSet, RawUsersBuilder, User, UserRef, Users};

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Mysql(#[from] mysql::Error),
    /// Not the columns of the statement, or a text that is none.
    #[error("a row has other columns than id, username and email")]
    Shape,
    /// The row that must be there is not: never a fast success.
    #[error("the row is missing")]
    Missing,
}

impl From<RowsError> for LoadError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Mysql(error) => Self::Mysql(error),
            RowsError::Cells(WrongCells) => Self::Shape,
        }
    }
}

/// One question whose answer is one cache entry.
pub(crate) trait Query: Send + Sized {
    /// The type in the caller's hands at the end, on every path.
    type Answer: Send;
    /// The second part of the cache key.
    const KIND: &'static str;

    /// Prepares the statement on this connection.
    fn prepare(conn: &mut RowConnection, data: &Arc<Expected>) -> Result<Self, mysql::Error>;

    /// Asks MySQL as a competent application does: prepared statement, binary protocol, typed rows.
    fn load(&mut self, conn: &mut RowConnection, item: u32) -> Result<Self::Answer, LoadError>;

    /// Whether the answer is what the data set says it must be, to the last byte.
    fn is_right(&self, item: u32, answer: &Self::Answer, expected: &Expected) -> bool;

    /// The codec of this name for this answer.
    fn codec(name: cli::Codec) -> Box<dyn Codec<Self::Answer>>;
}

/// What the answers must be.
pub(crate) struct Expected {
    pub(crate) data: DataSet,
    /// Every user, where a workload reads them all.
    pub(crate) users: Option<Users>,
}

/// Every user (the blog post's `getUsers`). The item is the client's number: each client has an entry of its own,
/// so that one client's fill is not another one's hit.
pub(crate) struct AllUsers {
    statement: Statement,
    users: usize,
}

impl Query for AllUsers {
    type Answer = Users;
    const KIND: &'static str = "users";

    fn prepare(conn: &mut RowConnection, expected: &Arc<Expected>) -> Result<Self, mysql::Error> {
        let statement = conn.prepare(include_str!("../../sql/select_all_users.sql"))?;
        Ok(Self { statement, users: expected.data.users as usize })
    }

    fn load(&mut self, conn: &mut RowConnection, _item: u32) -> Result<Users, LoadError> {
        let mut users = RawUsersBuilder::with_capacity(self.users);
        conn.execute(&self.statement, &[], |mut cells| {
            users.push(cells.u32()?, cells.text()?, cells.text()?);
            cells.end()
        })?;
        users.finish().map_err(|_| LoadError::Shape)
    }

    fn is_right(&self, _item: u32, answer: &Users, expected: &Expected) -> bool {
        expected.users.as_ref() == Some(answer)
    }

    fn codec(name: cli::Codec) -> Box<dyn Codec<Users>> {
        match name {
            cli::Codec::Arrow => Box::new(codec::Arrow),
            cli::Codec::Postcard => Box::new(codec::Postcard),
            cli::Codec::Json => Box::new(codec::Json),
        }
    }
}

/// One user by primary key. The item is the id.
pub(crate) struct OneUser {
    statement: Statement,
}

impl Query for OneUser {
    type Answer = User;
    const KIND: &'static str = "user";

    fn prepare(conn: &mut RowConnection, _expected: &Arc<Expected>) -> Result<Self, mysql::Error> {
        Ok(Self { statement: conn.prepare(include_str!("../../sql/select_user.sql"))? })
    }

    fn load(&mut self, conn: &mut RowConnection, item: u32) -> Result<User, LoadError> {
        let mut user = None;
        conn.execute(&self.statement, &[item], |cells| {
            user = Some(user_in(cells)?);
            Ok(())
        })?;
        user.ok_or(LoadError::Missing)
    }

    fn is_right(&self, item: u32, answer: &User, expected: &Expected) -> bool {
        *answer == expected.data.user(item)
    }

    fn codec(name: cli::Codec) -> Box<dyn Codec<User>> {
        match name {
            cli::Codec::Arrow => Box::new(codec::Arrow),
            cli::Codec::Postcard => Box::new(codec::Postcard),
            cli::Codec::Json => Box::new(codec::Json),
        }
    }
}

/// The user in a row.
fn user_in(mut cells: Cells<'_>) -> Result<User, WrongCells> {
    let text = |bytes| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| WrongCells);
    let user = User { id: cells.u32()?, username: text(cells.text()?)?, email: text(cells.text()?)? };
    cells.end().map(|()| user)
}

impl Columnar for Users {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        self.to_record_batch()
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Self::from_record_batch(batch)
    }
}

/// A single row as columns: possible, and dear, which is worth seeing once.
impl Columnar for User {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let row = UserRef { id: self.id, username: &self.username, email: &self.email };
        std::iter::once(row).collect::<Users>().to_record_batch()
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let users = Users::from_record_batch(batch)?;
        match users.get(0) {
            Some(user) if users.len() == 1 => {
                Ok(Self { id: user.id, username: user.username.to_owned(), email: user.email.to_owned() })
            }
            _ => Err(ArrowError::SchemaError("not exactly one user".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODECS: [cli::Codec; 3] = [cli::Codec::Arrow, cli::Codec::Postcard, cli::Codec::Json];

    fn encoded<T>(codec: &dyn Codec<T>, value: &T) -> Vec<u8> {
        let mut payload = Vec::new();
        codec.encode(value, &mut payload).unwrap();
        payload
    }

    #[test]
    fn every_codec_returns_what_it_was_given() {
        let data = DataSet { users: 1000, rng_seed: 3 };
        for name in CODECS {
            let codec = AllUsers::codec(name);
            let mut payload = encoded(&*codec, &data.all());
            let range = 0..payload.len();
            assert_eq!(codec.decode(&mut payload, range).unwrap(), data.all(), "{name:?}");
            let codec = OneUser::codec(name);
            let mut payload = encoded(&*codec, &data.user(7));
            let range = 0..payload.len();
            assert_eq!(codec.decode(&mut payload, range).unwrap(), data.user(7), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn damaged_payloads_are_errors_or_other_users_and_never_a_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let users = DataSet { users: 20, rng_seed: 3 }.all();
            for name in CODECS {
                let codec = AllUsers::codec(name);
                let mut payload = encoded(&*codec, &users);
                let at = at.index(payload.len());
                payload[at] = byte;
                payload.truncate(cut.index(payload.len()).max(at));
                let range = 0..payload.len();
                if let Ok(users) = codec.decode(&mut payload, range) {
                    prop_assert_eq!(users.iter().count(), users.len());
                }
            }
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(mut bytes: Vec<u8>) {
            for name in CODECS {
                let range = 0..bytes.len();
                let _ = AllUsers::codec(name).decode(&mut bytes.clone(), range.clone());
                let _ = OneUser::codec(name).decode(&mut bytes, range);
            }
        }
    }
}
