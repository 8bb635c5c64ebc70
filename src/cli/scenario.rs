//! What is typed behind `rcache scenario`.

use clap::Args;

use super::numbers::count_in;
use super::{ScenarioChoice, ScenarioName};

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_SCENARIO_HELP)]
pub(crate) struct Scenario {
    /// The failure to provoke
    #[arg(value_enum, value_name = "NAME", required_unless_present = "list")]
    pub(crate) name: Option<ScenarioChoice>,

    /// Print the names of the scenarios, with one line each
    #[arg(long, conflicts_with = "name")]
    pub(crate) list: bool,

    #[arg(short, long, help = clients_help(), value_parser = count_in::<u16>(1, 512), value_name = "N")]
    pub(crate) clients: Option<u16>,

    #[arg(long, help = duration_help(), value_parser = count_in::<u16>(1, 3600), value_name = "SECONDS")]
    pub(crate) duration: Option<u16>,

    /// Seed of the random generator that picks rows and pauses
    #[arg(long, default_value_t = crate::users::DEFAULT_RNG_SEED, value_name = "N")]
    pub(crate) rng_seed: u64,
}

fn clients_help() -> String {
    let of_each = ScenarioName::ALL.map(|name| format!("{} {}", name.name(), name.defaults().clients));
    format!(
        "Threads that read at the same time, each with connections of its own [default: {}]",
        of_each.join(", ")
    )
}

fn duration_help() -> String {
    let of_each = ScenarioName::ALL.map(|name| {
        let defaults = name.defaults();
        let all = defaults.duration_s * defaults.durations;
        format!("{} {}, in all {all}", name.name(), defaults.duration_s)
    });
    format!("How long each arm lasts; of outage, each time without Redis [default: {}]", of_each.join("; "))
}

const AFTER_SCENARIO_HELP: &str = "\
Each arm is another way of caching, with equal settings:
  mysql                no cache
  naive                GET; on a miss SELECT, then SET. Writers COMMIT, then DEL
  naive-double-delete  as naive, and a second DEL a while later
  lock                 as naive, with a lock (SET NX) around the miss
  lease                rcache's library; writers COMMIT, then invalidate
  lease-marker         rcache's library; writers mark, COMMIT, finish
  lease-no-mutex       as lease, every client a process of its own
  naive-jitter         as naive, with times to live shortened by chance
  lease-no-negative    as lease, but it does not remember which rows do not exist
  lease-early          as lease, with values refreshed ahead of their expiry, so that no reader waits

An experiment makes a table of its own, rcache_scenario, and keys of its own, and removes both.

Exit status: 0 the harm appeared without the cure and not with it; 1 the library broke a promise, or the experiment
failed; 4 the run proves nothing: an arm did not do its work, or the harm did not appear where it must; 130 interrupted.
With `all` the worst of them counts.";
