//! Pure laws of a load: which key is read, when, and how often a cache answers. No clock and no
//! server, so that each law is tested against theory and brute force.

pub(crate) mod arrivals;
pub(crate) mod draws;
pub(crate) mod lru;
pub(crate) mod lru_simulation;
pub(crate) mod memory;
pub(crate) mod operations;
pub(crate) mod popularity;
pub(crate) mod search;
pub(crate) mod steady_state;
pub(crate) mod trace;
pub(crate) mod trace_curve;
