//! Decides from its tokens whether a statement only reads. The server has the last word, in a
//! read-only session; this screen refuses what such a session would still allow, and says why.

use super::functions;
use super::lexer::{Kind, Token};
use super::refused::Refused;

/// Statements by their first word, for a reason that names it.
const OTHER_VERBS: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "RENAME",
    "SET",
    "CALL",
    "DO",
    "LOAD",
    "LOCK",
    "UNLOCK",
    "GRANT",
    "REVOKE",
    "USE",
    "SHOW",
    "DESCRIBE",
    "DESC",
    "EXPLAIN",
    "ANALYZE",
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "XA",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "HANDLER",
    "KILL",
    "FLUSH",
    "RESET",
    "PURGE",
    "CHANGE",
    "STOP",
    "SHUTDOWN",
    "RESTART",
    "INSTALL",
    "UNINSTALL",
    "OPTIMIZE",
    "REPAIR",
    "CHECK",
    "CHECKSUM",
    "CACHE",
    "CLONE",
    "IMPORT",
    "HELP",
    "SIGNAL",
    "RESIGNAL",
    "GET",
    "DECLARE",
    "BINLOG",
    "BACKUP",
    "MERGE",
    "DELIMITER",
    "SOURCE",
];

/// Hints that change the session or undo what rcache sets to protect the server.
const REFUSED_HINTS: &[&str] = &["SET_VAR", "RESOURCE_GROUP", "MAX_EXECUTION_TIME"];

/// Removes semicolons at the end and refuses what is not exactly one SELECT that only reads.
pub(crate) fn screen<'a>(tokens: &[Token<'a>]) -> Result<Vec<Token<'a>>, Refused> {
    let is_end = |token: &Token<'_>| token.is_symbol(";");
    let length = tokens.iter().rposition(|token| !is_end(token)).map_or(0, |last| last + 1);
    let tokens = tokens.get(..length).unwrap_or_default();
    // An executable word in front of a semicolon is refused for what it is: `DELETE …; SELECT …`
    // for its DELETE.
    let code: Vec<_> = tokens.iter().filter(|token| token.kind != Kind::Hint).copied().collect();
    first_word(&code)?;
    if code.iter().any(is_end) {
        return Err(Refused::SeveralStatements);
    }
    for index in 0..code.len() {
        word(&code, index)?;
        call(&code, index)?;
    }
    tokens.iter().filter(|token| token.kind == Kind::Hint).try_for_each(hint)?;
    Ok(tokens.to_vec())
}

