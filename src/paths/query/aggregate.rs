//! The most frequent e-mail domains: an expensive question with a tiny answer, which is what a
//! cache is best at.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mysql::Statement;
use serde::{Deserialize, Serialize};

use super::{About, BuiltIn, Check, Expected, Found, LoadError, Query, row};
use crate::cache::codec::Columnar;
use crate::db::error::DbError;
use crate::db::rows::RowConnection;
use crate::model::Codec;
use crate::users::DomainCount;

/// The item is the client's number, as for all users.
pub(crate) struct TopDomains {
    statement: Statement,
}

impl BuiltIn for TopDomains {
    const ABOUT: About =
        About { name: "aggregate", kind: "domains", codec: Codec::Postcard, keys: None, rows: 0 };
}

impl Query for TopDomains {
    type Answer = DomainCounts;
    type Reference = Expected;

    fn prepare(conn: &mut RowConnection, _expected: &Arc<Expected>) -> Result<Self, DbError> {
        Ok(Self { statement: conn.prepare(include_str!("../../../sql/select_top_domains.sql"))? })
    }

    fn load(&mut self, conn: &mut RowConnection, _item: u32) -> Result<DomainCounts, LoadError> {
        let mut domains = Vec::new();
        conn.execute(&self.statement, &[], |mut cells| {
            domains.push(DomainCount { domain: row::text(&mut cells)?.to_owned(), users: cells.u64()? });
            cells.end()
        })?;
        Ok(DomainCounts(domains))
    }

    fn check(&mut self, _: &mut RowConnection, found: Found<'_, Self>) -> Result<Check, LoadError> {
        Ok(Check::new(found.reference.top_domains.as_ref() == Some(found.answer)))
    }
}

/// The answer; a type of its own because the codec's trait is the library's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DomainCounts(pub(crate) Vec<DomainCount>);

impl Columnar for DomainCounts {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        DomainCount::to_record_batch(&self.0)
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        DomainCount::from_record_batch(batch).map(Self)
    }
}
