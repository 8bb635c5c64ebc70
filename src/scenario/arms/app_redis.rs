//! Redis as an ordinary application uses it: the `redis` crate, a timeout, and a new connection after a broken one.

use std::time::Duration;

use redis::{Connection, FromRedisValue, RedisError};

use crate::cache::admin;
use crate::endpoint::RedisEndpoint;

/// For connecting, and for each answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct AppRedis {
    endpoint: RedisEndpoint,
    /// None after an error that leaves a connection unusable.
    connection: Option<Connection>,
}

impl AppRedis {
    pub(super) fn open(endpoint: RedisEndpoint) -> Result<Self, RedisError> {
        let connection = admin::open(&endpoint, TIMEOUT, TIMEOUT)?;
        Ok(Self { endpoint, connection: Some(connection) })
    }

    pub(super) fn ask<T: FromRedisValue>(&mut self, command: &redis::Cmd) -> Result<T, RedisError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => admin::open(&self.endpoint, TIMEOUT, TIMEOUT)?,
        };
        let answer = command.query(&mut connection);
        // An answer that came too late would be taken for that of the next command.
        if answer.as_ref().err().is_none_or(|error: &RedisError| !error.is_io_error()) {
            self.connection = Some(connection);
        }
        answer
    }
}
