//! A connection for the `redis` crate's commands over the library's own stream: with its TLS and
//! its deadlines, and with a look at the interrupt while it waits. The crate's own connection waits
//! 30 s for a stopped server, whatever happens.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{ConnectionLike, Parser, RedisError, RedisResult, Value};

use super::wire::{BareStream, Limits};
use crate::endpoint::{Address, RedisEndpoint};
use crate::interrupt;
use crate::secret::Secret;

/// Servers that did not answer after an interrupt: nothing more is asked of them.
static GIVEN_UP: Mutex<Vec<Address>> = Mutex::new(Vec::new());

/// An open connection, logged in, on its database.
pub(crate) struct Link {
    stream: BareStream,
    parser: Parser,
    address: Address,
    database: i64,
    /// After a failed exchange the next reply could belong to it.
    is_broken: bool,
}

impl Link {
    /// Connects, logs in and selects the database. `connect` limits each step of that, and `reply`
    /// every later reply.
    pub(crate) fn open(endpoint: &RedisEndpoint, connect: Duration, reply: Duration) -> RedisResult<Self> {
        check_given_up(&endpoint.address)?;
        let limits = Limits {
            connect,
            reply: connect,
            is_over: Some(interrupt::requested),
            max_string_bytes: Limits::MAX_STRING_BYTES,
        };
        let stream = BareStream::open(endpoint, limits).inspect_err(|_| give_up(&endpoint.address))?;
        let mut connection = Self {
            stream,
            parser: Parser::new(),
            address: endpoint.address.clone(),
            database: i64::from(endpoint.database),
            is_broken: false,
        };
        if let Some(password) = endpoint.password.as_ref().map(Secret::reveal) {
            let mut login = redis::cmd("AUTH");
            login.arg(&endpoint.user).arg(password);
            login.exec(&mut connection)?;
        }
        if endpoint.password.is_none() && endpoint.database == 0 {
            // What answers here is known before anything else is asked.
            redis::cmd("PING").exec(&mut connection)?;
        }
        if endpoint.database != 0 {
            redis::cmd("SELECT").arg(endpoint.database).exec(&mut connection)?;
        }
        connection.stream.set_reply_limit(reply);
        Ok(connection)
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends commands and reads so many replies.
    pub(super) fn exchange(&mut self, commands: &[u8], replies: usize) -> RedisResult<Vec<Value>> {
        if self.is_broken {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection failed before").into());
        }
        check_given_up(&self.address)?;
        let outcome = self.try_exchange(commands, replies);
        if outcome.is_err() {
            self.is_broken = true;
            give_up(&self.address);
        }
        outcome
    }

    fn try_exchange(&mut self, commands: &[u8], replies: usize) -> RedisResult<Vec<Value>> {
        self.stream.begin(commands.len())?;
        if let Err(error) = self.stream.write_all(commands) {
            // A server that takes no more clients has said so before it closed the connection.
            return match self.parser.parse_value(&mut self.stream) {
                Ok(refusal @ Value::ServerError(_)) => Ok(vec![refusal; replies]),
                Ok(_) | Err(_) => Err(error.into()),
            };
        }
        (0..replies).map(|_| self.parser.parse_value(&mut self.stream)).collect()
    }
}

fn check_given_up(address: &Address) -> RedisResult<()> {
    if GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner).contains(address) {
        return Err(RedisError::from(io::Error::other("interrupted")));
    }
    Ok(())
}

/// Asks nothing more of this server, if an interrupt has come.
fn give_up(address: &Address) {
    if interrupt::requested() {
        GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner).push(address.clone());
    }
}

impl ConnectionLike for Link {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        Ok(self.exchange(command, 1)?.pop().unwrap_or(Value::Nil))
    }

    /// For pipelines without MULTI, which are all that rcache sends: every reply is the caller's.
    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        Ok(self.exchange(commands, offset + count)?.split_off(offset))
    }

    fn get_db(&self) -> i64 {
        self.database
    }

    fn check_connection(&mut self) -> bool {
        redis::cmd("PING").exec(self).is_ok()
    }

    fn is_open(&self) -> bool {
        !self.is_broken
    }
}
