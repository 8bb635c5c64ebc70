//! SQL files as `mysqldump` writes them, split into statements as the `mysql` client does: one at a
//! time, so that a file of any size takes the memory of its longest statement.

mod definer;
pub(crate) mod kind;
mod raw_bytes;

use std::io::{self, BufRead};

pub(crate) use kind::{Kind, Verdict};

use crate::plain_text::NotText;

/// A server takes no longer statement.
const LONGEST_STATEMENT: usize = 1024 * 1024 * 1024;

/// One statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DumpStatement {
    /// The line on which it begins.
    pub(crate) line: u64,
    pub(crate) kind: Kind,
    /// The text to send: the account that runs it takes the place of a definer.
    pub(crate) text: String,
}

/// Why a file cannot be split.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SplitError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("{what} that begins on line {line} does not end: the file is cut short")]
    CutShort { what: &'static str, line: u64 },
    #[error("the statement on line {0} is longer than 1 GiB")]
    TooLong(u64),
    #[error("the statement on line {0} is not UTF-8\n  write the dump with --default-character-set=utf8mb4")]
    NotUtf8(u64),
    #[error("line {0}: DELIMITER names no delimiter")]
    NoDelimiter(u64),
    #[error("the file is compressed ({kind})\n  decompress it: {tool} FILE | rcache sandbox load -")]
    Compressed { kind: &'static str, tool: &'static str },
    #[error(
        "the file is UTF-16, as `>` writes in PowerShell\n  write the dump with --result-file, or convert it with iconv"
    )]
    Utf16,
}

/// The statements of a file, in turn.
pub(crate) struct Statements<R> {
    input: R,
    delimiter: Vec<u8>,
    /// The line that is being split, and what of it is done.
    line: Vec<u8>,
    at: usize,
    number: u64,
    statement: Vec<u8>,
    begins: u64,
    within: Within,
    within_since: u64,
    /// Not after the dump has set NO_BACKSLASH_ESCAPES.
    backslash_escapes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Code,
    Quotes(u8),
    Comment,
    /// A comment between statements, which is not sent.
    Skipped,
}

