//! The program's own work beside the limit of that work, in turn on the same servers: what
//! `scripts/limits` shows.

mod library;
mod statistics;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mysql::LocalInfileHandler;

use crate::db::rows::RowConnection;
use crate::db::session::Session;
use crate::db::{connect, schema, seed};
use crate::endpoint::{Address, MysqlEndpoint, RedisEndpoint};
use crate::measure::clock::{timed, timed_in_parts};
use crate::model::phase::Phase;
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, ReadPath};
use crate::paths::client::Client;
use crate::paths::nodes::Nodes;
use crate::paths::query::{AllUsers, Expected, Workload};
use crate::paths::reader::{self, Reader, ReaderOptions};
use crate::samples::latencies::Latencies;
use crate::sandbox::{Sandbox, Wanted};
use crate::secret::Secret;
use crate::units;
use crate::users::{DEFAULT_RNG_SEED, DEFAULT_USERS, DataSet};

const READ_PAIRS: usize = 300;
const SEED_PAIRS: u64 = 9;
const SAMPLES: u64 = 5_000_000;
const DATA: DataSet = DataSet { users: DEFAULT_USERS, rng_seed: DEFAULT_RNG_SEED };

/// The measurements.
pub(crate) struct Limits {
    seeding: Vec<Pair>,
    reading: Vec<Pair>,
    hits: Vec<Pair>,
    misses: Vec<Pair>,
    sample_ns: f64,
    part_ns: f64,
    statistics_ns: u64,
    peak_bytes: Option<u64>,
}

/// Measures all limits on a sandbox of its own.
pub(crate) fn measure() -> anyhow::Result<Limits> {
    let (statistics_ns, peak_bytes) = statistics::of_a_million_reads();
    let folder = tempfile::tempdir().context("cannot make a folder for the sandbox")?;
    let wanted = Wanted { mysql: true, redis: true };
    let sandbox = Sandbox::open(&folder.path().join("sandbox"), wanted, "limits", &mut |_| {})?;
    let mysql = sandbox.mysql().context("the sandbox has no MySQL")?;
    let redis = sandbox.redis().context("the sandbox has no Redis")?;
    let limits = Limits {
        seeding: seed_pairs(mysql)?,
        reading: read_pairs(mysql, redis)?,
        hits: library::hits(redis)?,
        misses: library::misses(redis)?,
        sample_ns: sample_cost_ns(),
        part_ns: part_cost_ns(),
        statistics_ns,
        peak_bytes,
    };
    sandbox.stop()?;
    Ok(limits)
}

impl Limits {
    /// The measurements as a page.
    pub(crate) fn page(&self) -> String {
        let mut text = String::new();
        row(&mut text, ["work", "rcache", "limit", "median ratio", "p10 to p90"].map(str::to_owned));
        row(&mut text, compare("seed 100,000 users / bare LOAD DATA", &self.seeding));
        row(&mut text, compare("all warm, decoded / raw socket read", &self.reading));
        row(&mut text, compare("library: a hit / bare GET of it", &self.hits));
        row(&mut text, compare("library: a miss / GET and SET", &self.misses));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "taking and recording one sample: {:.0} ns", self.sample_ns);
        let _ = writeln!(text, "splitting a read: {:.0} ns a part", self.part_ns);
        let time = units::duration(self.statistics_ns as f64);
        let memory = self.peak_bytes.map_or("not known".to_owned(), |bytes| units::bytes(bytes as f64));
        let _ =
            writeln!(text, "statistics of 1,000,000 reads by each of 3 paths: {time}, peak memory {memory}");
        text
    }

    /// The pairs as `benches/peers/table.py` reads them: work, unit, aim, ours, the limit; a line
    /// each.
    pub(crate) fn pairs(&self) -> String {
        let mut text = String::new();
        let works = [
            (
                "seed of 100,000 users, within the program / bare `LOAD DATA` of a ready file",
                "<= 1.2",
                &self.seeding,
            ),
            ("`all` `warm`, decoded / raw socket read of the same bytes", "<= 1.3", &self.reading),
        ];
        // Writing to a String cannot fail.
        for (work, aim, pairs) in works {
            for (ours, limit) in pairs {
                let _ = writeln!(text, "{work}\tns\t{aim}\t{ours}\t{limit}");
            }
        }
        let _ = writeln!(text, "taking and recording one sample\tns\t<= 60\t{:.1}\t", self.sample_ns);
        text
    }
}

