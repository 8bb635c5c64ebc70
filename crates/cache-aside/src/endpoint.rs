//! The address of a server and the login: the two URLs of the command line, taken apart once.

mod sentinel;
mod url;

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

pub use self::sentinel::Sentinel;
pub use self::url::Url;
use crate::secret::Secret;

/// The transport. The same kind on both sides makes a comparison fair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp { host: String, port: u16 },
    Socket(PathBuf),
}

impl Address {
    /// Whether it is on this machine by the looks of it: a unix socket or the loopback.
    pub fn is_here(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp { host, .. } => {
                let loopback = host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
                loopback || host.eq_ignore_ascii_case("localhost")
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // An IPv6 address carries colons of its own.
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A Redis or Valkey server, an account and a database number on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisEndpoint {
    pub address: Address,
    /// More nodes of the same cluster, or more Sentinels.
    pub more: Vec<Address>,
    /// The addresses are those of Sentinels, which know where the server is.
    pub sentinel: Option<Sentinel>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub database: u32,
    pub tls: bool,
    pub certificates: Certificates,
}

/// Certificates of one's own for TLS, as files in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Who is trusted; otherwise, whom the system trusts.
    pub authority: Option<PathBuf>,
    /// The certificate that this side shows, and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// The fault of a URL. Never quotes the URL, which may hold a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct UrlError(pub String);

impl RedisEndpoint {
    /// Takes `redis://user:password@host:port/0`, `rediss://…?ssl-ca=…&ssl-cert=…&ssl-key=…` (TLS)
    /// or `redis+unix:///path?db=0&user=…&pass=…` apart. Several hosts are nodes of one cluster.
    /// Sentinels are `redis+sentinel://host1,host2:26379/name-of-the-primary/0`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = parse_url(text, "redis://user:password@host:6379/0")?;
        match url.scheme() {
            "redis" => Self::parse_tcp(&url, false),
            "rediss" => Self::parse_tcp(&url, true),
            "redis+unix" | "unix" => Self::parse_unix(&url),
            "redis+sentinel" => sentinel::parse(&url, false),
            "rediss+sentinel" => sentinel::parse(&url, true),
            _ => Err(unknown_scheme(
                "redis://, rediss:// (TLS), redis+unix:///path or redis+sentinel://host/NAME",
            )),
        }
    }

    fn parse_tcp(url: &Url, tls: bool) -> Result<Self, UrlError> {
        if url.query().is_some() && !tls {
            return Err(unknown_parameter("none for redis://; ssl-ca, ssl-cert, ssl-key for rediss://"));
        }
        let (address, more) = tcp_addresses(url, 6379)?;
        Ok(Self {
            address,
            more,
            sentinel: None,
            user: user(url)?,
            password: password(url)?,
            database: parse_database_number(url.path().trim_start_matches('/'))?,
            tls,
            certificates: certificates(url)?,
        })
    }

    fn parse_unix(url: &Url) -> Result<Self, UrlError> {
        if !url.host().is_empty() {
            return Err(UrlError(
                "a unix socket needs three slashes: redis+unix:///path/to/redis.sock".to_owned(),
            ));
        }
        let mut endpoint = Self {
            address: Address::Socket(decode_path(url.path())?),
            more: Vec::new(),
            sentinel: None,
            user: None,
            password: None,
            database: 0,
            tls: false,
            certificates: Certificates::default(),
        };
        for (name, value) in parameters(url) {
            match name {
                "db" => endpoint.database = parse_database_number(&decode(value)?)?,
                "user" => endpoint.user = Some(decode(value)?),
                "pass" => endpoint.password = Some(Secret::new(decode(value)?)),
                _ => return Err(unknown_parameter("db, user, pass")),
            }
        }
        Ok(endpoint)
    }

    /// The same account on another server.
    pub fn at(&self, address: Address) -> Self {
        Self { address, more: Vec::new(), sentinel: None, ..self.clone() }
    }

    /// The first server that the URL names, or the one that the Sentinels know.
    pub fn at_first(&self) -> Self {
        match &self.sentinel {
            Some(_) => self.clone(),
            None => self.at(self.address.clone()),
        }
    }

    /// The server, for messages.
    pub fn name(&self) -> String {
        match &self.sentinel {
            None => {
                let all = [&self.address].into_iter().chain(&self.more);
                all.map(ToString::to_string).collect::<Vec<_>>().join(" or ")
            }
            Some(sentinel) => format!("{} (primary by the Sentinel at {})", sentinel.primary, self.address),
        }
    }

    /// `tcp`, `unix socket` or `tcp+tls`, as the run file names it.
    pub fn transport(&self) -> &'static str {
        transport(&self.address, self.tls)
    }
}

fn user(url: &Url) -> Result<Option<String>, UrlError> {
    let user = decode(url.username())?;
    if !user.is_empty() && url.password().is_none() {
        // Most likely a password in the user's place, which would be shown as a name.
        return Err(UrlError(
            "the Redis URL has a user and no password; a password alone follows a colon: redis://:password@host"
                .to_owned(),
        ));
    }
    Ok((!user.is_empty()).then_some(user))
}

/// The files that `ssl-ca`, `ssl-cert` and `ssl-key` name.
fn certificates(url: &Url) -> Result<Certificates, UrlError> {
    certificate_files(parameters(url))
}

fn certificate_files<'u>(
    parameters: impl Iterator<Item = (&'u str, &'u str)>,
) -> Result<Certificates, UrlError> {
    let (mut authority, mut certificate, mut key) = (None, None, None);
    for (name, value) in parameters {
        let file = match name {
            "ssl-ca" => &mut authority,
            "ssl-cert" => &mut certificate,
            "ssl-key" => &mut key,
            _ => return Err(unknown_parameter("ssl-ca, ssl-cert, ssl-key")),
        };
        *file = Some(decode_path(value)?);
    }
    let client = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(UrlError("ssl-cert and ssl-key belong together: give both or neither".to_owned())),
    };
    Ok(Certificates { authority, client })
}

