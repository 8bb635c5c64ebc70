//! Experiments on real servers: one failure of caching, shown with and without the cure. Each has arms that go different
//! ways with equal settings; one of them must show the harm, or the experiment proves nothing.

mod activity;
mod answers;
pub(crate) mod arms;
pub(crate) mod avalanche;
pub(crate) mod corrupt;
pub(crate) mod crowd;
pub(crate) mod database;
mod experiment;
pub(crate) mod keys;
pub(crate) mod metastable;
mod obstacle;
pub(crate) mod outage;
pub(crate) mod outcome;
pub(crate) mod penetration;
pub(crate) mod row;
mod setting;
pub(crate) mod stale;
pub(crate) mod stampede;
pub(crate) mod table;
pub(crate) mod version_floor;

use std::time::Duration;

use crate::db::error::DbError;
use crate::endpoint::{MysqlEndpoint, RedisEndpoint};

/// The servers of an experiment, and the prefix of its keys.
pub(crate) struct Ground<'a> {
    pub(crate) mysql: &'a MysqlEndpoint,
    pub(crate) redis: &'a RedisEndpoint,
    pub(crate) namespace: &'a str,
}

/// What was asked for; each scenario has defaults of its own.
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
    Table(#[from] table::TableError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Stage(#[from] arms::StageError),
    #[error(transparent)]
    Lost(#[from] crowd::Lost),
    #[error(transparent)]
    Client(#[from] arms::ClientError),
    #[error("{0:#}")]
    Sandbox(anyhow::Error),
}
