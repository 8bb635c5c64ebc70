//! Warnings that spoil or qualify the numbers: each with its cause and the next step.

use std::fmt;

use super::anomalies::{Oddity, oddities};
use super::rounds::MIN_ROUNDS;
use super::stalls::{Stalls, stalls};
use crate::model::ReadPath;
use crate::samples::request_counts::Counter;
use crate::samples::workload::WorkloadSamples;
use crate::units;

/// One reason to distrust a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warning {
    DebugBuild,
    /// The run ended before these workloads.
    NotMeasured {
        workloads: Vec<&'static str>,
    },
    /// Reads in cold blocks that found an entry.
    UnexpectedHits {
        workload: String,
        hits: u64,
    },
    /// Reads in warm blocks that found none.
    UnexpectedMisses {
        workload: String,
        misses: u64,
    },
    Saturated {
        workload: String,
        path: &'static str,
        samples: u64,
    },
    Outliers {
        workload: String,
        path: &'static str,
        rounds: usize,
        of: usize,
        worst_factor: f64,
    },
    SlowStart {
        workload: String,
        path: &'static str,
        rounds: usize,
        factor: f64,
    },
    /// A closed loop shows little of what held these reads up.
    Stalls {
        workload: String,
        path: &'static str,
        stalls: Stalls,
        p99_ns: u64,
    },
    TooFewRounds {
        workload: String,
        rounds: u64,
    },
    Evictions {
        keys: u64,
    },
    QueryCacheOn,
    RedisPersistence {
        settings: String,
    },
    UnlikeTransports {
        mysql: String,
        redis: String,
    },
    /// A server counted more than we asked for.
    ForeignTraffic {
        workload: String,
        counter: Counter,
        counted: u64,
        ours: u64,
    },
    /// A server counted less than we asked for.
    UncountedRequests {
        workload: String,
        counter: Counter,
        counted: u64,
        ours: u64,
    },
    BusyMachine {
        load: f64,
        cores: u64,
    },
    StolenTime {
        share: f64,
    },
    /// rcache's own work took that share of the machine.
    HarnessBound {
        workload: String,
        path: &'static str,
        share: f64,
        clients: u64,
        cores: u64,
        beside_servers: bool,
    },
    SmallBufferPool {
        pool_bytes: u64,
        data_bytes: u64,
    },
    /// Fewer clients were reading on average than there are.
    IdleClients {
        workload: String,
        path: &'static str,
        at_work: f64,
        clients: u64,
    },
    /// One server is on this machine, and the other, which is named, is not.
    OneServerElsewhere {
        elsewhere: &'static str,
        address: String,
        other: &'static str,
    },
    /// Connections to one address led to different servers.
    SeveralServers {
        address: String,
        /// The first few.
        servers: Vec<String>,
        count: u64,
        connections: u64,
    },
    /// Something in between answers for MySQL.
    BehindProxy {
        sign: String,
    },
    /// MySQL copies another server.
    Replica {
        lag_s: Option<u64>,
    },
    ReadOnlyServer,
    /// A member of a cluster that is not in the state in which it follows the others.
    NodeNotSynced {
        state: String,
        healthy: &'static str,
    },
}

