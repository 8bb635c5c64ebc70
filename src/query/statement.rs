//! One SELECT of the user's own: what is sent, and what may be said about it.

use std::fmt;

use twox_hash::XxHash3_64;

use super::functions;
use super::lexer::{self, Kind, Token};
use super::normalise::normalise;
use super::refused::Refused;
use super::screen;

/// A statement that only reads, as far as its text tells. Its own text holds literals and is for
/// the server alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    text: String,
    parameters: usize,
    normalised: String,
    volatile: Vec<&'static str>,
    is_ordered: bool,
    most_rows: Option<u64>,
}

impl Statement {
    /// Takes exactly one SELECT, which may end with semicolons and comments.
    ///
    /// # Errors
    /// If the text is not one SELECT, or could change or lock anything.
    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        let tokens = screen::screen(&lexer::tokens(text)?)?;
        let end = tokens.last().map_or(0, Token::end);
        let code: Vec<_> = tokens.iter().filter(|token| token.kind != Kind::Hint).copied().collect();
        Ok(Self {
            text: text.get(..end).unwrap_or_default().trim_ascii_start().to_owned(),
            parameters: code.iter().filter(|token| token.kind == Kind::Parameter).count(),
            normalised: normalise(&tokens),
            volatile: volatile(&code),
            is_ordered: is_ordered(&code),
            most_rows: most_rows(&code),
        })
    }

    /// The text to send, without what follows the statement.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The number of `?` outside strings and comments.
    pub(crate) fn parameters(&self) -> usize {
        self.parameters
    }

    /// The text with `?` in place of every literal, without comments; safe to print.
    pub(crate) fn normalised(&self) -> &str {
        &self.normalised
    }

    /// Identifies the normalised text, the same on every machine.
    pub(crate) fn digest(&self) -> String {
        format!("{:016x}", XxHash3_64::oneshot(self.normalised.as_bytes()))
    }

    /// Its parts that may give another answer each time, such as `NOW`.
    pub(crate) fn volatile(&self) -> &[&'static str] {
        &self.volatile
    }

    /// True if the order of the rows is part of the answer: the outermost query has an ORDER BY.
    pub(crate) fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// The rows that the outermost query's LIMIT or FETCH allows, if it names a number.
    pub(crate) fn most_rows(&self) -> Option<u64> {
        self.most_rows
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Statement").field(&self.normalised).finish()
    }
}

fn volatile(code: &[Token<'_>]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (index, token) in code.iter().enumerate() {
        let name = match screen::called(code, index) {
            // With an argument it converts a time, and gives the same each time.
            Some(name) if name.eq_ignore_ascii_case("UNIX_TIMESTAMP") => {
                let is_now = code.get(index + 2).is_some_and(|token| token.is_symbol(")"));
                is_now.then_some("UNIX_TIMESTAMP")
            }
            Some(name) => functions::volatile(&name),
            None if token.is_symbol("@") => Some("@variable"),
            None if token.kind == Kind::Word && !screen::is_qualified(code, index) => {
                functions::volatile_word(token.text)
            }
            None => None,
        };
        found.extend(name.filter(|name| !found.contains(name)));
    }
    found
}

/// Looks for ORDER BY in the outermost query.
fn is_ordered(code: &[Token<'_>]) -> bool {
    let Some(clause) = outermost(code, &["ORDER"]) else { return false };
    let word = |ahead: usize, word| clause.get(ahead).is_some_and(|token| token.is_word(word));
    word(1, "BY") && !word(2, "NULL")
}

/// Reads `LIMIT n`, `LIMIT offset, n`, `LIMIT n OFFSET offset` and `FETCH FIRST n ROWS ONLY` of the
/// outermost query.
fn most_rows(code: &[Token<'_>]) -> Option<u64> {
    let clause = outermost(code, &["LIMIT", "FETCH"])?;
    let number = |at: usize| clause.get(at)?.text.parse::<u64>().ok();
    let is_word = |at: usize, word| clause.get(at).is_some_and(|token| token.is_word(word));
    if !is_word(0, "FETCH") {
        let is_after_offset = clause.get(2).is_some_and(|token| token.is_symbol(","));
        return number(if is_after_offset { 3 } else { 1 });
    }
    // WITH TIES gives more.
    if is_word(2, "ROW") || is_word(2, "ROWS") {
        return is_word(3, "ONLY").then_some(1);
    }
    number(2).filter(|_| is_word(4, "ONLY"))
}

/// The rest of the statement from one of these words on, which stands outside all parentheses but
/// those around the whole.
fn outermost<'c, 'a>(code: &'c [Token<'a>], words: &[&str]) -> Option<&'c [Token<'a>]> {
    let mut code = code;
    while let Some(inside) = without_parentheses(code) {
        code = inside;
    }
    let mut depth = 0_usize;
    for (index, token) in code.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0
            && words.iter().any(|word| token.is_word(word))
            && !screen::is_qualified(code, index)
        {
            return code.get(index..);
        }
    }
    None
}

