//! From what a MySQL or MariaDB server answered to the next step, for every path.
//!
//! Numbers: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html> and
//! <https://mariadb.com/kb/en/mariadb-error-codes/>. An error without a line here is shown in the
//! server's words alone: no hint is better than a wrong one.

use std::borrow::Cow;
use std::io;

use crate::endpoint::{Address, MysqlEndpoint, MysqlTls};

pub(super) const LOST: &str = "did the server restart, or does a proxy in between close connections? Look at its log, then run the same command again";
pub(super) const SETTING: &str = "a proxy in between may drop SET statements: point --mysql-url at the server itself, or let the proxy pass them on";
pub(super) const NOT_REACHED: &str = "is the server running, and are host and port in --mysql-url or RCACHE_MYSQL_URL right? With neither, rcache runs a private server of its own";
pub(super) const NO_TLS: &str = "turn TLS on in the server, or connect without it: leave ssl-mode away";
pub(super) const TLS_FILE: &str = "the parameters ssl-ca, ssl-cert and ssl-key name files on this machine";
pub(super) const CERTIFICATE: &str = "give the certificate of its authority with ssl-ca=FILE, connect by a name that is in the \
     server's certificate, or use a weaker ssl-mode (verify_ca, required)";
pub(super) const CLIENT_CERTIFICATE: &str =
    "the server may want a client certificate: add ssl-cert=FILE&ssl-key=FILE to --mysql-url";
pub(super) const CLIENT_CERTIFICATE_REFUSED: &str = "the server may not accept the client certificate: is it of an authority that the server trusts, and still valid?";
pub(super) const LOGIN_METHOD: &str = "the user name or password is wrong (in --mysql-url or RCACHE_MYSQL_URL), or the account logs in by another method; rcache knows \
     caching_sha2_password, mysql_native_password and ed25519: ALTER USER … IDENTIFIED …, or use another account";

pub(super) const OWN_DATABASE: &str =
    "make one with CREATE DATABASE rcache CHARACTER SET utf8mb4, and end --mysql-url with /rcache";

const RIGHTS: &str = "the account lacks a right; rcache needs SELECT, INSERT, UPDATE, DELETE, CREATE and DROP on its database: \
     GRANT ALL ON database.* TO user";
const NO_INNODB: &str = "the server does not allow the storage engine InnoDB, whose transactions rcache needs: look at \
     enforce_storage_engine and disabled_storage_engines";
const READ_ONLY: &str = "the server is read-only: point --mysql-url at the primary";

/// No connection was made; `description` and `kind` are the system's.
pub(super) fn no_connection(address: &Address, description: &str, kind: io::ErrorKind) -> &'static str {
    match (address, kind) {
        (_, _) if description.contains("lookup address") => "is the host name in --mysql-url spelled right?",
        (Address::Socket(_), io::ErrorKind::NotFound) => {
            "there is no such socket: is the server running, and is the path right? The server says it as SELECT @@socket"
        }
        (Address::Socket(_), io::ErrorKind::PermissionDenied) => {
            "this user may not open the socket: look at the rights of the socket and of its folders"
        }
        (Address::Socket(_), _) => {
            "is the server running, and is the socket's path right? With no URL, rcache runs a private server of its own"
        }
        (Address::Tcp { .. }, io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            "this machine has no way to that host: is the address right, and is the network or VPN up?"
        }
        (Address::Tcp { .. }, _) => NOT_REACHED,
    }
}

/// The server refused the login with this error.
pub(super) fn login(endpoint: &MysqlEndpoint, code: u16, message: &str) -> Option<Cow<'static, str>> {
    match code {
        1045 => Some(denied(endpoint).into()),
        1698 => Some(
            "the account logs in by the name of the system's user over the unix socket (unix_socket, auth_socket): run rcache \
             as that user with ?socket=/path, or use an account with a password"
                .into(),
        ),
        1044 => Some(
            "the account has no right on this database, or the database does not exist: GRANT ALL ON database.* TO user".into(),
        ),
        _ => statement(code, message),
    }
}

/// Servers do not say what was wrong, also when it was the lack of TLS.
fn denied(endpoint: &MysqlEndpoint) -> String {
    let password = if endpoint.password.is_some() {
        "the user name or password is wrong (in --mysql-url or RCACHE_MYSQL_URL)"
    } else {
        "the URL gives no password: mysql://user:password@host/database, or set RCACHE_MYSQL_URL"
    };
    let other = match (&endpoint.address, endpoint.tls, &endpoint.certificates.client) {
        (Address::Socket(_), _, _) => "the account is not allowed over the socket (user@localhost)",
        (Address::Tcp { .. }, MysqlTls::Disabled, _) => {
            "the account is not allowed from this host, or requires TLS (add ?ssl-mode=required)"
        }
        (Address::Tcp { .. }, _, None) => {
            "the account is not allowed from this host, or requires a client certificate (add ssl-cert=FILE&ssl-key=FILE)"
        }
        (Address::Tcp { .. }, _, Some(_)) => {
            "the account is not allowed from this host, or requires another client certificate"
        }
    };
    format!("{password}; or {other}")
}

/// The next step for errors that a statement of the user's own meets.
pub(super) fn own_statement(code: u16) -> Option<&'static str> {
    Some(match code {
        1142 | 1143 | 1044 | 1227 | 1370 => {
            "the account needs SELECT on every table and view of the statement: GRANT SELECT ON database.* TO user"
        }
        1146 | 1049 => {
            "is it spelled right? Without a database in front, tables are those of the database in --mysql-url"
        }
        1054 => "is the column spelled right?",
        1064 => "try the statement in the server's own client; rcache sends it as it is",
        1305 => "is the function spelled right?",
        1205 => "another session holds a lock that the statement waits for; try again later",
        1213 => "another session was in the way (a deadlock); try again",
        1792 => "the statement writes, and its session can only read",
        1317 => "another session killed the statement",
        1969 | 3024 => "the statement took longer than --query-timeout; raise it, or add an index",
        1040 | 1203 => "the server has no connection left: use fewer --clients",
        _ => return None,
    })
}

