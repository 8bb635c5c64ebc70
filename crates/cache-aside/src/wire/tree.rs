//! Replies that are lists of lists, for what is seldom asked.

use super::{Connection, Reply, WireError};

const MOST_NESTED: u32 = 5;
/// A cluster whose slots are scattered one by one has that many ranges, of a few elements each.
const MOST_ELEMENTS: usize = 500_000;
const NO_TREE: WireError = WireError::Protocol("a list that is nested too deeply, or too long");

/// A reply of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    Text(Vec<u8>),
    Integer(i64),
    /// Nothing, or a status.
    Nil,
    List(Vec<Tree>),
}

impl Tree {
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}

impl Connection {
    /// Sends one command and reads a reply of any kind.
    pub fn tree(&mut self, arguments: &[&[u8]]) -> Result<Tree, WireError> {
        let mut outcome = Ok(Tree::Nil);
        self.exchange(&[arguments], |connection| {
            connection.read_line()?;
            let mut left = MOST_ELEMENTS;
            match connection.rest_of_tree(MOST_NESTED, &mut left) {
                Err(error @ (WireError::Io(_) | WireError::Protocol(_))) => return Err(error),
                read => outcome = read,
            }
            Ok(())
        })?;
        outcome
    }

    fn rest_of_tree(&mut self, nested: u32, left: &mut usize) -> Result<Tree, WireError> {
        *left = left.checked_sub(1).ok_or(NO_TREE)?;
        let Some([b'*', digits @ ..]) = self.line.strip_suffix(b"\r\n") else {
            let mut text = Vec::new();
            return Ok(match self.rest_of_reply(&mut text, &mut |_| (), false)? {
                Reply::Bytes => Tree::Text(text),
                Reply::Integer(integer) => Tree::Integer(integer),
                Reply::Status | Reply::Nil => Tree::Nil,
            });
        };
        let Ok(length) = usize::try_from(super::reply::parse_integer(digits)?) else { return Ok(Tree::Nil) };
        if nested == 0 || length > *left {
            return Err(NO_TREE);
        }
        let mut list = Vec::new();
        for _ in 0..length {
            self.read_line()?;
            // An error within a list would leave the rest of it unread.
            list.push(self.rest_of_tree(nested - 1, left).map_err(|error| match error {
                WireError::Server(_) => NO_TREE,
                error => error,
            })?);
        }
        Ok(Tree::List(list))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn asked(reply: &'static [u8]) -> (Result<Tree, WireError>, bool) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let server = std::thread::spawn(move || {
            let _ = theirs.read(&mut [0; 100]);
            theirs.write_all(reply).unwrap();
        });
        let mut connection = Connection::over(ours).unwrap();
        let tree = connection.tree(&[b"CLUSTER", b"SLOTS"]);
        server.join().unwrap();
        (tree, connection.is_broken())
    }

    #[test]
    fn lists_of_lists_are_read() {
        let (tree, is_broken) = asked(b"*3\r\n:1\r\n*2\r\n$1\r\na\r\n*-1\r\n$-1\r\n");
        let inner = Tree::List(vec![Tree::Text(b"a".to_vec()), Tree::Nil]);
        assert_eq!(tree.unwrap(), Tree::List(vec![Tree::Integer(1), inner, Tree::Nil]));
        assert!(!is_broken);
        let (refused, is_broken) = asked(b"-ERR This instance has cluster support disabled\r\n");
        assert!(matches!(refused, Err(WireError::Server(_))) && !is_broken);
    }

    #[test]
    fn what_would_take_all_memory_is_refused() {
        let deep: &[u8] = b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n";
        for reply in [deep, b"*500001\r\n", b"*1\r\n-ERR within\r\n", b"*x\r\n"] {
            let (tree, is_broken) = asked(reply);
            assert!(matches!(tree, Err(WireError::Protocol(_))) && is_broken, "{reply:?}");
        }
    }
}
