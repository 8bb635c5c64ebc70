//! A client's connection to MySQL with its statement, opened anew if it was lost while the cache
//! answered.

use std::sync::Arc;
use std::time::Instant;

use super::ReadsError;
use crate::db::rows::RowConnection;
use crate::endpoint::MysqlEndpoint;
use crate::paths::query::{Check, Found, LoadError, Query};
use crate::reopen::TRUSTED_FOR;

pub(super) struct Database<Q: Query> {
    endpoint: MysqlEndpoint,
    reference: Arc<Q::Reference>,
    connection: RowConnection,
    query: Q,
    used: Instant,
    is_broken: bool,
}

impl<Q: Query> Database<Q> {
    pub(super) fn open(endpoint: MysqlEndpoint, reference: Arc<Q::Reference>) -> Result<Self, ReadsError> {
        let mut connection = Q::open(&endpoint, &reference).map_err(LoadError::from)?;
        let query = Q::prepare(&mut connection, &reference).map_err(LoadError::from)?;
        Ok(Self { endpoint, reference, connection, query, used: Instant::now(), is_broken: false })
    }

    pub(super) fn load(&mut self, item: u32) -> Result<Q::Answer, ReadsError> {
        let is_idle = self.used.elapsed() >= TRUSTED_FOR;
        if self.is_broken || (is_idle && self.connection.round_trip().is_err()) {
            *self = Self::open(self.endpoint.clone(), Arc::clone(&self.reference))?;
        }
        self.used = Instant::now();
        let answer = self.query.load(&mut self.connection, item);
        self.is_broken = matches!(answer, Err(LoadError::Mysql(_) | LoadError::Shape | LoadError::TooLarge));
        Ok(answer?)
    }

    /// Compares an answer; a query of the user's own may ask MySQL.
    pub(super) fn check<'a>(
        &'a mut self,
        found: impl FnOnce(&'a Q::Reference) -> Found<'a, Q>,
    ) -> Result<Check, LoadError> {
        self.query.check(&mut self.connection, found(self.reference.as_ref()))
    }

    /// Takes note of an answer that became an entry before the trial.
    pub(super) fn note(&self, item: u32, answer: &Q::Answer) {
        self.query.note(item, answer);
    }
}
