//! Statements of a user's own: no text makes the lexer panic, and what was taken once is taken
//! again and means the same.

#![no_main]

#[path = "../../src/query/functions.rs"]
mod functions;
#[path = "../../src/query/lexer.rs"]
mod lexer;
#[path = "../../src/query/normalise.rs"]
mod normalise;
#[path = "../../src/query/refused.rs"]
mod refused;
#[path = "../../src/query/screen.rs"]
mod screen;
#[path = "../../src/query/statement.rs"]
mod statement;

use libfuzzer_sys::fuzz_target;
use statement::Statement;

fuzz_target!(|text: &str| {
    let Ok(statement) = Statement::parse(text) else { return };
    let again = Statement::parse(statement.text()).expect("what was taken is taken again");
    assert_eq!(again, statement);
    assert_eq!(again.digest(), statement.digest());
    let normalised = lexer::tokens(statement.normalised()).expect("the normalised text is split, too");
    let is_literal = |kind| matches!(kind, lexer::Kind::Literal | lexer::Kind::DoubleQuoted);
    assert!(!normalised.iter().any(|token| is_literal(token.kind)), "no literal is left");
});
