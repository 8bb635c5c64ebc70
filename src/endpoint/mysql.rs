//! The address of MySQL and the login.

use std::path::PathBuf;

use super::Certificates;
use super::{
    Address, ENCODE, UrlError, decode, decode_path, parameters, parse_url, password, tcp_address, transport,
    unknown_parameter, unknown_scheme,
};
use crate::secret::Secret;

/// MySQL's own `ssl-mode` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MysqlTls {
    Disabled,
    /// Encrypted, the certificate unchecked.
    Required,
    /// Encrypted, the certificate checked, whatever name it carries.
    VerifyCa,
    /// Encrypted, the certificate and its name checked.
    VerifyIdentity,
}

/// A MySQL or MariaDB server, an account and a database on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MysqlEndpoint {
    pub(crate) address: Address,
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) database: String,
    pub(crate) tls: MysqlTls,
    pub(crate) certificates: Certificates,
}

impl MysqlEndpoint {
    /// Takes `mysql://user:password@host:port/database?socket=…` and the parameters `ssl-mode`,
    /// `ssl-ca`, `ssl-cert` and `ssl-key` apart.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let url = parse_url(text, "mysql://user:password@host:3306/database")?;
        if url.scheme() != "mysql" {
            return Err(unknown_scheme("mysql://"));
        }
        let database = decode(url.path().trim_start_matches('/'))?;
        if database.is_empty() || database.contains(['/', '@']) {
            return Err(UrlError(format!(
                "the MySQL URL must end with the name of one database: mysql://user:password@host:3306/database{ENCODE}"
            )));
        }
        let mut endpoint = Self {
            address: tcp_address(&url, 3306)?,
            user: decode(url.username())?,
            password: password(&url)?,
            database,
            tls: MysqlTls::Disabled,
            certificates: Certificates::default(),
        };
        if endpoint.user.is_empty() {
            return Err(UrlError(
                "the MySQL URL names no user: mysql://user:password@host:3306/database".to_owned(),
            ));
        }
        let mut mode_given = false;
        let (mut certificate, mut key) = (None, None);
        for (name, value) in parameters(&url) {
            match name {
                "socket" => endpoint.address = Address::Socket(decode_path(value)?),
                "ssl-mode" => {
                    endpoint.tls = parse_ssl_mode(&decode(value)?)?;
                    mode_given = true;
                }
                "ssl-ca" => endpoint.certificates.authority = Some(decode_path(value)?),
                "ssl-cert" => certificate = Some(decode_path(value)?),
                "ssl-key" => key = Some(decode_path(value)?),
                _ => return Err(unknown_parameter("socket, ssl-mode, ssl-ca, ssl-cert, ssl-key")),
            }
        }
        endpoint.certificates.client = identity(certificate, key)?;
        if !mode_given {
            endpoint.tls = match &endpoint.certificates {
                Certificates { authority: Some(_), .. } => MysqlTls::VerifyCa,
                Certificates { client: Some(_), .. } => MysqlTls::Required,
                Certificates { authority: None, client: None } => MysqlTls::Disabled,
            };
        }
        Ok(endpoint)
    }

    /// `tcp`, `unix socket` or `tcp+tls`, as the run file names it.
    pub(crate) fn transport(&self) -> &'static str {
        transport(&self.address, self.tls != MysqlTls::Disabled)
    }
}

/// A certificate proves nothing without its key, nor the other way round.
fn identity(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, UrlError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        _ => Err(UrlError("ssl-cert and ssl-key must be given together".to_owned())),
    }
}

