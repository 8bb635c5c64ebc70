//! One parameter. It is the user's data, so it can be sent and hashed, and not printed.

use std::fmt;

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Signed(i64),
    /// A number above the signed ones.
    Unsigned(u64),
    /// A number that 64 bits cannot hold exactly, as it was written.
    Decimal(String),
    Text(String),
    Bytes(Vec<u8>),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[value]")
    }
}

impl Value {
    /// A field without quotes: a number if it is written as programs write numbers, and text
    /// otherwise. What begins with a zero or a plus is text, since a number would lose that.
    pub(crate) fn from_unquoted(text: &str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(a, b)| (a, Some(b)));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_canonical = is_number(whole) && (whole == "0" || !whole.starts_with('0'));
        match fraction {
            None if is_canonical && text != "-0" => Self::from_integer(text),
            Some(fraction) if is_canonical && is_number(fraction) => Self::Decimal(text.to_owned()),
            _ => Self::Text(text.to_owned()),
        }
    }

    fn from_integer(text: &str) -> Self {
        match (text.parse::<i64>(), text.parse::<u64>()) {
            (Ok(number), _) => Self::Signed(number),
            (_, Ok(number)) => Self::Unsigned(number),
            _ => Self::Decimal(text.to_owned()),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let own = match self {
            Self::Null | Self::Signed(_) | Self::Unsigned(_) => 0,
            Self::Decimal(text) | Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        size_of::<Self>() + own
    }

    /// Appends a form that differs for different values.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut put = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Null => put(0, &[]),
            Self::Signed(number) => put(1, &number.to_le_bytes()),
            Self::Unsigned(number) => put(2, &number.to_le_bytes()),
            Self::Decimal(text) => put(3, text.as_bytes()),
            Self::Text(text) => put(4, text.as_bytes()),
            Self::Bytes(bytes) => put(5, bytes),
        }
    }
}
