//! What the kept servers hold: asked of them, and left out where one does not answer.

use serde::Serialize;

use crate::cache::admin;
use crate::db::schema::{self, SeedState, Tables};
use crate::db::{connect, counters};
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::units;

#[derive(Debug, Serialize)]
pub(super) struct Holds {
    /// In the table; null if it is not seeded.
    users: Option<u32>,
    rng_seed: Option<u64>,
    table_bytes: Option<u64>,
    /// Keys in Redis, whoever made them.
    keys: Option<u64>,
    redis_bytes: Option<u64>,
}

impl Holds {
    pub(super) fn ask(mysql: &MysqlEndpoint, redis: &RedisEndpoint) -> Self {
        let mut holds =
            Self { users: None, rng_seed: None, table_bytes: None, keys: None, redis_bytes: None };
        if let Ok(mut conn) = connect::connect(mysql) {
            if let Ok(Tables::Ours { state: SeedState::Seeded { data, .. }, .. }) = schema::inspect(&mut conn)
            {
                (holds.users, holds.rng_seed) = (Some(data.users), Some(data.rng_seed));
            }
            holds.table_bytes = counters::table_bytes(&mut conn);
        }
        if let Ok(mut connection) = admin::connect(redis) {
            holds.keys = admin::key_count(&mut connection).ok();
            holds.redis_bytes = admin::memory_used(&mut connection);
        }
        holds
    }

    pub(super) fn describe(&self) -> String {
        let users = match self.users {
            Some(users) => units::counted(u64::from(users), "user", "users"),
            None => "no users".to_owned(),
        };
        let size = |bytes: Option<u64>| bytes.map(|bytes| format!(", {}", units::bytes(bytes as f64)));
        let keys = self.keys.map_or("unknown".to_owned(), |keys| units::counted(keys, "key", "keys"));
        let table = size(self.table_bytes).unwrap_or_default();
        let memory = size(self.redis_bytes).map(|size| format!("{size} of memory")).unwrap_or_default();
        format!("holds      {users}{table} in MySQL; {keys}{memory} in Redis\n")
    }
}
