//! What spoils or qualifies the numbers, at the end of the page: each kind once, with its cause and what to do.

use super::layout::{INDENT, clean, counted, wrap};
use super::{ALERT, Style};
use crate::run_file::{Run, Warning};

/// Cases of one kind that are spelled out: the run file has them all.
const SHOWN: usize = 3;

/// Warnings by their codes, in the order in which the codes first came.
pub(super) fn block(run: &Run, style: &Style) -> Vec<String> {
    if run.warnings.is_empty() {
        return Vec::new();
    }
    let mut codes: Vec<&str> = Vec::new();
    for warning in &run.warnings {
        if !codes.contains(&warning.code.as_str()) {
            codes.push(&warning.code);
        }
    }
    let heading = style.paint(ALERT.bold(), "Warnings");
    let entries = codes.into_iter().flat_map(|code| {
        let of_code: Vec<&Warning> = run.warnings.iter().filter(|warning| warning.code == code).collect();
        let head = format!("  {}", style.paint(ALERT, &clean(code)));
        std::iter::once(head)
            .chain(told(&of_code).iter().flat_map(|text| set_in(text, style)).collect::<Vec<_>>())
    });
    std::iter::once(heading).chain(entries).collect()
}

fn set_in(text: &str, style: &Style) -> Vec<String> {
    wrap(&clean(text), style.columns() - 2 * INDENT).into_iter().map(|line| format!("    {line}")).collect()
}

/// The messages of one code. Where many end alike, behind a colon, the first few cases and what they have in common.
fn told(warnings: &[&Warning]) -> Vec<String> {
    let split: Option<Vec<(&str, &str)>> =
        warnings.iter().map(|warning| warning.message.split_once(": ")).collect();
    let alike = split.filter(|split| {
        split.len() > 1
            && split.iter().all(|(_, common)| Some(common) == split.first().map(|(_, common)| common))
    });
    let Some(alike) = alike else {
        return warnings.iter().map(|warning| warning.message.clone()).collect();
    };
    let more = alike.len().saturating_sub(SHOWN) as u64;
    let cases = alike.iter().take(SHOWN).map(|(case, _)| (*case).to_owned());
    let rest = (more > 0).then(|| format!("and {} of the kind", counted(more, "more case", "more cases")));
    let common = alike.first().map(|(_, common)| format!("{}.", capitalised(common)));
    cases.chain(rest).map(|case| format!("- {case}")).chain(common).collect()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs;
    use super::*;

    fn warning(code: &str, message: &str) -> Warning {
        Warning { code: code.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn many_of_a_kind_are_told_together() {
        let mut run = sample_runs::full(100);
        let outlier = |path: &str| {
            let message = format!(
                "2 of 100 rounds of all by path {path} stand far out: something else used the machine; measure again"
            );
            warning("outliers", &message)
        };
        run.warnings = ["mysql", "cold", "warm", "disk", "later"].map(outlier).to_vec();
        run.warnings.insert(1, warning("evictions", "Redis evicted 3 keys; raise its maxmemory"));
        run.warnings.push(warning("slow_first_reads", "the first rounds were slow: caches were filling"));
        run.warnings.push(warning("slow_first_reads", "the first rounds were slow: of another reason"));
        run.warnings.push(warning("steering\u{1b}[2J", "also \u{1b}[2J"));
        insta::assert_snapshot!(block(&run, &Style::default()).join("\n"));
    }
}
