//! One cache of a fixed number of entries, simulated exactly: the least recently read entry goes
//! first, entries expire some time after their fill, and writes remove them.

/// No entry.
const NONE: u32 = u32::MAX;

/// Keys are small numbers; memory grows with the largest.
#[derive(Clone, Debug)]
pub(crate) struct LruSimulation {
    nodes: Vec<Node>,
    /// The two lists, from the entry that goes first.
    by_read: Ends,
    by_fill: Ends,
    entries: u32,
    capacity: u32,
    ttl_s: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    read: Links,
    fill: Links,
    /// Negative if the key is not in the cache.
    filled_s: f64,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
}

#[derive(Clone, Copy)]
enum List {
    ByRead,
    ByFill,
}

const ABSENT: Node = Node {
    read: Links { before: NONE, after: NONE },
    fill: Links { before: NONE, after: NONE },
    filled_s: -1.0,
};

impl LruSimulation {
    pub(crate) fn new(capacity: u32, ttl_s: Option<f64>) -> Self {
        let empty = Ends { first: NONE, last: NONE };
        Self { nodes: Vec::new(), by_read: empty, by_fill: empty, entries: 0, capacity, ttl_s }
    }

    /// Reads a key, and fills it after a miss. Times are never negative and never fall. True for a
    /// hit.
    pub(crate) fn read(&mut self, key: u32, now_s: f64) -> bool {
        self.expire(now_s);
        if self.is_present(key) {
            self.unlink(List::ByRead, key);
            self.push(List::ByRead, key);
            return true;
        }
        if self.capacity == 0 {
            return false;
        }
        while self.entries >= self.capacity {
            self.evict();
        }
        self.make_room_for(key);
        self.node(key, |node| node.filled_s = now_s);
        self.push(List::ByRead, key);
        if self.ttl_s.is_some() {
            self.push(List::ByFill, key);
        }
        self.entries += 1;
        false
    }

    /// Removes a key, as a write does.
    pub(crate) fn remove(&mut self, key: u32) {
        if !self.is_present(key) {
            return;
        }
        self.unlink(List::ByRead, key);
        if self.ttl_s.is_some() {
            self.unlink(List::ByFill, key);
        }
        self.node(key, |node| node.filled_s = -1.0);
        self.entries -= 1;
    }

    pub(crate) fn shrink(&mut self, capacity: u32) {
        self.capacity = capacity;
        while self.entries > self.capacity {
            self.evict();
        }
    }

    fn evict(&mut self) {
        let oldest = self.by_read.first;
        if oldest == NONE {
            // Cannot be: there are entries, so the list has one.
            self.entries = 0;
            return;
        }
        self.remove(oldest);
    }

    fn expire(&mut self, now_s: f64) {
        let Some(ttl_s) = self.ttl_s else { return };
        while let Some(oldest) = self.nodes.get(self.by_fill.first as usize) {
            if oldest.filled_s + ttl_s > now_s {
                break;
            }
            self.remove(self.by_fill.first);
        }
    }

    fn is_present(&self, key: u32) -> bool {
        self.nodes.get(key as usize).is_some_and(|node| node.filled_s >= 0.0)
    }

    fn make_room_for(&mut self, key: u32) {
        if self.nodes.len() <= key as usize {
            self.nodes.resize(key as usize + 1, ABSENT);
        }
    }

    fn node(&mut self, key: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(key as usize) {
            change(node);
        }
    }

    fn links(&mut self, list: List, key: u32) -> Option<&mut Links> {
        let node = self.nodes.get_mut(key as usize)?;
        Some(match list {
            List::ByRead => &mut node.read,
            List::ByFill => &mut node.fill,
        })
    }

    fn ends(&mut self, list: List) -> &mut Ends {
        match list {
            List::ByRead => &mut self.by_read,
            List::ByFill => &mut self.by_fill,
        }
    }

    fn push(&mut self, list: List, key: u32) {
        let last = std::mem::replace(&mut self.ends(list).last, key);
        if let Some(links) = self.links(list, key) {
            *links = Links { before: last, after: NONE };
        }
        match self.links(list, last) {
            Some(links) => links.after = key,
            None => self.ends(list).first = key,
        }
    }

    fn unlink(&mut self, list: List, key: u32) {
        let Some(&mut Links { before, after }) = self.links(list, key) else { return };
        match self.links(list, before) {
            Some(links) => links.after = after,
            None => self.ends(list).first = after,
        }
        match self.links(list, after) {
            Some(links) => links.before = before,
            None => self.ends(list).last = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, by the plainest means.
    struct Plain {
        entries: Vec<(u32, f64)>,
        capacity: usize,
        ttl_s: Option<f64>,
    }

    impl Plain {
        fn read(&mut self, key: u32, now_s: f64) -> bool {
            if let Some(ttl_s) = self.ttl_s {
                self.entries.retain(|(_, filled)| filled + ttl_s > now_s);
            }
            let found = self.entries.iter().position(|(other, _)| *other == key);
            let entry = found.map_or((key, now_s), |place| self.entries.remove(place));
            if found.is_none() && self.entries.len() >= self.capacity && !self.entries.is_empty() {
                self.entries.remove(0);
            }
            if self.capacity > 0 {
                self.entries.push(entry);
            }
            found.is_some()
        }
    }

    proptest! {
        #[test]
        fn it_is_the_plain_cache(
            steps in prop::collection::vec((0u32..12, 0u8..5, 0u8..4), 0..400),
            capacity in 0u32..10,
            ttl in prop::option::of(1u8..30),
        ) {
            let ttl_s = ttl.map(f64::from);
            let mut cache = LruSimulation::new(capacity, ttl_s);
            let mut plain = Plain { entries: Vec::new(), capacity: capacity as usize, ttl_s };
            let mut now_s = 0.0;
            for (key, kind, later) in steps {
                now_s += f64::from(later);
                if kind == 0 {
                    cache.remove(key);
                    plain.entries.retain(|(other, _)| *other != key);
                } else {
                    prop_assert_eq!(cache.read(key, now_s), plain.read(key, now_s));
                }
            }
        }
    }

    #[test]
    fn a_smaller_cache_keeps_what_was_read_last() {
        let mut cache = LruSimulation::new(3, None);
        for key in [0, 1, 2, 0] {
            cache.read(key, 0.0);
        }
        cache.shrink(2);
        assert_eq!([0, 2].map(|key| cache.read(key, 0.0)), [true, true]);
        assert!(!cache.read(1, 0.0));
    }
}
