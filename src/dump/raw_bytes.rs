//! Strings in a dump whose bytes are no text: the client sends them as they are; we send text, so
//! they are written as hexadecimal literals, which are the same bytes.

use std::fmt::Write;

/// The statement with every string that is not UTF-8 as a hexadecimal literal. `None` if other
/// parts are not UTF-8.
pub(super) fn as_hexadecimal(statement: &[u8], backslash_escapes: bool) -> Option<String> {
    let mut text = String::with_capacity(statement.len() * 2);
    let mut rest = statement;
    while let Some(start) = rest.iter().position(|byte| matches!(byte, b'\'' | b'"' | b'`')) {
        let (before, string) = rest.split_at_checked(start)?;
        text.push_str(std::str::from_utf8(before).ok()?);
        let (quote, escapes) = (*string.first()?, backslash_escapes && string.first() != Some(&b'`'));
        let end = end_of_string(string, quote, escapes)?;
        let (string, behind) = string.split_at_checked(end)?;
        match std::str::from_utf8(string) {
            Ok(string) => text.push_str(string),
            Err(_) if quote == b'`' => return None,
            Err(_) => {
                text.push_str("x'");
                for byte in unescape(string, escapes) {
                    let _ = write!(text, "{byte:02x}");
                }
                text.push('\'');
            }
        }
        rest = behind;
    }
    text.push_str(std::str::from_utf8(rest).ok()?);
    Some(text)
}

/// The length of a string with its quotes.
fn end_of_string(string: &[u8], quote: u8, escapes: bool) -> Option<usize> {
    let mut at = 1;
    loop {
        match *string.get(at)? {
            b'\\' if escapes => at += 2,
            byte if byte == quote && string.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn unescape(string: &[u8], escapes: bool) -> Vec<u8> {
    let quote = string.first().copied().unwrap_or_default();
    let inside = string.get(1..string.len().saturating_sub(1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' if escapes => match rest.next().unwrap_or(b'\\') {
                b'0' => 0,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'Z' => 26,
                other => other,
            },
            byte if byte == quote => rest.next().unwrap_or(quote),
            byte => byte,
        });
    }
    bytes
}
