//! Statements that must change nothing; `tests/it/hostile.rs` runs the same ones against a server.

use super::statement::Statement;

#[test]
fn hostile_statements_are_refused_by_their_text() {
    let mut refused = 0;
    for line in include_str!("../../tests/hostile.txt").lines().filter(|line| !line.starts_with('#')) {
        let (judge, written) = line.split_once('\t').unwrap_or_else(|| panic!("{line}"));
        let text =
            written.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\t", "\t").replace('\u{1}', "\\");
        match (judge, Statement::parse(&text)) {
            ("text", Err(reason)) => {
                assert!(!reason.to_string().contains("hostile"), "a literal is quoted: {reason}");
                refused += 1;
            }
            ("server", Ok(_)) => {}
            (judge, outcome) => panic!("{judge}: {text}: {outcome:?}"),
        }
    }
    assert!(refused >= 80, "only {refused}");
}
