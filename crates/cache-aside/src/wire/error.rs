//! Errors between Redis and a connection, told apart where the code branches on them.

use std::io;

/// An error on the way to Redis and back.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Redis answered with an error; its own words.
    #[error("{0}")]
    Server(String),
    /// Redis answered a step of opening a connection (login, database, role) with an error; its own
    /// words. No command was sent, and the next connection is likely to be refused as well.
    #[error("{0}")]
    NotOpened(Box<str>),
    #[error("Redis sent what RESP2 does not know: {0}")]
    Protocol(&'static str),
}

impl WireError {
    /// True where the other side has closed the connection.
    pub fn is_hang_up(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        let kinds = [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof];
        matches!(self, Self::Io(error) if kinds.contains(&error.kind()))
    }

    /// True if every connection is in use. That says nothing about Redis.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::ResourceBusy)
    }

    /// True if the server says that it is not the one to ask, or not on this connection: what was
    /// refused may work on a new one, and nothing will on this.
    pub fn is_unfit(&self) -> bool {
        const CODES: [&str; 8] =
            ["READONLY", "MASTERDOWN", "LOADING", "NOAUTH", "WRONGPASS", "UNBLOCKED", "SENTINEL", "DENIED"];
        matches!(self, Self::NotOpened(_))
            || self.server_code().is_some_and(|code| CODES.contains(&code))
            || self.is_too_many_clients()
    }

    /// True if the server refuses writes because it has too few replicas. Reads go on.
    pub(crate) fn lacks_replicas(&self) -> bool {
        self.server_code() == Some("NOREPLICAS")
    }

    /// The same words as the answer to a command.
    pub(crate) fn into_answer(self) -> Self {
        match self {
            Self::NotOpened(words) => Self::Server(words.into_string()),
            error => error,
        }
    }

    /// True if a node of a cluster says that another one, or none for now, is to be asked. It has
    /// done nothing, and the connection is in order.
    pub fn is_redirect(&self) -> bool {
        matches!(self.server_code(), Some("MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN"))
            || self.left_half_way()
    }

    /// True if a script removed a key of a slot that is on its way, and so could not write it any
    /// more: as a key that is not there, it is the other node's. The whole script is to be run
    /// again.
    pub(crate) fn left_half_way(&self) -> bool {
        matches!(self, Self::Server(words) if words.contains("non local key in a cluster node"))
    }

    /// The same error once more.
    pub(crate) fn copy(&self) -> Self {
        match self {
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
            Self::Server(words) => Self::Server(words.clone()),
            Self::NotOpened(words) => Self::NotOpened(words.clone()),
            Self::Protocol(words) => Self::Protocol(words),
        }
    }

    /// True if the server takes no more connections.
    pub fn is_too_many_clients(&self) -> bool {
        matches!(self, Self::Server(words) if words.contains("max number of clients"))
    }

    /// The code in front of the server's words, for example `WRONGTYPE`.
    pub fn server_code(&self) -> Option<&str> {
        match self {
            Self::Server(text) => Some(code_in(text)),
            Self::NotOpened(text) => Some(code_in(text)),
            Self::Io(_) | Self::Protocol(_) => None,
        }
    }
}

/// Redis 6 puts what a script met behind words about the script: `ERR Error running script …:
/// -READONLY You can't …`.
fn code_in(text: &str) -> &str {
    fn first_word(text: &str) -> &str {
        text.split(' ').next().unwrap_or_default()
    }
    let code = first_word(text);
    let is_code = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code(code) && code != "ERR" {
        return code;
    }
    let inner = text.rsplit_once(": -").map(|(_, inner)| first_word(inner));
    inner.filter(|inner| is_code(inner)).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_connection_is_told_from_an_answer() {
        let server = |words: &str| WireError::Server(words.to_owned());
        for words in ["READONLY You can't", "LOADING Redis is loading", "ERR max number of clients reached"] {
            assert!(server(words).is_unfit(), "{words}");
        }
        for words in ["NOREPLICAS Not enough good replicas", "OOM command", "BUSY a script", "MISCONF", "ERR"]
        {
            assert!(!server(words).is_unfit(), "{words}");
            let refused = WireError::NotOpened(words.into());
            assert!(refused.is_unfit() && refused.copy().is_unfit() && !refused.is_redirect(), "{words}");
            assert_eq!(refused.to_string(), words);
            assert_eq!(refused.into_answer().server_code(), server(words).server_code());
        }
    }

    #[test]
    fn the_code_of_an_error_is_found_also_where_redis_6_hides_it() {
        for (text, code) in [
            ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"),
            ("NOAUTH Authentication required.", "NOAUTH"),
            (
                "ERR Error running script (call to f_0a): @user_script:38: @user_script: 38: -READONLY You can't",
                "READONLY",
            ),
            ("@user_script: 4: -OOM command not allowed when used memory > 'maxmemory'.", "OOM"),
            ("ERR unknown command 'NOSUCH', with args beginning with: 'a: -b'", "ERR"),
            ("", ""),
            (" : -", ""),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }
}
