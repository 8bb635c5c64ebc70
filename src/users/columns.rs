//! All users in memory as three columns: what every path of the workload `all` returns. Columns
//! instead of 100,000 structs, because they can be decoded without a copy and compared in one
//! sweep.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Users by column: ids, usernames, e-mail addresses, all of the same length.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Users {
    ids: UInt32Array,
    usernames: StringArray,
    emails: StringArray,
}

/// One user inside [`Users`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserRef<'a> {
    pub(crate) id: u32,
    pub(crate) username: &'a str,
    pub(crate) email: &'a str,
}

impl Users {
    /// The users of columns that are equally long.
    pub(super) fn of_columns(ids: UInt32Array, usernames: StringArray, emails: StringArray) -> Self {
        Self { ids, usernames, emails }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The user in row `index`, where there is one.
    pub(crate) fn get(&self, index: usize) -> Option<UserRef<'_>> {
        (index < self.len()).then(|| UserRef {
            id: self.ids.value(index),
            username: self.usernames.value(index),
            email: self.emails.value(index),
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = UserRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The same columns as a record batch; shares the memory.
    pub(crate) fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let field = |name, data_type| Field::new(name, data_type, false);
        let schema = Schema::new(vec![
            field("id", DataType::UInt32),
            field("username", DataType::Utf8),
            field("email", DataType::Utf8),
        ]);
        let columns: Vec<ArrayRef> =
            vec![Arc::new(self.ids.clone()), Arc::new(self.usernames.clone()), Arc::new(self.emails.clone())];
        RecordBatch::try_new(Arc::new(schema), columns)
    }

    /// Users out of a record batch of the same columns; shares the memory.
    ///
    /// # Errors
    /// Where the batch has other columns, other types, or nulls.
    pub(crate) fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let wrong = |what: &str| ArrowError::SchemaError(format!("these are not users: {what}"));
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong("a column is missing"));
        let ids = column("id")?.as_primitive_opt::<UInt32Type>().ok_or_else(|| wrong("id"))?;
        let usernames = column("username")?.as_string_opt::<i32>().ok_or_else(|| wrong("username"))?;
        let emails = column("email")?.as_string_opt::<i32>().ok_or_else(|| wrong("email"))?;
        if ids.null_count() + usernames.null_count() + emails.null_count() > 0 {
            return Err(wrong("a null"));
        }
        Ok(Self { ids: ids.clone(), usernames: usernames.clone(), emails: emails.clone() })
    }
}

/// Collects users row by row without an allocation a row.
pub(crate) struct UsersBuilder {
    ids: UInt32Builder,
    usernames: StringBuilder,
    emails: StringBuilder,
}

impl UsersBuilder {
    /// Makes room for that many users.
    pub(crate) fn with_capacity(users: usize) -> Self {
        Self {
            ids: UInt32Builder::with_capacity(users),
            usernames: StringBuilder::with_capacity(users, users * 16),
            emails: StringBuilder::with_capacity(users, users * 36),
        }
    }

    pub(crate) fn push(&mut self, user: UserRef<'_>) {
        self.ids.append_value(user.id);
        self.usernames.append_value(user.username);
        self.emails.append_value(user.email);
    }

    pub(crate) fn finish(mut self) -> Users {
        Users { ids: self.ids.finish(), usernames: self.usernames.finish(), emails: self.emails.finish() }
    }
}

impl<'a> FromIterator<UserRef<'a>> for Users {
    fn from_iter<I: IntoIterator<Item = UserRef<'a>>>(users: I) -> Self {
        let users = users.into_iter();
        let mut builder = UsersBuilder::with_capacity(users.size_hint().0);
        users.for_each(|user| builder.push(user));
        builder.finish()
    }
}

/// The users as a sequence of rows, for the codecs that know no columns.
impl Serialize for Users {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.len()))?;
        for user in self.iter() {
            rows.serialize_element(&user)?;
        }
        rows.end()
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor)
    }
}

/// Takes each row straight into the columns.
struct RowsVisitor;

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Users;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Users, A::Error> {
        // What a damaged entry claims is no reason to allocate gigabytes.
        let mut builder = UsersBuilder::with_capacity(rows.size_hint().unwrap_or(0).min(1 << 17));
        while let Some(user) = rows.next_element::<UserRef<'de>>()? {
            builder.push(user);
        }
        Ok(builder.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::DataSet;

    #[test]
    fn columns_and_rows_are_the_same_users() {
        let data = DataSet { users: 100, rng_seed: 7 };
        let users = data.all();
        assert_eq!(users.len(), 100);
        let row = users.get(41).unwrap();
        assert_eq!(data.user(42).email.as_str(), row.email);
        assert_eq!(users.get(100), None);
        let batch = users.to_record_batch().unwrap();
        assert_eq!(Users::from_record_batch(&batch).unwrap(), users);
        assert_eq!(users.iter().collect::<Users>(), users);
    }
}