impl Warning {
    /// The stable name in the run file.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::DebugBuild => "debug_build",
            Self::NotMeasured { .. } => "not_measured",
            Self::UnexpectedHits { .. } => "unexpected_hits",
            Self::UnexpectedMisses { .. } => "unexpected_misses",
            Self::Saturated { .. } => "saturated_samples",
            Self::Outliers { .. } => "outliers",
            Self::SlowStart { .. } => "slow_first_reads",
            Self::Stalls { .. } => "closed_loop_hides_stalls",
            Self::TooFewRounds { .. } => "too_few_rounds",
            Self::Evictions { .. } => "evictions",
            Self::QueryCacheOn => "query_cache_on",
            Self::RedisPersistence { .. } => "redis_persistence",
            Self::UnlikeTransports { .. } => "unlike_transports",
            Self::ForeignTraffic { .. } => "foreign_traffic",
            Self::UncountedRequests { .. } => "uncounted_requests",
            Self::BusyMachine { .. } => "busy_machine",
            Self::StolenTime { .. } => "stolen_time",
            Self::HarnessBound { .. } => "harness_bound",
            Self::IdleClients { .. } => "idle_clients",
            Self::SmallBufferPool { .. } => "small_buffer_pool",
            Self::OneServerElsewhere { .. } => "one_server_elsewhere",
            Self::SeveralServers { .. } => "several_servers",
            Self::BehindProxy { .. } => "behind_proxy",
            Self::Replica { .. } => "replica",
            Self::ReadOnlyServer => "read_only_server",
            Self::NodeNotSynced { .. } => "node_not_synced",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DebugBuild => write!(
                f,
                "this rcache was built without optimisation, and its own work counts in every number; measure with \
                 cargo build --release"
            ),
            Self::NotMeasured { workloads } => {
                write!(
                    f,
                    "nothing was measured of {}: the run ended before; measure again",
                    workloads.join(", ")
                )
            }
            Self::UnexpectedHits { workload, hits } => write!(
                f,
                "{} of {workload} that should have missed found an entry, and count as warm; does another program use \
                 the namespace? Choose another --namespace",
                units::counted(*hits, "read", "reads"),
            ),
            Self::UnexpectedMisses { workload, misses } => write!(
                f,
                "{} of {workload} that should have hit found no entry, and count as cold; do entries expire \
                 (raise --ttl) or does Redis evict them (raise maxmemory)?",
                units::counted(*misses, "read", "reads"),
            ),
            Self::Saturated { workload, path, samples } => write!(
                f,
                "{} of {workload} by path {path} took more than an hour; the histogram counts each as one hour, mean \
                 and max are exact",
                units::counted(*samples, "read", "reads"),
            ),
            Self::Outliers { workload, path, rounds, of, worst_factor } => write!(
                f,
                "{} of {} of {workload} by path {path} are far slower than the others (the worst took {worst_factor:.1} times the \
                 typical round): the machine, the network or a server held them up; trust p50 more than the mean, or \
                 measure for longer, so that their share is known better",
                units::count(*rounds as u64),
                units::counted(*of as u64, "round", "rounds"),
            ),
            Self::SlowStart { workload, path, rounds, factor } => write!(
                f,
                "the first {} of {workload} by path {path} took longer than the rest (typically {factor:.2} times): \
                 caches were still filling; measure for longer (--time), so that they weigh less",
                units::counted(*rounds as u64, "round", "rounds"),
            ),
            Self::Stalls { workload, path, stalls, p99_ns } => write!(
                f,
                "something held up {} of {workload} by path {path}, each for {} at most, in all for {:.1} % of the time: a \
                 client that waits asks nothing else, so p99 ({}) hides it; requests that keep arriving would all have waited (p99 \
                 about {}, if a stall holds up all of them); an open-loop load would see more of them",
                units::counted(stalls.reads, "read", "reads"),
                units::duration(stalls.longest_ns as f64),
                stalls.time_share * 100.0,
                units::duration(*p99_ns as f64),
                units::duration(stalls.p99_of_arrivals_ns),
            ),
            Self::TooFewRounds { workload, rounds } => write!(
                f,
                "too few rounds of {workload} ({}) for intervals, so no ratio is given; measure for longer, such as \
                 --time 30s",
                units::count(*rounds),
            ),
            Self::Evictions { keys } => write!(
                f,
                "Redis evicted {} during the run, of rcache or of others; raise its maxmemory, or read fewer keys",
                units::counted(*keys, "key", "keys"),
            ),
            Self::QueryCacheOn => write!(
                f,
                "MariaDB's query cache is on: the path mysql may have been answered from memory without running the \
                 query; turn it off with SET GLOBAL query_cache_type = OFF"
            ),
            Self::RedisPersistence { settings } => write!(
                f,
                "Redis writes its data to disk ({settings}), which slows fills and can bring deleted entries back after a \
                 restart; a cache wants save \"\" and appendonly no"
            ),
            Self::UnlikeTransports { mysql, redis } => write!(
                f,
                "MySQL is reached by {mysql} and Redis by {redis}: part of the difference is the transport's; use the same \
                 kind for both"
            ),
            Self::ForeignTraffic { workload, counter, counted, ours } => write!(
                f,
                "{server} had other traffic while {workload} was measured: its {name} grew by {}, and {} of that are \
                 ours; that load is in these numbers; measure again without it, or on a server of your own",
                units::count(*counted),
                units::count(*ours),
                server = counter.server(),
                name = counter.name(),
            ),
            Self::UncountedRequests { workload, counter, counted, ours } => write!(
                f,
                "{server} did not see all that was asked while {workload} was measured: its {name} grew by {}, and we sent \
                 {}; something in between answers in its place, or spreads requests over several servers; name the \
                 server itself in --{flag}-url",
                units::count(*counted),
                units::count(*ours),
                server = counter.server(),
                name = counter.name(),
                flag = counter.server().to_lowercase(),
            ),
            Self::BusyMachine { load, cores } => write!(
                f,
                "this machine was busy before the run began: a load average of {load:.1} on {cores} cores, and other \
                 programs were running; reads wait for their turn, the longest most of all; end what else runs, or \
                 measure on a quiet machine"
            ),
            Self::StolenTime { share } => write!(
                f,
                "the hypervisor gave {:.1} % of this machine's processor time to other guests during the run; p99 and max \
                 suffer most; trust p50 and the ratios, or measure on a machine of your own",
                share * 100.0
            ),
            Self::HarnessBound { workload, path, share, clients, cores, beside_servers: true } => write!(
                f,
                "rcache itself took {:.0} % of this machine's processor time while {} {workload} by path {path}: it shares {} \
                 with a server, and as many clients fill these, so that throughput and latency are as much rcache's as \
                 the servers'; use fewer --clients than cores, or run rcache on a machine of its own",
                share * 100.0,
                units::counted(*clients, "client read", "clients read"),
                units::counted(*cores, "core", "cores"),
            ),
            Self::HarnessBound { workload, path, share, clients, cores, beside_servers: false } => write!(
                f,
                "rcache itself took {:.0} % of this machine's processor time while {} {workload} by path {path}: its clients \
                 wait for one another's turn on {}, so that throughput and latency are as much rcache's as the servers'; \
                 use fewer --clients, or a machine with more cores",
                share * 100.0,
                units::counted(*clients, "client read", "clients read"),
                units::counted(*cores, "core", "cores"),
            ),
            Self::IdleClients { workload, path, at_work, clients } => write!(
                f,
                "on average {at_work:.1} of {clients} clients were reading {workload} by path {path} at the same time, \
                 so its latencies are those of fewer clients and its throughput may be too high; measure for longer \
                 (--time), or with fewer --clients"
            ),
            Self::SmallBufferPool { pool_bytes, data_bytes } => write!(
                f,
                "InnoDB's buffer pool ({}) is smaller than the users and their indexes ({}): reads of the path mysql go to \
                 disk, where a pool of the right size would not; raise innodb_buffer_pool_size, or seed fewer --users, \
                 unless your real server is as short of memory",
                units::bytes(*pool_bytes as f64),
                units::bytes(*data_bytes as f64)
            ),
            Self::OneServerElsewhere { elsewhere, address, other } => write!(
                f,
                "{elsewhere} is on another machine ({address}) and {other} is on this one: part of the difference is the \
                 network's; look at the round-trip floors, or put both at the same distance"
            ),
            Self::SeveralServers { address, servers, count, connections } => write!(
                f,
                "{address} is {count} servers ({}{}) for {connections} connections: reads of one path were answered by several of \
                 them, and a miss may store what one of them has not applied yet; name one server in --mysql-url",
                servers.join(", "),
                if servers.len() as u64 == *count { "" } else { ", …" },
            ),
            Self::BehindProxy { sign } => write!(
                f,
                "a proxy answers in the place of MySQL ({sign}): its time is part of every read, and it may ask any server behind \
                 it; name the server itself in --mysql-url to measure it alone"
            ),
            Self::Replica { lag_s } => write!(
                f,
                "MySQL is a replica{}: what it has not applied yet, a miss reads and stores as an old value; let the loads of a \
                 cache read the server that takes the writes",
                lag_s.map(|lag| format!(", {lag} s behind its source")).unwrap_or_default(),
            ),
            Self::ReadOnlyServer => write!(
                f,
                "MySQL is read-only, so that another server takes the writes: what this one has not applied yet, a miss reads and \
                 stores as an old value; let the loads of a cache read the server that takes the writes"
            ),
            Self::NodeNotSynced { state, healthy } => write!(
                f,
                "this node of a cluster is {state}, not {healthy}: it may be behind the others, or busy with their data; wait \
                 until it is {healthy}, or name another node in --mysql-url"
            ),
        }
    }
}