/// The text inside one pair of parentheses that encloses everything.
fn without_parentheses<'c, 'a>(code: &'c [Token<'a>]) -> Option<&'c [Token<'a>]> {
    let [first, inside @ .., last] = code else { return None };
    if !first.is_symbol("(") || !last.is_symbol(")") {
        return None;
    }
    let mut depth = 0_usize;
    for token in inside {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.checked_sub(1)?;
        }
    }
    (depth == 0).then_some(inside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(sql: &str) -> Statement {
        Statement::parse(sql).unwrap_or_else(|refused| panic!("{sql}: {refused}"))
    }

    #[test]
    fn one_select_is_taken_with_its_semicolon_and_comments() {
        for (sql, text) in [
            ("SELECT 1", "SELECT 1"),
            (" SELECT 1 ; ; -- done", "SELECT 1"),
            ("/* app:web */ SELECT a FROM t # c\n", "/* app:web */ SELECT a FROM t"),
            ("(SELECT 1) UNION (SELECT 2);", "(SELECT 1) UNION (SELECT 2)"),
            ("with a as (select 1) select * from a", "with a as (select 1) select * from a"),
            ("TABLE t", "TABLE t"),
            ("VALUES ROW(1)", "VALUES ROW(1)"),
        ] {
            assert_eq!(parse(sql).text(), text);
        }
        for sql in [
            "SELECT REPLACE(a, 'x', ?), INSERT(a, 1, 2, 'into') FROM t",
            "SELECT t.update, t.into, `for update` FROM t AS `delete`",
            "SELECT 'FOR UPDATE; SLEEP(1)' /* INTO OUTFILE */ FROM t",
            "SELECT SUBSTRING(a FROM 1 FOR 2) FROM t FORCE INDEX FOR JOIN (a)",
            "SELECT sleep, benchmark FROM t WHERE get_lock = 1",
            "SELECT LAST_INSERT_ID()",
            "SELECT /*+ NO_ICP(t) INDEX(t `a`) */ a FROM t",
            "SELECT a FROM t FOR SYSTEM_TIME AS OF '2020-01-01'",
            "SELECT next, value FROM t",
            "WITH x (a, b) AS (SELECT 1, 2), y (c) AS (SELECT 3) SELECT * FROM x JOIN y ON (x.a = y.c)",
            "SELECT * FROM (SELECT 1, 2) x (a, b) JOIN (VALUES (1)) AS z (q) USING (a)",
            "SELECT CAST(a AS DECIMAL(10, 2)), CHAR(65), DATE(b), COUNT (*), JSON_VALUE(c, '$.d'), st_x(p) FROM t",
            "SELECT RANK() OVER (PARTITION BY (a) ORDER BY (b)), SUM(c) OVER w FROM t PARTITION (p0) WINDOW w AS (ORDER BY d)",
            "SELECT * FROM t FORCE INDEX (a) WHERE (a, b) IN ((1, 2)) AND a BETWEEN (1) AND (2) OR NOT (c) XOR (d)",
            "SELECT MATCH (a) AGAINST ('x' IN BOOLEAN MODE), (SELECT MAX(b) FROM t), IF (1, 2, 3), a DIV (2), LEFT(c, 1) FROM t",
            "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a VARCHAR(10) PATH '$')) AS j",
            "SELECT a FROM t WHERE b > ANY (SELECT 1) AND EXISTS (SELECT 1) GROUP BY (a) HAVING (a) LIMIT 1",
            "SELECT a FROM t UNION (SELECT 1) EXCEPT (SELECT 2)",
            "SELECT a + INTERVAL (1) DAY FROM t JOIN (u) ON (t.a = u.a) STRAIGHT_JOIN (v)",
            "SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t",
        ] {
            parse(sql);
        }
    }

    #[test]
    fn parameters_are_counted_outside_strings_and_comments() {
        for (sql, count) in [
            ("SELECT 1", 0),
            ("SELECT ? FROM t WHERE a IN (?,?) -- ?", 3),
            ("SELECT '?', \"?\", `?` /* ? */ FROM t WHERE a=?", 1),
        ] {
            assert_eq!(parse(sql).parameters(), count, "{sql}");
        }
    }

    #[test]
    fn the_normalised_text_has_no_literal_and_one_form() {
        let one = parse("select a , b from t where c='x' and d>=1.5e3 limit 10");
        let other = parse("SELECT a,b FROM t\nWHERE c = 'y' -- why\n AND d >= ? LIMIT 20");
        assert_eq!(one.normalised(), "SELECT a, b FROM t WHERE c = ? AND d >= ? LIMIT ?");
        assert_eq!(one.normalised(), other.normalised());
        assert_eq!(one.digest(), other.digest());
        assert_eq!(one.digest().len(), 16);
        assert_ne!(one.digest(), parse("SELECT a, b, c FROM t").digest());
        for (sql, normalised) in [
            ("SELECT COUNT(*) FROM t WHERE a IN(1,2)", "SELECT COUNT(*) FROM t WHERE a IN (?, ?)"),
            ("SELECT _utf8mb4'a', x'00', \\N, 0xff, \"s\", 4111x", "SELECT _utf8mb4 ?, ?, ?, ?, ?, ?"),
            ("SELECT /*+ MRR(t1) JOIN_ORDER(a, b) */ 1", "SELECT /*+ MRR(t1) JOIN_ORDER(a, b) */ ?"),
            ("SELECT a /*+ secret */ FROM t", "SELECT a FROM t"),
            ("SELECT d.t.c, @@sql_mode FROM d.t", "SELECT d.t.c, @@sql_mode FROM d.t"),
        ] {
            assert_eq!(parse(sql).normalised(), normalised);
        }
        assert!(!format!("{:?}", parse("SELECT 'marked'")).contains("marked"));
    }

    #[test]
    fn what_gives_another_answer_each_time_is_found() {
        for (sql, found) in [
            ("SELECT NOW(), rand(), CURRENT_DATE, NOW()", vec!["NOW", "RAND", "CURRENT_DATE"]),
            ("SELECT `uuid`() FROM t WHERE a = @x", vec!["UUID", "@variable"]),
            ("SELECT UNIX_TIMESTAMP(a) FROM t", vec![]),
            ("SELECT UNIX_TIMESTAMP()", vec!["UNIX_TIMESTAMP"]),
            ("SELECT now, t.current_date, 'RAND()' FROM t", vec![]),
        ] {
            assert_eq!(parse(sql).volatile(), found, "{sql}");
        }
    }

    #[test]
    fn the_outermost_order_is_found() {
        for (sql, ordered) in [
            ("SELECT a FROM t ORDER BY a", true),
            ("((SELECT a FROM t ORDER BY a LIMIT 1));", true),
            ("(SELECT 1) UNION (SELECT 2) ORDER BY 1", true),
            ("SELECT a FROM (SELECT a FROM t ORDER BY a) x", false),
            ("(SELECT 1 ORDER BY 1) UNION (SELECT 2 ORDER BY 1)", false),
            ("SELECT GROUP_CONCAT(a ORDER BY a), RANK() OVER (ORDER BY b) FROM t", false),
            ("SELECT a FROM t GROUP BY a ORDER BY NULL", false),
            ("SELECT t.order FROM t", false),
        ] {
            assert_eq!(parse(sql).is_ordered(), ordered, "{sql}");
        }
    }

    #[test]
    fn the_outermost_limit_is_found() {
        for (sql, rows) in [
            ("SELECT a FROM t ORDER BY a DESC LIMIT 20", Some(20)),
            ("(SELECT a FROM t LIMIT 20);", Some(20)),
            ("SELECT a FROM t limit 40, 10", Some(10)),
            ("SELECT a FROM t LIMIT 10 OFFSET 40", Some(10)),
            ("SELECT a FROM t LIMIT ?, 10", Some(10)),
            ("SELECT a FROM t LIMIT 0", Some(0)),
            ("(SELECT 1 LIMIT 5) UNION ALL (SELECT 2 LIMIT 6) LIMIT 7", Some(7)),
            ("WITH x AS (SELECT 1 LIMIT 5) SELECT * FROM x LIMIT 8", Some(8)),
            ("SELECT a FROM t FETCH FIRST 3 ROWS ONLY", Some(3)),
            ("SELECT a FROM t OFFSET 2 ROWS FETCH NEXT ROW ONLY", Some(1)),
            ("SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES", None),
            ("SELECT a FROM t LIMIT ?", None),
            ("SELECT a FROM t LIMIT 10, ?", None),
            ("SELECT a FROM t LIMIT ROWS EXAMINED 5", None),
            ("SELECT a FROM t LIMIT 99999999999999999999", None),
            ("SELECT a FROM (SELECT a FROM t LIMIT 5) x", None),
            ("(SELECT 1 LIMIT 5) UNION (SELECT 2 LIMIT 5)", None),
            ("SELECT t.limit, 'LIMIT 5' FROM t", None),
        ] {
            assert_eq!(parse(sql).most_rows(), rows, "{sql}");
        }
    }

    #[test]
    fn reasons_name_the_cause_and_no_literal() {
        for (sql, reason) in [
            ("", "no statement"),
            (" ; -- x", "no statement"),
            ("UPDATE t SET a = 'marked'", "begins with UPDATE"),
            ("frobnicate 'marked'", "does not begin with SELECT"),
            ("SELECT 'marked'; SELECT 2", "more than one"),
            ("SELECT 'marked' FROM t FOR UPDATE", "FOR UPDATE"),
            ("SELECT 'marked' INTO OUTFILE 'marked'", "INTO"),
            ("SELECT SLEEP('marked')", "SLEEP()"),
            ("SELECT price_in_euro('marked') FROM t", "price_in_euro()"),
            ("SELECT \"marked\"(1) FROM t", "stored function"),
            ("SELECT a FROM t WHERE a = :marked", "named parameter"),
            ("SELECT 'marked", "does not end"),
            ("SELECT 'marked'\\G", "backslash"),
        ] {
            let refused = Statement::parse(sql).unwrap_err().to_string();
            assert!(refused.contains(reason) && !refused.contains("marked"), "{sql}: {refused}");
        }
    }

    /// Pieces that meet in SQL, and the worst that may stand beside them.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::sample::select(vec![
                "SELECT ",
                "WITH a AS (",
                "FROM t ",
                "WHERE ",
                "a = ",
                "/*",
                "*/",
                "/*!",
                "/*+ ",
                "-- ",
                "--",
                "#",
                "\n",
                "'",
                "''",
                "\"",
                "`",
                "\\",
                "\\'",
                "(",
                ")",
                ".",
                ",",
                ";",
                "?",
                "@",
                ":=",
                "1e5",
                "1.",
                "INTO ",
                "FOR UPDATE",
                "SLEEP(",
                "x'",
                "n'",
                "0x",
                "\0",
                "é",
                "ORDER BY ",
                "NULL",
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,6}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(pieces in proptest::collection::vec(piece(), 0..24)) {
            let text = pieces.concat();
            if let Ok(statement) = Statement::parse(&text) {
                // What was taken is taken again, and means the same.
                let again = Statement::parse(statement.text()).unwrap();
                prop_assert_eq!(again, statement);
            }
        }

        #[test]
        fn no_literal_is_in_the_normalised_text(
            literals in proptest::collection::vec((0_usize..9, "[a-z]{6}", 100_000_u32..), 1..8),
        ) {
            let mut sql = "SELECT 1 FROM t WHERE".to_owned();
            for (kind, word, number) in &literals {
                let literal = match kind {
                    0 => format!("'Z{word}'"),
                    1 => format!("'it''s Z{word}'"),
                    2 => format!("'\\'Z{word}'"),
                    3 => format!("\"Z{word}\""),
                    4 => format!("_utf8mb4'Z{word}'"),
                    5 => format!("N'Z{word}'"),
                    6 => format!("-{number}.{number}e3"),
                    7 => format!("{number} /* Z{word} */"),
                    _ => format!("0x{number:08x} -- Z{word}\n"),
                };
                sql.push_str(&format!(" c = {literal} OR"));
            }
            sql.push_str(" 1");
            match Statement::parse(&sql) {
                Err(Refused::AmbiguousQuotes) => {}
                outcome => {
                    let statement = outcome.unwrap();
                    let normalised = statement.normalised();
                    for (_, word, number) in &literals {
                        prop_assert!(!normalised.contains(&format!("Z{word}")), "{normalised}");
                        prop_assert!(!normalised.contains(&number.to_string()), "{normalised}");
                        prop_assert!(!normalised.contains(&format!("{number:08x}")), "{normalised}");
                    }
                }
            }
        }
    }
}
