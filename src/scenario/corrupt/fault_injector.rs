//! Damages what is cached, in the ways in which it gets damaged: bits that turn, values cut off or
//! under the wrong key, other programs under our keys.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use redis::RedisError;

use super::Damage;
use crate::cache::admin::{self, AdminError};
use crate::cache::connection::Connection;
use crate::cache::entry;
use crate::scenario::keys::Keys;
use crate::scenario::strategies::{ArmSetup, ArmSetupError};

/// For connecting, and for each answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The kinds of damage, in the order in which they are done: a bit flipped, the end cut off, the
/// values of two keys exchanged, a list, a hash or a set in the place of a value, and a value as
/// another program might store it.
const KINDS: [&str; 5] = ["flipped", "truncated", "swapped", "other_type", "foreign"];

pub(super) struct FaultInjector {
    redis: Connection,
    keys: Keys,
    rows: u32,
    ttl_ms: u64,
    rng: StdRng,
    turn: usize,
    pub(super) done: Damage,
}

impl FaultInjector {
    pub(super) fn new(
        setup: &ArmSetup<'_>,
        rows: u32,
        ttl: Duration,
        rng: StdRng,
    ) -> Result<Self, ArmSetupError> {
        Ok(Self {
            redis: admin::open(setup.redis, TIMEOUT, TIMEOUT)
                .map_err(|cause| AdminError::login(setup.redis, cause))?,
            keys: setup.keys.clone(),
            rows,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            rng,
            turn: 0,
            done: KINDS.map(|kind| (kind.to_owned(), 0)).into(),
        })
    }

    /// One act, each kind in its turn, on a row picked anew. Where nothing stands to be damaged,
    /// nothing is done.
    pub(super) fn act(&mut self) {
        let key = self.any_key();
        self.turn += 1;
        let turn = self.turn % KINDS.len();
        let outcome = match turn {
            0 => self.flip(&key),
            1 => self.truncate(&key),
            2 => self.swap(&key),
            3 => self.change_type(&key),
            _ => self.store_foreign(&key),
        };
        // A key of another type cannot be read: it is damaged enough.
        *self.done.entry(KINDS[turn].to_owned()).or_default() += u64::from(outcome.unwrap_or(false));
    }

    fn any_key(&mut self) -> Vec<u8> {
        let id = self.rng.random_range(0..self.rows);
        self.keys.entry(id)
    }

    fn flip(&mut self, key: &[u8]) -> Result<bool, RedisError> {
        let Some(mut value) = self.value(key)? else { return Ok(false) };
        let bit = self.rng.random_range(0..value.len() * 8);
        if let Some(byte) = value.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        self.put(key, &value)
    }

    fn truncate(&mut self, key: &[u8]) -> Result<bool, RedisError> {
        let Some(mut value) = self.value(key)? else { return Ok(false) };
        value.truncate(self.rng.random_range(0..value.len()));
        self.put(key, &value)
    }

    fn swap(&mut self, key: &[u8]) -> Result<bool, RedisError> {
        let other = self.any_key();
        let (Some(one), Some(two)) = (self.value(key)?, self.value(&other)?) else { return Ok(false) };
        Ok(one != two && self.put(key, &two)? && self.put(&other, &one)?)
    }

    fn change_type(&mut self, key: &[u8]) -> Result<bool, RedisError> {
        let command = *self.pick(&["RPUSH", "SADD", "HSET"]);
        let mut pipeline = redis::pipe();
        pipeline.atomic().cmd("DEL").arg(key).ignore().cmd(command).arg(key).arg("field");
        if command == "HSET" {
            pipeline.arg("value");
        }
        pipeline.ignore().cmd("PEXPIRE").arg(key).arg(self.ttl_ms).ignore();
        pipeline.query::<()>(&mut self.redis)?;
        Ok(true)
    }

    fn store_foreign(&mut self, key: &[u8]) -> Result<bool, RedisError> {
        let magic = [entry::magic(), b"\x01\x01 and then nonsense"].concat();
        let values: [&[u8]; 5] = [b"", b"hello", b"null", b"{\"id\":1,\"name\":\"ann\"}", &magic];
        let value = *self.pick(&values);
        self.put(key, value)
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.rng.random_range(0..choices.len())]
    }

    /// The value, unless it is missing or empty.
    fn value(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, RedisError> {
        let value: Option<Vec<u8>> = redis::cmd("GET").arg(key).query(&mut self.redis)?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool, RedisError> {
        redis::cmd("SET").arg(key).arg(value).arg("PX").arg(self.ttl_ms).query::<()>(&mut self.redis)?;
        Ok(true)
    }
}
