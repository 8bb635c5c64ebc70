//! What the machine, the servers' places and their settings give reason to say before anything is measured.

use super::machine;
use crate::endpoint::{Address, MysqlEndpoint, RedisEndpoint};
use crate::run_file::Server;
use crate::stats::warnings::Warning;

/// Looks at everything that could spoil the run, and changes nothing.
pub(super) fn warnings(
    data_bytes: Option<u64>,
    mysql: (&MysqlEndpoint, &Server),
    redis: (&RedisEndpoint, &Server),
) -> Vec<Warning> {
    [machine::busy(), buffer_pool(mysql.1, data_bytes), one_elsewhere(&mysql.0.address, &redis.0.address)]
        .into_iter()
        .flatten()
        .chain(settings(mysql.1, redis.1))
        .collect()
}

/// A buffer pool that cannot hold what is read.
fn buffer_pool(mysql: &Server, data_bytes: Option<u64>) -> Option<Warning> {
    let pool_bytes = mysql.settings.get("innodb_buffer_pool_size")?.parse().ok()?;
    let data_bytes = data_bytes?;
    (data_bytes > pool_bytes).then_some(Warning::SmallBufferPool { pool_bytes, data_bytes })
}

/// One server near and the other far: told by their addresses alone, so that another name of this machine counts as
/// elsewhere.
fn one_elsewhere(mysql: &Address, redis: &Address) -> Option<Warning> {
    let elsewhere = |elsewhere, address: &Address, other| {
        Some(Warning::OneServerElsewhere { elsewhere, address: address.to_string(), other })
    };
    match (mysql.is_here(), redis.is_here()) {
        (true, false) => elsewhere("Redis", redis, "MySQL"),
        (false, true) => elsewhere("MySQL", mysql, "Redis"),
        (true, true) | (false, false) => None,
    }
}

/// What the build and the servers' own settings give reason to say.
fn settings(mysql: &Server, redis: &Server) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push(Warning::DebugBuild);
    }
    if mysql.settings.get("query_cache_type").is_some_and(|value| value != "OFF") {
        warnings.push(Warning::QueryCacheOn);
    }
    let save = redis.settings.get("save").map_or("", String::as_str);
    let appendonly = redis.settings.get("appendonly").map_or("no", String::as_str);
    if !save.is_empty() || appendonly != "no" {
        let settings = format!("save \"{save}\", appendonly {appendonly}");
        warnings.push(Warning::RedisPersistence { settings });
    }
    if mysql.transport != redis.transport {
        let (mysql, redis) = (mysql.transport.clone(), redis.transport.clone());
        warnings.push(Warning::UnlikeTransports { mysql, redis });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_held_against_the_data() {
        let server = |setting: Option<&str>| {
            let settings =
                setting.map(|value| ("innodb_buffer_pool_size".to_owned(), value.to_owned())).into_iter();
            super::super::environment::server("MySQL", "9", "tcp", false, settings.collect())
        };
        let small = Warning::SmallBufferPool { pool_bytes: 100, data_bytes: 101 };
        assert_eq!(buffer_pool(&server(Some("100")), Some(101)), Some(small));
        assert_eq!(buffer_pool(&server(Some("100")), Some(100)), None);
        assert_eq!(buffer_pool(&server(Some("100")), None), None);
        assert_eq!(buffer_pool(&server(None), Some(101)), None);
    }

    #[test]
    fn only_one_far_server_is_worth_a_word() {
        let tcp = |host: &str| Address::Tcp { host: host.to_owned(), port: 1 };
        let socket = || Address::Socket("/run/mysqld.sock".into());
        let elsewhere = |mysql, redis| match one_elsewhere(&mysql, &redis) {
            Some(Warning::OneServerElsewhere { elsewhere, .. }) => Some(elsewhere),
            _ => None,
        };
        for (mysql, redis, far) in [
            (socket(), tcp("127.0.0.1"), None),
            (tcp("localhost"), tcp("::1"), None),
            (tcp("127.0.1.1"), tcp("cache.example"), Some("Redis")),
            (tcp("10.0.0.7"), socket(), Some("MySQL")),
            (tcp("db.example"), tcp("cache.example"), None),
            (tcp("LOCALHOST"), tcp("::ffff:10.0.0.1"), Some("Redis")),
        ] {
            assert_eq!(elsewhere(mysql.clone(), redis.clone()), far, "{mysql} and {redis}");
        }
    }
}
