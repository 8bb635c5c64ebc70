//! A primary that Sentinels watch:
//! `redis+sentinel://user:password@host1,host2:26379/name/database`.

use super::{
    Certificates, RedisEndpoint, Url, UrlError, certificate_files, decode, parameters, parse_database_number,
    password, tcp_addresses, unknown_parameter, user,
};
use crate::secret::Secret;

const KNOWN: &str = "sentinel-user, sentinel-pass; with rediss+sentinel:// also ssl-ca, ssl-cert, ssl-key";

/// The question to the Sentinels, and the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentinel {
    /// The name of the primary.
    pub primary: String,
    /// The account on the Sentinels themselves, which is none of the primary's.
    pub user: Option<String>,
    pub password: Option<Secret>,
}

pub(super) fn parse(url: &Url, tls: bool) -> Result<RedisEndpoint, UrlError> {
    let path = url.path().strip_prefix('/').unwrap_or_default();
    let (name, database) = path.split_once('/').unwrap_or((path, ""));
    if name.is_empty() {
        return Err(UrlError(
            "the URL names no primary; it looks like redis+sentinel://host1,host2:26379/name-of-the-primary/0"
                .to_owned(),
        ));
    }
    let mut sentinel = Sentinel { primary: decode(name)?, user: None, password: None };
    let mut files = Vec::new();
    for (name, value) in parameters(url) {
        match name {
            "sentinel-user" => sentinel.user = Some(decode(value)?),
            "sentinel-pass" => sentinel.password = Some(Secret::new(decode(value)?)),
            "ssl-ca" | "ssl-cert" | "ssl-key" if tls => files.push((name, value)),
            _ => return Err(unknown_parameter(KNOWN)),
        }
    }
    if sentinel.user.is_some() && sentinel.password.is_none() {
        return Err(UrlError("sentinel-user needs sentinel-pass".to_owned()));
    }
    let (address, more) = tcp_addresses(url, 26_379)?;
    let certificates = if tls { certificate_files(files.into_iter())? } else { Certificates::default() };
    Ok(RedisEndpoint {
        address,
        more,
        sentinel: Some(sentinel),
        user: user(url)?,
        password: password(url)?,
        database: parse_database_number(database.trim_end_matches('/'))?,
        tls,
        certificates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_the_primary_and_two_accounts() {
        let url = "redis+sentinel://u:p@h1,[::1]:7,h3/my%20primary/3?sentinel-user=s&sentinel-pass=q";
        let endpoint = RedisEndpoint::parse(url).unwrap();
        let all: Vec<String> =
            [&endpoint.address].into_iter().chain(&endpoint.more).map(ToString::to_string).collect();
        assert_eq!(all, ["h1:26379", "[::1]:7", "h3:26379"]);
        let sentinel = endpoint.sentinel.as_ref().unwrap();
        assert_eq!((sentinel.primary.as_str(), endpoint.database), ("my primary", 3));
        assert_eq!((sentinel.user.as_deref(), endpoint.user.as_deref()), (Some("s"), Some("u")));
        let secrets =
            [&sentinel.password, &endpoint.password].map(|secret| secret.as_ref().map(Secret::reveal));
        assert_eq!(secrets, [Some("q"), Some("p")]);
        let plain = RedisEndpoint::parse("redis+sentinel://h/name").unwrap();
        assert_eq!((plain.database, plain.tls), (0, false));
        let tls = RedisEndpoint::parse("rediss+sentinel://h/name/?ssl-ca=/ca.pem").unwrap();
        assert!(tls.tls && tls.certificates.authority.is_some());
        assert!(tls.name().contains("name") && tls.name().contains("h:26379"));
    }

    #[test]
    fn every_part_is_percent_decoded_and_a_plus_stays() {
        let url = "redis+sentinel://u+v:p+q%2B@h/a+b%2Fc/1?sentinel-user=s+t&sentinel-pass=q+r%26%2B";
        let endpoint = RedisEndpoint::parse(url).unwrap();
        let sentinel = endpoint.sentinel.as_ref().unwrap();
        assert_eq!((sentinel.primary.as_str(), endpoint.database), ("a+b/c", 1));
        assert_eq!((sentinel.user.as_deref(), endpoint.user.as_deref()), (Some("s+t"), Some("u+v")));
        let secrets =
            [&sentinel.password, &endpoint.password].map(|secret| secret.as_ref().map(Secret::reveal));
        assert_eq!(secrets, [Some("q+r&+"), Some("p+q+")]);
    }

    #[test]
    fn what_is_wrong_is_said_without_a_secret() {
        for text in [
            "redis+sentinel://h",
            "redis+sentinel://h/",
            "redis+sentinel://h//0",
            "redis+sentinel://h/name/x",
            "redis+sentinel://h/name?sentinel-user=hunter2",
            "redis+sentinel://h/name?sentinel-password=hunter2",
            "redis+sentinel://h/name?ssl-ca=hunter2",
            "redis+sentinel://hunter2@h/name",
            "redis+sentinel://h/hunter2%zz",
            "redis+sentinel://h/%FFhunter2",
            "redis+sentinel://h/name?sentinel-pass=hunter2%",
            "redis+sentinel://h/name?sentinel-pass=hunter2%f",
            "redis+sentinel://h/name?sentinel-user=%+1hunter2&sentinel-pass=x",
            "redis+sentinel://u:hunter2%g0@h/name",
        ] {
            let error = RedisEndpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }
}
