//! Every user: the blog post's `getUsers`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mysql::Statement;

use super::{About, BuiltIn, Check, Expected, Found, LoadError, Query, row};
use crate::cache::codec::Columnar;
use crate::db::error::DbError;
use crate::db::rows::RowConnection;
use crate::model::Codec;
use crate::users::{RawUsersBuilder, Users};

/// The item is the client's number: each client has an entry of its own, so that one client's fill
/// is not another one's hit.
pub(crate) struct AllUsers {
    statement: Statement,
    users: usize,
}

impl BuiltIn for AllUsers {
    const ABOUT: About = About { name: "all", kind: "users", codec: Codec::Arrow, keys: None, rows: 0 };
}

impl Query for AllUsers {
    type Answer = Users;
    type Reference = Expected;

    fn prepare(conn: &mut RowConnection, expected: &Arc<Expected>) -> Result<Self, DbError> {
        let statement = conn.prepare(include_str!("../../../sql/select_all_users.sql"))?;
        Ok(Self { statement, users: expected.data.users as usize })
    }

    fn load(&mut self, conn: &mut RowConnection, _item: u32) -> Result<Users, LoadError> {
        let mut users = RawUsersBuilder::with_capacity(self.users);
        conn.execute(&self.statement, &[], |cells| row::push_user(&mut users, cells))?;
        users.finish().map_err(|_| LoadError::Shape)
    }

    fn check(&mut self, _: &mut RowConnection, found: Found<'_, Self>) -> Result<Check, LoadError> {
        Ok(Check::new(found.reference.users.as_ref() == Some(found.answer)))
    }
}

impl Columnar for Users {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        self.to_record_batch()
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Self::from_record_batch(batch)
    }
}
