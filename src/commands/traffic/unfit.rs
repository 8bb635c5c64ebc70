//! Looks for strategies whose cache never worked: their numbers are those of the database alone,
//! whatever they are called.

use super::super::servers::Servers;
use crate::config::Settings;
use crate::scenario::keys::{Keys, new_run};
use crate::scenario::obstacle;
use crate::traffic_file::{Document, Strategy};
use crate::units;

/// Gives the strategies that never hit the reason, as far as Redis says one.
pub(super) fn find(document: &mut Document, servers: &Servers, settings: &Settings) {
    if document.interrupted || !document.strategies.iter().any(Strategy::never_hit) {
        return;
    }
    let key = Keys::new(&settings.namespace, &new_run(), "probe").entry(0);
    let cause = servers.redis().ok().and_then(|redis| obstacle::find(redis, &key));
    let cause = cause.map(|cause| format!(". {cause}")).unwrap_or_default();
    for strategy in document.strategies.iter_mut().filter(|strategy| strategy.never_hit()) {
        let expected = 100.0 * strategy.expected_hit_ratio.unwrap_or_default();
        let reads = units::count(strategy.loads.operations);
        strategy.obstacle =
            Some(format!("none of {reads} reads hit, although {expected:.0} % should have{cause}"));
    }
}
