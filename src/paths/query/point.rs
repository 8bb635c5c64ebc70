//! One user by primary key: the smallest question that a cache is put in front of.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mysql::Statement;

use super::{About, BuiltIn, Check, Expected, Found, LoadError, Query, row};
use crate::cache::codec::Columnar;
use crate::db::error::DbError;
use crate::db::rows::RowConnection;
use crate::model::Codec;
use crate::users::{User, UserRef, Users};

/// The item is the id.
pub(crate) struct OneUser {
    statement: Statement,
}

impl BuiltIn for OneUser {
    const ABOUT: About =
        About { name: "point", kind: "user", codec: Codec::Postcard, keys: Some(|data| data.users), rows: 1 };
}

impl Query for OneUser {
    type Answer = User;
    type Reference = Expected;

    fn prepare(conn: &mut RowConnection, _expected: &Arc<Expected>) -> Result<Self, DbError> {
        Ok(Self { statement: conn.prepare(include_str!("../../../sql/select_user.sql"))? })
    }

    fn load(&mut self, conn: &mut RowConnection, item: u32) -> Result<User, LoadError> {
        let mut user = None;
        conn.execute(&self.statement, &[item], |cells| {
            user = Some(row::user(cells)?);
            Ok(())
        })?;
        user.ok_or(LoadError::Missing)
    }

    fn check(&mut self, _: &mut RowConnection, found: Found<'_, Self>) -> Result<Check, LoadError> {
        Ok(Check::new(*found.answer == found.reference.data.user(found.item)))
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
            Some(user) if users.len() == 1 => Self::new(user.id, user.username, user.email)
                .map_err(|error| ArrowError::SchemaError(error.to_string())),
            _ => Err(ArrowError::SchemaError("not exactly one user".to_owned())),
        }
    }
}
