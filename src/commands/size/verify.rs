//! Starts one private Redis for each answer that is checked; all of them are checked at the same
//! time.

use anyhow::{Context, anyhow};

use super::super::console::Console;
use crate::cache::admin;
use crate::interrupt;
use crate::load_model::popularity::Popularity;
use crate::sandbox::{Sandbox, Wanted};
use crate::size::document::Verified;
use crate::size_check::{self, SHARES, Setting};

pub(super) fn run(
    popularity: Popularity,
    entry_bytes: f64,
    console: &Console,
) -> anyhow::Result<Vec<Verified>> {
    console.step("Checking eight answers on private Redis servers.");
    let _bar = console.spinner("checking eight answers on private Redis servers");
    let settings = SHARES.map(|share| Setting { popularity, entry_bytes, share });
    let checked: Vec<anyhow::Result<Verified>> = std::thread::scope(|scope| {
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
    checked.into_iter().collect()
}

/// In a folder of its own, which goes with the server.
fn check(setting: &Setting) -> anyhow::Result<Verified> {
    let folder = tempfile::tempdir().context("cannot make a folder for a private Redis")?;
    let sandbox = Sandbox::open(folder.path(), Wanted { mysql: false, redis: true }, "size", &mut |_| {})?;
    let redis = sandbox.redis().context("the private Redis did not start")?;
    let checked = size_check::check(redis, setting)
        .map_err(|error| anyhow!("checking an answer on a private Redis: {}", admin::said(&error)));
    sandbox.stop()?;
    checked
}
