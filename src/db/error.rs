//! An error of MySQL, in words that name the thing and the next step.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use mysql::DriverError;

use super::hints;
use super::private;
use super::watch::Ended;
use crate::endpoint::tls_files::{TlsFileError, plain_io};
use crate::endpoint::{MysqlEndpoint, peer};
use crate::interrupt;

/// A statement or a connection failed.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {words}{}", hint.as_ref().map(|hint| format!("\n  {hint}")).unwrap_or_default())]
pub(crate) struct DbError {
    context: String,
    words: String,
    hint: Option<Cow<'static, str>>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The server answered with an error; the connection goes on.
    Server(u16),
    /// The connection failed.
    Connection,
    Interrupted,
    Other,
}

/// Why no connection was opened.
#[derive(Debug)]
pub(super) enum LoginError {
    Driver(Box<mysql::Error>),
    TlsFile(TlsFileError),
    Timeout(Duration),
    /// Another protocol is spoken there.
    Other(peer::Protocol),
    Interrupted,
}

impl LoginError {
    /// The answer is no greeting of MySQL.
    pub(super) fn not_mysql() -> Self {
        Self::Driver(Box::new(DriverError::UnexpectedPacket.into()))
    }
}

impl DbError {
    /// `doing` continues "failed while …".
    #[expect(clippy::needless_pass_by_value, reason = "it takes the place of the crate's error")]
    pub(crate) fn new(doing: &str, cause: mysql::Error) -> Self {
        let kind = kind(&cause);
        let hint = match &cause {
            mysql::Error::MySqlError(error) => hints::statement(error.code, &error.message),
            _ if kind == Kind::Connection => Some(hints::LOST.into()),
            _ => None,
        };
        Self { context: format!("MySQL failed while {doing}"), words: words(&cause), hint, kind }
    }

    /// A setting of the session is not what was asked for.
    pub(super) fn setting(name: &str, expected: &str, found: &str) -> Self {
        Self {
            context: format!("MySQL did not accept the session setting {name} = {expected:?}"),
            words: format!("it is {found:?}"),
            hint: Some(hints::SETTING.into()),
            kind: Kind::Other,
        }
    }

    /// Refuses to work in a database that belongs to the server.
    pub(super) fn refuse_system_database(name: &str) -> Result<(), Self> {
        const NAMES: [&str; 6] = [
            "mysql",
            "sys",
            "information_schema",
            "performance_schema",
            "ndbinfo",
            "mysql_innodb_cluster_metadata",
        ];
        if !NAMES.iter().any(|system| name.eq_ignore_ascii_case(system)) {
            return Ok(());
        }
        Err(Self {
            context: format!("the database {name:?} belongs to the server itself"),
            words: "rcache works in a database of its own alone".to_owned(),
            hint: Some(hints::OWN_DATABASE.into()),
            kind: Kind::Other,
        })
    }

    /// An error while connecting: which server, as whom, to which database.
    pub(super) fn login(endpoint: &MysqlEndpoint, error: LoginError) -> Self {
        let context = format!(
            "cannot connect to MySQL at {} as user {:?}, database {:?}",
            endpoint.address, endpoint.user, endpoint.database
        );
        let (words, hint, kind) = match error {
            LoginError::Interrupted => ("interrupted".to_owned(), None, Kind::Interrupted),
            LoginError::TlsFile(error) => (error.to_string(), Some(hints::TLS_FILE.into()), Kind::Other),
            LoginError::Other(protocol) => {
                let hint = protocol.instead_of_mysql().unwrap_or(hints::NOT_REACHED);
                (NOT_THE_PROTOCOL.to_owned(), Some(hint.into()), Kind::Connection)
            }
            LoginError::Timeout(patience) => {
                let words = format!("no answer within {} s", patience.as_secs());
                (words, Some(unreachable(endpoint)), Kind::Connection)
            }
            LoginError::Driver(cause) => {
                let kind = kind(&cause);
                (words(&cause), login_hint(endpoint, &cause, kind), kind)
            }
        };
        Self { context, words, hint, kind }
    }

    /// The same without what could be a literal of the statement: a server quotes literals and the
    /// text around an error. Words that `is_known` stay. The next step is one for a statement of
    /// the user's own.
    pub(crate) fn without_literals(mut self, is_known: impl Fn(&str) -> bool) -> Self {
        if let Kind::Server(code) = self.kind {
            self.words = private::without_literals(&self.words, code, is_known);
            self.hint = hints::own_statement(code).map(Cow::Borrowed);
        }
        self
    }

    /// The server's error number, if the server sent one; the connection is usable then.
    pub(crate) fn code(&self) -> Option<u16> {
        match self.kind {
            Kind::Server(code) => Some(code),
            _ => None,
        }
    }

    /// Whether the connection is of no more use.
    pub(crate) fn is_connection_lost(&self) -> bool {
        self.kind == Kind::Connection
    }

    /// Whether an interrupt ended it, and nothing is wrong with the server.
    pub(crate) fn is_interruption(&self) -> bool {
        self.kind == Kind::Interrupted
    }

