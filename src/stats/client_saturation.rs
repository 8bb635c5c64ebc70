//! Whether rcache itself is what was measured: how much of this machine its own work took while it
//! read.
//!
//! A blocking client keeps one core busy at a time, its own or the server's. So where client and
//! server share a machine, it is full from as many clients as cores on, and what rcache takes is
//! taken from the servers: with a quarter of the machine they could have answered a third more.
//! With one client on 2 cores rcache took 14 to 23 %, with 2 as much, with 8 and 64 between 22 and
//! 48 %, while throughput grew by a fifth at most. Where both servers are elsewhere, nobody else
//! wants this machine, and there is room for more.

use super::summary::clients_at_work;
use super::warnings::Warning;
use crate::samples::path::PathSamples;
use crate::samples::workload::WorkloadSamples;

/// So much of the machine is too much where a server wants it too,
const SHARE_BESIDE_SERVERS: f64 = 0.25;
/// and so much where none does: with less than a quarter free, clients wait for one another.
const SHARE_ALONE: f64 = 0.75;

/// The machine of rcache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) clients: u64,
    pub(crate) cores: u64,
    /// One of the servers, or both, run on this machine too.
    pub(crate) beside_servers: bool,
}

/// The paths of which rcache itself may be what limits them.
pub(crate) fn warnings(workload: &str, samples: &WorkloadSamples, machine: Machine) -> Vec<Warning> {
    let of_path = |path: &PathSamples| {
        let share = share(path.processor_ns, path.busy_ns, machine.cores)?;
        is_too_much(share, machine).then(|| Warning::HarnessBound {
            workload: workload.to_owned(),
            path: path.path.name(),
            share,
            clients: machine.clients,
            cores: machine.cores,
            beside_servers: machine.beside_servers,
        })
    };
    let bound = samples.paths.iter().filter_map(of_path);
    let idle = samples.paths.iter().filter_map(|path| idle_clients(workload, path, machine.clients));
    bound.chain(idle).collect()
}

/// A share of the clients below which throughput is not that of all of them.
const SHARE_AT_WORK: f64 = 0.9;

/// Clients that had nothing left to read while others finished a block: the latencies are those of
/// fewer clients.
#[expect(clippy::cast_precision_loss, reason = "there are at most 1,024 clients")]
fn idle_clients(workload: &str, path: &PathSamples, clients: u64) -> Option<Warning> {
    let at_work = clients_at_work(path.reading_ns, path.busy_ns, clients)?;
    let is_idle = clients > 1 && at_work < SHARE_AT_WORK * clients as f64;
    is_idle.then(|| Warning::IdleClients {
        workload: workload.to_owned(),
        path: path.path.name(),
        at_work,
        clients,
    })
}

/// The share of what the machine could give in that time.
fn share(processor_ns: u64, busy_ns: u64, cores: u64) -> Option<f64> {
    (busy_ns > 0 && cores > 0).then(|| processor_ns as f64 / (busy_ns as f64 * cores as f64))
}

/// With fewer clients than cores none of them waits for another: what a client does itself is then
/// part of the read.
fn is_too_much(share: f64, machine: Machine) -> bool {
    let limit = if machine.beside_servers { SHARE_BESIDE_SERVERS } else { SHARE_ALONE };
    machine.clients > 1 && machine.clients >= machine.cores && share >= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::series::{BlockKind, Series};
    use crate::model::{Codec, ReadPath};

    const HERE: Machine = Machine { clients: 64, cores: 2, beside_servers: true };

    /// Warm reads of a second for which rcache took so many percent of 2 cores.
    fn warm(percent: u64) -> WorkloadSamples {
        let series = Series::cached(ReadPath::Warm, Codec::Postcard);
        let mut samples = WorkloadSamples::new(&[BlockKind::Series(series)]);
        samples.paths[0].busy_ns = 1_000_000_000;
        samples.paths[0].processor_ns = percent * 20_000_000;
        samples
    }

    #[test]
    fn clients_without_work_are_reported_below_nine_tenths() {
        let of = |reading_ns: u64, clients: u64| {
            let mut samples = warm(1);
            samples.paths[0].reading_ns = reading_ns;
            warnings("point", &samples, Machine { clients, ..HERE })
        };
        let [Warning::IdleClients { at_work, clients: 32, .. }] = of(20_000_000_000, 32)[..] else {
            panic!("20 of 32 clients read")
        };
        assert!((at_work - 20.0).abs() < 1e-9);
        assert!(of(29_000_000_000, 32).is_empty());
        assert!(of(500_000_000, 1).is_empty(), "one client waits for no other");
    }

    fn says(percent: u64, machine: Machine) -> bool {
        !warnings("point", &warm(percent), machine).is_empty()
    }

    #[test]
    fn a_quarter_of_a_full_machine_is_too_much_beside_servers() {
        let found = warnings("point", &warm(36), HERE);
        let [warning] = &found[..] else { panic!("{found:?}") };
        let expected = Warning::HarnessBound {
            workload: "point".to_owned(),
            path: "warm",
            share: 0.36,
            clients: 64,
            cores: 2,
            beside_servers: true,
        };
        assert_eq!(*warning, expected);
        insta::assert_snapshot!(warning.to_string());
        assert!(says(25, HERE) && !says(24, HERE));
    }

    #[test]
    fn alone_on_the_machine_there_is_room_for_more() {
        let far = Machine { beside_servers: false, ..HERE };
        assert!(says(75, far) && !says(74, far));
        insta::assert_snapshot!(warnings("all", &warm(80), far)[0].to_string());
    }

    #[test]
    fn with_fewer_clients_than_cores_nobody_waits_for_another() {
        assert!(!says(50, Machine { clients: 1, ..HERE }));
        assert!(!says(90, Machine { clients: 1, cores: 1, ..HERE }));
        assert!(says(50, Machine { clients: 2, ..HERE }));
        assert!(!says(50, Machine { clients: 3, cores: 4, ..HERE }));
    }

    #[test]
    fn without_time_or_cores_nothing_is_said() {
        assert!(!says(50, Machine { cores: 0, ..HERE }));
        let mut samples = warm(50);
        samples.paths[0].busy_ns = 0;
        assert_eq!(warnings("point", &samples, HERE), []);
    }
}
