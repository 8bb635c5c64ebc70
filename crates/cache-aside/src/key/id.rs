//! Ids: numbers, texts and tuples, written so that no two of them meet.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::{KeyError, MAX_KEY_BYTES};

/// The id of a cached value: any integer, a `bool`, a `char`, a text, or a tuple of up to four of
/// these.
///
/// Ids of different types never meet: not `42` and `"42"`, not `("a", "b")` and `"a,b"`. (Integers
/// of different types that are the same number do.) An id of another type, such as a UUID, is a
/// text: `Key::new("user", 1, format_args!("{uuid}"))`.
pub trait KeyId: sealed::Write {}

impl<T: sealed::Write + ?Sized> KeyId for T {}

pub(super) mod sealed {
    use super::KeyError;

    pub trait Write {
        /// Appends the id to a key.
        fn write(&self, key: &mut String) -> Result<(), KeyError>;
    }
}

macro_rules! integers {
    ($($type:ty)+) => {
        $(impl sealed::Write for $type {
            fn write(&self, key: &mut String) -> Result<(), KeyError> {
                let _ = write!(key, "{self}"); // writing to a String cannot fail
                Ok(())
            }
        })+
    };
}

integers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

impl<T: sealed::Write + ?Sized> sealed::Write for &T {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        (**self).write(key)
    }
}

impl sealed::Write for bool {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        // No text begins so.
        key.push_str(if *self { "?1" } else { "?0" });
        Ok(())
    }
}

impl sealed::Write for char {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        self.encode_utf8(&mut [0; 4]).write(key)
    }
}

impl sealed::Write for str {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        write_text(key, format_args!("{self}"))
    }
}

impl sealed::Write for String {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        self.as_str().write(key)
    }
}

impl sealed::Write for Cow<'_, str> {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        self.as_ref().write(key)
    }
}

impl sealed::Write for fmt::Arguments<'_> {
    fn write(&self, key: &mut String) -> Result<(), KeyError> {
        write_text(key, *self)
    }
}

fn write_text(key: &mut String, text: fmt::Arguments<'_>) -> Result<(), KeyError> {
    let before = key.len();
    // An id whose `Display` fails has said nothing, or not all of it.
    Escaping { key, is_first: true }.write_fmt(text).map_err(|_| KeyError::Unnamed)?;
    if key.len() == before { Err(KeyError::Empty("id")) } else { Ok(()) }
}

/// Escapes what is written through it. Stops taking more once the text is too long for a key
/// anyway.
struct Escaping<'a> {
    key: &'a mut String,
    is_first: bool,
}

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            if self.key.len() > MAX_KEY_BYTES {
                return Ok(());
            }
            let is_first = std::mem::take(&mut self.is_first);
            let has_a_meaning = matches!(character, '%' | ':' | ',' | '(' | ')')
                || character.is_ascii_control()
                // A number, a truth value or a singleton would begin so.
                || (is_first && matches!(character, '0'..='9' | '-' | '?'));
            if has_a_meaning {
                write!(self.key, "%{:02X}", u32::from(character))?;
            } else {
                self.key.push(character);
            }
        }
        Ok(())
    }
}

/// Whether a tuple stands within a tuple is told by brackets.
fn write_part(key: &mut String, part: &impl sealed::Write) -> Result<(), KeyError> {
    let before = key.len();
    part.write(key)?;
    if key.get(before..).is_some_and(|part| part.contains(',')) {
        key.insert(before, '(');
        key.push(')');
    }
    Ok(())
}

macro_rules! tuples {
    ($(($($type:ident $field:tt),+);)+) => {
        $(impl<$($type: sealed::Write),+> sealed::Write for ($($type,)+) {
            fn write(&self, key: &mut String) -> Result<(), KeyError> {
                $(
                    if $field > 0 {
                        key.push(',');
                    }
                    write_part(key, &self.$field)?;
                )+
                Ok(())
            }
        })+
    };
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::Key;

    fn key(id: impl super::KeyId) -> String {
        Key::new("k", 1, id).unwrap().to_string()
    }

    #[test]
    fn ids_of_different_types_never_meet() {
        let keys = [
            key(42),
            key("42"),
            key(-42),
            key("-42"),
            key(true),
            key("true"),
            key("?1"),
            key((4, 2)),
            key("4,2"),
            key(("4", 2)),
            key((4, "2")),
            key((1, 2, 3)),
            key(((1, 2), 3)),
            key((1, (2, 3))),
            key("(1,2),3"),
            key("%34"),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(one), "{one}");
        }
        assert_eq!(key((7, "x1")), "k:1:7,x1");
        assert_eq!([key(42u8), key(42i128), key(42usize)], ["k:1:42", "k:1:42", "k:1:42"]);
        assert_eq!(key(format_args!("{}-{}", 1, 2)), key("1-2"));
        assert!(Key::new("k", 1, ("", 1)).is_err() && Key::new("k", 1, (1, "")).is_err());
    }

    proptest! {
        #[test]
        fn two_different_tuples_never_become_the_same(a: (String, u8, String), b: (String, u8, String)) {
            if let (Ok(first), Ok(second)) = (Key::new("k", 1, a.clone()), Key::new("k", 1, b.clone())) {
                prop_assert_eq!(a == b, first == second);
            }
        }

        #[test]
        fn pairs_and_nested_pairs_differ(a in "[a,()%1-]{1,4}", b in "[a,()%1-]{1,4}", c in "[a,()%1-]{1,4}") {
            let keys = [
                key((&a, &b, &c)),
                key(((&a, &b), &c)),
                key((&a, (&b, &c))),
                key((format!("{a},{b}"), &c)),
                key(format!("{a},{b},{c}")),
            ];
            for (at, one) in keys.iter().enumerate() {
                prop_assert!(!keys[..at].contains(one));
            }
        }
    }
}
