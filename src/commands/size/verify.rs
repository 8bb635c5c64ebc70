//! Starts one private Redis for each answer that is checked; all of them are checked at the same
//! time.

use anyhow::{Context, anyhow};

use super::super::console::Console;
use crate::cache::admin;
use crate::interrupt;
use crate::load_model::popularity::Popularity;
use crate::sandbox::{Sandbox, Wanted};
use crate::size::document::Verified;
use crate::size_check::{self, Checked, SHARES, Setting};

pub(super) fn run(
    popularity: Popularity,
    entry_bytes: f64,
    console: &Console,
) -> anyhow::Result<Vec<Verified>> {
    console.step("Checking eight answers on private Redis servers.");
    let _bar = console.spinner("checking eight answers on private Redis servers");
    let settings = SHARES.map(|share| Setting { popularity, entry_bytes, share });
    let checked: Vec<anyhow::Result<Checked>> = std::thread::scope(|scope| {
        let threads: Vec<_> = settings.iter().map(|setting| scope.spawn(move || check(setting))).collect();
        threads
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a check stopped in the middle of its work")))
            })
            .collect()
    });
    if interrupt::requested() {
        return Ok(Vec::new());
    }
    checked.into_iter().map(|checked| checked.map(|checked| verified(&checked))).collect()
}

/// In a folder of its own, which goes with the server.
fn check(setting: &Setting) -> anyhow::Result<Checked> {
    let folder = tempfile::tempdir().context("cannot make a folder for a private Redis")?;
    let sandbox = Sandbox::open(folder.path(), Wanted { mysql: false, redis: true }, "size", &mut |_| {})?;
    let redis = sandbox.redis().context("the private Redis did not start")?;
    let checked = size_check::check(redis, setting)
        .map_err(|error| anyhow!("checking an answer on a private Redis: {}", admin::said(&error)));
    sandbox.stop()?;
    checked
}

fn verified(checked: &Checked) -> Verified {
    Verified {
        popularity: checked.popularity.name(),
        keys: u64::from(checked.keys),
        maxmemory_bytes: checked.maxmemory_bytes,
        expected_entries: checked.expected_entries,
        entries: checked.entries,
        expected_hit_ratio: checked.expected_hit_ratio,
        hit_ratio: checked.hit_ratio,
        reads: checked.reads,
    }
}
