//! A comparison as markdown, for a pull request's comment: the verdict first, the rest to unfold.

use super::{
    BRACKETS, FORCED, HEADER, IDENTICAL, MISSING, cached, capitalised, caveat, decisive, gate_sentence,
    judged_by, next_step, provenance, rows, sentence, sides, with_interval, withheld, word,
};
use crate::compare::{Comparison, Difference, Verdict, WorkloadComparison};

/// The whole comment, with a line break at its end.
pub(crate) fn render(compared: &Comparison) -> String {
    let mut blocks = vec![format!("### rcache: {}", overall(compared))];
    if compared.forced {
        blocks.push(format!("> **Warning:** {FORCED}"));
    }
    blocks.extend(
        compared.gate.map(|gate| format!("**{}.**", escaped(&capitalised(&gate_sentence(compared, gate))))),
    );
    blocks.push(verdicts(compared));
    blocks.extend(sentences(compared));
    let [unlike, settings, environment, other] = super::differences(compared);
    blocks
        .extend([unlike, settings, environment].iter().filter_map(|(title, list)| differences(title, list)));
    blocks.extend(unsound(compared));
    blocks.extend(compared.workloads.iter().map(details));
    blocks.extend(differences(other.0, other.1));
    blocks.push(runs(compared));
    blocks.join("\n\n") + "\n"
}

/// The worst that was found.
fn overall(compared: &Comparison) -> &'static str {
    let order = [Verdict::Regressed, Verdict::Inconclusive, Verdict::Improved];
    let found = |verdict: &Verdict| compared.workloads.iter().any(|workload| workload.verdict == *verdict);
    match order.into_iter().find(found) {
        Some(verdict) => word(verdict),
        None if compared.workloads.is_empty() => "nothing to compare",
        None => Verdict::Unchanged.name(),
    }
}

fn verdicts(compared: &Comparison) -> String {
    let header = ["workload", "path", "verdict", "change"].map(str::to_owned);
    let rows = compared.workloads.iter().flat_map(|workload| {
        cached(workload).map(|(name, path)| {
            let change = decisive(path).and_then(|figure| figure.change);
            [
                code(&workload.label),
                name.to_owned(),
                format!("**{}**", word(path.verdict)),
                change.as_ref().map_or(MISSING.to_owned(), with_interval),
            ]
        })
    });
    table(&header, rows)
}

fn sentences(compared: &Comparison) -> Option<String> {
    let item = |workload: &WorkloadComparison| -> Vec<String> {
        cached(workload)
            .map(|(name, path)| format!("- {} {name}: {}.", code(&workload.label), escaped(&sentence(path))))
            .collect()
    };
    let items: Vec<String> = compared.workloads.iter().flat_map(item).collect();
    (!items.is_empty()).then(|| items.join("\n"))
}

fn differences(title: &str, differences: &[Difference]) -> Option<String> {
    let header = ["field", "baseline", "candidate"].map(str::to_owned);
    let rows = differences.iter().map(|difference| {
        [&difference.field, &difference.baseline, &difference.candidate].map(|text| code(text))
    });
    (!differences.is_empty()).then(|| format!("**{title}**\n\n{}", table(&header, rows)))
}

fn unsound(compared: &Comparison) -> Option<String> {
    let items: Vec<String> = compared
        .unsound
        .iter()
        .map(|unsound| format!("- the {} {}", unsound.run, escaped(&unsound.reason)))
        .collect();
    (!items.is_empty()).then(|| format!("**Runs that did not end well**\n\n{}", items.join("\n")))
}

/// Every number of one workload, folded.
fn details(workload: &WorkloadComparison) -> String {
    let numbers = table(
        &HEADER.map(str::to_owned),
        rows(workload).into_iter().map(|row| row.map(|cell| escaped(&cell))),
    );
    let reasons: Vec<String> =
        withheld(workload).iter().map(|reason| format!("\n\n{}", escaped(reason))).collect();
    format!(
        "<details><summary>Workload {}: all numbers</summary>\n\n{numbers}{}\n\n</details>",
        escaped(&super::title(workload)),
        reasons.concat()
    )
}

fn runs(compared: &Comparison) -> String {
    let items = sides(compared).map(|(name, side)| {
        let warnings = match side.warnings.as_slice() {
            [] => String::new(),
            codes => format!(", warned of {}", code(&codes.join(", "))),
        };
        format!("- {name}: {}, {}{warnings}", code(&side.file), escaped(&provenance(side)))
    });
    let mut notes = vec![BRACKETS.to_owned()];
    let judged_by = judged_by(compared);
    if !judged_by.is_empty() {
        notes.push(format!("Judged: {}.", judged_by.join("; ")));
    }
    notes.extend(compared.identical.then(|| IDENTICAL.to_owned()));
    notes.extend([caveat(compared), next_step(compared)].into_iter().flatten().map(str::to_owned));
    format!("{}\n\n{}", items.join("\n"), escaped(&notes.join(" ")))
}

fn table<const N: usize>(header: &[String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String; N]| format!("| {} |", cells.join(" | "));
    let rule = format!("|{}", " --- |".repeat(N));
    let rows = rows.map(|row| line(&row));
    [line(header), rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// Text out of a file as a code span: nothing in it can format, link or mention.
fn code(text: &str) -> String {
    format!("`{}`", super::clean(text).replace('`', "'").replace('|', "\\|"))
}

/// Text of ours that may quote a file.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in super::clean(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn improved_and_unchanged() {
        insta::assert_snapshot!(render(&samples::compared([0.7, 1.0], 1.01, false)));
    }

    #[test]
    fn regressed_and_inconclusive() {
        insta::assert_snapshot!(render(&samples::compared([1.4, 1.08], 1.02, true)));
    }

    #[test]
    fn several_runs_with_gates_of_their_own() {
        insta::assert_snapshot!(render(&samples::of_several_runs()));
    }

    #[test]
    fn forced_unlike_runs() {
        insta::assert_snapshot!(render(&samples::unlike()));
    }

    #[test]
    fn missing_paths() {
        insta::assert_snapshot!(render(&samples::missing_paths()));
    }

    #[test]
    fn foreign_text_cannot_format() {
        assert_eq!(code("a`b|c\n@d"), "`a'b\\|c @d`");
        assert_eq!(escaped("<b> [x](y) *z* &"), "&lt;b> \\[x\\](y) \\*z\\* &amp;");
    }
}