/// The next step for errors that users meet, in a login or in a statement.
pub(super) fn statement(code: u16, message: &str) -> Option<Cow<'static, str>> {
    if message.contains("insecure transport") {
        return Some("the server demands TLS: add ?ssl-mode=required to --mysql-url".into());
    }
    let hint = match code {
        1044 | 1142 | 1143 | 1227 | 1370 => RIGHTS,
        1045 | 1698 => "the user name or password is wrong; give it in --mysql-url or in RCACHE_MYSQL_URL",
        1049 => "create it first: CREATE DATABASE name CHARACTER SET utf8mb4",
        1130 => {
            "this host is not allowed to connect: create the account for it (CREATE USER 'name'@'host'), or connect from another"
        }
        1129 => {
            "the server blocks this host after many failed connections: run FLUSH HOSTS there (on MySQL 8.4 or later, TRUNCATE \
             performance_schema.host_cache)"
        }
        1040 => "the server has no connection left: use fewer --clients, or raise max_connections",
        1203 => "the account has no connection left: use fewer --clients, or raise max_user_connections",
        1226 if message.contains("connections") => {
            "the account has no connection left: use fewer --clients, or raise its limit with ALTER USER … WITH …"
        }
        1226 => {
            "the account has a limit of statements an hour: raise it with ALTER USER … WITH …, or use another account"
        }
        1461 => {
            "the server has no room for another prepared statement: use fewer --clients, or raise max_prepared_stmt_count"
        }
        1251 | 1524 | 2059 => LOGIN_METHOD,
        1820 | 1862 => "the password has expired: set a new one with ALTER USER … IDENTIFIED BY …",
        3032 => "the server is in offline mode, for administrators alone: SET GLOBAL offline_mode = OFF",
        3118 | 4151 => "the account is locked: ALTER USER … ACCOUNT UNLOCK",
        1184 => {
            "the server ended the connection, mostly because its init_connect failed: look at its error log"
        }
        1021 | 1114 => "the server's disk or table space is full: free room, then run the same command again",
        1030 if message.contains("error 28") => {
            "the server's disk is full: free room, then run the same command again"
        }
        1153 => "raise max_allowed_packet on the server; 1 MiB is enough",
        1205 | 1213 => {
            "another program holds locks on the table: wait until it is done, then run the same command again"
        }
        1290 if message.contains("read-only") || message.contains("read_only") => READ_ONLY,
        1792 | 1836 | 3100 => READ_ONLY,
        1290 if message.contains("NO_ENGINE_SUBSTITUTION") => NO_INNODB,
        1290 => {
            "the server was started with the option that it names: start it without, or use another server"
        }
        1286 | 3161 => NO_INNODB,
        1317 | 1927 => "somebody ended the statement or the connection with KILL",
        1969 | 3024 => "the server cut the statement off: raise max_statement_time or max_execution_time",
        1053 => "the server is shutting down: start it again, then run the same command again",
        1047 if message.contains("WSREP") => {
            "this Galera node is not ready: wait, or point --mysql-url at another node"
        }
        1047 | 1243 | 1295 => {
            "is there a proxy in between that does not pass prepared statements on? Point --mysql-url at the server itself"
        }
        1146 => "create and fill the tables with: rcache seed",
        9001..=9999 => "the proxy in between does not reach its server: look at the proxy's log",
        _ => return None,
    };
    Some(hint.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_names_what_the_url_lacks() {
        let hint = |url: &str| login(&MysqlEndpoint::parse(url).unwrap(), 1045, "Access denied").unwrap();
        assert!(hint("mysql://ann@h/app").contains("no password"));
        assert!(hint("mysql://ann:x@h/app").contains("ssl-mode=required"));
        assert!(hint("mysql://ann:x@h/app").contains("RCACHE_MYSQL_URL"));
        assert!(hint("mysql://ann:x@h/app?ssl-mode=required").contains("ssl-cert"));
        assert!(!hint("mysql://ann:x@h/app?ssl-cert=/c&ssl-key=/k").contains("add"));
        assert!(hint("mysql://ann:x@h/app?socket=/s").contains("localhost"));
    }

    #[test]
    fn one_number_with_two_meanings_has_two_hints() {
        let hint = |code, message: &str| statement(code, message).unwrap_or_default().into_owned();
        assert!(hint(1290, "running with the --read-only option").contains("primary"));
        assert!(!hint(1290, "running with the --skip-grant-tables option").contains("primary"));
        assert!(hint(1290, "running with the NO_ENGINE_SUBSTITUTION option").contains("InnoDB"));
        assert!(hint(1047, "WSREP has not yet prepared node").contains("Galera"));
        assert!(hint(1047, "Unknown command").contains("proxy"));
        assert!(hint(1226, "exceeded the 'max_user_connections' resource").contains("--clients"));
        assert!(hint(1226, "exceeded the 'max_questions' resource").contains("an hour"));
        assert!(
            hint(4321, "Connections using insecure transport are prohibited").contains("ssl-mode=required")
        );
        assert_eq!(hint(1030, "Got error 122 from storage engine"), "");
        assert_eq!(hint(1062, "Duplicate entry"), "");
    }
}
