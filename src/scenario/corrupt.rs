//! Entries that are damaged while readers go on: who notices, and who passes nonsense on?

mod vandal;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::vandal::Vandal;
use super::arms::{Client, ClientError, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::Loads;
use super::keys::{Keys, KeysGuard, new_run};
use super::outcome::{Arm, Corruption, Damage, Findings, Outcome};
use super::row::{FIRST_VERSION, Row};
use super::table::Table;
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::interrupt;

/// One after the other: nothing that is compared here is a time.
const WAYS: [Way; 2] = [Way::Naive, Way::Lease];
pub(crate) const DEFAULT_READERS: u16 = 8;
/// For each arm.
pub(crate) const DEFAULT_DURATION_S: u16 = 3;
/// Each with a cache of its own.
const PROCESSES: u16 = 2;
const KEYS: u32 = 64;
/// Between two acts of the vandal.
const DAMAGE_PAUSE: Duration = Duration::from_millis(5);
/// Short, so that entries nobody repairs come back once in a while.
const TTL: Duration = Duration::from_secs(1);
/// Short too: a lease is damaged as an entry is, and then belongs to nobody until it expires.
const LEASE: Duration = Duration::from_millis(500);
const LEASE_WAIT: Duration = Duration::from_millis(100);

/// What was asked for, with the defaults filled in.
struct Setting {
    readers: u16,
    duration: Duration,
    rng_seed: u64,
}

impl Setting {
    fn new(request: &Request) -> Self {
        Self {
            readers: request.clients.unwrap_or(DEFAULT_READERS),
            duration: Duration::from_secs(u64::from(request.duration_s.unwrap_or(DEFAULT_DURATION_S))),
            rng_seed: request.rng_seed,
        }
    }

    /// The same choices in every arm.
    fn rng(&self, number: u64) -> StdRng {
        StdRng::seed_from_u64(self.rng_seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = Setting::new(request);
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    vec![
        ("clients", u64::from(setting.readers)),
        ("processes", u64::from(PROCESSES)),
        ("duration_s", setting.duration.as_secs()),
        ("rng_seed", setting.rng_seed),
        ("keys", u64::from(KEYS)),
        ("damage_pause_ms", ms(DAMAGE_PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("lease_ms", ms(LEASE)),
        ("lease_wait_ms", ms(LEASE_WAIT)),
    ]
}

/// Runs every arm, or as many as there is time for before an interrupt.
pub(crate) fn run(
    ground: &Ground<'_>,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Outcome, ScenarioError> {
    let setting = Setting::new(request);
    let mut table = Table::create(ground.mysql)?;
    table.fill(KEYS)?;
    let run = new_run();
    let mut arms = Vec::new();
    for way in WAYS {
        if interrupt::requested() {
            break;
        }
        let keys = Keys::new(ground.namespace, &run, way.name());
        arms.push(arm(ground, &setting, way, &keys, progress)?);
    }
    Ok(Outcome { verdict: verdict::judge(&arms), arms })
}

fn arm(
    ground: &Ground<'_>,
    setting: &Setting,
    way: Way,
    keys: &Keys,
    progress: Progress<'_>,
) -> Result<Arm, ScenarioError> {
    let _guard = KeysGuard { redis: ground.redis, keys, rows: KEYS };
    let loads = Arc::new(Loads::new(KEYS));
    let stage = Stage {
        mysql: ground.mysql,
        redis: ground.redis,
        keys: keys.clone(),
        loads: Arc::clone(&loads),
        load_delay: Duration::ZERO,
        second_delete_after: Duration::ZERO,
        options: Options { ttl: TTL, lease: LEASE, lease_wait: LEASE_WAIT, ..Options::default() },
    };
    let Team { clients, background: _background, caches } =
        stage.team(way, usize::from(setting.readers), usize::from(PROCESSES))?;
    let (seen, damage) = at_work(&stage, setting, clients, way, progress)?;
    let noticed = (!caches.is_empty()).then(|| caches.iter().map(|cache| cache.stats().corrupt).sum());
    let database_loads = loads.all();
    let left = look_around(&stage, way)?;
    Ok(Arm {
        name: way.name(),
        reads: seen.reads,
        failed_reads: seen.failed_reads,
        wrong_reads: seen.wrong_reads,
        database_loads,
        writes: 0,
        failed_writes: 0,
        first_error: seen.first_error.or(left.first_error),
        findings: Findings::Corrupt(Corruption {
            damage,
            noticed,
            unusable_when_quiet: left.wrong_reads + left.failed_reads,
        }),
    })
}

/// Who takes part.
enum Part {
    /// With the number that its choices follow from.
    Reader(Box<dyn Client>, u64),
    Vandal(Box<Vandal>),
}

/// What became of it.
enum Saw {
    Answers(Seen),
    Damage(Damage),
}

/// Readers, and one who damages what they have cached, until time is over.
fn at_work(
    stage: &Stage<'_>,
    setting: &Setting,
    clients: Vec<Box<dyn Client>>,
    way: Way,
    progress: Progress<'_>,
) -> Result<(Seen, Damage), ScenarioError> {
    let vandal = Vandal::new(stage, KEYS, TTL, setting.rng(0))?;
    let readers = clients.into_iter().zip(1..).map(|(client, number)| Part::Reader(client, number));
    let parts = readers.chain([Part::Vandal(Box::new(vandal))]).collect();
    let work = |part: Part, shift: &Shift| match part {
        Part::Reader(mut client, number) => {
            Saw::Answers(read(client.as_mut(), &mut setting.rng(number), shift))
        }
        Part::Vandal(mut vandal) => {
            while shift.goes_on() {
                vandal.act();
                shift.pause(DAMAGE_PAUSE);
            }
            Saw::Damage(vandal.done)
        }
    };
    let (mut seen, mut damage) = (Seen::default(), Damage::default());
    for saw in crowd::work(parts, setting.duration, work, &mut |elapsed| progress(way.name(), elapsed))? {
        match saw {
            Saw::Answers(answers) => seen.add(answers),
            Saw::Damage(done) => damage = done,
        }
    }
    Ok((seen, damage))
}

fn read(client: &mut dyn Client, rng: &mut StdRng, shift: &Shift) -> Seen {
    let mut seen = Seen::default();
    while shift.goes_on() {
        let id = rng.random_range(0..KEYS);
        let answer = client.read(id);
        let failed = answer.is_err();
        seen.book(id, answer);
        if failed {
            // A server that is gone answers at once.
            shift.pause(Duration::from_millis(1));
        }
    }
    seen
}

/// Reads every row once more: what cannot be used now stays so until its time to live is over.
fn look_around(stage: &Stage<'_>, way: Way) -> Result<Seen, ScenarioError> {
    let mut team = stage.team(way, 1, 1)?;
    let mut seen = Seen::default();
    for client in &mut team.clients {
        for id in 0..KEYS {
            seen.book(id, client.read(id));
        }
    }
    Ok(seen)
}

/// What readers were told.
#[derive(Debug, Default)]
struct Seen {
    reads: u64,
    failed_reads: u64,
    wrong_reads: u64,
    first_error: Option<String>,
}

impl Seen {
    /// Nobody writes here, so there is one right answer.
    fn book(&mut self, id: u32, answer: Result<Option<Row>, ClientError>) {
        match answer {
            Ok(row) => {
                self.reads += 1;
                self.wrong_reads += u64::from(row != Some(Row::of(id, FIRST_VERSION)));
            }
            Err(error) => {
                self.failed_reads += 1;
                self.first_error.get_or_insert_with(|| error.to_string());
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.failed_reads += other.failed_reads;
        self.wrong_reads += other.wrong_reads;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_row_itself_is_a_right_answer() {
        let mut seen = Seen::default();
        for row in
            [Some(Row::of(7, FIRST_VERSION)), None, Some(Row::of(8, FIRST_VERSION)), Some(Row::of(7, 2))]
        {
            seen.book(7, Ok(row));
        }
        seen.book(7, Err(redis::RedisError::from(std::io::Error::other("WRONGTYPE")).into()));
        assert_eq!((seen.reads, seen.wrong_reads, seen.failed_reads), (4, 3, 1));
        assert!(seen.first_error.is_some_and(|error| error.contains("WRONGTYPE")));
    }
}