pub fn transport(address: &Address, tls: bool) -> &'static str {
    match (address, tls) {
        (Address::Socket(_), _) => "unix socket",
        (Address::Tcp { .. }, true) => "tcp+tls",
        (Address::Tcp { .. }, false) => "tcp",
    }
}

pub fn parse_url(text: &str, example: &str) -> Result<Url, UrlError> {
    let url = Url::parse(text)
        .map_err(|error| UrlError(format!("not a URL ({error}); it looks like {example}{ENCODE}")))?;
    if url.fragment().is_some() {
        return Err(UrlError(format!("a server's URL has no part after a #{ENCODE}")));
    }
    Ok(url)
}

/// The parameters after the question mark, still percent-encoded.
pub fn parameters(url: &Url) -> impl Iterator<Item = (&str, &str)> {
    let parts = url.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// The one server that a URL names.
pub fn tcp_address(url: &Url, default_port: u16) -> Result<Address, UrlError> {
    if !url.others().is_empty() {
        return Err(UrlError(format!("the URL names several hosts; name one{ENCODE}")));
    }
    host_address(url.host(), url.port(), default_port)
}

/// The first server that a URL names, and the others.
fn tcp_addresses(url: &Url, default_port: u16) -> Result<(Address, Vec<Address>), UrlError> {
    let others = url.others().iter().map(|(host, port)| host_address(host, *port, default_port));
    Ok((host_address(url.host(), url.port(), default_port)?, others.collect::<Result<_, _>>()?))
}

fn host_address(host: &str, port: Option<u16>, default_port: u16) -> Result<Address, UrlError> {
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let host = if host.is_empty() { "127.0.0.1".to_owned() } else { decode(host)? };
    let port = port.unwrap_or(default_port);
    if port == 0 {
        return Err(UrlError("no server listens on port 0".to_owned()));
    }
    Ok(Address::Tcp { host, port })
}

pub fn password(url: &Url) -> Result<Option<Secret>, UrlError> {
    url.password().map(|text| decode(text).map(Secret::new)).transpose()
}

/// Decodes `%XX` and nothing else: a `+` stays a `+`, unlike in a form that a browser sends.
pub fn decode(text: &str) -> Result<String, UrlError> {
    String::from_utf8(decode_bytes(text)?)
        .map_err(|_| UrlError("a percent-encoded part of the URL is not UTF-8".to_owned()))
}

/// Like [`decode`], for a path, which may be any bytes.
pub fn decode_path(text: &str) -> Result<PathBuf, UrlError> {
    let path = decode_bytes(text)?;
    if path.is_empty() {
        return Err(UrlError("the URL has a path that is empty".to_owned()));
    }
    if path.contains(&0) {
        return Err(UrlError("the URL has a path that contains %00, which no file name can".to_owned()));
    }
    Ok(PathBuf::from(OsString::from_vec(path)))
}

fn decode_bytes(text: &str) -> Result<Vec<u8>, UrlError> {
    let mut rest = text.bytes();
    let mut bytes = Vec::with_capacity(text.len());
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            let value = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            value.ok_or_else(|| {
                UrlError(
                    "the URL has a % that two hexadecimal digits do not follow; write the character % as %25"
                        .to_owned(),
                )
            })?
        } else {
            byte
        });
    }
    Ok(bytes)
}

/// The most frequent fault: the rest of a password is in another part of the URL.
pub const ENCODE: &str = " (inside a password write / as %2F, ? as %3F, # as %23, @ as %40, % as %25)";

// No message quotes a part of a URL: any part can be the rest of a password.
fn parse_database_number(text: &str) -> Result<u32, UrlError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        UrlError(format!(
            "the part after the host is not a database number; it looks like redis://host:6379/0{ENCODE}"
        ))
    })
}

