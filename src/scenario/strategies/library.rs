//! Our library, by its public face alone.

use super::{Client, ClientError, WriterOutcome};
use crate::cache::{Cache, WriteGuard};
use crate::scenario::database::Database;
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;

pub(super) struct Library {
    pub(super) database: Database,
    pub(super) cache: Cache,
    pub(super) keys: Keys,
    /// The way in which writers tell it.
    pub(super) writing: Writing,
}

/// The two ways of writing that the library has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// COMMIT, then `invalidate`.
    Invalidate,
    /// `mark`, COMMIT, `finish`.
    Mark,
}

impl Client for Library {
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        let key = self.keys.key(id)?;
        Ok(self.cache.get(&key, || self.database.load(id))?)
    }

    fn write(&mut self, id: u32, writer_outcome: WriterOutcome) -> Result<u64, ClientError> {
        let key = self.keys.key(id)?;
        let mark = || -> Result<Option<WriteGuard>, ClientError> {
            Ok(match self.writing {
                Writing::Invalidate => None,
                Writing::Mark => Some(self.cache.mark(&[&key])?),
            })
        };
        let (version, guard) = self.database.write(id, mark)?;
        match (writer_outcome, guard) {
            // What is dropped here says that the outcome is unknown, as the end of a process would
            // by saying nothing.
            (WriterOutcome::DiesAfterCommit, _) => {}
            (WriterOutcome::Returns, Some(guard)) => drop(guard.finish()?),
            (WriterOutcome::Returns, None) => self.cache.invalidate(&key)?,
        }
        Ok(version)
    }
}

/// The cached row of an id. A loader that has nothing to offer is never asked if there is an entry.
pub(super) fn cached(cache: &Cache, keys: &Keys, id: u32) -> Result<Option<Row>, ClientError> {
    struct NotCached;
    Ok(cache.get(&keys.key(id)?, || Err::<Option<Row>, _>(NotCached)).unwrap_or(None))
}
