//! The kind of a statement in a dump, and whether it is loaded into a database of the sandbox.

/// The beginning of a statement in words, without comments: `CREATE TABLE`, and the table if it
/// names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    words: Vec<String>,
    /// The table that it creates, drops or fills.
    pub(crate) table: Option<String>,
}

/// The fate of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Load,
    /// It names a database, or a setting of the server it came from; the rest of the dump does not
    /// need it.
    Skip,
    /// It would change more than the database.
    Refuse,
}

const LOADED: [&str; 18] = [
    "INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "WITH", "DO", "SET", "LOCK", "UNLOCK", "BEGIN",
    "COMMIT", "ROLLBACK", "ANALYZE", "TRUNCATE", "CALL", "VALUES", "RENAME",
];
/// Other objects of CREATE, ALTER and DROP.
const OTHER_OBJECTS: [&str; 9] =
    ["DATABASE", "SCHEMA", "USER", "ROLE", "SERVER", "TABLESPACE", "LOGFILE", "RESOURCE", "INSTANCE"];
const OBJECTS: [&str; 13] = [
    "TABLE",
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "SEQUENCE",
    "INDEX",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "PACKAGE",
    "AGGREGATE",
];

impl Kind {
    pub(crate) fn of(text: &str) -> Self {
        let kind = Self { words: head(text), table: None };
        let table = match kind.word(0) {
            "CREATE" | "DROP" | "ALTER" if kind.object() == "TABLE" => name_after(text, "TABLE"),
            "INSERT" | "REPLACE" => name_after(text, "INTO"),
            _ => None,
        };
        Self { table, ..kind }
    }

    fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The kind of object that is created, altered or dropped, such as `TABLE`.
    fn object(&self) -> &str {
        let is_object = |word: &&str| OBJECTS.contains(word) || OTHER_OBJECTS.contains(word);
        self.words.iter().skip(1).map(String::as_str).find(is_object).unwrap_or_default()
    }

    /// True if it creates the table that it names.
    pub(crate) fn creates_table(&self) -> bool {
        self.word(0) == "CREATE" && self.table.is_some()
    }

    /// True if it chooses a database.
    pub(crate) fn is_use(&self) -> bool {
        self.word(0) == "USE"
    }

    pub(super) fn has_definer(&self) -> bool {
        ["CREATE", "ALTER"].contains(&self.word(0)) && self.words.iter().any(|word| word == "DEFINER")
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self.word(0) {
            "USE" => Verdict::Skip,
            "CREATE" | "DROP" | "ALTER" => match self.object() {
                "DATABASE" | "SCHEMA" => Verdict::Skip,
                object if OBJECTS.contains(&object) => Verdict::Load,
                _ => Verdict::Refuse,
            },
            // The server's own settings, such as GTID_PURGED and SQL_LOG_BIN in dumps of a
            // replicated server.
            "SET"
                if self
                    .words
                    .iter()
                    .any(|word| ["GLOBAL", "PERSIST", "SQL_LOG_BIN"].contains(&word.as_str())) =>
            {
                Verdict::Skip
            }
            "SET" if ["PASSWORD", "ROLE", "DEFAULT"].contains(&self.word(1)) => Verdict::Refuse,
            "START" if self.word(1) == "TRANSACTION" => Verdict::Load,
            word if LOADED.contains(&word) => Verdict::Load,
            _ => Verdict::Refuse,
        }
    }
}

impl std::fmt::Display for Kind {
    /// Two words at most: what else stands there may be data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = match self.word(0) {
            "" => "a statement",
            word => word,
        };
        let object = self.object();
        let has_object = ["CREATE", "DROP", "ALTER"].contains(&first) && !object.is_empty();
        match (has_object, &self.table) {
            (true, Some(table)) => write!(f, "{first} {object} {table}"),
            (true, None) => write!(f, "{first} {object}"),
            (false, Some(table)) => write!(f, "{first} INTO {table}"),
            (false, None) => f.write_str(first),
        }
    }
}

/// Bytes of a statement in which its kind is looked for.
const HEAD_BYTES: usize = 4096;
/// Words of a statement that its kind is made of.
const HEAD_WORDS: usize = 16;

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(HEAD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The text without the marks of executable comments, so that what is in them counts, and without
/// other comments.
fn without_marks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/*") {
        let (before, comment) = rest.split_at(at);
        plain.push_str(before);
        plain.push(' ');
        let inside = comment.strip_prefix("/*!").or_else(|| comment.strip_prefix("/*M!"));
        rest = match inside {
            Some(inside) => inside.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => comment.find("*/").and_then(|end| comment.get(end + 2..)).unwrap_or_default(),
        };
    }
    plain.push_str(rest);
    plain.replace("*/", " ")
}

