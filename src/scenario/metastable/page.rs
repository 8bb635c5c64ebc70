//! The page of `metastable`: who comes back after a flush, under the same load.

use super::Found;
use crate::page::blocks::Section;
use crate::page::figures::Figure;
use crate::scenario::document::{Arm, Document};
use crate::scenario::page::{self, arms_table, bars, config, findings, found, time_ms};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let header = ["before the flush", "at the end", "recovered after", "failed reads", "loads"];
    let arms = arms_table("Answers before and after the flush", &header, document, row);
    sections.extend([arms, findings([recovery(document)])]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} read at random by {}. The database does {} loads a second, one after the other, and an application waits {} ms for a \
         query. After {} s the cache is flushed; then {} s more, the load unchanged. lease runs {} loads at a time at most.",
        counted(number("keys"), "row is", "rows are"),
        counted(number("clients"), "client", "clients"),
        units::count(number("loads_per_s")),
        units::count(number("query_timeout_ms")),
        units::count(number("before_flush_ms") / 1_000),
        units::count(number("duration_s")),
        units::count(number("max_loads")),
    );
    page::setting(text)
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.found::<Found>().copied().unwrap_or_default();
    vec![
        units::rate(found.answered_before_per_s),
        units::rate(found.answered_at_the_end_per_s),
        found.recovery_after_flush_ms.map_or_else(|| "-".to_owned(), |ms| time_ms(Some(ms))),
        units::count(arm.failed_reads),
        units::count(arm.database_loads),
    ]
}

fn recovery(document: &Document) -> Option<String> {
    let (naive, lease) = both(document)?;
    let took = lease.recovery_after_flush_ms?;
    naive.recovery_after_flush_ms.is_none().then(|| {
        format!(
            "naive stayed down: each query waited behind so many others that its answer came too late to be used, and the \
             cache was not filled. lease was back after {}.",
            time_ms(Some(took))
        )
    })
}

fn both(document: &Document) -> Option<(&Found, &Found)> {
    Some((found(document, "naive")?, found(document, "lease")?))
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let texts = [
        "Reads answered in the last second",
        "reads a second",
        "How much of the load is answered at the end, long after the cache was flushed.",
    ];
    let answered = |arm: &Arm| {
        let rate = arm.found::<Found>()?.answered_at_the_end_per_s;
        Some((rate, units::rate(rate)))
    };
    bars(document, texts, answered).into_iter().collect()
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let (naive, lease) = both(document)?;
    Some(format!(
        "after a flush, GET/SELECT/SET answered {} of {} reads a second for good; loads bounded by the library filled the \
         cache again in {:.1} s.",
        units::count(units::whole(naive.answered_at_the_end_per_s)),
        units::count(units::whole(naive.answered_before_per_s)),
        lease.recovery_after_flush_ms? / 1e3,
    ))
}