fn first_word(code: &[Token<'_>]) -> Result<(), Refused> {
    let Some(first) = code.iter().find(|token| !token.is_symbol("(")) else { return Err(Refused::Empty) };
    if ["SELECT", "WITH", "TABLE", "VALUES"].iter().any(|verb| first.is_word(verb)) {
        return Ok(());
    }
    let verb = OTHER_VERBS.iter().find(|verb| first.is_word(verb));
    Err(verb.map_or(Refused::UnknownVerb, |verb| Refused::NotASelect(verb)))
}

/// True directly behind a dot, where every word is a name.
pub(crate) fn is_qualified(code: &[Token<'_>], index: usize) -> bool {
    let previous = index.checked_sub(1).and_then(|previous| code.get(previous));
    let here = code.get(index);
    previous.zip(here).is_some_and(|(dot, name)| dot.is_symbol(".") && dot.end() == name.start)
}

/// Refuses keywords that only a statement that writes or locks can hold: they are reserved on both
/// servers.
fn word(code: &[Token<'_>], index: usize) -> Result<(), Refused> {
    let Some(token) = code.get(index) else { return Ok(()) };
    let next = code.get(index + 1);
    let followed_by = |word: &str| next.is_some_and(|next| next.is_word(word));
    let calls = next.is_some_and(|next| next.is_symbol("("));
    if token.is_symbol(":=") {
        return Err(Refused::Assignment);
    }
    if token.is_symbol(":") && next.is_some_and(|next| next.kind == Kind::Word && next.start == token.end()) {
        return Err(Refused::NamedParameter);
    }
    if token.kind != Kind::Word {
        return Ok(());
    }
    if is_qualified(code, index) {
        // A sequence of MariaDB's in its Oracle mode.
        return if token.is_word("NEXTVAL") { refuse_function("NEXTVAL") } else { Ok(()) };
    }
    match token.text.to_ascii_uppercase().as_str() {
        "INTO" => Err(Refused::Into),
        "PROCEDURE" => Err(Refused::Procedure),
        "UPDATE" if index > 0 && code.get(index - 1).is_some_and(|previous| previous.is_word("FOR")) => {
            Err(Refused::Locks("FOR UPDATE"))
        }
        "UPDATE" => Err(Refused::Writes("UPDATE")),
        "DELETE" => Err(Refused::Writes("DELETE")),
        "INSERT" if !calls => Err(Refused::Writes("INSERT")),
        "REPLACE" if !calls => Err(Refused::Writes("REPLACE")),
        "FOR" if followed_by("SHARE") => Err(Refused::Locks("FOR SHARE")),
        "LOCK" if followed_by("IN") => Err(Refused::Locks("LOCK IN SHARE MODE")),
        "NEXT" if followed_by("VALUE") && code.get(index + 2).is_some_and(|third| third.is_word("FOR")) => {
            Err(Refused::Writes("NEXT VALUE FOR"))
        }
        _ => Ok(()),
    }
}

fn refuse_function(name: &str) -> Result<(), Refused> {
    functions::refused(name).map_or(Ok(()), |(name, why)| Err(Refused::Function { name, why }))
}

/// The name in front of an opening parenthesis, without its quotes.
pub(crate) fn called(code: &[Token<'_>], index: usize) -> Option<String> {
    code.get(index + 1).filter(|next| next.is_symbol("("))?;
    name(code.get(index)?)
}

/// The name that a token is, or may be with ANSI_QUOTES, without its quotes.
pub(crate) fn name(token: &Token<'_>) -> Option<String> {
    let inside = |quote: char| {
        let name = token.text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let doubled = quote.to_string().repeat(2);
        // Servers ignore spaces at the end of a name.
        name.unwrap_or_default().replace(&doubled, &quote.to_string()).trim().to_owned()
    };
    match token.kind {
        Kind::Word => Some(token.text.to_owned()),
        Kind::QuotedName => Some(inside('`')),
        Kind::DoubleQuoted => Some(inside('"')),
        Kind::Literal | Kind::Parameter | Kind::Symbol | Kind::Hint => None,
    }
}

/// Refuses calls of functions that do more than compute.
pub(crate) fn call(code: &[Token<'_>], index: usize) -> Result<(), Refused> {
    let Some(name) = called(code, index) else { return Ok(()) };
    let is_behind_dot = index > 0 && code.get(index - 1).is_some_and(|previous| previous.is_symbol("."));
    // MariaDB looks functions up by a collation, in which letters with accents are those without.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$');
    if is_behind_dot || (!is_plain && !name.is_empty()) {
        return Err(Refused::StoredFunction);
    }
    if name.eq_ignore_ascii_case("LAST_INSERT_ID")
        && !code.get(index + 2).is_some_and(|token| token.is_symbol(")"))
    {
        return Err(Refused::Function { name: "LAST_INSERT_ID", why: "with an argument sets a value" });
    }
    refuse_function(&name)?;
    if name.is_empty() || functions::is_known(&name) || is_new_name(code, index) {
        return Ok(());
    }
    let is_name = code.get(index).is_some_and(|token| token.kind != Kind::DoubleQuoted);
    Err(if is_name { Refused::UnknownFunction(name) } else { Refused::StoredFunction })
}

/// True where a name with its columns is given to a table: behind AS or a parenthesis, or in a WITH
/// clause.
fn is_new_name(code: &[Token<'_>], index: usize) -> bool {
    let previous = index.checked_sub(1).and_then(|previous| code.get(previous));
    let follows = |word: &str| previous.is_some_and(|previous| previous.is_word(word));
    if ["AS", "WITH", "RECURSIVE"].iter().any(|word| follows(word))
        || previous.is_some_and(|previous| previous.is_symbol(")"))
    {
        return true;
    }
    let behind = code.get(end_of_parentheses(code, index + 1)..).unwrap_or_default();
    matches!(behind, [r#as, open, ..] if r#as.is_word("AS") && open.is_symbol("("))
}

/// The place behind the parenthesis that closes the one at `open`.
fn end_of_parentheses(code: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in code.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return index + 1;
            }
        }
    }
    code.len()
}

fn hint(token: &Token<'_>) -> Result<(), Refused> {
    let names = |name: &str| {
        token
            .text
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .any(|word| word.eq_ignore_ascii_case(name))
    };
    REFUSED_HINTS.iter().find(|name| names(name)).map_or(Ok(()), |name| Err(Refused::Hint(name)))
}
