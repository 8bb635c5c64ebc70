//! The settings of our sessions: every connection sets what our statements rely on, and reads it
//! back.
//!
//! Servers, accounts and proxies come with defaults of their own (`sql_mode`, `autocommit`,
//! `completion_type`, limits on rows and time …); some proxies accept a SET and do not pass it on.

use std::time::Duration;

use super::error::DbError;
use super::session::Session;

const DOING: &str = "setting up the session";
/// ER_UNKNOWN_SYSTEM_VARIABLE.
const UNKNOWN_VARIABLE: u16 = 1193;

/// The settings of `session.sql`, in the order in which `session_settings.sql` reads them back.
const EXPECTED: [(&str, &str); 19] = [
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("collation_connection", "utf8mb4_general_ci"),
    ("sql_mode", "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"),
    ("time_zone", "+00:00"),
    ("autocommit", "1"),
    ("completion_type", "NO_CHAIN"),
    ("sql_safe_updates", "0"),
    ("sql_select_limit", "18446744073709551615"),
    ("sql_big_selects", "1"),
    ("foreign_key_checks", "1"),
    ("unique_checks", "1"),
    ("sql_buffer_result", "0"),
    ("innodb_lock_wait_timeout", "50"),
    ("lock_wait_timeout", "120"),
    ("net_read_timeout", "120"),
    ("net_write_timeout", "120"),
    ("wait_timeout", "28800"),
];
const EXPECTED_ISOLATION: [(&str, &str); 2] =
    [("transaction_isolation", "REPEATABLE-READ"), ("transaction_read_only", "0")];

/// Sets up a session and proves it. Returns the number of SELECT statements that this took.
///
/// # Errors
/// If a setting was refused or did not take effect; the error names it.
pub(super) fn apply(session: &mut Session) -> Result<u64, DbError> {
    let fail = |source| DbError::new(DOING, source);
    session.query_drop(include_str!("../../sql/session.sql")).map_err(fail)?;
    session.query_drop(include_str!("../../sql/session_isolation.sql")).map_err(fail)?;
    let mariadb = session.query_drop(include_str!("../../sql/session_limits_mariadb.sql"));
    if is_unknown(&mariadb) {
        let mysql = session.query_drop(include_str!("../../sql/session_limits_mysql.sql"));
        // A server that knows neither limit has none.
        if !is_unknown(&mysql) {
            mysql.map_err(fail)?;
        }
    } else {
        mariadb.map_err(fail)?;
        // Refused where the server was built or started without a query cache.
        let _ = session.query_drop(include_str!("../../sql/session_query_cache.sql"));
    }
    compare(&read(session, include_str!("../../sql/session_settings.sql"))?, &EXPECTED)?;
    let (isolation, selects) = read_isolation(session)?;
    compare(&isolation, &EXPECTED_ISOLATION)?;
    // The crate itself asks for max_allowed_packet as it connects.
    Ok(2 + selects)
}

/// Isolation and access mode, and the number of SELECT statements that this took: servers count
/// none that they refuse.
fn read_isolation(session: &mut Session) -> Result<(String, u64), DbError> {
    match session.query_first(include_str!("../../sql/session_isolation_transaction.sql")) {
        // MariaDB before 11.1 knows the two by their old names alone.
        outcome if is_unknown(&outcome) => {
            Ok((read(session, include_str!("../../sql/session_isolation_tx.sql"))?, 1))
        }
        outcome => {
            let found: Option<String> = outcome.map_err(|source| DbError::new(DOING, source))?;
            Ok((found.unwrap_or_default(), 1))
        }
    }
}

