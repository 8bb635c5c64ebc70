//! The request with a scenario's defaults filled in: the part that all of them share.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::Request;
use super::definition::Scenario;

pub(crate) struct Setting {
    pub(super) clients: u16,
    pub(super) duration: Duration,
    rng_seed: u64,
}

impl Setting {
    pub(super) fn new(request: &Request, scenario: &Scenario) -> Self {
        let duration_s = request.duration_s.unwrap_or(scenario.duration_s);
        Self {
            clients: request.clients.unwrap_or(scenario.clients),
            duration: Duration::from_secs(u64::from(duration_s)),
            rng_seed: request.rng_seed,
        }
    }

    /// The source of a client's choices: the same in every arm.
    pub(super) fn rng(&self, client: u64) -> StdRng {
        StdRng::seed_from_u64(self.rng_seed ^ client.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The settings of every scenario, by the names that they have in the document.
    pub(super) fn config(&self, processes: u16) -> Vec<(&'static str, u64)> {
        vec![
            ("clients", u64::from(self.clients)),
            ("processes", u64::from(processes)),
            ("duration_s", self.duration.as_secs()),
            ("rng_seed", self.rng_seed),
        ]
    }
}

pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
