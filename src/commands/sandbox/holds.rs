//! The contents of the kept servers: asked of them, and left out if one does not answer.

use std::time::Duration;

use serde::Serialize;

use crate::cache::admin;
use crate::db::schema::{self, SeedState, Tables};
use crate::db::{connect, counters};
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};
use crate::units;
use crate::users::DataSet;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Holds {
    /// Whether MySQL and Redis answered.
    #[serde(skip)]
    answers: [bool; 2],
    /// In the table; null if it is not seeded.
    users: Option<u32>,
    /// The seed of the random generator that named them; null as above.
    rng_seed: Option<u64>,
    /// The size of the table with its indexes.
    table_bytes: Option<u64>,
    /// Tables in the database that rcache did not make, such as those of `sandbox load`.
    other_tables: Option<u64>,
    /// The size of those tables with their indexes.
    other_table_bytes: Option<u64>,
    /// Keys in Redis, whoever made them.
    keys: Option<u64>,
    /// The memory of Redis.
    redis_bytes: Option<u64>,
}

impl Holds {
    /// Asks both at the same time, and waits for neither for long.
    pub(super) fn ask(mysql: &MysqlEndpoint, redis: &RedisEndpoint) -> Self {
        let (in_mysql, in_redis) = std::thread::scope(|scope| {
            let in_redis = scope.spawn(|| ask_redis(redis));
            (ask_mysql(mysql), in_redis.join().unwrap_or_default())
        });
        let (in_mysql, in_redis) = (in_mysql.unwrap_or_default(), in_redis.unwrap_or_default());
        Self {
            answers: [in_mysql.answers, in_redis.answers],
            users: in_mysql.data.map(|data| data.users),
            rng_seed: in_mysql.data.map(|data| data.rng_seed),
            table_bytes: in_mysql.bytes,
            other_tables: in_mysql.others.map(|(tables, _)| tables),
            other_table_bytes: in_mysql.others.map(|(_, bytes)| bytes),
            keys: in_redis.keys,
            redis_bytes: in_redis.bytes,
        }
    }

    pub(super) fn describe(&self) -> String {
        let users = self.users.map(|users| {
            let users = units::counted(u64::from(users), "user", "users");
            users + &size(self.table_bytes).unwrap_or_default()
        });
        let others = self.other_tables.filter(|tables| *tables > 0).map(|tables| {
            let tables = units::counted(tables, "other table", "other tables");
            tables + &size(self.other_table_bytes).unwrap_or_default()
        });
        let tables = match (self.answers, users, others) {
            ([false, _], ..) => "MySQL does not answer".to_owned(),
            (_, Some(users), Some(others)) => format!("{users}, and {others} in MySQL"),
            (_, Some(some), None) => format!("{some} in MySQL"),
            (_, None, Some(others)) => format!("no users, but {others} in MySQL"),
            (_, None, None) => "no users in MySQL".to_owned(),
        };
        let keys = match (self.answers, self.keys) {
            ([_, false], _) => "Redis does not answer".to_owned(),
            (_, Some(keys)) => {
                let memory = size(self.redis_bytes).map(|size| format!("{size} of memory"));
                format!("{}{} in Redis", units::counted(keys, "key", "keys"), memory.unwrap_or_default())
            }
            (_, None) => "the number of keys in Redis is not known".to_owned(),
        };
        format!("holds      {tables}; {keys}\n")
    }
}

fn size(bytes: Option<u64>) -> Option<String> {
    bytes.map(|bytes| format!(", {}", units::bytes(bytes as f64)))
}

#[derive(Default)]
struct InMysql {
    answers: bool,
    data: Option<DataSet>,
    bytes: Option<u64>,
    others: Option<(u64, u64)>,
}

fn ask_mysql(endpoint: &MysqlEndpoint) -> Option<InMysql> {
    let mut conn = connect::connect_briefly(endpoint).ok()?;
    let data = match schema::inspect(&mut conn) {
        Ok(Tables::Ours { state: SeedState::Seeded { data, .. }, .. }) => Some(data),
        _ => None,
    };
    let bytes = data.and_then(|_| counters::table_bytes(&mut conn));
    Some(InMysql { answers: true, data, bytes, others: counters::other_tables(&mut conn) })
}

#[derive(Default)]
struct InRedis {
    answers: bool,
    keys: Option<u64>,
    bytes: Option<u64>,
}

fn ask_redis(endpoint: &RedisEndpoint) -> Option<InRedis> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut connection = admin::open(endpoint, PATIENCE, PATIENCE).ok()?;
    let keys = admin::key_count(&mut connection).ok();
    Some(InRedis { answers: true, keys, bytes: admin::memory_used(&mut connection) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_answer_holds_nothing_known() {
        let full = Holds {
            answers: [true, true],
            users: Some(1),
            rng_seed: Some(42),
            table_bytes: Some(16_384),
            other_tables: Some(0),
            other_table_bytes: Some(0),
            keys: Some(2),
            redis_bytes: None,
        };
        assert_eq!(full.describe(), "holds      1 user, 16.0 KiB in MySQL; 2 keys in Redis\n");
        let loaded = Holds { other_tables: Some(1), other_table_bytes: Some(2_048), ..full };
        assert!(loaded.describe().contains("1 user, 16.0 KiB, and 1 other table, 2.00 KiB in MySQL;"));
        let own = Holds { users: None, other_tables: Some(5), other_table_bytes: None, ..loaded };
        assert!(own.describe().contains("no users, but 5 other tables in MySQL;"), "{}", own.describe());
        let silent = Holds { answers: [false, false], users: None, keys: None, other_tables: None, ..own };
        assert_eq!(silent.describe(), "holds      MySQL does not answer; Redis does not answer\n");
        let empty = Holds { answers: [true, true], users: None, ..silent };
        assert!(empty.describe().contains("no users in MySQL; the number of keys"));
    }
}
