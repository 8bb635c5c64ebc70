//! Splits SQL text into tokens exactly as MySQL's and MariaDB's own lexers do, so that nothing can
//! hide in a string or a comment that the server reads differently.
//!
//! The reading of quotes depends on the server's `sql_mode`. The text is split by each of them, and
//! refused if two give different tokens.

use super::refused::Refused;

/// The reading of quotes.
#[derive(Clone, Copy)]
struct Reading {
    /// A backslash escapes the next character of a string; not with NO_BACKSLASH_ESCAPES.
    backslash: bool,
    /// Double quotes enclose a string; with ANSI_QUOTES they enclose a name, in which a backslash
    /// means nothing.
    double_is_text: bool,
}

const USUAL: Reading = Reading { backslash: true, double_is_text: true };
const OTHERS: [Reading; 2] =
    [Reading { backslash: true, double_is_text: false }, Reading { backslash: false, double_is_text: true }];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in backticks.
    QuotedName,
    /// Text in double quotes: a string, or a name with ANSI_QUOTES.
    DoubleQuoted,
    /// A string, number, hexadecimal or bit literal, or `\N`.
    Literal,
    /// `?`
    Parameter,
    Symbol,
    /// `/*+ … */`
    Hint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl Token<'_> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// True for a word without quotes, in any case of letters.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// Splits the text into tokens, without white space and comments.
///
/// # Errors
/// If the text cannot be split, holds an executable comment, or means different things under
/// different SQL modes.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Refused> {
    let tokens = Lexer::new(text, USUAL).run()?;
    for reading in OTHERS {
        // A reading in which the text cannot be split is a syntax error on such a server.
        if Lexer::new(text, reading).run().is_ok_and(|other| other != tokens) {
            return Err(Refused::AmbiguousQuotes);
        }
    }
    Ok(tokens)
}

