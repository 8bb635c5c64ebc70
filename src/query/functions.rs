//! The functions of MySQL and MariaDB that do more than compute, and those whose answer is not the
//! same twice.

const WAITS: &str = "waits, and measures nothing but itself";
const LOCKS: &str = "takes or releases locks that others wait for";
const FILES: &str = "reads or writes files of the server";
const COUNTS: &str = "advances a counter of the server";
const REPLICATION: &str = "waits for replication, or changes it";
const KEYS: &str = "changes keys of the server";
const SETTINGS: &str = "changes settings of the server";
const PROGRAMS: &str = "runs programs or statements outside the query";

/// Functions that are never run, with what they do.
const REFUSED: &[(&str, &str)] = &[
    ("SLEEP", WAITS),
    ("BENCHMARK", WAITS),
    ("GET_LOCK", LOCKS),
    ("RELEASE_LOCK", LOCKS),
    ("RELEASE_ALL_LOCKS", LOCKS),
    ("SERVICE_GET_READ_LOCKS", LOCKS),
    ("SERVICE_GET_WRITE_LOCKS", LOCKS),
    ("SERVICE_RELEASE_LOCKS", LOCKS),
    ("VERSION_TOKENS_LOCK_SHARED", LOCKS),
    ("VERSION_TOKENS_LOCK_EXCLUSIVE", LOCKS),
    ("VERSION_TOKENS_UNLOCK", LOCKS),
    ("LOAD_FILE", FILES),
    ("NEXTVAL", COUNTS),
    ("SETVAL", COUNTS),
    ("MASTER_POS_WAIT", REPLICATION),
    ("SOURCE_POS_WAIT", REPLICATION),
    ("MASTER_GTID_WAIT", REPLICATION),
    ("WAIT_FOR_EXECUTED_GTID_SET", REPLICATION),
    ("WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS", REPLICATION),
    ("WSREP_SYNC_WAIT_UPTO_GTID", REPLICATION),
    ("VERSION_TOKENS_SET", SETTINGS),
    ("VERSION_TOKENS_EDIT", SETTINGS),
    ("VERSION_TOKENS_DELETE", SETTINGS),
    ("SET_FIREWALL_MODE", SETTINGS),
    ("SET_FIREWALL_GROUP_MODE", SETTINGS),
    ("FIREWALL_GROUP_DELIST", SETTINGS),
    ("FIREWALL_GROUP_ENLIST", SETTINGS),
    ("READ_FIREWALL_USERS", SETTINGS),
    ("READ_FIREWALL_WHITELIST", SETTINGS),
    ("READ_FIREWALL_GROUP_ALLOWLIST", SETTINGS),
    ("READ_FIREWALL_GROUPS", SETTINGS),
    ("MYSQL_FIREWALL_FLUSH_STATUS", SETTINGS),
    ("LOAD_REWRITE_RULES", SETTINGS),
    ("GEN_DICTIONARY_LOAD", FILES),
    ("GEN_DICTIONARY_DROP", SETTINGS),
    ("SYS_EVAL", PROGRAMS),
    ("SYS_EXEC", PROGRAMS),
    ("SYS_SET", SETTINGS),
    ("MROONGA_COMMAND", PROGRAMS),
    ("VP_COPY_TABLES", PROGRAMS),
];

/// Families of functions that plugins and components bring, by how their names begin.
const REFUSED_FAMILIES: &[(&str, &str)] = &[
    ("KEYRING_…", KEYS),
    ("AUDIT_LOG_…", SETTINGS),
    ("AUDIT_API_…", SETTINGS),
    ("GROUP_REPLICATION_…", REPLICATION),
    ("ASYNCHRONOUS_CONNECTION_FAILOVER_…", REPLICATION),
    ("INNODB_REDO_LOG_…", FILES),
    ("SPIDER_…", PROGRAMS),
    ("MASKING_DICTIONARY_…", SETTINGS),
    ("MASKING_DICTIONARIES_…", SETTINGS),
    ("OPTION_TRACKER_…", SETTINGS),
];

/// A function that does more than compute, and what it does.
pub(crate) fn refused(name: &str) -> Option<(&'static str, &'static str)> {
    let exact = REFUSED.iter().find(|(refused, _)| refused.eq_ignore_ascii_case(name));
    let begins = |family: &str| {
        let family = family.trim_end_matches('…');
        name.get(..family.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(family))
    };
    exact.or_else(|| REFUSED_FAMILIES.iter().find(|(family, _)| begins(family))).copied()
}

/// Words of both servers that may be before a parenthesis: functions, keywords and types.
const KNOWN: &str = include_str!("functions/known.txt");

/// Families of the servers' own functions.
const KNOWN_FAMILIES: [&str; 6] = ["JSON_", "ST_", "MBR", "REGEXP_", "VEC_", "VECTOR_"];

/// True for what is no stored function, since the server has a function, keyword or type of this
/// name.
pub(crate) fn is_known(name: &str) -> bool {
    let begins = |family: &&str| {
        name.get(..family.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(family))
    };
    KNOWN_FAMILIES.iter().any(begins)
        || KNOWN.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(name))
        || volatile(name).is_some()
}

/// Functions whose answer depends on the time, the connection or chance.
const VOLATILE: &[&str] = &[
    "NOW",
    "CURDATE",
    "CURTIME",
    "SYSDATE",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "RAND",
    "RANDOM_BYTES",
    "UUID",
    "UUID_SHORT",
    "UUID_V4",
    "UUID_V7",
    "SYS_GUID",
    "CONNECTION_ID",
    "PS_CURRENT_THREAD_ID",
    "USER",
    "SESSION_USER",
    "SYSTEM_USER",
    "CURRENT_USER",
    "CURRENT_ROLE",
    "LAST_INSERT_ID",
    "FOUND_ROWS",
    "ROW_COUNT",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "LASTVAL",
    "ENCRYPT",
    "BINLOG_GTID_POS",
    "WSREP_LAST_SEEN_GTID",
    "WSREP_LAST_WRITTEN_GTID",
];

/// Those among them that need no parentheses.
const VOLATILE_WORDS: &[&str] = &[
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "CURRENT_USER",
    "CURRENT_ROLE",
];

/// A function whose answer is not the same twice.
pub(crate) fn volatile(name: &str) -> Option<&'static str> {
    VOLATILE.iter().find(|volatile| volatile.eq_ignore_ascii_case(name)).copied()
}

/// The same for a word without parentheses behind it.
pub(crate) fn volatile_word(name: &str) -> Option<&'static str> {
    VOLATILE_WORDS.iter().find(|volatile| volatile.eq_ignore_ascii_case(name)).copied()
}
