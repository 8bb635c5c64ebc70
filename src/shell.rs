//! Words of a shell's command line: how to write one so that it can be copied, and how to take a
//! line apart.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The text as one word: as it is, in single quotes, or in `$'…'` if it has bytes that are no text.
pub(crate) fn word(text: impl AsRef<OsStr>) -> String {
    let bytes = text.as_ref().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Ok(text) if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let escaped: String = bytes.iter().copied().map(escape).collect();
            format!("$'{escaped}'")
        }
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "/._-+=@%,:".contains(c)
}

fn escape(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

/// Takes a line of plain, single-quoted and double-quoted words apart, as far as examples and
/// documents use them.
#[cfg(test)]
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_word_can_be_copied_into_a_shell() {
        for (text, written) in [
            ("/a/b-1.cnf", "/a/b-1.cnf"),
            ("/a b/it's", r"'/a b/it'\''s'"),
            ("", "''"),
            ("~/x", "'~/x'"),
            ("$HOME", "'$HOME'"),
            ("a\nb", r"$'a\x0ab'"),
        ] {
            assert_eq!(word(text), written);
        }
        assert_eq!(word(OsStr::from_bytes(b"/a\xff'b")), r"$'/a\xff\'b'");
    }

    #[test]
    fn lines_are_taken_apart() {
        let words = |line| super::words(line).unwrap();
        assert_eq!(words("a  'b c' d\"e f\"g ''"), ["a", "b c", "de fg", ""]);
        assert_eq!(super::words("a 'b"), None);
    }
}
