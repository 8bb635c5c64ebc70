//! Experiments on real servers: one failure of caching, shown with and without the cure. Each has
//! arms that cache in different ways with equal settings; one of them must show the harm, or the
//! experiment proves nothing.
//!
//! A scenario is a file with its [`Scenario`], the page below it, and one line of the list here.

mod activity;
mod answers;
mod avalanche;
mod corrupt;
pub(crate) mod database;
pub(crate) mod definition;
pub(crate) mod document;
pub(crate) mod keys;
mod metastable;
pub(crate) mod obstacle;
mod outage;
pub(crate) mod page;
mod penetration;
pub(crate) mod row;
pub(crate) mod run_clients;
pub(crate) mod runner;
mod setting;
mod stale;
mod stampede;
pub(crate) mod strategies;
pub(crate) mod table;
pub(crate) mod version_floor;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::definition::Scenario;
use crate::db::error::DbError;
use crate::db::own_table::TableError;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};

macro_rules! scenarios {
    ($($name:ident: $module:ident),+ $(,)?) => {
        /// Every scenario, in the order in which `all` runs them.
        pub(crate) static ALL: &[&Scenario] = &[$(&$module::SCENARIO),+];

        /// The schemas of the counts of each.
        #[cfg(test)]
        pub(crate) fn schemas(
            settings: impl Fn() -> schemars::generate::SchemaSettings,
        ) -> Vec<serde_json::Value> {
            vec![$(settings().into_generator().into_root_schema_for::<$module::Found>().to_value()),+]
        }

        /// The counts that only one scenario has.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(untagged)]
        pub(crate) enum Found {
            $($name($module::Found),)+
            /// Those of no scenario. An object without fields matches all of them, so it is last.
            Nothing {},
        }

        $(
            impl From<$module::Found> for Found {
                fn from(found: $module::Found) -> Self { Self::$name(found) }
            }

            impl definition::Counts for $module::Found {
                fn among(found: &Found) -> Option<&Self> {
                    if let Found::$name(found) = found { Some(found) } else { None }
                }
            }
        )+
    };
}

scenarios! {
    Stale: stale,
    Stampede: stampede,
    Outage: outage,
    Avalanche: avalanche,
    Penetration: penetration,
    Corrupt: corrupt,
    Metastable: metastable,
}

impl Default for Found {
    fn default() -> Self {
        Self::Nothing {}
    }
}

/// The counts of every scenario, for samples of documents.
#[cfg(test)]
pub(crate) mod samples {
    pub(crate) use super::avalanche::Found as Avalanche;
    pub(crate) use super::corrupt::Found as Corrupt;
    pub(crate) use super::metastable::Found as Metastable;
    pub(crate) use super::outage::{Found as Outage, OnCluster, Phase, Recovery};
    pub(crate) use super::penetration::Found as Penetration;
    pub(crate) use super::stale::Found as Stale;
    pub(crate) use super::stampede::Found as Stampede;
}

/// The scenario of this name.
pub(crate) fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().copied().find(|scenario| scenario.name == name)
}

/// The servers of an experiment, and the prefix of its keys.
pub(crate) struct ServerPair<'a> {
    pub(crate) mysql: &'a MysqlEndpoint,
    pub(crate) redis: &'a RedisEndpoint,
    pub(crate) namespace: &'a str,
}

/// The typed options; each scenario has defaults of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) clients: Option<u16>,
    pub(crate) duration_s: Option<u16>,
    pub(crate) rng_seed: u64,
}

/// Hears which arm is at work, and for how long.
pub(crate) type Progress<'a> = &'a dyn Fn(&str, Duration);

/// Why an experiment could not be carried through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    ArmSetup(#[from] strategies::ArmSetupError),
    #[error(transparent)]
    Lost(#[from] run_clients::Lost),
    #[error(transparent)]
    Client(#[from] strategies::ClientError),
    #[error("{0:#}")]
    Sandbox(anyhow::Error),
    #[error("this scenario needs private servers")]
    NoSandbox,
}