/// Warnings that follow from the samples of one workload.
pub(crate) fn of_workload(workload: &str, samples: &WorkloadSamples) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let rounds = samples.rounds.rounds();
    if rounds < MIN_ROUNDS as u64 && rounds > 0 && !samples.paths.is_empty() {
        warnings.push(Warning::TooFewRounds { workload: workload.to_owned(), rounds });
    }
    let several_codecs = samples.written.len() > 1;
    for (index, path) in samples.paths.iter().enumerate() {
        let codec = path.codec.filter(|_| several_codecs);
        let workload = match codec {
            Some(codec) => format!("{workload} ({})", codec.name()),
            None => workload.to_owned(),
        };
        let rounds = samples.rounds.column(index);
        warnings.extend(oddities(rounds).iter().map(|oddity| odd(oddity, &workload, path.path.name())));
        let histogram = path.latencies.histogram();
        if let Some(stalls) = stalls(histogram) {
            let p99_ns = histogram.value_at_quantile(0.99);
            let (workload, path) = (workload.clone(), path.path.name());
            warnings.push(Warning::Stalls { workload, path, stalls, p99_ns });
        }
        if path.path == ReadPath::Cold && path.hits > 0 {
            warnings.push(Warning::UnexpectedHits { workload: workload.clone(), hits: path.hits });
        }
        if path.path == ReadPath::Warm && path.misses > 0 {
            warnings.push(Warning::UnexpectedMisses { workload: workload.clone(), misses: path.misses });
        }
        if path.latencies.saturated() > 0 {
            let samples = path.latencies.saturated();
            warnings.push(Warning::Saturated { workload, path: path.path.name(), samples });
        }
    }
    warnings
}

fn odd(oddity: &Oddity, workload: &str, path: &'static str) -> Warning {
    let workload = workload.to_owned();
    match *oddity {
        Oddity::Outliers { rounds, of, worst_factor, .. } => {
            Warning::Outliers { workload, path, rounds, of, worst_factor }
        }
        Oddity::SlowStart { rounds, factor } => Warning::SlowStart { workload, path, rounds, factor },
    }
}
