//! Redis as an ordinary application uses it: the `redis` crate, a timeout, and a new connection
//! after a broken one.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, RedisError};

use super::AppCounts;
use crate::cache::admin;
use crate::cache::connection::Connection;
use crate::endpoint::RedisEndpoint;
use crate::reopen::Reopening;

/// For connecting, and for each answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct AppRedis {
    connection: Reopening<Connection, RedisError>,
    counts: Arc<AppCounts>,
}

impl AppRedis {
    pub(super) fn open(endpoint: RedisEndpoint, counts: &Arc<AppCounts>) -> Result<Self, RedisError> {
        let open = move || admin::open(&endpoint, TIMEOUT, TIMEOUT);
        Ok(Self { connection: Reopening::open(open, admin::is_alive)?, counts: Arc::clone(counts) })
    }

    pub(super) fn ask<T: FromRedisValue>(&mut self, command: &redis::Cmd) -> Result<T, RedisError> {
        let answer = self.connection.get().and_then(|connection| command.query(connection));
        if let Err(error) = &answer {
            self.counts.redis_errors.add();
            // An answer that came too late would be taken for that of the next command.
            if error.is_io_error() {
                self.connection.forget();
            }
        }
        answer
    }
}
