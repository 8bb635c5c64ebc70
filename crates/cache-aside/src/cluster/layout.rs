//! The reply of `CLUSTER SLOTS`: which node keeps which slots.

use super::slot::SLOTS;
use crate::endpoint::Address;
use crate::wire::Tree;

/// The slots of a cluster and the nodes that keep them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// First and last slot, and the number of their primary.
    pub(crate) ranges: Vec<(u16, u16, usize)>,
    pub primaries: Vec<Address>,
    pub replicas: Vec<Address>,
}

impl Layout {
    /// None if that is no answer to `CLUSTER SLOTS`, or one without any slot. `asked` is the node
    /// that gave it.
    pub fn read(answer: &Tree, asked: &Address) -> Option<Self> {
        let mut layout = Self::default();
        for range in answer.list()? {
            let [first, last, primary, replicas @ ..] = range.list()? else { return None };
            let (first, last) = (slot(first)?, slot(last)?);
            if first > last {
                return None;
            }
            // The slots of the others are known all the same.
            let Some(primary) = node(primary, asked) else { continue };
            let number = layout.primaries.iter().position(|known| *known == primary).unwrap_or_else(|| {
                layout.primaries.push(primary);
                layout.primaries.len() - 1
            });
            layout.ranges.push((first, last, number));
            for replica in replicas.iter().filter_map(|replica| node(replica, asked)) {
                if !layout.replicas.contains(&replica) {
                    layout.replicas.push(replica);
                }
            }
        }
        (!layout.ranges.is_empty()).then_some(layout)
    }

    /// Who keeps a slot.
    pub fn primary_of(&self, slot: u16) -> Option<&Address> {
        let range = self.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        range.and_then(|(_, _, number)| self.primaries.get(*number))
    }
}

fn slot(tree: &Tree) -> Option<u16> {
    tree.integer().and_then(|slot| u16::try_from(slot).ok()).filter(|slot| *slot < SLOTS)
}

/// The name of a node that has not said by which name it is to be reached.
const UNKNOWN: &str = "?";

/// Host, port, and what newer versions add: the identifier, and other names.
fn node(tree: &Tree, asked: &Address) -> Option<Address> {
    let [host, port, more @ ..] = tree.list()? else { return None };
    let host = match host {
        Tree::Nil => "",
        host => match words(host)? {
            UNKNOWN => ip_in(more.get(1)?)?,
            host => host,
        },
    };
    address(host, u16::try_from(port.integer()?).ok()?, asked)
}

/// The value of `ip` in a list of names and values.
fn ip_in(names: &Tree) -> Option<&str> {
    let names = names.list()?;
    let at = names.iter().step_by(2).position(|name| words(name) == Some("ip"))?;
    words(names.get(2 * at + 1)?).filter(|ip| !ip.is_empty())
}

fn words(tree: &Tree) -> Option<&str> {
    std::str::from_utf8(tree.text()?).ok()
}

/// The address of a node by what another one calls it. Without a name it has the host of the one
/// that was asked; none if its name is unknown.
pub(super) fn address(host: &str, port: u16, asked: &Address) -> Option<Address> {
    let host = match (host, asked) {
        (UNKNOWN, _) => return None,
        ("", Address::Tcp { host, .. }) => host.as_str(),
        ("", Address::Socket(_)) => "127.0.0.1",
        (host, _) => host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host),
    };
    (port > 0).then(|| Address::Tcp { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Tree {
        Tree::Text(text.as_bytes().to_vec())
    }

    fn node(host: Tree, port: i64) -> Tree {
        Tree::List(vec![host, Tree::Integer(port), text("an id"), Tree::List(Vec::new())])
    }

    /// A node that has announced no name, in the answer of one that prefers names.
    fn unnamed(port: i64, more: &[&str]) -> Tree {
        let more = Tree::List(more.iter().map(|word| text(word)).collect());
        Tree::List(vec![text("?"), Tree::Integer(port), text("an id"), more])
    }

    fn range(first: i64, last: i64, nodes: Vec<Tree>) -> Tree {
        Tree::List([vec![Tree::Integer(first), Tree::Integer(last)], nodes].concat())
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn ranges_primaries_and_replicas_are_understood() {
        let answer = Tree::List(vec![
            range(0, 5, vec![node(text("10.0.0.1"), 1), node(text("10.0.0.4"), 4)]),
            range(6, 9, vec![node(Tree::Nil, 2)]),
            range(11, 16_383, vec![node(text("10.0.0.1"), 1), node(text("10.0.0.4"), 4), node(text(""), 3)]),
        ]);
        let layout = Layout::read(&answer, &tcp("asked.example", 9)).unwrap();
        assert_eq!(layout.primaries, [tcp("10.0.0.1", 1), tcp("asked.example", 2)]);
        assert_eq!(layout.replicas, [tcp("10.0.0.4", 4), tcp("asked.example", 3)]);
        let of = |slot| layout.primary_of(slot).map(ToString::to_string);
        assert_eq!(of(5).as_deref(), Some("10.0.0.1:1"));
        assert_eq!(of(6).as_deref(), Some("asked.example:2"));
        assert_eq!((of(10), of(16_383).as_deref()), (None, Some("10.0.0.1:1")));
    }

    #[test]
    fn a_node_whose_name_is_unknown_is_not_the_one_that_was_asked() {
        let answer = Tree::List(vec![
            range(0, 5, vec![node(text("a.example"), 1)]),
            range(6, 9, vec![unnamed(1, &["hostname", "", "ip", "10.0.0.2"])]),
            range(10, 19, vec![unnamed(1, &["ip", "10.0.0.3"]), unnamed(1, &["ip"])]),
            range(20, 29, vec![unnamed(1, &["hostname", "ip"])]),
            range(30, 39, vec![unnamed(1, &["ip", ""])]),
            range(40, 49, vec![Tree::List(vec![text("?"), Tree::Integer(1)])]),
            range(50, 59, vec![node(text("b.example"), 1)]),
        ]);
        let layout = Layout::read(&answer, &tcp("a.example", 1)).unwrap();
        let of = |slot| layout.primary_of(slot).map(ToString::to_string);
        assert_eq!(of(6).as_deref(), Some("10.0.0.2:1"));
        assert_eq!(of(10).as_deref(), Some("10.0.0.3:1"));
        assert_eq!([20, 30, 40].map(of), [None, None, None], "the slots of the others are known");
        assert_eq!(of(50).as_deref(), Some("b.example:1"));
        assert_eq!(layout.replicas, []);
        let unknown = Tree::List(vec![range(0, 5, vec![unnamed(1, &[])])]);
        assert_eq!(Layout::read(&unknown, &tcp("a.example", 1)), None);
    }

    #[test]
    fn what_is_no_layout_is_refused() {
        let one = || node(text("10.0.0.1"), 1);
        for answer in [
            Tree::Nil,
            Tree::List(Vec::new()),
            Tree::List(vec![Tree::Nil]),
            Tree::List(vec![range(0, 5, Vec::new())]),
            Tree::List(vec![range(5, 0, vec![one()])]),
            Tree::List(vec![range(0, 16_384, vec![one()])]),
            Tree::List(vec![range(-1, 5, vec![one()])]),
            Tree::List(vec![range(0, 5, vec![node(text("10.0.0.1"), 0)])]),
            Tree::List(vec![range(0, 5, vec![node(text("10.0.0.1"), 65_536)])]),
            Tree::List(vec![range(0, 5, vec![Tree::Integer(1)])]),
        ] {
            assert_eq!(Layout::read(&answer, &tcp("h", 1)), None, "{answer:?}");
        }
    }
}