pub fn unknown_scheme(expected: &str) -> UrlError {
    UrlError(format!("the URL does not begin with a scheme that is known here; use {expected}"))
}

pub fn unknown_parameter(known: &str) -> UrlError {
    UrlError(format!("the URL has a parameter that is not known; known: {known}{ENCODE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_urls() {
        let endpoint = RedisEndpoint::parse("redis://:s3cret@[::1]:7000/3").unwrap();
        assert_eq!(endpoint.address.to_string(), "[::1]:7000");
        assert_eq!((endpoint.database, endpoint.user), (3, None));
        let endpoint = RedisEndpoint::parse("redis+unix:///run/r.sock?db=2&pass=x").unwrap();
        assert_eq!(endpoint.address, Address::Socket("/run/r.sock".into()));
        assert_eq!(endpoint.database, 2);
        assert!(RedisEndpoint::parse("rediss://cache.example").unwrap().tls);
    }

    #[test]
    fn several_hosts_are_seeds_of_a_cluster() {
        let endpoint = RedisEndpoint::parse("rediss://u:p@h1:7000,[::1]:7001,h%33").unwrap();
        let all: Vec<String> =
            [&endpoint.address].into_iter().chain(&endpoint.more).map(ToString::to_string).collect();
        assert_eq!(all, ["h1:7000", "[::1]:7001", "h3:6379"]);
        let other = endpoint.at(Address::Tcp { host: "h9".to_owned(), port: 9 });
        assert_eq!((other.name().as_str(), other.more.len(), other.tls), ("h9:9", 0, true));
        assert_eq!(other.password.as_ref().map(Secret::reveal), Some("p"));
        assert!(RedisEndpoint::parse("redis://h1,h2:0").is_err());
        assert!(tcp_address(&parse_url("mysql://h1,h2", "").unwrap(), 3306).is_err());
    }

    #[test]
    fn certificates_are_files_for_tls_alone() {
        let parse = |text: &str| RedisEndpoint::parse(text).map(|endpoint| endpoint.certificates);
        let all = "rediss://h?ssl-ca=/a%20b/ca.pem&ssl-cert=c.pem&ssl-key=/k.pem";
        let client = Some(("c.pem".into(), "/k.pem".into()));
        assert_eq!(parse(all).unwrap(), Certificates { authority: Some("/a b/ca.pem".into()), client });
        assert_eq!(parse("rediss://h?").unwrap(), Certificates::default());
        for wrong in [
            "rediss://h?ssl-cert=c.pem",
            "rediss://h?ssl-key=k.pem",
            "rediss://h?ssl-ca=",
            "rediss://h?ssl-mode=required",
            "redis://h?ssl-ca=/ca.pem",
            "redis+unix:///s?ssl-ca=/ca.pem",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_part_is_percent_decoded_and_a_plus_stays() {
        let url = "redis+unix:///a+b%20c%2B/r.sock?user=x+y%2Bz&pass=p+q%26%3D%2B%25";
        let endpoint = RedisEndpoint::parse(url).unwrap();
        assert_eq!(endpoint.address, Address::Socket("/a+b c+/r.sock".into()));
        assert_eq!(endpoint.user.as_deref(), Some("x+y+z"));
        assert_eq!(endpoint.password.as_ref().map(Secret::reveal), Some("p+q&=+%"));
        let endpoint = RedisEndpoint::parse("redis://a+b:p+q%2B%20@h").unwrap();
        assert_eq!(endpoint.user.as_deref(), Some("a+b"));
        assert_eq!(endpoint.password.as_ref().map(Secret::reveal), Some("p+q+ "));
        let endpoint = RedisEndpoint::parse("redis+unix:///a%FF.sock").unwrap();
        assert_eq!(endpoint.address, Address::Socket(OsString::from_vec(b"/a\xff.sock".to_vec()).into()));
    }

    #[test]
    fn a_malformed_encoding_is_refused_in_every_part() {
        for text in [
            "redis://:hunter2%zz@h",
            "redis://hunter2%:p@h",
            "redis+unix:///a%2/hunter2",
            "redis+unix:///a?pass=hunter2%",
            "redis+unix:///a?pass=hunter2%f",
            "redis+unix:///a?user=%+1hunter2",
        ] {
            let error = RedisEndpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains("%25") && !error.contains("hunter2"), "{text}: {error}");
        }
        for text in ["redis+unix:///a%00b", "redis+unix:///a?pass=x#hunter2", "redis://:%FF@h"] {
            let error = RedisEndpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong_and_never_the_password() {
        for text in [
            "http://:hunter2@host",
            "redis://:hunter2@host/x",
            "redis+unix://host/x",
            "redis://h?x=hunter2",
            "redis://u:/hunter2@h/0",
            "redis://u:12/hunter2@h",
            "redis://hunter2@h",
            "redis://u:?hunter2@h",
        ] {
            let error = RedisEndpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
