//! A page of users in the order of the primary key: what a list in a web application shows.

use std::sync::Arc;

use mysql::Statement;

use super::{About, BuiltIn, Check, Expected, Found, LoadError, Query, row};
use crate::db::error::DbError;
use crate::db::rows::RowConnection;
use crate::model::Codec;
use crate::users::{PAGE_USERS, RawUsersBuilder, Users};

/// The item is the page's number, from 1 on.
pub(crate) struct Page {
    statement: Statement,
}

impl BuiltIn for Page {
    const ABOUT: About = About {
        name: "page",
        kind: "page",
        codec: Codec::Postcard,
        keys: Some(|data| data.pages()),
        rows: PAGE_USERS,
    };
}

impl Query for Page {
    type Answer = Users;
    type Reference = Expected;

    fn prepare(conn: &mut RowConnection, _expected: &Arc<Expected>) -> Result<Self, DbError> {
        Ok(Self { statement: conn.prepare(include_str!("../../../sql/select_page.sql"))? })
    }

    fn load(&mut self, conn: &mut RowConnection, item: u32) -> Result<Users, LoadError> {
        // Ids have no gaps, so that the last id of the page before need not be carried along.
        let last_id_before = item.saturating_sub(1).saturating_mul(PAGE_USERS);
        let mut users = RawUsersBuilder::with_capacity(PAGE_USERS as usize);
        conn.execute(&self.statement, &[last_id_before], |cells| row::push_user(&mut users, cells))?;
        let users = users.finish().map_err(|_| LoadError::Shape)?;
        if users.len() == 0 { Err(LoadError::Missing) } else { Ok(users) }
    }

    fn check(&mut self, _: &mut RowConnection, found: Found<'_, Self>) -> Result<Check, LoadError> {
        Ok(Check::new(*found.answer == found.reference.data.page(found.item)))
    }
}