fn parse_ssl_mode(text: &str) -> Result<MysqlTls, UrlError> {
    match text.to_ascii_lowercase().replace('-', "_").as_str() {
        "disabled" => Ok(MysqlTls::Disabled),
        "required" => Ok(MysqlTls::Required),
        "verify_ca" => Ok(MysqlTls::VerifyCa),
        "verify_identity" => Ok(MysqlTls::VerifyIdentity),
        _ => Err(UrlError(
            "ssl-mode is none of those known: disabled, required, verify_ca, verify_identity".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysql_url_in_full() {
        let endpoint =
            MysqlEndpoint::parse("mysql://ann:p%40ss@db.example:3307/app?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem")
                .unwrap();
        assert_eq!(endpoint.address.to_string(), "db.example:3307");
        assert_eq!(endpoint.user, "ann");
        assert_eq!(endpoint.password.as_ref().map(Secret::reveal), Some("p@ss"));
        assert_eq!(endpoint.database, "app");
        assert_eq!(endpoint.tls, MysqlTls::VerifyCa);
        assert_eq!(endpoint.transport(), "tcp+tls");
    }

    #[test]
    fn mysql_url_with_a_socket() {
        let endpoint = MysqlEndpoint::parse("mysql://ann@localhost/app?socket=/run/my.sock").unwrap();
        assert_eq!(endpoint.address, Address::Socket("/run/my.sock".into()));
        assert_eq!(endpoint.transport(), "unix socket");
        assert_eq!(endpoint.password, None);
    }

    #[test]
    fn every_part_is_percent_decoded_and_a_plus_stays() {
        let url = "mysql://a+b:p+q%2B%20@h/d+e%2Bf?socket=/a+b%20c%2B/my.sock&ssl-ca=/x+y%2Bz.pem";
        let endpoint = MysqlEndpoint::parse(url).unwrap();
        assert_eq!(endpoint.user, "a+b");
        assert_eq!(endpoint.password.as_ref().map(Secret::reveal), Some("p+q+ "));
        assert_eq!(endpoint.database, "d+e+f");
        assert_eq!(endpoint.address, Address::Socket("/a+b c+/my.sock".into()));
        assert_eq!(endpoint.certificates.authority, Some("/x+y+z.pem".into()));
    }

    #[test]
    fn a_malformed_encoding_is_refused_in_every_part() {
        for text in [
            "mysql://ann:hunter2%zz@h/d",
            "mysql://hunter2%@h/d",
            "mysql://ann@h/hunter2%2",
            "mysql://ann:hunter2@h/d?socket=/a%zz",
            "mysql://ann:hunter2@h/d?ssl-ca=/a%",
            "mysql://ann:hunter2@h/d?ssl-mode=requ%xxired",
        ] {
            let error = MysqlEndpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains("%25") && !error.contains("hunter2"), "{text}: {error}");
        }
        for text in
            ["mysql://ann:hunter2@h/d?socket=", "mysql://ann:hunter2@h/d#x", "mysql://ann@h/d?ssl-ca=%00"]
        {
            let error = MysqlEndpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn a_client_certificate_comes_with_its_key_and_turns_tls_on() {
        let parse = |query: &str| MysqlEndpoint::parse(&format!("mysql://ann@db.example/app?{query}"));
        let endpoint = parse("ssl-cert=/c.pem&ssl-key=/k.pem").unwrap();
        assert_eq!(endpoint.tls, MysqlTls::Required);
        assert_eq!(endpoint.certificates.client, Some(("/c.pem".into(), "/k.pem".into())));
        assert_eq!(parse("ssl-cert=/c&ssl-key=/k&ssl-ca=/ca").unwrap().tls, MysqlTls::VerifyCa);
        assert_eq!(
            parse("ssl-cert=/c&ssl-key=/k&ssl-mode=verify-identity").unwrap().tls,
            MysqlTls::VerifyIdentity
        );
        assert!(parse("ssl-cert=/c.pem").unwrap_err().to_string().contains("together"));
        assert!(parse("ssl-key=/k.pem").unwrap_err().to_string().contains("together"));
    }

    #[test]
    fn errors_say_what_is_wrong_and_never_the_password() {
        for text in [
            "mysql://ann:hunter2@host",
            "mysql://ann:hunter2@host/a?nonsense=1",
            "mysql://ann:hunter2@host/a?ssl-mode=maybe",
            "mysql://ann:hunter2@host:99999/a",
            "mysql://ann:hunter2@host:0/a",
            "postgres://ann:hunter2@host/a",
            "ann:hunter2@host",
            "mysql://:hunter2@host/a",
            "mysql://u:12/hunter2@host",
            "mysql://u:?hunter2@host/a",
            "mysql://u:#hunter2@host/a",
        ] {
            let error = MysqlEndpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
