//! Takes literals out of a server's error messages: they quote values, and the text around a syntax
//! error.

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

/// Words that servers write behind the last quote, beside the plain ones.
const BEHIND: &str = "ambiguous any are as aggregated at be been can cannot character columns contains current data \
                      definer dependent derived does don duplicate exceeded exists found functionally functions has \
                      have incompatible incorrect invalid invoker isn it lack length line long lookup maximum more \
                      must native near nonaggregated null only_full_group_by operation out parameters position \
                      privilege range references resource rights routine row s specified sql_mode support supported \
                      than them this too type use used value which yet";

/// Words before a number that counts something of the statement.
const COUNTED: [&str; 4] = ["argument", "line", "position", "row"];

/// The message without what could be a literal: all from the first quote to the last, unless each
/// word in there is known, and what follows, unless servers write such words. Quotes need not come
/// in pairs: servers cut long messages.
pub(super) fn without_literals(message: &str, code: u16, is_known: impl Fn(&str) -> bool) -> String {
    if SIGNALS.contains(&code) {
        return format!("a program in the database raised an error of its own (error {code})");
    }
    let (text, number) = without_number(message);
    let mut quotes = text.char_indices().filter(|(at, character)| match character {
        '\'' => !is_apostrophe(text, *at),
        other => matches!(other, '"' | '`' | '«' | '»' | '“' | '”' | '„'),
    });
    let Some((first, _)) = quotes.next() else { return format!("{}{number}", without_values(text)) };
    let end = quotes.next_back().map_or(text.len(), |(last, quote)| last + quote.len_utf8());
    let [before, quoted, behind] = [0..first, first..end, end..text.len()].map(|part| &text[part]);
    let is_known = |word: &str| is_known(word) || PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(word));
    let is_shown = code != SYNTAX && words(quoted).all(is_known);
    let quoted = if is_shown { quoted } else { "'…'" };
    let behind = match (is_of_servers(behind, is_known), is_shown) {
        (true, _) => behind,
        (false, true) => " …",
        (false, false) => "",
    };
    format!("{}{quoted}{behind}{number}", without_values(before))
}

/// The text, and the error's number behind it.
fn without_number(message: &str) -> (&str, &str) {
    let Some(at) = message.rfind(" (error ") else { return (message, "") };
    let (text, number) = message.split_at(at);
    let digits = number.trim_start_matches(" (error ").strip_suffix(')');
    let is_number = digits.is_some_and(|digits| digits.chars().all(|digit| digit.is_ascii_digit()));
    if is_number { (text, number) } else { (message, "") }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    text.split(move |character| !is_word(character)).filter(|word| !word.is_empty())
}

/// True if a server says this, such as `doesn't exist` and `at row 1`.
fn is_of_servers(text: &str, is_known: impl Fn(&str) -> bool) -> bool {
    let mut before = "";
    words(text).all(|word| {
        let is_number = word.chars().all(|digit| digit.is_ascii_digit());
        let is_usual = || BEHIND.split(' ').any(|usual| usual.eq_ignore_ascii_case(word));
        let is_fine = if is_number { COUNTED.contains(&before) } else { is_usual() || is_known(word) };
        before = word;
        is_fine
    })
}

/// Numbers that are no small counts may be values: some messages hold them without quotes.
fn without_values(text: &str) -> String {
    /// A longer one counts neither rows nor columns.
    const LONGEST_COUNT: usize = 3;
    let hidden = |word: &str| {
        let number = word.trim_matches(|character: char| !character.is_alphanumeric());
        let is_number = number.starts_with(|first: char| first.is_ascii_digit());
        let is_count = number.len() <= LONGEST_COUNT && number.chars().all(|digit| digit.is_ascii_digit());
        if is_number && !is_count { word.replace(number, "…") } else { word.to_owned() }
    };
    text.split(' ').map(hidden).collect::<Vec<_>>().join(" ")
}

/// True for that of `doesn't`, `can't` or `there's`, and not for that of `N'text'`.
fn is_apostrophe(text: &str, at: usize) -> bool {
    let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
    let ending: String = behind.chars().take_while(|character| character.is_alphanumeric()).take(3).collect();
    match ending.as_str() {
        "t" => before.ends_with('n'),
        "s" | "re" | "ve" | "ll" => before.ends_with(char::is_alphabetic),
        _ => false,
    }
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

    #[test]
    fn an_apostrophe_is_no_quote() {
        for message in [
            "Table 'shop.orders' doesn't exist (error 1146)",
            "Key 'total' doesn't exist in table 'orders' (error 1176)",
            "Can't open table 'orders' (error 1)",
            "'shop.orders.total' isn't in GROUP BY (error 1055)",
            "You don't have a right on table 'orders' (error 1)",
            "There's no such table (error 1)",
        ] {
            assert_eq!(shown(message, 1), message);
        }
        for (message, expected) in [
            ("Table 'other.marked' doesn't exist (error 1146)", "Table '…' doesn't exist (error 1146)"),
            ("Can't use 'marked' here (error 1)", "Can't use '…' (error 1)"),
            ("You don't have a right on 'marked' (error 1)", "You don't have a right on '…' (error 1)"),
            ("Wrong value: 'it isn't marked' at row 1 (error 1)", "Wrong value: '…' at row 1 (error 1)"),
            ("La table 'shop.orders' n'existe pas (error 1146)", "La table '…' (error 1146)"),
            ("Tabelle 'shop.orders' existiert nicht (error 1146)", "Tabelle 'shop.orders' … (error 1146)"),
        ] {
            assert_eq!(shown(message, 1), expected);
        }
    }

    #[test]
    fn quotes_in_quotes_and_quotes_without_an_end_show_nothing() {
        for message in [
            "Wrong value: 'it's marked",
            "Wrong value: 'marked",
            "Wrong value: 'a 'b' marked",
            "Wrong value: 'orders' marked",
            "Wrong value: 'a\"marked\"b' at row 1",
            "Wrong value: N'marked'",
            "Wrong value: x'6d' marked",
            "Wrong value: „marked“ at row 1",
            "Wrong value: 'orders' at row 1 4711",
            "Latitude 4711.000000 is out of range in function st_x",
            "There's no spatial reference system with SRID 4711",
            "'",
            "'marked é'",
            "",
        ] {
            for message in [message.to_owned(), format!("{message} (error 1)")] {
                let said = shown(&message, 1);
                assert!(!said.contains("4711") && !said.contains("marked"), "{said}");
                assert_eq!(said.ends_with(" (error 1)"), message.ends_with(" (error 1)"), "{said}");
            }
        }
    }
}
