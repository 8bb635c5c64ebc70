//! The most frequent e-mail domains: an expensive question with a tiny answer, which is what a cache is best at.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mysql::Statement;

use super::{Expected, LoadError, Query, row};
use crate::cache::codec::Columnar;
use crate::db::rows::RowConnection;
use crate::users::DomainCount;

/// The item is the client's number, as for all users.
pub(crate) struct TopDomains {
    statement: Statement,
}

impl Query for TopDomains {
    type Answer = Vec<DomainCount>;
    const KIND: &'static str = "domains";

    fn prepare(conn: &mut RowConnection, _expected: &Arc<Expected>) -> Result<Self, mysql::Error> {
        Ok(Self { statement: conn.prepare(include_str!("../../../sql/select_top_domains.sql"))? })
    }

    fn load(&mut self, conn: &mut RowConnection, _item: u32) -> Result<Vec<DomainCount>, LoadError> {
        let mut domains = Vec::new();
        conn.execute(&self.statement, &[], |mut cells| {
            domains.push(DomainCount { domain: row::text(&mut cells)?.to_owned(), users: cells.u64()? });
            cells.end()
        })?;
        Ok(domains)
    }

    fn is_right(&self, _item: u32, answer: &Vec<DomainCount>, expected: &Expected) -> bool {
        expected.top_domains.as_ref() == Some(answer)
    }
}

impl Columnar for Vec<DomainCount> {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        DomainCount::to_record_batch(self)
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        DomainCount::from_record_batch(batch)
    }
}