/// The first words in upper case. Names in quotes are left out.
fn head(text: &str) -> Vec<String> {
    let plain = without_marks(beginning(text));
    let mut words = Vec::new();
    let mut rest = plain.trim_start();
    while words.len() < HEAD_WORDS {
        rest = rest.trim_start_matches(|c: char| !(c.is_alphanumeric() || c == '_' || "'\"`(".contains(c)));
        match rest.chars().next() {
            None => break,
            // Values, columns or a body: no more words of the statement's own.
            Some('(') if !words.is_empty() => break,
            Some('(') => rest = rest.get(1..).unwrap_or_default(),
            Some(quote @ ('\'' | '"' | '`')) => {
                let inside = rest.get(1..).unwrap_or_default();
                rest = inside.find(quote).and_then(|end| inside.get(end + 1..)).unwrap_or_default();
            }
            Some(_) => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                words.push(word.to_uppercase());
                rest = behind;
            }
        }
    }
    words
}

/// The name behind this word, without quotes and without its database.
fn name_after(text: &str, word: &str) -> Option<String> {
    let plain = without_marks(beginning(text));
    let word = format!(" {word} ");
    let at = plain.to_ascii_uppercase().find(&word)?;
    let mut rest = plain.get(at + word.len()..)?.trim_start();
    for skipped in ["IF NOT EXISTS ", "IF EXISTS "] {
        if rest.get(..skipped.len()).is_some_and(|start| start.eq_ignore_ascii_case(skipped)) {
            rest = rest.get(skipped.len()..)?.trim_start();
        }
    }
    let (first, behind) = name(rest)?;
    let qualified = behind.strip_prefix('.').and_then(name);
    Some(qualified.map_or(first, |(second, _)| second))
}

fn name(text: &str) -> Option<(String, &str)> {
    if let Some(inside) = text.strip_prefix('`') {
        // A backtick that is doubled is part of the name.
        let mut end = inside.find('`')?;
        while inside.get(end + 1..).is_some_and(|behind| behind.starts_with('`')) {
            end += 2 + inside.get(end + 2..)?.find('`')?;
        }
        return Some((inside.get(..end)?.replace("``", "`"), inside.get(end + 1..)?));
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

/// The reading of backslashes after a statement that sets the SQL mode.
pub(super) fn backslash_escapes_after(text: &str, kind: &Kind) -> Option<bool> {
    if kind.word(0) != "SET" {
        return None;
    }
    let upper = beginning(text).to_ascii_uppercase();
    upper.contains("SQL_MODE").then(|| !upper.contains("NO_BACKSLASH_ESCAPES"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_seen_through_comments() {
        for (text, shown, verdict) in [
            ("/*!40101 SET NAMES utf8mb4 */", "SET", Verdict::Load),
            ("DROP TABLE IF EXISTS `orders`", "DROP TABLE orders", Verdict::Load),
            ("CREATE TABLE `orders` (\n `id` int)", "CREATE TABLE orders", Verdict::Load),
            ("CREATE TABLE IF NOT EXISTS shop.orders (id INT)", "CREATE TABLE orders", Verdict::Load),
            ("INSERT INTO `orders` VALUES (1,'INTO x')", "INSERT INTO orders", Verdict::Load),
            ("INSERT  IGNORE INTO `orders` (`a`) VALUES (1)", "INSERT INTO orders", Verdict::Load),
            ("DROP TABLE `odd ``name```", "DROP TABLE odd `name`", Verdict::Load),
            ("INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x", "INSERT INTO t", Verdict::Load),
            ("LOCK TABLES `orders` WRITE", "LOCK", Verdict::Load),
            ("/*!40000 ALTER TABLE `orders` DISABLE KEYS */", "ALTER TABLE orders", Verdict::Load),
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER t BEFORE INSERT ON o FOR EACH ROW SET @a=1 */",
                "CREATE TRIGGER",
                Verdict::Load,
            ),
            (
                "/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */ /*!50001 VIEW `v` AS SELECT 1 */",
                "CREATE VIEW",
                Verdict::Load,
            ),
            ("CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop`", "CREATE DATABASE", Verdict::Skip),
            ("/*!40000 DROP DATABASE IF EXISTS `shop`*/", "DROP DATABASE", Verdict::Skip),
            ("USE `shop`", "USE", Verdict::Skip),
            ("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47:1-5'", "SET", Verdict::Skip),
            ("SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN", "SET", Verdict::Skip),
            ("SET GLOBAL read_only = 0", "SET", Verdict::Skip),
            ("SET PASSWORD FOR x = 'y'", "SET", Verdict::Refuse),
            ("CREATE USER x", "CREATE USER", Verdict::Refuse),
            ("GRANT ALL ON *.* TO x", "GRANT", Verdict::Refuse),
            ("CHANGE MASTER TO MASTER_HOST='prod'", "CHANGE", Verdict::Refuse),
            ("START SLAVE", "START", Verdict::Refuse),
            ("START TRANSACTION", "START", Verdict::Load),
            ("LOAD DATA INFILE '/etc/passwd' INTO TABLE t", "LOAD", Verdict::Refuse),
            ("SHUTDOWN", "SHUTDOWN", Verdict::Refuse),
            ("\\! rm", "RM", Verdict::Refuse),
            ("", "a statement", Verdict::Refuse),
        ] {
            let kind = Kind::of(text);
            assert_eq!((kind.to_string().as_str(), kind.verdict()), (shown, verdict), "{text}: {kind:?}");
        }
    }
}
