//! The prediction of how much Redis gives which hit ratio, from a saved run and a load, without a
//! server.

mod costs;
pub(crate) mod document;
mod predict;
mod trace;

pub(crate) use costs::Costs;
pub(crate) use predict::{LoadModel, Wanted, predict};
pub(crate) use trace::{TraceSummary, predict_trace};
