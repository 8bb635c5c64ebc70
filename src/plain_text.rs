//! Text from elsewhere: what is no text is recognised, and what is printed does not steer the
//! terminal.

/// The text on one line, with a space in place of each control character. Its lines are the parts
/// of a message, such as an error and the next step: a semicolon joins them where no other mark
/// does.
pub(crate) fn one_line(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut joined = without_control(lines.next().unwrap_or_default());
    for line in lines.map(without_control) {
        let line = line.trim();
        let before = joined.trim_end().len();
        if line.is_empty() {
            continue;
        }
        joined.truncate(before);
        let is_joined = joined.is_empty() || joined.ends_with(['.', ',', ':', ';', '!', '?', '(']);
        joined.push_str(if is_joined { " " } else { "; " });
        joined.push_str(line);
    }
    joined
}

/// A path for a message, on one line.
pub(crate) fn path(path: &std::path::Path) -> String {
    without_control(&path.display().to_string())
}

fn without_control(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// The kind of a file that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotText {
    /// The format, and a program that writes the text to stdout.
    Compressed {
        kind: &'static str,
        tool: &'static str,
    },
    Utf16,
}

impl NotText {
    /// Recognises a file by its first bytes; none if they may be text.
    pub(crate) fn recognise(bytes: &[u8]) -> Option<Self> {
        const COMPRESSED: [(&[u8], &str, &str); 6] = [
            (b"\x1f\x8b", "gzip", "zcat"),
            (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
            (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
            (b"\xfd7zXZ", "xz", "xzcat"),
            (b"BZh", "bzip2", "bzcat"),
            (b"PK\x03\x04", "zip", "unzip -p"),
        ];
        let compressed = COMPRESSED.iter().find(|(magic, ..)| bytes.starts_with(magic));
        let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        match compressed {
            Some((_, kind, tool)) => Some(Self::Compressed { kind, tool }),
            None => is_utf16.then_some(Self::Utf16),
        }
    }
}

/// The text with its line breaks, and a space in place of every other control character.
pub(crate) fn lines(text: &str) -> String {
    text.chars().map(|c| if steers(c) && c != '\n' { ' ' } else { c }).collect()
}

/// Control characters, and those that change the direction in which text is written.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        let text = "a\u{1b}[31mb\r\n\u{9b}2Jc\u{202e}d\tµ";
        assert_eq!(one_line(text), "a [31mb; 2Jc d µ");
        assert_eq!(lines(text), "a [31mb \n 2Jc d µ");
        assert_eq!(path(std::path::Path::new("/a\nb\u{1b}")), "/a b ");
    }

    #[test]
    fn what_is_no_text_is_recognised() {
        let kind = |bytes: &[u8]| match NotText::recognise(bytes) {
            Some(NotText::Compressed { kind, .. }) => kind,
            Some(NotText::Utf16) => "utf-16",
            None => "text",
        };
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08"[..], "gzip"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"BZh9", "bzip2"),
            (b"\xff\xfeS\0", "utf-16"),
            (b"\xfe\xff\0S", "utf-16"),
            (b"SELECT 1", "text"),
            (b"\xef\xbb\xbfSELECT 1", "text"),
            (b"", "text"),
        ] {
            assert_eq!(kind(bytes), expected);
        }
    }

    #[test]
    fn the_parts_of_a_message_are_joined_by_a_mark() {
        for (text, line) in [
            ("no answer in time\n  did the server restart?", "no answer in time; did the server restart?"),
            ("is it there?\n  start it:\n    rcache seed", "is it there? start it: rcache seed"),
            ("one\r\ntwo \n\n\n three\n", "one; two; three"),
            ("  indented", "  indented"),
            ("\nfirst", " first"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), line);
        }
    }
}