impl<R: BufRead> Statements<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            delimiter: b";".to_vec(),
            line: Vec::new(),
            at: 0,
            number: 0,
            statement: Vec::new(),
            begins: 0,
            within: Within::Code,
            within_since: 0,
            backslash_escapes: true,
        }
    }

    /// The next statement; `None` at the end of the file.
    pub(crate) fn next_statement(&mut self) -> Result<Option<DumpStatement>, SplitError> {
        loop {
            if self.at >= self.line.len() && !self.read_line()? {
                return self.last();
            }
            if self.split_line()? && !self.statement.trim_ascii().is_empty() {
                return self.take().map(Some);
            }
        }
    }

    fn read_line(&mut self) -> Result<bool, SplitError> {
        self.line.clear();
        self.at = 0;
        self.input.read_until(b'\n', &mut self.line)?;
        self.number += 1;
        if self.number == 1 {
            match NotText::recognise(&self.line) {
                Some(NotText::Compressed { kind, tool }) => {
                    return Err(SplitError::Compressed { kind, tool });
                }
                Some(NotText::Utf16) => return Err(SplitError::Utf16),
                None => {}
            }
            if self.line.starts_with(b"\xef\xbb\xbf") {
                self.at = 3;
            }
        }
        Ok(!self.line.is_empty())
    }

    /// The statement at the end of the file, which needs no delimiter.
    fn last(&mut self) -> Result<Option<DumpStatement>, SplitError> {
        let what = match self.within {
            Within::Code => {
                let is_done = self.statement.trim_ascii().is_empty();
                return if is_done { Ok(None) } else { self.take().map(Some) };
            }
            Within::Quotes(b'`') => "a name",
            Within::Quotes(_) => "a string",
            Within::Comment | Within::Skipped => "a comment",
        };
        Err(SplitError::CutShort { what, line: self.within_since })
    }

    fn take(&mut self) -> Result<DumpStatement, SplitError> {
        let bytes = std::mem::take(&mut self.statement);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => raw_bytes::as_hexadecimal(error.as_bytes(), self.backslash_escapes)
                .ok_or(SplitError::NotUtf8(self.begins))?,
        };
        let text = text.trim();
        let kind = Kind::of(text);
        if let Some(escapes) = kind::backslash_escapes_after(text, &kind) {
            self.backslash_escapes = escapes;
        }
        Ok(DumpStatement { line: self.begins, text: definer::replace(text, &kind), kind })
    }

    /// Goes on in the line; true at the end of a statement.
    fn split_line(&mut self) -> Result<bool, SplitError> {
        while let Some(byte) = self.line.get(self.at).copied() {
            match self.within {
                Within::Quotes(quote) => self.quoted(byte, quote),
                Within::Comment | Within::Skipped => self.comment(),
                Within::Code if self.statement.is_empty() => {
                    if !self.begin(byte)? {
                        continue;
                    }
                }
                Within::Code => {
                    if self.code(byte) {
                        return Ok(true);
                    }
                }
            }
            if self.statement.len() > LONGEST_STATEMENT {
                return Err(SplitError::TooLong(self.begins));
            }
        }
        Ok(false)
    }

    fn rest(&self) -> &[u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn copy(&mut self, count: usize) {
        let end = (self.at + count).min(self.line.len());
        self.statement.extend_from_slice(self.line.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// Skips what may come before a statement; true at the first byte of one, which is done then.
    fn begin(&mut self, byte: u8) -> Result<bool, SplitError> {
        let rest = self.rest();
        // MariaDB's client takes this for a command, and servers for a comment.
        let is_note = rest.starts_with(b"/*M!999999");
        if byte.is_ascii_whitespace() {
            self.at += 1;
        } else if byte == b'#' || begins_dashes(rest) {
            self.at = self.line.len();
        } else if is_note || is_plain_comment(rest) {
            (self.within, self.within_since) = (Within::Skipped, self.number);
            self.at += 2;
        } else if let Some(delimiter) = delimiter_command(rest) {
            if delimiter.is_empty() {
                return Err(SplitError::NoDelimiter(self.number));
            }
            self.delimiter = delimiter.to_vec();
            self.at = self.line.len();
        } else if rest.starts_with(&self.delimiter) {
            self.at += self.delimiter.len();
        } else {
            self.begins = self.number;
            // The first byte may open quotes; it cannot end the statement.
            self.code(byte);
            return Ok(true);
        }
        Ok(false)
    }

    /// True if a statement has ended.
    fn code(&mut self, byte: u8) -> bool {
        let rest = self.rest();
        if rest.starts_with(&self.delimiter) {
            self.at += self.delimiter.len();
            return true;
        }
        match byte {
            b'\'' | b'"' | b'`' => {
                (self.within, self.within_since) = (Within::Quotes(byte), self.number);
                self.copy(1);
            }
            b'#' => self.copy(usize::MAX - self.at),
            b'-' if begins_dashes(rest) => self.copy(usize::MAX - self.at),
            b'/' if is_plain_comment(rest) => {
                (self.within, self.within_since) = (Within::Comment, self.number);
                self.copy(2);
            }
            _ => {
                let first = self.delimiter.first().copied();
                let is_plain = |byte: &u8| !b"'\"`#-/".contains(byte) && Some(*byte) != first;
                let count = rest.iter().take_while(|byte| is_plain(byte)).count();
                self.copy(count.max(1));
            }
        }
        false
    }

    fn quoted(&mut self, byte: u8, quote: u8) {
        if byte == b'\\' && quote != b'`' && self.backslash_escapes {
            self.copy(2);
        } else if byte == quote {
            self.within = Within::Code;
            self.copy(1);
        } else {
            let count = self.rest().iter().take_while(|byte| **byte != b'\\' && **byte != quote).count();
            self.copy(count.max(1));
        }
    }

    fn comment(&mut self) {
        let end = self.rest().windows(2).position(|pair| pair == b"*/");
        let count = end.map_or(usize::MAX - self.at, |at| at + 2);
        if self.within == Within::Comment {
            self.copy(count);
        } else {
            self.at = self.at.saturating_add(count).min(self.line.len());
        }
        if end.is_some() {
            self.within = Within::Code;
        }
    }
}

/// Two dashes begin a comment only before white space or the end.
fn begins_dashes(rest: &[u8]) -> bool {
    rest.starts_with(b"--") && rest.get(2).is_none_or(u8::is_ascii_whitespace)
}

/// A comment that the server does not run and takes no hints from.
fn is_plain_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"/*") && ![&b"/*!"[..], b"/*M!", b"/*+"].iter().any(|other| rest.starts_with(other))
}

