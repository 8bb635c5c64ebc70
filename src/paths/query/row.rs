//! Rows of id, username and email, and texts in rows.

use crate::db::rows::{Cells, WrongCells};
use crate::users::{RawUsersBuilder, TooLong, User};

/// Takes the user in a row over into the columns.
#[inline]
pub(super) fn push_user(users: &mut RawUsersBuilder, mut cells: Cells<'_>) -> Result<(), WrongCells> {
    users.push(cells.u32()?, cells.text()?, cells.text()?);
    cells.end()
}

/// The user in a row.
#[inline]
pub(super) fn user(mut cells: Cells<'_>) -> Result<User, WrongCells> {
    let (id, username, email) = (cells.u32()?, text(&mut cells)?, text(&mut cells)?);
    cells.end()?;
    User::new(id, username, email).map_err(|TooLong| WrongCells)
}

/// The next cell, a text.
#[inline]
pub(super) fn text<'a>(cells: &mut Cells<'a>) -> Result<&'a str, WrongCells> {
    std::str::from_utf8(cells.text()?).map_err(|_| WrongCells)
}