const SYMBOLS: [&str; 13] = ["<=>", "->>", "<=", ">=", "<>", "!=", "<<", ">>", ":=", "||", "&&", "->", "="];

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    reading: Reading,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, reading: Reading) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, reading, tokens: Vec::new() }
    }

    fn run(mut self) -> Result<Vec<Token<'a>>, Refused> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\t'..=b'\r' | b' ' => self.at += 1,
                b'#' => self.skip_line(),
                b'-' if self.begins_comment_by_dashes() => self.skip_line(),
                b'/' if self.peek(1) == Some(b'*') => self.comment()?,
                _ => self.token(byte)?,
            }
        }
        Ok(self.tokens)
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let text = self.text.get(self.at..end).unwrap_or_default();
        self.tokens.push(Token { kind, text, start: self.at });
        self.at = end;
    }

    /// Two dashes begin a comment only before white space, a control character or the end.
    fn begins_comment_by_dashes(&self) -> bool {
        self.peek(1) == Some(b'-') && self.peek(2).is_none_or(|byte| byte == b' ' || byte.is_ascii_control())
    }

    fn skip_line(&mut self) {
        self.at = self.rest().find('\n').map_or(self.bytes.len(), |end| self.at + end + 1);
    }

    fn comment(&mut self) -> Result<(), Refused> {
        let rest = self.rest();
        let inside = rest.get(2..).unwrap_or_default();
        if ["!", "M!", "m!"].iter().any(|mark| inside.starts_with(mark)) {
            return Err(Refused::ExecutableComment);
        }
        let length = inside.find("*/").ok_or(Refused::Unterminated("a comment"))?;
        let end = self.at + 2 + length + 2;
        if !inside.starts_with('+') {
            self.at = end;
            return Ok(());
        }
        // The server reads quotes in a hint by rules of its own, and the hint might end elsewhere.
        let hint = inside.get(..length).unwrap_or_default();
        if hint.contains(['\'', '"']) || hint.matches('`').count() % 2 == 1 {
            return Err(Refused::QuotesInHint);
        }
        self.push(Kind::Hint, end);
        Ok(())
    }

    fn token(&mut self, byte: u8) -> Result<(), Refused> {
        let follows_dot = self.tokens.last().is_some_and(|last| last.is_symbol(".") && last.end() == self.at);
        match byte {
            b'\'' => self.quoted(0, self.reading.backslash, Kind::Literal, "a string"),
            b'"' => {
                let escapes = self.reading.backslash && self.reading.double_is_text;
                self.quoted(0, escapes, Kind::DoubleQuoted, "a string")
            }
            b'`' => self.quoted(0, false, Kind::QuotedName, "a name"),
            b'x' | b'X' | b'b' | b'B' if self.peek(1) == Some(b'\'') && !follows_dot => {
                self.quoted(1, false, Kind::Literal, "a literal")
            }
            b'n' | b'N' if self.peek(1) == Some(b'\'') && !follows_dot => {
                self.quoted(1, self.reading.backslash, Kind::Literal, "a string")
            }
            b'0'..=b'9' if follows_dot => self.name_after_dot(),
            b'0'..=b'9' => {
                self.number();
                Ok(())
            }
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) && !self.is_after_word() => {
                self.fraction(self.at);
                Ok(())
            }
            b'?' => {
                self.push(Kind::Parameter, self.at + 1);
                Ok(())
            }
            b'\\' if self.peek(1) == Some(b'N') => {
                self.push(Kind::Literal, self.at + 2);
                Ok(())
            }
            b'\\' => Err(Refused::Backslash),
            _ if is_name(byte) => {
                self.push(Kind::Word, self.end_of(self.at, is_name));
                Ok(())
            }
            _ if byte.is_ascii_control() => Err(Refused::ControlCharacter),
            _ => {
                let rest = self.rest();
                let length = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).map_or(1, |s| s.len());
                self.push(Kind::Symbol, self.at + length);
                Ok(())
            }
        }
    }

    /// True directly behind a word, where a dot separates names and begins no number.
    fn is_after_word(&self) -> bool {
        self.tokens.last().is_some_and(|last| last.kind == Kind::Word && last.end() == self.at)
    }

    fn end_of(&self, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let length = self.bytes.iter().skip(from).take_while(|byte| belongs(**byte)).count();
        from + length
    }

    /// A token whose quote is `prefix` bytes ahead. A quote that is doubled is part of it.
    fn quoted(
        &mut self,
        prefix: usize,
        escapes: bool,
        kind: Kind,
        name: &'static str,
    ) -> Result<(), Refused> {
        let Some(quote) = self.peek(prefix) else { return Err(Refused::Unterminated(name)) };
        let mut ahead = prefix + 1;
        loop {
            match self.peek(ahead) {
                None | Some(0) => return Err(Refused::Unterminated(name)),
                Some(b'\\') if escapes => ahead += 2,
                Some(byte) if byte == quote && self.peek(ahead + 1) == Some(quote) => ahead += 2,
                Some(byte) if byte == quote => {
                    self.push(kind, self.at + ahead + 1);
                    return Ok(());
                }
                Some(_) => ahead += 1,
            }
        }
    }

    /// A name behind a dot may begin with a digit, and servers differ in where `t.5e1x` ends.
    fn name_after_dot(&mut self) -> Result<(), Refused> {
        let end = self.end_of(self.at, is_name);
        if self.end_of(self.at, |byte| byte.is_ascii_digit()) < end {
            return Err(Refused::NameBeginsWithDigit);
        }
        self.push(Kind::Word, end);
        Ok(())
    }

    /// A token that begins with a digit. An integer directly before letters is a name; with a dot
    /// or an exponent the number ends there, and a keyword may follow without white space, as in
    /// `1e1INTO`.
    fn number(&mut self) {
        let digits = self.end_of(self.at, |byte| byte.is_ascii_digit());
        let byte = |at: usize| self.bytes.get(at).copied();
        match byte(digits) {
            Some(b'.') => self.fraction(digits),
            Some(b'e' | b'E') if self.exponent(digits).is_some() => self.fraction(digits),
            _ => self.push(Kind::Literal, self.end_of(digits, is_name)),
        }
    }

    /// The rest of a number from its dot or exponent on.
    fn fraction(&mut self, from: usize) {
        let mut end = from;
        if self.bytes.get(from) == Some(&b'.') {
            end = self.end_of(from + 1, |byte| byte.is_ascii_digit());
        }
        let end = self.exponent(end).unwrap_or(end);
        self.push(Kind::Literal, end);
    }

    /// The end of an exponent that begins here.
    fn exponent(&self, at: usize) -> Option<usize> {
        self.bytes.get(at).filter(|byte| byte.eq_ignore_ascii_case(&b'e'))?;
        let signed = matches!(self.bytes.get(at + 1), Some(b'+' | b'-'));
        let digits = at + 1 + usize::from(signed);
        let end = self.end_of(digits, |byte| byte.is_ascii_digit());
        (end > digits).then_some(end)
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).unwrap().into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn strings_names_and_comments_end_where_the_server_ends_them() {
        for (sql, expected) in [
            ("a'b''c'd", vec!["a", "'b''c'", "d"]),
            (r"'it\'s' x", vec![r"'it\'s'", "x"]),
            ("`a``b`.c", vec!["`a``b`", ".", "c"]),
            (r"`a\`b", vec![r"`a\`", "b"]),
            ("a -- b\nc", vec!["a", "c"]),
            ("a --b", vec!["a", "-", "-", "b"]),
            ("5--1", vec!["5", "-", "-", "1"]),
            ("a --", vec!["a"]),
            ("a # b ' \n'c'", vec!["a", "'c'"]),
            ("a/* ' */b", vec!["a", "b"]),
            ("a/*/ ' */b", vec!["a", "b"]),
            ("x'0f' X'a' b'1' n'é' _utf8'z'", vec!["x'0f'", "X'a'", "b'1'", "n'é'", "_utf8", "'z'"]),
            ("0x1F 0b01 1e5 1.5e-3 .5 1. 1abc", vec!["0x1F", "0b01", "1e5", "1.5e-3", ".5", "1.", "1abc"]),
            ("1e5INTO 1.INTO .5INTO", vec!["1e5", "INTO", "1.", "INTO", ".5", "INTO"]),
            ("a.5 b .5", vec!["a", ".", "5", "b", ".5"]),
            ("a<=>b:=c->>'$.d'", vec!["a", "<=>", "b", ":=", "c", "->>", "'$.d'"]),
            ("@@global.x @`y`", vec!["@", "@", "global", ".", "x", "@", "`y`"]),
            (r"\N é", vec![r"\N", "é"]),
        ] {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_sql_modes_read_differently_is_refused() {
        for sql in [r"'a\', (b), '\\'", r#"SELECT "a\", b, "c\" "#, r"SELECT '\' , '\' "] {
            let outcome = tokens(sql);
            assert!(outcome.is_err(), "{sql}: {outcome:?}");
        }
        for sql in [r"'it\'s'", r"a = '\'' AND b = '\''", r#""plain""#, r"'a\\'", "'%\\_%'"] {
            tokens(sql).unwrap();
        }
        // One reading sees a string with a number sign in it, the other a comment.
        for sql in ["'a\\' # ' , b\n", "'a\\' -- ' INTO x\n, 1", "\"a\\\" # \", b\n"] {
            assert_eq!(tokens(sql), Err(Refused::AmbiguousQuotes), "{sql}");
        }
    }

    #[test]
    fn text_that_cannot_be_split_is_refused() {
        for sql in
            ["'a", "\"a", "`a", "/* a", "x'0", "a \\G", "a\0", "'a\0'", "a /*!50000 b */", "/*M!100 a*/"]
        {
            assert!(tokens(sql).is_err(), "{sql:?}");
        }
    }
}
