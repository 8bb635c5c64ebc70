//! Our library with a function whose values are refreshed behind its readers' backs, by its public
//! face alone.

use std::sync::{Arc, Mutex, PoisonError};

use super::{ArmSetup, Client, ClientError, WriterOutcome};
use crate::cache::Cache;
use crate::endpoint::MysqlEndpoint;
use crate::scenario::database::{Database, Loads};
use crate::scenario::keys::Keys;
use crate::scenario::row::Row;

type Get = dyn Fn(&u32) -> Result<Option<Row>, ClientError> + Send + Sync;

/// One client; those of one process share the function.
#[derive(Clone)]
pub(super) struct Refreshing {
    get: Arc<Get>,
    cache: Cache,
    keys: Keys,
    databases: Arc<Databases>,
}

/// Connections that nobody uses at the moment: whoever loads takes one, or opens one more.
struct Databases {
    mysql: MysqlEndpoint,
    loads: Arc<Loads>,
    load_delay: std::time::Duration,
    idle: Mutex<Vec<Database>>,
}

impl Databases {
    fn with<T>(&self, work: impl FnOnce(&mut Database) -> Result<T, ClientError>) -> Result<T, ClientError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut database = match idle {
            Some(database) => database,
            None => Database::open(&self.mysql, &self.loads, self.load_delay)?,
        };
        let done = work(&mut database)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(database);
        Ok(done)
    }
}

impl Refreshing {
    pub(super) fn new(setup: &ArmSetup<'_>, cache: &Cache) -> Self {
        let databases = Arc::new(Databases {
            mysql: setup.mysql.clone(),
            loads: Arc::clone(&setup.loads),
            load_delay: setup.load_delay,
            idle: Mutex::default(),
        });
        let (keys, loader) = (setup.keys.clone(), Arc::clone(&databases));
        let get = cache.wrap_refreshing(
            move |id: &u32| keys.key(*id),
            move |id| loader.with(|database| Ok(database.load(*id)?)),
        );
        Self { get: Arc::new(get), cache: cache.clone(), keys: setup.keys.clone(), databases }
    }
}

impl Client for Refreshing {
    fn read(&mut self, id: u32) -> Result<Option<Row>, ClientError> {
        (self.get)(&id)
    }

    fn write(&mut self, id: u32, writer_outcome: WriterOutcome) -> Result<u64, ClientError> {
        let (version, ()) =
            self.databases.with(|database| Ok(database.write(id, || Ok::<_, ClientError>(()))?))?;
        if writer_outcome == WriterOutcome::Returns {
            self.cache.invalidate(&self.keys.key(id)?)?;
        }
        Ok(version)
    }
}
