//! One arm after the other, each on the same rows and with keys of its own.

use super::activity;
use super::keys::{Keys, KeysGuard, new_run};
use super::obstacle;
use super::outcome::Arm;
use super::table::Table;
use super::{Ground, ScenarioError};
use crate::interrupt;

/// The ids that an experiment reads, from 0 on.
pub(super) struct Ids {
    /// So many of them are rows.
    pub(super) rows: u32,
    /// All of them together.
    pub(super) asked: u32,
}

impl Ids {
    /// Each of them a row.
    pub(super) const fn of_rows(rows: u32) -> Self {
        Self { rows, asked: rows }
    }
}

/// Runs every arm, or as many as there is time for before an interrupt. Each finds the rows as they were at first; table
/// and keys are removed at the end, however it comes.
pub(super) fn run<C>(
    ground: &Ground<'_>,
    ids: &Ids,
    courses: impl IntoIterator<Item = (&'static str, C)>,
    mut arm: impl FnMut(C, &Keys) -> Result<Arm, ScenarioError>,
) -> Result<Vec<Arm>, ScenarioError> {
    let table = Table::create(ground.mysql)?;
    let run = new_run();
    let mut arms = Vec::new();
    for (name, course) in courses {
        if interrupt::requested() {
            break;
        }
        match table.fill(ids.rows) {
            Ok(()) => {}
            // What earlier arms gave is not lost.
            Err(_) if interrupt::requested() => break,
            Err(error) => return Err(error.into()),
        }
        let keys = Keys::new(ground.namespace, &run, name);
        let _guard = KeysGuard { redis: ground.redis, keys: &keys, rows: ids.asked };
        let mut done = match arm(course, &keys) {
            Ok(done) => done,
            Err(_) if interrupt::requested() => break,
            Err(error) => return Err(error),
        };
        if activity::is_idle(&done) && !interrupt::requested() {
            done.obstacle = obstacle::find(ground.redis, &keys.entry(0));
        }
        arms.push(done);
    }
    Ok(arms)
}
