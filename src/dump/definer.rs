//! Definers in a dump are accounts of the server it came from: views and routines could not run
//! here. The account that loads takes their place.

use super::kind::Kind;

/// The statement with `DEFINER=CURRENT_USER` in place of another definer.
pub(super) fn replace(text: &str, kind: &Kind) -> String {
    if !kind.has_definer() {
        return text.to_owned();
    }
    let upper = text.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = upper.get(from..).and_then(|rest| rest.find("DEFINER")).map(|at| from + at) {
        from = at + "DEFINER".len();
        let behind = text.get(from..).unwrap_or_default();
        // Elsewhere it is the word of SQL SECURITY DEFINER.
        let Some(account) = behind.trim_start().strip_prefix('=') else { continue };
        let Some(rest) = after_account(account.trim_start()) else { continue };
        let before = text.get(..at).unwrap_or_default();
        return format!("{before}DEFINER=CURRENT_USER{rest}");
    }
    text.to_owned()
}

/// The text behind `user@host`, `user` or `CURRENT_USER()`.
fn after_account(text: &str) -> Option<&str> {
    let rest = after_name(text)?;
    let rest = rest.strip_prefix("()").unwrap_or(rest);
    match rest.trim_start().strip_prefix('@') {
        Some(host) => after_name(host.trim_start()),
        None => Some(rest),
    }
}

fn after_name(text: &str) -> Option<&str> {
    match text.chars().next()? {
        quote @ ('`' | '\'' | '"') => text.get(1..)?.split_once(quote).map(|(_, rest)| rest),
        _ => {
            let end = text.find(|c: char| c.is_whitespace() || "@*(/".contains(c)).unwrap_or(text.len());
            text.get(end..)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_that_loads_is_the_definer() {
        for (text, replaced) in [
            (
                "CREATE DEFINER=`a`@`b` PROCEDURE p() SELECT 1",
                "CREATE DEFINER=CURRENT_USER PROCEDURE p() SELECT 1",
            ),
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t */",
                "/*!50003 CREATE*/ /*!50017 DEFINER=CURRENT_USER*/ /*!50003 TRIGGER t */",
            ),
            (
                "/*!50013 CREATE DEFINER = 'a' @ '%' SQL SECURITY DEFINER VIEW v AS SELECT 'DEFINER=x' */",
                "/*!50013 CREATE DEFINER=CURRENT_USER SQL SECURITY DEFINER VIEW v AS SELECT 'DEFINER=x' */",
            ),
            ("CREATE TABLE t (a TEXT COMMENT 'DEFINER=x')", "CREATE TABLE t (a TEXT COMMENT 'DEFINER=x')"),
            ("INSERT INTO t VALUES ('DEFINER=x')", "INSERT INTO t VALUES ('DEFINER=x')"),
        ] {
            assert_eq!(replace(text, &Kind::of(text)), replaced);
        }
    }
}