    /// The server's words, without the action and the next step.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }
}

/// The system's error, if it was one; the crate has two places for it.
fn io_cause(error: &mysql::Error) -> Option<&io::Error> {
    match error {
        mysql::Error::IoError(error) => Some(error),
        mysql::Error::CodecError(error) => std::error::Error::source(error)?.downcast_ref(),
        _ => None,
    }
}

fn kind(error: &mysql::Error) -> Kind {
    // The watch shuts connections down soon after an interrupt.
    if io_cause(error).is_some_and(|error| ended(error) == Some(Ended::Interrupted) || interrupt::requested())
    {
        return Kind::Interrupted;
    }
    match error {
        mysql::Error::MySqlError(error) => Kind::Server(error.code),
        mysql::Error::IoError(_) | mysql::Error::CodecError(_) | mysql::Error::TlsError(_) => {
            Kind::Connection
        }
        mysql::Error::DriverError(_) => Kind::Connection,
        mysql::Error::UrlError(_) | mysql::Error::FromValueError(_) | mysql::Error::FromRowError(_) => {
            Kind::Other
        }
    }
}

fn ended(error: &io::Error) -> Option<Ended> {
    error.get_ref()?.downcast_ref().copied()
}

/// The server's own words, or plain ones for what the driver saw.
pub(crate) fn words(error: &mysql::Error) -> String {
    if let Some(error) = io_cause(error) {
        return io_words(error);
    }
    match error {
        mysql::Error::MySqlError(error) => format!("{} (error {})", error.message, error.code),
        mysql::Error::IoError(error) => io_words(error),
        mysql::Error::TlsError(error) => tls_words(error),
        mysql::Error::CodecError(_) => NOT_THE_PROTOCOL.to_owned(),
        mysql::Error::DriverError(error) => driver_words(error),
        mysql::Error::FromValueError(_) | mysql::Error::FromRowError(_) => {
            "the answer has other columns than the question asks for".to_owned()
        }
        mysql::Error::UrlError(_) => "the address is not valid".to_owned(),
    }
}

const NOT_THE_PROTOCOL: &str = "what came back is not the MySQL protocol";

fn io_words(error: &io::Error) -> String {
    if let Some(ended) = ended(error) {
        return ended.to_string();
    }
    if interrupt::requested() {
        return Ended::Interrupted.to_string();
    }
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return rustls_words(tls);
    }
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => {
            "the server closed the connection".to_owned()
        }
        _ => plain_io(error),
    }
}

fn tls_words(error: &mysql::error::tls::TlsError) -> String {
    match error {
        mysql::error::tls::TlsError::Tls(error) => rustls_words(error),
        mysql::error::tls::TlsError::InvalidDnsName(_) => {
            "the host is not a name that a certificate can carry".to_owned()
        }
        mysql::error::tls::TlsError::Pki(error) => format!("a certificate was not accepted: {error}"),
        mysql::error::tls::TlsError::VerifierBuilderError(error) => {
            format!("the file of the authority's certificate was not accepted: {error}")
        }
    }
}

fn rustls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => {
            format!("the server's certificate was not accepted: {error}")
        }
        rustls::Error::AlertReceived(_) => format!("the server refused TLS: {error}"),
        rustls::Error::InvalidMessage(_) => "what came back is not TLS".to_owned(),
        other => format!("TLS failed: {other}"),
    }
}

fn driver_words(error: &DriverError) -> String {
    match error {
        DriverError::CouldNotConnect(Some((_, description, _))) => {
            let plain = description.split(" (os error").next().unwrap_or(description);
            plain
                .strip_prefix("failed to lookup address information: ")
                .map_or_else(|| plain.to_owned(), |reason| format!("the host name has no address: {reason}"))
        }
        DriverError::ConnectTimeout | DriverError::Timeout => "no answer in time".to_owned(),
        DriverError::UnsupportedProtocol(version) => {
            format!("the server speaks version {version} of the protocol, and rcache speaks version 10")
        }
        DriverError::PacketOutOfSync
        | DriverError::UnexpectedPacket
        | DriverError::CouldNotParseVersion
        | DriverError::Protocol41NotSet => NOT_THE_PROTOCOL.to_owned(),
        DriverError::TlsNotSupported => "the server offers no TLS".to_owned(),
        DriverError::UnknownAuthPlugin(name) => {
            format!("the server asks for the login method {name:?}, which rcache does not know")
        }
        DriverError::OldMysqlPasswordDisabled => {
            "the account has a password in the format from before MySQL 4.1, which is not safe".to_owned()
        }
        DriverError::CleartextPluginDisabled => {
            "the server asks for the password in clear text, which rcache does not send".to_owned()
        }
        DriverError::PacketTooLarge => "a packet was larger than the server accepts".to_owned(),
        other => other.to_string(),
    }
}

