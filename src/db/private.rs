//! Takes literals out of a server's error messages: they quote values, and the text around a syntax error.

/// ER_PARSE_ERROR, whose message quotes the rest of the statement.
const SYNTAX: u16 = 1064;
/// ER_SIGNAL_EXCEPTION and ER_SIGNAL_WARN: the words are those of a program in the database.
const SIGNALS: [u16; 2] = [1643, 1644];

/// Words that servers write between quotes beside names.
const PLAIN: &[&str] = &[
    "a",
    "and",
    "by",
    "clause",
    "column",
    "command",
    "condition",
    "denied",
    "doesn",
    "database",
    "exist",
    "field",
    "for",
    "from",
    "function",
    "group",
    "having",
    "in",
    "index",
    "is",
    "key",
    "list",
    "not",
    "of",
    "on",
    "or",
    "order",
    "statement",
    "t",
    "table",
    "the",
    "to",
    "unknown",
    "user",
    "view",
    "where",
    "with",
];

/// The message with everything that could be a literal left out: what stands between the first and the last quote, unless
/// each word in there is a known one.
pub(super) fn without_literals(message: &str, code: u16, is_known: impl Fn(&str) -> bool) -> String {
    if SIGNALS.contains(&code) {
        return format!("a program in the database raised an error of its own (error {code})");
    }
    let mut quotes = message.char_indices().filter(|(at, character)| match character {
        '\'' => !is_within_a_word(message, *at),
        other => matches!(other, '"' | '`'),
    });
    let Some((first, _)) = quotes.next() else { return message.to_owned() };
    let last = quotes.next_back().map_or(first, |(last, _)| last);
    let quoted = message.get(first..=last).unwrap_or_default();
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    let mut words = quoted.split(|character| !is_word(character)).filter(|word| !word.is_empty());
    let is_plain = |word: &str| PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(word));
    if code != SYNTAX && words.all(|word| is_known(word) || is_plain(word)) {
        return message.to_owned();
    }
    let before = message.get(..first).unwrap_or_default();
    let behind = message.get(last + 1..).unwrap_or_default();
    format!("{before}'…'{behind}")
}

/// As in `doesn't`.
fn is_within_a_word(message: &str, at: usize) -> bool {
    let before = message.get(..at).and_then(|before| before.chars().next_back());
    let behind = message.get(at + 1..).and_then(|behind| behind.chars().next());
    before.is_some_and(char::is_alphabetic) && behind.is_some_and(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str, code: u16) -> String {
        let known = ["shop", "orders", "custmer_id", "total"];
        without_literals(message, code, |word| known.contains(&word))
    }

    #[test]
    fn names_stay_and_literals_go() {
        for message in [
            "Table 'shop.orders' doesn't exist (error 1146)",
            "Unknown column 'custmer_id' in 'where clause' (error 1054)",
            "Subquery returns more than 1 row (error 1242)",
            "Column 'total' in field list is ambiguous (error 1052)",
        ] {
            assert_eq!(shown(message, 1054), message);
        }
        for (message, code, expected) in [
            (
                "You have an error in your SQL syntax; check the manual for the right syntax to use near 'orders' at line 3 (error 1064)",
                1064,
                "You have an error in your SQL syntax; check the manual for the right syntax to use near '…' at line 3 (error 1064)",
            ),
            (
                "Truncated incorrect DOUBLE value: 'marked' (error 1292)",
                1292,
                "Truncated incorrect DOUBLE value: '…' (error 1292)",
            ),
            ("Incorrect value: 'a' marked 'b' (error 1)", 1, "Incorrect value: '…' (error 1)"),
            (
                "BIGINT value is out of range in '(`shop`.`total` - 4711)' (error 1690)",
                1690,
                "BIGINT value is out of range in '…' (error 1690)",
            ),
            (
                "Invalid JSON text: \"marked\" at position 1 in 'x' (error 3141)",
                3141,
                "Invalid JSON text: '…' (error 3141)",
            ),
        ] {
            assert_eq!(shown(message, code), expected);
        }
        assert_eq!(shown("Table 'x.marked' doesn't exist", 1146), "Table '…' doesn't exist");
        assert!(!shown("no marked customer", 1644).contains("marked"));
    }
}