/// The delimiter that the client's command DELIMITER names, at the beginning of a statement.
fn delimiter_command(rest: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"DELIMITER";
    let (name, behind) = rest.split_at_checked(NAME.len())?;
    let is_command = name.eq_ignore_ascii_case(NAME) && behind.first().is_none_or(u8::is_ascii_whitespace);
    let word = behind.trim_ascii().split(u8::is_ascii_whitespace).next();
    is_command.then(|| word.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(file: &[u8]) -> Result<Vec<DumpStatement>, SplitError> {
        let mut statements = Statements::new(file);
        std::iter::from_fn(|| statements.next_statement().transpose()).collect()
    }

    fn texts(file: &str) -> Vec<(u64, String)> {
        split(file.as_bytes()).unwrap().into_iter().map(|found| (found.line, found.text)).collect()
    }

    #[test]
    fn statements_end_where_the_client_ends_them() {
        let file = "\
-- MariaDB dump
/*M!999999\\- enable the sandbox mode */
/*!40101 SET NAMES utf8mb4 */;

INSERT INTO `a;b` VALUES ('x;y',\"it\\\"s;\",'\\'; ','a''b;');
/* don't */ SELECT 1 /* ; don't */ + 2; SELECT 3 -- ; 'not a string
 + 4;
# ' ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50003 TRIGGER t BEGIN SET @a = 1; SET @b = ';;'; END */;;
delimiter ;
SELECT 5";
        assert_eq!(
            texts(file),
            [
                (3, "/*!40101 SET NAMES utf8mb4 */".to_owned()),
                (5, "INSERT INTO `a;b` VALUES ('x;y',\"it\\\"s;\",'\\'; ','a''b;')".to_owned()),
                (6, "SELECT 1 /* ; don't */ + 2".to_owned()),
                (6, "SELECT 3 -- ; 'not a string\n + 4".to_owned()),
                (
                    10,
                    "/*!50003 CREATE*/ /*!50003 TRIGGER t BEGIN SET @a = 1; SET @b = ';;'; END */".to_owned()
                ),
                (12, "SELECT 5".to_owned()),
            ]
        );
        assert_eq!(texts("\u{feff}SELECT 1;\r\n\r\nSELECT 2;\r\n").len(), 2);
        assert_eq!(texts(" ;; \n -- x"), []);
    }

    #[test]
    fn a_file_that_is_cut_short_says_where() {
        for (file, expected) in [
            ("SELECT 1;\nINSERT INTO t VALUES ('abc\n\n", "a string that begins on line 2"),
            ("SELECT `a", "a name that begins on line 1"),
            ("\n/* x", "a comment that begins on line 2"),
            ("DELIMITER \n", "line 1"),
        ] {
            let error = split(file.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        for (file, tool) in [(&b"\x1f\x8b\x08"[..], "zcat FILE |"), (b"\xfd7zXZ\0", "xzcat FILE |")] {
            let error = split(file).unwrap_err().to_string();
            assert!(error.contains(tool), "{error}");
        }
        assert!(matches!(split(b"\xff\xfeS\0"), Err(SplitError::Utf16)));
    }

    #[test]
    fn the_sql_mode_of_the_dump_decides_on_backslashes() {
        let file =
            "SET sql_mode = 'NO_BACKSLASH_ESCAPES';\nSELECT 'a\\';\nSET sql_mode = @old;\nSELECT '\\';';";
        assert_eq!(texts(file).len(), 4);
    }

    #[test]
    fn bytes_that_are_no_text_become_hexadecimal() {
        let found = split(b"INSERT INTO t VALUES (1,'\xff\\0a\\'b','text'), (_binary '\x80')").unwrap();
        assert_eq!(found[0].text, "INSERT INTO t VALUES (1,x'ff00612762','text'), (_binary x'80')");
        assert!(matches!(split(b"SELECT \xff"), Err(SplitError::NotUtf8(1))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = split(&bytes);
        }

        #[test]
        fn statements_of_a_list_come_back(
            texts in proptest::collection::vec("SELECT '([a-z;#-]|'')*', \"[;']*\", `[;/*]*`", 0..6),
        ) {
            let file: String = texts.iter().map(|text| format!("{text};\n")).collect();
            let found = split(file.as_bytes()).unwrap();
            prop_assert_eq!(found.into_iter().map(|found| found.text).collect::<Vec<_>>(), texts);
        }
    }
}
