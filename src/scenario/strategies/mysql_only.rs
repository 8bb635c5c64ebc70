//! No cache: what is never stale, and what the others are held against.

use super::{Client, ClientError, WriterOutcome};
use crate::scenario::database::Database;
use crate::scenario::row::Row;

pub(super) struct MysqlOnly {
    pub(super) database: Database,
}

impl Client for MysqlOnly {
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        Ok(self.database.load(id)?)
    }

    fn write(&mut self, id: u32, _fate: WriterOutcome) -> Result<u64, ClientError> {
        let (version, ()) = self.database.write(id, || Ok::<_, ClientError>(()))?;
        Ok(version)
    }
}