fn login_hint(endpoint: &MysqlEndpoint, cause: &mysql::Error, kind: Kind) -> Option<Cow<'static, str>> {
    match cause {
        _ if kind == Kind::Interrupted => None,
        mysql::Error::MySqlError(error) => hints::login(endpoint, error.code, &error.message),
        mysql::Error::TlsError(mysql::error::tls::TlsError::Tls(error)) => Some(tls_hint(endpoint, error)),
        mysql::Error::TlsError(_) => Some(hints::CERTIFICATE.into()),
        mysql::Error::IoError(_) | mysql::Error::CodecError(_) => {
            let inner = io_cause(cause).and_then(io::Error::get_ref);
            match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => Some(tls_hint(endpoint, tls)),
                None => Some(unreachable(endpoint)),
            }
        }
        mysql::Error::DriverError(error) => match error {
            DriverError::CouldNotConnect(Some((_, description, kind))) => {
                Some(hints::no_connection(&endpoint.address, description, *kind).into())
            }
            DriverError::TlsNotSupported => Some(hints::NO_TLS.into()),
            DriverError::UnknownAuthPlugin(_)
            | DriverError::OldMysqlPasswordDisabled
            | DriverError::CleartextPluginDisabled => Some(hints::LOGIN_METHOD.into()),
            _ => Some(unreachable(endpoint)),
        },
        _ => Some(unreachable(endpoint)),
    }
}

fn tls_hint(endpoint: &MysqlEndpoint, error: &rustls::Error) -> Cow<'static, str> {
    match error {
        rustls::Error::AlertReceived(_) if endpoint.certificates.client.is_none() => {
            hints::CLIENT_CERTIFICATE.into()
        }
        rustls::Error::AlertReceived(_) => hints::CLIENT_CERTIFICATE_REFUSED.into(),
        rustls::Error::InvalidMessage(_) => unreachable(endpoint),
        _ => hints::CERTIFICATE.into(),
    }
}

/// Looks what is there instead, unless that would hold up the end after an interrupt.
fn unreachable(endpoint: &MysqlEndpoint) -> Cow<'static, str> {
    let found = if interrupt::requested() { None } else { peer::identify(&endpoint.address) };
    found.and_then(peer::Protocol::instead_of_mysql).unwrap_or(hints::NOT_REACHED).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn endpoint() -> MysqlEndpoint {
        let mut endpoint = MysqlEndpoint::parse("mysql://ann@db.invalid:3307/app").unwrap();
        endpoint.password = Some(Secret::new("hunter2"));
        endpoint
    }

    fn login(cause: mysql::Error) -> String {
        DbError::login(&endpoint(), LoginError::Driver(Box::new(cause))).to_string()
    }

    #[test]
    fn the_server_s_own_databases_are_refused_in_any_spelling() {
        for name in ["mysql", "MySQL", "sys", "INFORMATION_SCHEMA", "performance_schema"] {
            let error = DbError::refuse_system_database(name).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("CREATE DATABASE rcache"), "{error}");
        }
        for name in ["rcache", "mysql_app", "system", ""] {
            DbError::refuse_system_database(name).unwrap();
        }
    }

    #[test]
    fn a_connection_error_names_the_server_and_hides_the_password() {
        let error = login(mysql::Error::IoError(io::Error::other("refused")));
        assert!(
            error.contains("db.invalid:3307") && error.contains("\"ann\"") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn no_error_shows_the_driver_s_own_form() {
        let refused = DriverError::CouldNotConnect(Some((
            "127.0.0.1:1".to_owned(),
            "Connection refused (os error 111)".to_owned(),
            io::ErrorKind::ConnectionRefused,
        )));
        for cause in [
            DriverError::ConnectTimeout.into(),
            refused.into(),
            DriverError::UnsupportedProtocol(9).into(),
            DriverError::PacketOutOfSync.into(),
            DriverError::TlsNotSupported.into(),
            DriverError::UnknownAuthPlugin("dialog".to_owned()).into(),
            DriverError::CleartextPluginDisabled.into(),
            DriverError::OldMysqlPasswordDisabled.into(),
            io::Error::from_raw_os_error(11).into(),
            io::Error::from_raw_os_error(104).into(),
            io::Error::new(io::ErrorKind::BrokenPipe, "server disconnected").into(),
            mysql::Error::CodecError(io::Error::from_raw_os_error(11).into()),
            rustls_error(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)),
            rustls_error(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)),
            mysql::Error::FromValueError(mysql::Value::NULL),
        ] {
            let text = format!("{}\n{}", login(cause_again(&cause)), DbError::new("reading", cause));
            for word in ["Error {", "IoError", "DriverError", "os error", "Some(", "Packet out"] {
                assert!(!text.contains(word), "{word:?} in {text}");
            }
        }
    }

    fn rustls_error(error: rustls::Error) -> mysql::Error {
        io::Error::new(io::ErrorKind::InvalidData, error).into()
    }

    /// The crate's errors cannot be copied.
    fn cause_again(error: &mysql::Error) -> mysql::Error {
        match error {
            mysql::Error::DriverError(error) => error.clone().into(),
            mysql::Error::IoError(error) => match error.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number).into(),
                None => io::Error::new(error.kind(), error.to_string()).into(),
            },
            other => io::Error::other(words(other)).into(),
        }
    }
}
