//! The one layout of Redis keys, shared by write, read and flush: `namespace:kind:schema:id`.

mod id;
pub(crate) mod layout;

use std::fmt::{self, Display, Write as _};

pub use self::id::KeyId;

/// Longer names of things are a mistake, or somebody else's input.
pub const MAX_KEY_BYTES: usize = 1024;

/// The name of a cached value, without the namespace: `kind:schema:id`.
///
/// Whatever could make two different keys the same is escaped: colons, percent signs and control
/// characters (`%3A`, `%25`, `%0A`), in ids also commas and brackets, and the first character of a
/// text that could be taken for a number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The value of this kind (`"user"`) with this id: a number, a text, or a tuple of these, see
    /// [`KeyId`].
    ///
    /// Raise `schema` whenever the cached type changes its shape: old and new programs then keep
    /// entries of their own, instead of reading each other's.
    ///
    /// Another schema is another key, also for writes: what an old program marks or invalidates
    /// does not touch the new programs' entry, and the reverse. While both run, as during a rolling
    /// change, values may be stale until their time to live is over. Where that is too long, have
    /// writers invalidate both keys for that time, or keep the schema: entries of another type are
    /// told apart under one key too.
    ///
    /// ```
    /// use cache_aside::Key;
    ///
    /// assert_eq!(Key::new("user", 1, 42)?.to_string(), "user:1:42");
    /// assert_eq!(Key::new("file", 2, "a:b")?.to_string(), "file:2:a%3Ab");
    /// assert_eq!(Key::new("order", 1, (7, "x1"))?.to_string(), "order:1:7,x1");
    /// // A number and a text are two ids.
    /// assert_ne!(Key::new("user", 1, 42)?, Key::new("user", 1, "42")?);
    /// assert!(Key::new("user", 1, "").is_err());
    /// # Ok::<(), cache_aside::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] where the kind or the id is empty, or the whole is longer than 1,024 bytes once
    /// escaped. A key is never cut off: two long ones must not become the same.
    pub fn new(kind: &str, schema: u32, id: impl KeyId) -> Result<Self, KeyError> {
        Self::build(kind, schema, |key| id.write(key))
    }

    /// The value of which there is one alone: settings, a list of all countries.
    ///
    /// ```
    /// use cache_aside::Key;
    ///
    /// let settings = Key::singleton("settings", 1)?;
    /// # Ok::<(), cache_aside::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn singleton(kind: &str, schema: u32) -> Result<Self, KeyError> {
        Self::build(kind, schema, |key| {
            // No number, and no text begins so.
            key.push('-');
            Ok(())
        })
    }

    fn build(
        kind: &str,
        schema: u32,
        write_id: impl FnOnce(&mut String) -> Result<(), KeyError>,
    ) -> Result<Self, KeyError> {
        // Long enough for any schema and any number, so that a usual key takes memory once.
        let mut key = String::with_capacity(kind.len() + ":4294967295:18446744073709551615".len());
        escape_into(&mut key, kind);
        if key.is_empty() {
            return Err(KeyError::Empty("kind"));
        }
        let _ = write!(key, ":{schema}:"); // writing to a String cannot fail
        let before_id = key.len();
        write_id(&mut key)?;
        match key.len() {
            bytes if bytes > MAX_KEY_BYTES => Err(KeyError::TooLong { bytes }),
            bytes if bytes == before_id => Err(KeyError::Empty("id")),
            _ => Ok(Self(key)),
        }
    }

    /// Names another value of the same kind and schema; allocates nothing once the key has grown.
    #[doc(hidden)]
    pub fn set_number(&mut self, id: u64) {
        let before_id = self.0.rfind(':').map_or(0, |colon| colon + 1);
        self.0.truncate(before_id);
        let _ = write!(self.0, "{id}"); // writing to a String cannot fail
    }

    /// The kind, as it is written in the key.
    #[inline]
    pub(crate) fn kind(&self) -> &[u8] {
        self.0.as_bytes().split(|byte| *byte == b':').next().unwrap_or_default()
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

/// Why there is no such [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// This part of the key is empty.
    #[error("the {0} of a cache key is empty")]
    Empty(&'static str),
    /// The key is longer than 1,024 bytes, escapes included.
    #[error("a cache key of {bytes} bytes or more is longer than {MAX_KEY_BYTES}")]
    TooLong {
        /// The length that it would have at least.
        bytes: usize,
    },
    /// The id's own `Display` failed.
    #[error("the id of a cache key cannot be written as text")]
    Unnamed,
}

/// The namespace or the kind as every key has it, with the colon behind it.
pub fn prefix_of(part: &str) -> String {
    let mut prefix = String::new();
    escape_into(&mut prefix, part);
    prefix.push(':');
    prefix
}

/// `%`, `:` and control characters become `%25`, `%3A` and so on, so that no two keys differ only
/// by where a colon falls, and every key can be shown in one line.
fn escape_into(text: &mut String, part: &str) {
    for character in part.chars() {
        if matches!(character, '%' | ':') || character.is_ascii_control() {
            let _ = write!(text, "%{:02X}", u32::from(character)); // writing to a String cannot fail
        } else {
            text.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_keys_are_escaped_or_refused() {
        let key = |id: &str| Key::new("user", 1, id).map(|key| key.to_string());
        assert_eq!(key("a:b%c").unwrap(), "user:1:a%3Ab%25c");
        assert_eq!(key("line\r\nbreak\0").unwrap(), "user:1:line%0D%0Abreak%00");
        assert_eq!(key("müsli 🥣").unwrap(), "user:1:müsli 🥣");
        assert_eq!(key(""), Err(KeyError::Empty("id")));
        assert_eq!(Key::new("", 1, 4), Err(KeyError::Empty("kind")));
        assert_eq!(key(&"x".repeat(1017)).unwrap().len(), 1024);
        assert_eq!(key(&"x".repeat(1018)), Err(KeyError::TooLong { bytes: 1025 }));
        assert!(matches!(Key::new(&"k".repeat(5000), 1, 4), Err(KeyError::TooLong { .. })));
        assert!(matches!(key(&"\n".repeat(1000)), Err(KeyError::TooLong { .. })));
    }

    #[test]
    fn a_key_with_another_number_is_the_key_of_that_number() {
        let mut key = Key::new("a:b", 1, 4_000_000).unwrap();
        for id in [0, 7, u64::MAX] {
            key.set_number(id);
            assert_eq!(key, Key::new("a:b", 1, id).unwrap());
        }
    }

    #[test]
    fn singletons_meet_no_id() {
        let settings = Key::singleton("settings", 1).unwrap();
        assert_eq!(settings.to_string(), "settings:1:-");
        assert_ne!(Key::new("settings", 1, "-").unwrap(), settings);
        assert!(Key::singleton("", 1).is_err());
    }

    proptest! {
        #[test]
        fn two_different_keys_never_become_the_same(a: [String; 2], b: [String; 2], schemas: [u32; 2]) {
            if let (Ok(first), Ok(second)) = (Key::new(&a[0], schemas[0], &a[1]), Key::new(&b[0], schemas[1], &b[1])) {
                prop_assert_eq!((&a, schemas[0]) == (&b, schemas[1]), first == second);
            }
        }
    }
}
