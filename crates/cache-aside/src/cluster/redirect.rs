//! The words with which a node of a cluster says that it is not the one to ask.

use crate::endpoint::Address;
use crate::wire::WireError;

/// The wish of a node instead of the command. It has done nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// The slot is another node's from now on.
    Moved { slot: u16, to: Address },
    /// The slot is on its way to another node, and this key may be there: only this command goes
    /// there.
    Ask { to: Address },
    /// Some keys of the command are here and some are not yet; or a script removed a key that it
    /// then could not write here.
    TryAgain,
    /// The cluster, or this slot, is not served now.
    Down,
}

impl Redirect {
    /// None if the error is no such thing, or makes no sense. `asked` is the node that answered: a
    /// node that does not know its own address leaves the host out.
    pub fn read(error: &WireError, asked: &Address) -> Option<Self> {
        let WireError::Server(words) = error else { return None };
        if error.left_half_way() {
            return Some(Self::TryAgain);
        }
        match error.server_code()? {
            "TRYAGAIN" => return Some(Self::TryAgain),
            "CLUSTERDOWN" => return Some(Self::Down),
            "MOVED" | "ASK" => {}
            _ => return None,
        }
        // An older Redis puts words about a script in front.
        let at = words.find("MOVED ").or_else(|| words.find("ASK "))?;
        let mut words = words.get(at..)?.split_ascii_whitespace();
        let (code, slot) = (words.next()?, words.next()?.parse().ok()?);
        let (host, port) = words.next()?.rsplit_once(':')?;
        let to = super::layout::address(host, port.parse().ok()?, asked)?;
        match code {
            _ if slot >= super::slot::SLOTS => None,
            "MOVED" => Some(Self::Moved { slot, to }),
            _ => Some(Self::Ask { to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(words: &str) -> Option<Redirect> {
        let asked = Address::Tcp { host: "10.0.0.9".to_owned(), port: 7 };
        Redirect::read(&WireError::Server(words.to_owned()), &asked)
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn every_redirection_is_understood() {
        let moved = |slot, host, port| Some(Redirect::Moved { slot, to: tcp(host, port) });
        assert_eq!(read("MOVED 3999 127.0.0.1:6381"), moved(3999, "127.0.0.1", 6381));
        assert_eq!(read("MOVED 3999 node.example:6381"), moved(3999, "node.example", 6381));
        assert_eq!(read("MOVED 0 2001:db8::1:6381"), moved(0, "2001:db8::1", 6381));
        assert_eq!(read("MOVED 16383 :6381"), moved(16_383, "10.0.0.9", 6381));
        assert_eq!(read("ASK 3999 127.0.0.1:6381"), Some(Redirect::Ask { to: tcp("127.0.0.1", 6381) }));
        assert_eq!(read("TRYAGAIN Multiple keys request during rehashing of slot"), Some(Redirect::TryAgain));
        let half_way =
            "ERR Script attempted to access a non local key in a cluster node script: 99, on @user_script:4.";
        assert_eq!(read(half_way), Some(Redirect::TryAgain));
        assert_eq!(read("CLUSTERDOWN Hash slot not served"), Some(Redirect::Down));
        let hidden = "ERR Error running script (call to f_0a): @user_script:1: -MOVED 5 10.0.0.1:1";
        assert_eq!(read(hidden), moved(5, "10.0.0.1", 1));
    }

    #[test]
    fn nonsense_leads_nowhere() {
        for words in [
            "MOVED",
            "MOVED 1",
            "MOVED x 10.0.0.1:1",
            "MOVED 16384 10.0.0.1:1",
            "MOVED 1 10.0.0.1",
            "MOVED 1 10.0.0.1:0",
            "MOVED 1 10.0.0.1:70000",
            "MOVED 1 ?:6379",
            "ASK 1 ?:6379",
            "ASK -1 10.0.0.1:1",
            "ERR MOVED 1 10.0.0.1:1",
            "READONLY You can't write against a read only replica.",
        ] {
            assert_eq!(read(words), None, "{words}");
        }
        assert_eq!(Redirect::read(&WireError::Protocol("MOVED"), &tcp("h", 1)), None);
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_a_panic(words: String, code in "(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)") {
            let _ = read(&words);
            let _ = read(&format!("{code} {words}"));
        }
    }
}
