//! What went wrong with MySQL, in words that name the thing and the next step.

use crate::endpoint::{Address, MysqlEndpoint};

/// A statement or a connection failed.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {}{}", words(cause), hint.map(|hint| format!("\n  {hint}")).unwrap_or_default())]
pub(crate) struct DbError {
    context: String,
    hint: Option<&'static str>,
    cause: Box<mysql::Error>,
}

impl DbError {
    /// `doing` continues "failed while …".
    pub(crate) fn new(doing: &str, cause: mysql::Error) -> Self {
        let hint = code(&cause).and_then(hint);
        Self { context: format!("MySQL failed while {doing}"), hint, cause: Box::new(cause) }
    }

    /// The server's error number, where the server sent one.
    pub(crate) fn code(&self) -> Option<u16> {
        code(&self.cause)
    }
}

fn code(error: &mysql::Error) -> Option<u16> {
    match error {
        mysql::Error::MySqlError(error) => Some(error.code),
        _ => None,
    }
}

/// The server's own words, or the driver's.
fn words(error: &mysql::Error) -> String {
    match error {
        mysql::Error::MySqlError(error) => format!("{} (error {})", error.message, error.code),
        mysql::Error::IoError(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// An error while connecting: which server, as whom, to which database.
pub(super) fn connecting(endpoint: &MysqlEndpoint, cause: mysql::Error) -> DbError {
    let hint = match &cause {
        mysql::Error::MySqlError(error) => hint(error.code),
        // MySQL 9 asks an account that does not exist for a method of login that the driver does not have.
        mysql::Error::DriverError(mysql::DriverError::UnknownAuthPlugin(_)) => Some(
            "the user name or password is wrong, or the account logs in by a method that rcache does not know; \
             caching_sha2_password and mysql_native_password work",
        ),
        other if other.to_string().contains("certificate") => Some(
            "the server's certificate was not accepted: give its authority with ssl-ca=FILE, connect by a name that stands in \
             it, or use a weaker ssl-mode",
        ),
        _ => Some(unreachable_hint(&endpoint.address)),
    };
    let context = format!(
        "cannot connect to MySQL at {} as user {:?}, database {:?}",
        endpoint.address, endpoint.user, endpoint.database
    );
    DbError { context, hint, cause: Box::new(cause) }
}

fn unreachable_hint(address: &Address) -> &'static str {
    match address {
        Address::Tcp { .. } => {
            "is the server running, and are host and port right? With no --mysql-url, rcache runs a private server of its own"
        }
        Address::Socket(_) => {
            "is the server running, and is the socket's path right? With no --mysql-url, rcache runs a private server of its own"
        }
    }
}

/// The next step for error numbers that users meet
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>).
fn hint(code: u16) -> Option<&'static str> {
    match code {
        1044 | 1142 | 1227 | 1370 => Some(
            "the account lacks a right; rcache needs SELECT, INSERT, UPDATE, DELETE, CREATE and DROP on its database: \
             GRANT ALL ON database.* TO user",
        ),
        1045 | 1698 => Some("user name or password is wrong; give it in --mysql-url or in RCACHE_MYSQL_URL"),
        1049 => Some("create it first: CREATE DATABASE name CHARACTER SET utf8mb4"),
        1040 | 1203 | 1226 => {
            Some("the server has no connection left: use fewer --clients, or raise max_connections")
        }
        1021 | 1030 | 1114 => {
            Some("the server's disk or table space is full: free room, then run the same command again")
        }
        1290 | 1836 => Some("the server is read-only: point --mysql-url at the primary"),
        1130 => Some("the server lets this host not in: GRANT the account for it"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_connection_error_names_the_server_and_hides_the_password() {
        let mut endpoint = MysqlEndpoint::parse("mysql://ann@db.example:3307/app").unwrap();
        endpoint.password = Some(Secret::new("hunter2"));
        let source = mysql::Error::IoError(std::io::Error::other("refused"));
        let error = connecting(&endpoint, source).to_string();
        assert!(
            error.contains("db.example:3307") && error.contains("\"ann\"") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
