//! The statement without its literals: what may be printed, saved and compared.

use super::lexer::{self, Kind, Token};
use super::screen::is_qualified;

/// Reserved words of both servers that a SELECT uses; they are written in upper case, so that their
/// case does not matter.
const KEYWORDS: &[&str] = &[
    "SELECT",
    "DISTINCT",
    "DISTINCTROW",
    "STRAIGHT_JOIN",
    "SQL_CALC_FOUND_ROWS",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IN",
    "IS",
    "NULL",
    "TRUE",
    "FALSE",
    "LIKE",
    "RLIKE",
    "REGEXP",
    "BETWEEN",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "AS",
    "ON",
    "USING",
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "CROSS",
    "NATURAL",
    "OUTER",
    "GROUP",
    "ORDER",
    "BY",
    "HAVING",
    "LIMIT",
    "ASC",
    "DESC",
    "UNION",
    "ALL",
    "EXCEPT",
    "INTERSECT",
    "WITH",
    "RECURSIVE",
    "VALUES",
    "TABLE",
    "INTERVAL",
    "COLLATE",
    "BINARY",
    "DIV",
    "MOD",
    "FORCE",
    "USE",
    "IGNORE",
    "INDEX",
    "KEY",
    "FOR",
    "OVER",
    "WINDOW",
    "PARTITION",
    "LATERAL",
    "MATCH",
    "AGAINST",
    "CONVERT",
    "CHARACTER",
    "SET",
];

/// Keywords with a space between them and a parenthesis; before any other word's it is a call.
const BEFORE_PARENTHESIS: &[&str] = &[
    "SELECT",
    "DISTINCT",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IN",
    "LIKE",
    "BETWEEN",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "AS",
    "ON",
    "USING",
    "JOIN",
    "BY",
    "HAVING",
    "LIMIT",
    "UNION",
    "ALL",
    "EXCEPT",
    "INTERSECT",
    "INTERVAL",
    "DIV",
    "OVER",
    "INDEX",
    "KEY",
    "PARTITION",
    "LATERAL",
    "AGAINST",
    "IS",
    "ROW",
];

/// Replaces every literal by `?`, folds white space, drops comments and writes keywords in upper
/// case.
pub(crate) fn normalise(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut previous: Option<&Token<'_>> = None;
    for (index, token) in tokens.iter().enumerate() {
        let follows_select = previous.is_some_and(|previous| previous.is_word("SELECT"));
        let written = match token.kind {
            // Elsewhere a hint is a comment.
            Kind::Hint if !follows_select => continue,
            Kind::Hint => hint(token.text),
            Kind::Literal | Kind::DoubleQuoted | Kind::Parameter => "?".to_owned(),
            Kind::Word if is_number(token.text) => "?".to_owned(),
            Kind::Word if !is_qualified(tokens, index) => keyword(token.text),
            Kind::Word | Kind::QuotedName | Kind::Symbol => token.text.to_owned(),
        };
        if previous.is_some_and(|previous| has_space_between(previous, token)) {
            text.push(' ');
        }
        text.push_str(&written);
        previous = Some(token);
    }
    text
}

/// A name behind a dot that is a number.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn keyword(text: &str) -> String {
    let is_keyword = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(text));
    if is_keyword { text.to_ascii_uppercase() } else { text.to_owned() }
}

/// A hint's own words, with its numbers replaced.
fn hint(text: &str) -> String {
    let inside = text.trim_start_matches("/*+").trim_end_matches("*/");
    let tokens = lexer::tokens(inside).unwrap_or_default();
    format!("/*+ {} */", normalise(&tokens))
}

fn has_space_between(previous: &Token<'_>, token: &Token<'_>) -> bool {
    let opens = ["(", ".", "@"].iter().any(|symbol| previous.is_symbol(symbol));
    let closes = [")", ",", ".", ";"].iter().any(|symbol| token.is_symbol(symbol));
    let calls = token.is_symbol("(")
        && matches!(previous.kind, Kind::Word | Kind::QuotedName)
        && !BEFORE_PARENTHESIS.iter().any(|keyword| previous.is_word(keyword));
    !(opens || closes || calls)
}
