//! The keys of the bench's own entries, and how `flush` finds them.

use super::prefix_of;

/// Raised when what stands under a key changes its shape, so that old and new programs never share
/// an entry.
pub const SCHEMA_NUMBER: u32 = 1;

/// The keys of the entries of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLayout {
    prefix: String,
}

impl KeyLayout {
    pub fn new(namespace: &str, kind: &str) -> Self {
        Self { prefix: format!("{}{}{SCHEMA_NUMBER}:", prefix_of(namespace), prefix_of(kind)) }
    }

    /// The beginning of every key; an id follows.
    pub fn prefix(&self) -> &[u8] {
        self.prefix.as_bytes()
    }

    /// Replaces `key` by the key of this id; allocates nothing once it has grown.
    pub fn write_key(&self, id: u64, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.prefix.as_bytes());
        let _ = std::io::Write::write_fmt(key, format_args!("{id}")); // writing to a Vec cannot fail
    }

    pub fn key(&self, id: u64) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.prefix.len() + 10);
        self.write_key(id, &mut key);
        key
    }
}

/// A SCAN pattern that finds every key of the namespace, whatever characters it is made of.
pub fn scan_pattern(namespace: &str) -> String {
    // Its special characters are of one byte each.
    String::from_utf8_lossy(&pattern_of(prefix_of(namespace).as_bytes())).into_owned()
}

/// A SCAN pattern that finds every key which begins with these bytes.
pub(crate) fn pattern_of(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for byte in prefix {
        if b"*?[]^\\-".contains(byte) {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern.push(b'*');
    pattern
}

/// Whether this key is one that the layout makes in this namespace. Other programs' keys may share
/// the prefix.
pub fn is_ours(namespace: &str, key: &[u8]) -> bool {
    let Some(rest) = key.strip_prefix(prefix_of(namespace).as_bytes()) else { return false };
    let parts: Vec<&[u8]> = rest.split(|&byte| byte == b':').collect();
    matches!(parts[..], [kind, schema, id]
        if !kind.is_empty() && !id.is_empty() && !schema.is_empty() && schema.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::Key;

    #[test]
    fn the_layout_is_frozen() {
        assert_eq!(KeyLayout::new("rcache", "user").key(42), b"rcache:user:1:42");
        assert_eq!(KeyLayout::new("a:b%", "user").key(7), b"a%3Ab%25:user:1:7");
        assert_eq!(scan_pattern("a*[b]?\\"), "a\\*\\[b\\]\\?\\\\:*");
    }

    #[test]
    fn keys_that_only_share_the_prefix_are_not_ours() {
        for key in [
            "rcache",
            "rcache:",
            "rcache:session",
            "rcache2:user:1:4",
            "rcache:user:one:4",
            "rcache:a:1:2:3",
            "cache_aside::1:2",
        ] {
            assert!(!is_ours("rcache", key.as_bytes()), "{key}");
        }
        assert!(is_ours("rcache", b"rcache:user:1:42"));
    }

    proptest! {
        #[test]
        fn the_library_s_keys_are_recognised_too(kind: String, schema: u32, id: String) {
            if let Ok(key) = Key::new(&kind, schema, &id) {
                prop_assert!(is_ours("n", &[b"n:", key.as_bytes()].concat()));
            }
        }

        #[test]
        fn two_different_names_never_share_a_key(a: [String; 2], b: [String; 2], ids: [u64; 2]) {
            let key = |parts: &[String; 2], id| KeyLayout::new(&parts[0], &parts[1]).key(id);
            prop_assert_eq!((&a, ids[0]) == (&b, ids[1]), key(&a, ids[0]) == key(&b, ids[1]));
        }

        #[test]
        fn every_key_is_recognised_as_its_namespace_s_own(namespace: String, kind in "[a-z:%]{1,8}", id: u64) {
            prop_assert!(is_ours(&namespace, &KeyLayout::new(&namespace, &kind).key(id)));
        }
    }
}