/// The same work twice, ns: rcache's, and the limit's.
type Pair = (u64, u64);

/// The warm read of all users, and a bare GET of the same bytes into a buffer that is kept.
fn read_pairs(mysql: &MysqlEndpoint, redis: &RedisEndpoint) -> anyhow::Result<Vec<Pair>> {
    let expected = Arc::new(Expected::of(DATA, &[]));
    let namespace = "limits";
    let kind = Workload::All.about().kind;
    let options = ReaderOptions { codecs: &[Codec::Arrow], namespace, kind, ttl: Duration::from_secs(3600) };
    let wire = Nodes::open(redis, reader::LIMITS)?;
    let mut reader: Reader<AllUsers> =
        Reader::new(RowConnection::open(mysql)?, (wire, redis), &expected, &options)?;
    let warm = Series::cached(ReadPath::Warm, Codec::Arrow);
    reader.prepare(warm, &[0])?;
    let entry_bytes = reader.written().iter().map(|(_, written)| written.bytes).sum();
    let key = reader::key_layout(namespace, kind, Codec::Arrow).key(0);
    let mut raw = RawGet::open(redis, &key, entry_bytes)?;
    let mut pairs = Vec::with_capacity(READ_PAIRS);
    for pair in 0..READ_PAIRS {
        let (mut limit, mut read) = (None, None);
        // In turn first: whoever comes second finds warmer caches.
        for turn in [pair % 2, 1 - pair % 2] {
            if turn == 0 {
                limit = Some(timed(|| raw.get()));
            } else {
                read = Some(timed(|| reader.read(BlockKind::Series(warm), 0, &mut |_| ())));
            }
        }
        if let (Some((raw_outcome, raw_ns)), Some((read, read_ns))) = (limit, read) {
            raw_outcome?;
            anyhow::ensure!(read?.answer.len() == DATA.users as usize, "a read is not whole");
            pairs.push((read_ns, raw_ns));
        }
    }
    Ok(pairs)
}

/// A GET with nothing around it: the bytes go into a buffer that is kept, and nobody looks at them.
struct RawGet {
    stream: TcpStream,
    command: Vec<u8>,
    buffer: Vec<u8>,
}

impl RawGet {
    fn open(redis: &RedisEndpoint, key: &[u8], entry_bytes: u64) -> anyhow::Result<Self> {
        let Address::Tcp { host, port } = &redis.address else {
            anyhow::bail!("the limit is measured over TCP")
        };
        let mut stream = TcpStream::connect((host.as_str(), *port))?;
        stream.set_nodelay(true)?;
        let password = redis.password.as_ref().map_or("", Secret::reveal);
        stream.write_all(format!("AUTH {password}\r\n").as_bytes())?;
        stream.read_exact(&mut [0; 5])?;
        let mut command = format!("*2\r\n$3\r\nGET\r\n${}\r\n", key.len()).into_bytes();
        command.extend_from_slice(key);
        command.extend_from_slice(b"\r\n");
        // "$", the length, the bytes, and two line ends.
        let reply_bytes = usize::try_from(entry_bytes)? + entry_bytes.to_string().len() + 5;
        Ok(Self { stream, command, buffer: vec![0; reply_bytes] })
    }

    fn get(&mut self) -> std::io::Result<()> {
        self.stream.write_all(&self.command)?;
        // In one go it takes longer, see `cache/wire.rs`: that would be no limit.
        self.buffer.chunks_mut(64 * 1024).try_for_each(|piece| self.stream.read_exact(piece))
    }
}

