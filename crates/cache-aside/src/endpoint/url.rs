//! The parts of a server's URL. The crate `url` would bring forty others with it, most of them for
//! the names of web sites.
//!
//! No error quotes a part of the URL: any part can be the rest of a password.

use std::net::Ipv6Addr;

/// A URL in its parts, still percent-encoded.
#[derive(Debug)]
pub struct Url {
    scheme: String,
    user: String,
    password: Option<String>,
    /// An IPv6 address is written in brackets.
    host: String,
    port: Option<u16>,
    /// More hosts and their ports, behind commas.
    others: Vec<(String, Option<u16>)>,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl Url {
    /// # Errors
    /// The reason why a text is no URL.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_matches(|character: char| character <= ' ');
        if text.chars().any(char::is_control) {
            return Err("it contains a control character");
        }
        let (scheme, rest) =
            text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).ok_or("it begins with no scheme")?;
        let (rest, fragment) = split_off(rest, '#');
        let (rest, query) = split_off(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let (account, place) = match authority.rsplit_once('@') {
            Some((account, place)) => (Some(account), place),
            None => (None, authority),
        };
        let (user, password) = split_off(account.unwrap_or_default(), ':');
        let (place, others) = split_off(place, ',');
        let (host, port) = host_and_port(place)?;
        let others =
            others.map_or(Ok(Vec::new()), |others| others.split(',').map(host_and_port).collect())?;
        let is_empty = |(host, _): &(String, Option<u16>)| host.is_empty();
        if others.iter().any(is_empty) || (host.is_empty() && !others.is_empty()) {
            return Err("one of its hosts is empty");
        }
        if host.is_empty() && (account.is_some() || port.is_some()) {
            return Err("it names no host");
        }
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            user: user.to_owned(),
            password: password.filter(|password| !password.is_empty()).map(str::to_owned),
            host,
            port,
            others,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        })
    }

    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    pub fn username(&self) -> &str {
        &self.user
    }

    /// None if it is empty, too.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Empty if the URL names none.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// More hosts and their ports.
    pub fn others(&self) -> &[(String, Option<u16>)] {
        &self.others
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
}

/// The text before the separator, and the text after it if there is one.
fn split_off(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or("its IPv6 address has no end")?;
            let address: Ipv6Addr = address.parse().map_err(|_| "it has no valid IPv6 address")?;
            let port = match rest.strip_prefix(':') {
                None if rest.is_empty() => None,
                None => return Err("something follows its IPv6 address"),
                port => port,
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = split_off(place, ':');
            if host.contains(['<', '>', '[', '\\', ']', '^', '|', ' ', '@']) {
                return Err("its host has a character that no host has");
            }
            (host.to_owned(), port)
        }
    };
    let port = port.filter(|port| !port.is_empty());
    let is_number = |port: &&str| port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.filter(is_number).and_then(|port| port.parse().ok());
    if port.is_some() && number.is_none() {
        return Err("its port is not a number up to 65535");
    }
    Ok((host, number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode;
    use super::*;

    /// The parts, decoded.
    fn parts(text: &str) -> Option<[String; 8]> {
        let url = Url::parse(text).ok()?;
        let decoded = |text: &str| decode(text).ok();
        Some([
            url.scheme().to_owned(),
            decoded(url.username())?,
            decoded(url.password().unwrap_or_default())?,
            decoded(url.host())?,
            url.port().map_or(String::new(), |port| port.to_string()),
            decoded(url.path())?,
            decoded(url.query().unwrap_or_default())?,
            decoded(url.fragment().unwrap_or_default())?,
        ])
    }

    /// The parts as the crate `url` sees them.
    fn expected(text: &str) -> Option<[String; 8]> {
        let url = ::url::Url::parse(text).ok()?;
        let decoded = |text: &str| decode(text).ok();
        Some([
            url.scheme().to_owned(),
            decoded(url.username())?,
            decoded(url.password().unwrap_or_default())?,
            decoded(url.host_str().unwrap_or_default())?,
            url.port().map_or(String::new(), |port| port.to_string()),
            decoded(url.path())?,
            decoded(url.query().unwrap_or_default())?,
            decoded(url.fragment().unwrap_or_default())?,
        ])
    }

    #[test]
    fn urls_of_all_kinds_are_taken_apart() {
        for text in [
            "redis://h",
            "redis://",
            "redis:///3",
            "redis://h:/3",
            " REDIS://User:Pass@Host.example:7000/3?a=b#c\n",
            "redis://u:p@q@h/0",
            "redis://u:p:q@h/0",
            "redis://:p%3Aq%40@[2001:0db8::1]:6380/15",
            "redis+unix:///run/r%C3%A4.sock?db=2&pass=x/y?z",
            "redis://höst.example/ä",
            "mysql://a+b:c+d@127.0.0.1:3306/e+f?g=h+i",
            "redis://u:@h",
            "redis:9",
        ] {
            assert!(parts(text).is_some(), "{text}");
            assert_eq!(parts(text), expected(text), "{text}");
        }
    }

    #[test]
    fn several_hosts_stand_behind_commas() {
        let hosts = |text: &str| {
            let url = Url::parse(text).ok()?;
            Some([vec![(url.host().to_owned(), url.port())], url.others().to_vec()].concat())
        };
        let host = |host: &str, port| (host.to_owned(), port);
        assert_eq!(hosts("redis://u:a,b@h"), Some(vec![host("h", None)]));
        let all = vec![host("h1", Some(1)), host("[::1]", None), host("h3", Some(3))];
        assert_eq!(hosts("redis://:p@h1:1,[::1],h3:3/0"), Some(all));
        for text in
            ["redis://h,", "redis://,h", "redis://h,,i", "redis://h:1,:2", "redis://h,i:x", "redis://h,[::1"]
        {
            assert_eq!(hosts(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "127.0.0.1:6379",
            "h",
            "://h",
            "1redis://h",
            "re dis://h",
            "redis://h:99999",
            "redis://h:+1",
            "redis://h:6379x",
            "redis://::1",
            "redis://[::1",
            "redis://[::1]x",
            "redis://[1.2.3.4]",
            "redis://:p@/0",
            "redis://:6379",
            "redis://a b",
            "redis://a\\b",
            "redis://[fe80::1%25eth0]",
        ] {
            assert_eq!(parts(text), None, "{text}");
            assert_eq!(expected(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text: String) {
            let _ = parts(&text);
        }

        #[test]
        fn both_see_the_same_parts(
            scheme in "[a-z]{1,6}(\\+[a-z]{1,4})?",
            account in "([a-zA-Z0-9%:!$&'()*+,;=~@_.-]{0,10}@)?",
            host in "([a-zA-Z0-9._-]{1,10}|\\[[0-9a-f:]{2,8}\\])",
            port in "(:[0-9]{0,6})?",
            path in "(/[a-zA-Z0-9%:!$&'()*+,;=@_-]{0,8}){0,3}",
            rest in "(\\?[a-zA-Z0-9%&=+/?_-]{0,12})?(#[a-z]{0,4})?",
        ) {
            // Schemes of web sites follow other rules.
            prop_assume!(!["http", "https", "ws", "wss", "ftp", "file"].contains(&scheme.as_str()));
            let text = format!("{scheme}://{account}{host}{port}{path}{rest}");
            prop_assert_eq!(parts(&text), expected(&text), "{}", text);
        }
    }
}
