//! The page of `metastable`: who comes back after a flush, under the same load.

use super::{arms_table, config, sentences, time};
use crate::report::blocks::{Block, Section};
use crate::scenario_file::{Arm, Document, Metastable};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let header = ["before the flush", "at the end", "recovered after", "failed reads", "loads"];
    let arms = arms_table("Answers before and after the flush", &header, document, row);
    let seen: Vec<String> = recovery(document).into_iter().collect();
    sections.extend([arms, sentences(&seen)]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} read {} at random. The database does {} loads a second, one after the other, and an application waits {} ms for a \
         query. After {} s the cache is flushed; then {} s more, the load unchanged. lease runs {} loads at a time at most.",
        counted(number("clients"), "client", "clients"),
        counted(number("keys"), "row", "rows"),
        units::count(number("loads_per_s")),
        units::count(number("query_timeout_ms")),
        units::count(number("before_flush_ms") / 1_000),
        units::count(number("duration_s")),
        units::count(number("max_loads")),
    );
    Section::new(vec![Block::Sentence(text)])
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.metastable.unwrap_or_default();
    vec![
        units::rate(found.answered_before_per_s),
        units::rate(found.answered_at_the_end_per_s),
        found.recovery_after_flush_ms.map_or_else(|| "-".to_owned(), |ms| time(Some(ms * 1e6))),
        units::count(arm.failed_reads),
        units::count(arm.database_loads),
    ]
}

fn find(document: &Document, name: &str) -> Option<Metastable> {
    document.arms.iter().find(|arm| arm.arm == name)?.metastable
}

fn recovery(document: &Document) -> Option<String> {
    let (naive, lease) = (find(document, "naive")?, find(document, "lease")?);
    let took = lease.recovery_after_flush_ms?;
    naive.recovery_after_flush_ms.is_none().then(|| {
        format!(
            "naive stayed down: each query waited behind so many others that its answer came too late to be used, and the \
             cache was not filled. lease was back after {}.",
            time(Some(took * 1e6))
        )
    })
}
