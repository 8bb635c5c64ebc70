//! The words that pages use for the paths and workloads of a run file.

use super::blocks::Tone;

/// MySQL, hit and miss, whose names in the run file and on the command line are mysql, warm and
/// cold.
pub(super) fn path(name: &str) -> &str {
    match name {
        "mysql" => "MySQL",
        "warm" => "hit",
        "cold" => "miss",
        "naive" => "naive miss",
        other => other,
    }
}

/// The colour of a path, the same wherever it is named or drawn.
pub(super) fn tone(path: &str) -> Tone {
    match path {
        "mysql" => Tone::Mysql,
        "warm" => Tone::Hit,
        "cold" => Tone::Miss,
        "disk" | "naive" => Tone::Disk,
        _ => Tone::Plain,
    }
}

/// Rows of a table are in this order: first without a cache, then by how fast they are expected to
/// be.
pub(super) fn rank(path: &str) -> usize {
    ["mysql", "disk", "warm", "cold", "naive"].iter().position(|name| *name == path).unwrap_or(usize::MAX)
}

/// The answer of a workload, in a few words; empty for one that is not known.
pub(super) fn workload(name: &str) -> &'static str {
    match name {
        "all" => "every user, under one key",
        "page" => "50 users in a row, one key a page",
        "point" => "one user by id, one key a user",
        "aggregate" => "the ten most frequent e-mail domains, under one key",
        _ => "",
    }
}