/// A whole seed with its checks, and LOAD DATA LOCAL of the same rows from a ready file.
fn seed_pairs(mysql: &MysqlEndpoint) -> anyhow::Result<Vec<Pair>> {
    let mut file = tempfile::tempfile()?;
    write_rows(&mut file)?;
    let mut pairs = Vec::new();
    for pair in 0..=SEED_PAIRS {
        let mut conn = connect::connect(mysql)?;
        // As on the first day: the tables are there and empty, for both.
        schema::drop(&mut conn)?;
        schema::create(&mut conn)?;
        let progress: seed::Progress = Arc::new(|_| {});
        let (seeded, seed_ns) = timed(|| seed::seed(&mut conn, mysql, DATA, false, &progress));
        seeded?;
        let bare_ns = bare_load(&mut conn, &file)?;
        // The first pair warms everything up.
        if pair > 0 {
            pairs.push((seed_ns, bare_ns));
        }
    }
    Ok(pairs)
}

fn write_rows(file: &mut std::fs::File) -> std::io::Result<()> {
    let mut rows = std::io::BufWriter::new(file);
    for user in DATA.all().iter() {
        writeln!(rows, "{}\t{}\t{}", user.id, user.username, user.email)?;
    }
    rows.flush()
}

/// Does the work of `mysql --local-infile` with a ready file, into the emptied table, with the
/// settings that suit it best.
fn bare_load(conn: &mut Session, file: &std::fs::File) -> anyhow::Result<u64> {
    conn.query_drop(include_str!("../sql/truncate_users.sql"))?;
    conn.query_drop(include_str!("../sql/load_session.sql"))?;
    let mut source = file.try_clone()?;
    std::io::Seek::rewind(&mut source)?;
    conn.set_local_infile_handler(Some(LocalInfileHandler::new(move |_, sink| {
        std::io::copy(&mut source, sink).map(drop)
    })));
    let (loaded, ns) = timed(|| conn.query_drop(include_str!("../sql/load_users.sql")));
    conn.set_local_infile_handler(None);
    loaded?;
    Ok(ns)
}

/// Two looks at the clock and one record: what measuring adds to each read, ns.
fn sample_cost_ns() -> f64 {
    let mut latencies = Latencies::new();
    let ((), total_ns) = timed(|| {
        for sample in 0..SAMPLES {
            let ((), ns) = timed(|| ());
            latencies.record(ns + (sample & 0xFFFF));
        }
    });
    std::hint::black_box(latencies.count());
    total_ns as f64 / SAMPLES as f64
}

/// The time that splitting a read adds for each phase, ns.
fn part_cost_ns() -> f64 {
    let ((), total_ns) = timed(|| {
        for _ in 0..SAMPLES {
            let split = timed_in_parts(|laps| Phase::ALL.into_iter().for_each(|part| laps.end(part)));
            std::hint::black_box(split.parts);
        }
    });
    let ((), whole_ns) = timed(|| {
        for _ in 0..SAMPLES {
            std::hint::black_box(timed(|| ()).1);
        }
    });
    total_ns.saturating_sub(whole_ns) as f64 / (SAMPLES as f64 * Phase::ALL.len() as f64)
}

fn compare(work: &str, pairs: &[Pair]) -> [String; 5] {
    let mut ratios: Vec<f64> = pairs.iter().map(|(ours, limit)| *ours as f64 / *limit as f64).collect();
    ratios.sort_by(f64::total_cmp);
    let median_ns = |side: fn(&Pair) -> u64| {
        let mut times: Vec<u64> = pairs.iter().map(side).collect();
        times.sort_unstable();
        units::duration(times[times.len() / 2] as f64)
    };
    let at = |share: f64| ratios[units::index(share, ratios.len())];
    [
        work.to_owned(),
        median_ns(|pair| pair.0),
        median_ns(|pair| pair.1),
        format!("{:.2}", at(0.5)),
        format!("{:.2} to {:.2}", at(0.1), at(0.9)),
    ]
}

fn row(text: &mut String, [work, ours, limit, ratio, spread]: [String; 5]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{work:<38} {ours:>9} {limit:>9} {ratio:>13}  {spread}");
}