/// Has the session refuse to write, and end statements that take longer than this; proves both.
/// Returns the number of SELECT statements that this took.
///
/// # Errors
/// If a setting was refused or did not take effect; the error names it.
pub(super) fn restrict(session: &mut Session, time_limit: Duration) -> Result<u64, DbError> {
    let fail = |source| DbError::new(DOING, source);
    session.query_drop(include_str!("../../sql/session_read_only.sql")).map_err(fail)?;
    let (isolation, selects) = read_isolation(session)?;
    compare(&isolation, &[EXPECTED_ISOLATION[0], ("transaction_read_only", "1")])?;
    // As text: an execution of a prepared SET would count among those of the measured statement.
    let set = |sql: &str, limit: &str| sql.replace("{limit}", limit);
    let whole_seconds = time_limit.as_secs().max(1).to_string();
    let locks = set(include_str!("../../sql/session_lock_limit.sql"), &whole_seconds);
    session.query_drop(locks).map_err(fail)?;
    let seconds = time_limit.as_secs_f64();
    let mariadb = set(include_str!("../../sql/session_time_limit_mariadb.sql"), &seconds.to_string());
    let mariadb = session.query_drop(mariadb);
    let (found, name) = if is_unknown(&mariadb) {
        let ms = u64::try_from(time_limit.as_millis()).unwrap_or(u64::MAX);
        let mysql = set(include_str!("../../sql/session_time_limit_mysql.sql"), &ms.to_string());
        session.query_drop(mysql).map_err(fail)?;
        let found = read(session, include_str!("../../sql/session_time_limit_mysql_read.sql"))?;
        (found.parse::<f64>().map(|ms| ms / 1_000.0), "max_execution_time")
    } else {
        mariadb.map_err(fail)?;
        let found = read(session, include_str!("../../sql/session_time_limit_mariadb_read.sql"))?;
        (found.parse::<f64>(), "max_statement_time")
    };
    let found = found.unwrap_or_default();
    if (found - seconds).abs() > 0.001 {
        return Err(DbError::setting(name, &seconds.to_string(), &found.to_string()));
    }
    Ok(selects + 1)
}

fn is_unknown<T>(outcome: &Result<T, mysql::Error>) -> bool {
    matches!(outcome, Err(mysql::Error::MySqlError(error)) if error.code == UNKNOWN_VARIABLE)
}

fn read(session: &mut Session, sql: &str) -> Result<String, DbError> {
    Ok(session.query_first(sql).map_err(|source| DbError::new(DOING, source))?.unwrap_or_default())
}

fn compare(found: &str, expected: &[(&str, &str)]) -> Result<(), DbError> {
    let mut values = found.split('\n');
    for (name, value) in expected {
        let found = values.next().unwrap_or_default();
        if !is_same(found, value) {
            return Err(DbError::setting(name, value, found));
        }
    }
    Ok(())
}

/// A list may come in another order, and a switch as a word or as a number.
fn is_same(found: &str, expected: &str) -> bool {
    let plain = |part: &str| match part.to_ascii_uppercase().as_str() {
        "ON" => "1".to_owned(),
        "OFF" => "0".to_owned(),
        other => other.to_owned(),
    };
    let sorted = |list: &str| {
        let mut parts: Vec<_> = list.split(',').map(plain).collect();
        parts.sort_unstable();
        parts
    };
    sorted(found) == sorted(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(settings: &[(&str, &str)]) -> String {
        settings.iter().map(|(_, value)| *value).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_setting_that_did_not_take_is_named_with_both_values() {
        compare(&joined(&EXPECTED), &EXPECTED).unwrap();
        let error =
            compare(&joined(&EXPECTED).replace("NO_CHAIN", "CHAIN"), &EXPECTED).unwrap_err().to_string();
        assert!(error.contains("completion_type") && error.contains("NO_CHAIN"), "{error}");
        assert!(compare("", &EXPECTED).is_err());
    }

    #[test]
    fn modes_are_a_set_and_switches_are_words_or_numbers() {
        assert!(is_same("ON", "1") && is_same("off", "0") && is_same("1", "1"));
        assert!(!is_same("OFF", "1") && !is_same("", "0"));
        assert!(is_same(
            "NO_ENGINE_SUBSTITUTION,STRICT_ALL_TABLES",
            "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
        ));
        assert!(!is_same("STRICT_ALL_TABLES", "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"));
        assert!(!is_same("ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION", EXPECTED[4].1));
    }

    #[test]
    fn every_setting_is_read_back_in_the_order_of_the_statement() {
        let sql = include_str!("../../sql/session_settings.sql");
        let names: Vec<_> =
            sql.split("@@").skip(1).map(|rest| rest.split([',', ')']).next().unwrap()).collect();
        let expected: Vec<_> = EXPECTED.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, expected);
        let set = include_str!("../../sql/session.sql");
        for (name, _) in &EXPECTED[4..] {
            assert!(set.contains(&format!("SESSION {name} = ")), "{name}");
        }
    }
}
