//! The arms on a private Redis Cluster of their own: a primary is killed, or slots move to another
//! one, while clients read and write.

mod event;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;

use self::event::Disturber;
pub(super) use self::event::Event;
use super::phases::{self, Phase, at_all};
use super::tally::Tally;
use super::{ComparingReader, Course, Found, KEYS, OnCluster, Recovery, TTL};
use crate::cache::Options;
use crate::cache::cluster::slot_of;
use crate::db::error::DbError;
use crate::sandbox::OwnCluster;
use crate::scenario::database::Loads;
use crate::scenario::document::{self, Arm};
use crate::scenario::keys::Keys;
use crate::scenario::run_clients::{self, RunTime};
use crate::scenario::runner::{ArmRun, Reader};
use crate::scenario::setting::ms;
use crate::scenario::strategies::{ArmClients, ArmSetup, WriterOutcome};
use crate::scenario::version_floor::Floors;
use crate::scenario::{ScenarioError, ServerPair};

const WRITERS: u16 = 2;
/// The mean pause of a writer between two writes.
const WRITE_PAUSE: Duration = Duration::from_millis(10);
/// A node that is silent for this long is taken for gone, and its replica takes over.
const NODE_TIMEOUT: Duration = Duration::from_secs(1);
/// While slots move, no node is to be taken for gone that only waits for its turn on a busy
/// machine.
const CALM_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn config() -> [(&'static str, u64); 5] {
    [
        ("cluster_primaries", OwnCluster::PRIMARIES as u64),
        ("cluster_replicas", OwnCluster::REPLICAS as u64),
        ("cluster_node_timeout_ms", ms(NODE_TIMEOUT)),
        ("cluster_writers", u64::from(WRITERS)),
        ("cluster_write_pause_ms", ms(WRITE_PAUSE)),
    ]
}

/// Rows that are written while they are read, and those of them whose keys the event concerns.
pub(super) struct Written {
    pub(super) floors: Floors,
    is_concerned: Vec<bool>,
    /// When the concerned keys were gone, or had all moved: ns since the beginning.
    since_ns: AtomicU64,
}

impl Written {
    fn new(is_concerned: Vec<bool>) -> Self {
        Self { floors: Floors::new(KEYS), is_concerned, since_ns: AtomicU64::new(u64::MAX) }
    }

    /// Whether a hit of a read that began then shows that hits of the concerned keys are back.
    pub(super) fn shows_return(&self, id: u32, began: Duration) -> bool {
        let is_concerned = usize::try_from(id).ok().and_then(|index| self.is_concerned.get(index));
        is_concerned == Some(&true) && began.as_nanos() >= u128::from(self.since_ns.load(Ordering::SeqCst))
    }

    /// From now on a hit shows it.
    fn began(&self, elapsed: Duration) {
        let ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.since_ns.store(ns, Ordering::SeqCst);
    }

    fn since(&self) -> Duration {
        Duration::from_nanos(self.since_ns.load(Ordering::SeqCst))
    }
}

pub(super) fn run(arm: &mut ArmRun<'_>, event: Event) -> Result<Arm, ScenarioError> {
    let sandbox = arm.sandbox.as_deref_mut().ok_or(ScenarioError::NoSandbox)?;
    let timeout = match event {
        Event::Failover => NODE_TIMEOUT,
        Event::Resharding => CALM_TIMEOUT,
    };
    let mut cluster = sandbox.start_cluster(timeout).map_err(ScenarioError::Sandbox)?;
    let redis = cluster.endpoint();
    let pair = ServerPair { mysql: arm.pair.mysql, redis: &redis, namespace: arm.pair.namespace };
    let loads = Arc::new(Loads::new(KEYS));
    let setup = ArmSetup::new(&pair, arm.keys, &loads, Options::default().ttl(TTL));
    let slots = slots(arm.keys);
    let mut disturber =
        Disturber::new(&mut cluster, event, &slots, arm.setting.duration).map_err(ScenarioError::Sandbox)?;
    let written = Written::new(slots.iter().map(|slot| disturber.concerns(*slot)).collect());
    let keys = written.is_concerned.iter().filter(|is_concerned| **is_concerned).count() as u64;
    let course = Course { written: Some(written), ..Course::default() };
    let ArmClients { clients, background, usage } = arm.arm_clients(&setup, arm.setting.clients + WRITERS)?;
    let clients = workers(arm, &setup, arm.readers(clients))?;
    let (name, progress) = (arm.name(), arm.progress);
    let seen = run_clients::run(
        clients,
        phases::length(arm.setting.duration),
        |worker: Worker, run_time: &RunTime| worker.work(&course, run_time),
        &mut |elapsed| {
            progress(name, elapsed);
            disturber.look(elapsed, &course);
        },
    );
    drop(background);
    let seen = seen?;
    let happened = disturber.into_outcome().map_err(ScenarioError::Sandbox)?;
    let hits_back = at_all(
        seen.iter().filter(|(is_reader, _)| *is_reader).map(|(_, tally)| first_hit(tally, event)),
        since(&course),
    );
    let all = seen.into_iter().map(|(_, tally)| tally).fold(Tally::new(), Tally::with);
    let (writes, failed_writes) = (all.writes, all.failed_writes);
    let (answers, phases) = all.into_parts(event.phases(), true);
    let on_cluster = OnCluster {
        keys,
        takeover_ms: happened.takeover.map(document::ms),
        slots_moved: happened.slots_moved,
        hits_back_ms: hits_back.map(document::ms),
        redirects: usage.caches().iter().map(|cache| cache.stats().redirects).sum(),
    };
    let found = Found { phases, recovery_ms: Recovery::default(), cluster: Some(on_cluster) };
    let arm = answers.into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found);
    Ok(Arm { writes, failed_writes, ..arm })
}

