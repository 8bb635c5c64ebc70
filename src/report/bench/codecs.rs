//! Codecs side by side: the size of an entry, and the time to encode and to decode it.

use crate::model::phase::Phase;
use crate::report::blocks::{Block, Row, Table};
use crate::report::numbers::{NONE, UNKNOWN, duration, measured};
use crate::run_file::WorkloadRun;
use crate::units;

/// One row for each codec; none for a single one.
pub(in crate::report) fn block(codecs: &[WorkloadRun]) -> Option<Block> {
    let has_entries = codecs.iter().any(|workload| workload.value_bytes.is_some());
    if codecs.len() < 2 || !has_entries {
        return None;
    }
    let rows = codecs.iter().map(|workload| {
        let part = |path: &str, part: Phase| match measured(workload, path) {
            Some(path) => duration(path.parts_mean_ns.get(part.name()).copied()),
            None => NONE.to_owned(),
        };
        let bytes = workload.value_bytes.map_or(NONE.to_owned(), |bytes| units::bytes(bytes as f64));
        Row::new(
            workload.codec.clone(),
            vec![bytes, part("cold", Phase::Encode), part("warm", Phase::Decode)],
        )
    });
    let titles = ["entry", "encode (in a miss)", "decode (in a hit)"];
    let table = Table::of_numbers("codec", titles, rows.collect());
    Some(Block::Table(table.without_blank_columns(&[NONE, UNKNOWN])))
}
