//! The arguments of `rcache scenario`. Names, defaults and arms come from the scenarios themselves.

use std::fmt::Write;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::numbers::count_in;
use crate::scenario;
use crate::scenario::definition::{ArmKind, Scenario as Experiment};

#[derive(Debug, Args)]
#[command(after_long_help = arms_help())]
pub(crate) struct Scenario {
    /// The failure to provoke
    #[arg(value_parser = choices(), value_name = "NAME", required_unless_present = "list")]
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

/// One scenario, or all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScenarioChoice {
    One(&'static Experiment),
    All,
}

fn choices() -> impl TypedValueParser<Value = ScenarioChoice> {
    let one = |it: &&Experiment| PossibleValue::new(it.name).help(it.meaning);
    let all = PossibleValue::new("all").help("each of them in turn, and a summary at the end");
    PossibleValuesParser::new(scenario::ALL.iter().map(one).chain([all]))
        .map(|name| scenario::find(&name).map_or(ScenarioChoice::All, ScenarioChoice::One))
}

fn clients_help() -> String {
    let of_each: Vec<String> = scenario::ALL.iter().map(|it| format!("{} {}", it.name, it.clients)).collect();
    format!(
        "Threads that read at the same time, each with connections of its own [default: {}]",
        of_each.join(", ")
    )
}

fn duration_help() -> String {
    let of_each = scenario::ALL.iter().map(|it| {
        let arms = u16::try_from(it.arms.len()).unwrap_or(u16::MAX);
        let all = it.duration_s * it.durations_per_arm * arms;
        format!("{} {}, in all {all}", it.name, it.duration_s)
    });
    let of_each: Vec<String> = of_each.collect();
    format!("How long each arm lasts; of outage, each time without Redis [default: {}]", of_each.join("; "))
}

fn arms_help() -> String {
    let mut help = "Each arm is another way of caching, with equal settings:\n".to_owned();
    let used = |kind: &ArmKind| scenario::ALL.iter().any(|it| it.arms.contains(kind));
    for kind in ArmKind::ALL.into_iter().filter(used) {
        // Writing to a String cannot fail.
        let _ = writeln!(help, "  {:<20} {}", kind.name(), kind.meaning());
    }
    help.push_str("\nThe arms of each scenario:\n");
    for it in scenario::ALL {
        let arms: Vec<&str> = it.arms.iter().map(|kind| kind.name()).collect();
        let _ = writeln!(help, "  {:<20} {}", it.name, arms.join(", "));
    }
    help + AFTER_ARMS
}

const AFTER_ARMS: &str = "
An experiment makes a table of its own, rcache_scenario, and keys of its own, and removes both.

Exit status: 0 the harm appeared without the cure and not with it; 1 the library broke a promise,
or the experiment failed; 4 the run proves nothing: an arm did not do its work, or the harm did not
appear where it must; 130 interrupted. With `all` the worst of them counts.";
