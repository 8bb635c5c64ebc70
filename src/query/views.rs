//! Views hide what they call: a statement that names one is judged by the view's definition, too.

use super::lexer::{self, Kind, Token};
use super::refused::Refused;
use super::screen;

/// A table or view that a statement may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) database: String,
    pub(crate) name: String,
}

/// Everything in a text that could be the name of a view; `database` is that of names without one.
/// Keywords, columns and aliases are among them, and do no harm.
///
/// # Errors
/// If the text cannot be split into tokens.
pub(crate) fn names(text: &str, database: &str) -> Result<Vec<Name>, Refused> {
    let code: Vec<_> = lexer::tokens(text)?.into_iter().filter(|token| token.kind != Kind::Hint).collect();
    let mut names: Vec<Name> = Vec::new();
    for (index, token) in code.iter().enumerate() {
        let Some(name) = screen::name(token) else { continue };
        names.push(Name { database: database.to_owned(), name: name.clone() });
        if let [dot, table, ..] = code.get(index + 1..).unwrap_or_default()
            && dot.is_symbol(".")
            && let Some(table) = screen::name(table)
        {
            names.push(Name { database: name, name: table });
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Refuses the definition of a view that calls more than the servers' own functions.
///
/// # Errors
/// If it calls something else, or cannot be split into tokens.
pub(crate) fn check(definition: &str) -> Result<(), Refused> {
    let tokens = lexer::tokens(definition)?;
    let code: Vec<Token<'_>> = tokens.into_iter().filter(|token| token.kind != Kind::Hint).collect();
    (0..code.len()).try_for_each(|index| screen::call(&code, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let names = names(text, "shop").unwrap();
        names.into_iter().map(|Name { database, name }| format!("{database}/{name}")).collect()
    }

    #[test]
    fn every_table_is_among_the_names() {
        let one = found("SELECT a FROM orders");
        assert!(one.contains(&"shop/orders".to_owned()), "{one:?}");
        for text in [
            "SELECT 1 FROM other.`big orders` o",
            "SELECT 1 FROM other . \"big orders\"",
            "SELECT 1 FROM `other`.`big orders`",
            "SELECT 1 FROM a, (SELECT 2 FROM other.`big orders`) b",
        ] {
            let all = found(text);
            assert!(all.contains(&"other/big orders".to_owned()), "{text}: {all:?}");
        }
    }

    #[test]
    fn strings_are_no_names() {
        assert!(!found("SELECT 'secret' FROM t").iter().any(|name| name.contains("secret")));
    }

    #[test]
    fn a_view_may_call_what_the_servers_have() {
        for definition in [
            "select `shop`.`orders`.`id` AS `id`,concat(`shop`.`orders`.`state`,_utf8mb4'x') AS `x` from `shop`.`orders`",
            "select cast(`a`.`b` as char(10) charset utf8mb4) AS `c`,count(0) AS `n` from (`s`.`a` join `s`.`b` on(`s`.`a`.`i` = \
             `s`.`b`.`i`)) where `s`.`a`.`i` in (1,2) group by `s`.`a`.`b`",
            "select row_number() over ( partition by `s`.`t`.`a` order by `s`.`t`.`b`) AS `n` from `s`.`t`",
            "select coalesce(`t`.`a`,0) AS `a` from `s`.`t` where exists(select 1 from `s`.`u` limit 1)",
        ] {
            assert_eq!(check(definition), Ok(()), "{definition}");
        }
    }

    #[test]
    fn a_view_that_calls_anything_else_is_refused() {
        for definition in [
            "select `hostile`.`victims`.`a` AS `a`,`hostile`.`sets_too`() AS `b` from `hostile`.`victims`",
            "select sets_too() AS `b`",
            "select sleep(5) AS `b`",
            "select nextval(`hostile`.`counter`) AS `n`",
            "select 1 AS `a` from `s`.`t` where `s`.`f`(`s`.`t`.`a`) = 1",
        ] {
            assert!(check(definition).is_err(), "{definition}");
        }
    }
}