/// The slot of each row's key.
fn slots(keys: &Keys) -> Vec<u16> {
    (0..KEYS).map(|id| slot_of(&keys.entry(id))).collect()
}

fn first_hit(tally: &Tally, event: Event) -> Option<Duration> {
    event.phases().iter().find_map(|phase: &Phase| tally.first_hit(*phase))
}

fn since(course: &Course) -> Duration {
    course.written.as_ref().map_or(Duration::ZERO, Written::since)
}

/// A client of the arm.
enum Worker {
    Reader(ComparingReader),
    Writer(Reader),
}

fn workers(arm: &ArmRun<'_>, setup: &ArmSetup<'_>, clients: Vec<Reader>) -> Result<Vec<Worker>, DbError> {
    let readers = u64::from(arm.setting.clients);
    let worker = |client: Reader| {
        Ok(if client.number < readers {
            Worker::Reader(ComparingReader { reader: client, past: setup.database()? })
        } else {
            Worker::Writer(client)
        })
    };
    clients.into_iter().map(worker).collect()
}

impl Worker {
    /// Returns whether it is a reader, and its answers.
    fn work(self, course: &Course, run_time: &RunTime) -> (bool, Tally) {
        match self {
            Self::Reader(reader) => (true, reader.read(course, run_time)),
            Self::Writer(writer) => (false, write(writer, course, run_time)),
        }
    }
}

fn write(mut writer: Reader, course: &Course, run_time: &RunTime) -> Tally {
    let mut tally = Tally::new();
    writer.repeat(run_time, WRITE_PAUSE, |Reader { client, rng, .. }| {
        let id = rng.random_range(0..KEYS);
        let written = client.write(id, WriterOutcome::Returns);
        // No reader is promised to see a write that did not return.
        if let (Ok(version), Some(rows)) = (&written, &course.written) {
            rows.floors.raise(id, *version, run_time.elapsed());
        }
        tally.book_write(written);
    });
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_of_a_concerned_key_shows_the_return_once_it_was_gone() {
        let ms = Duration::from_millis;
        let written = Written::new(vec![true, false]);
        assert!(!written.shows_return(0, ms(50)), "nothing has happened yet");
        written.began(ms(20));
        assert!(!written.shows_return(0, ms(19)) && written.shows_return(0, ms(20)));
        assert!(!written.shows_return(1, ms(30)), "a key of another node");
        assert!(!written.shows_return(9, ms(30)), "no row of the experiment");
        assert_eq!(written.since(), ms(20));
    }
}
