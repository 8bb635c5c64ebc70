//! Rows of id, username and email, and texts in rows.

use crate::db::rows::{Cells, WrongCells};
use crate::users::{RawUsersBuilder, User};

/// Takes the user in a row over into the columns.
#[inline]
pub(super) fn push_user(users: &mut RawUsersBuilder, mut cells: Cells<'_>) -> Result<(), WrongCells> {
    users.push(cells.u32()?, cells.text()?, cells.text()?);
    cells.end()
}

/// The user in a row.
#[inline]
pub(super) fn user(mut cells: Cells<'_>) -> Result<User, WrongCells> {
    let user = User { id: cells.u32()?, username: text(&mut cells)?, email: text(&mut cells)? };
    cells.end().map(|()| user)
}

/// The next cell, a text.
#[inline]
pub(super) fn text(cells: &mut Cells<'_>) -> Result<String, WrongCells> {
    std::str::from_utf8(cells.text()?).map(str::to_owned).map_err(|_| WrongCells)
}
