//! From open servers to a finished run: what `bench` and `demo` share.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use super::console::Console;
use super::environment;
use super::flush;
use super::ground;
use super::machine;
use super::own_query::Prepared;
use super::request::Request;
use super::server_watch::ServerWatch;
use super::servers::Servers;
use crate::advice;
use crate::cache::admin::{self, AdminError};
use crate::cache::connection::Connection;
use crate::cache::counters;
use crate::cache::wire;
use crate::cli::{Codec, Workload};
use crate::config::Settings;
use crate::db::session::Session;
use crate::db::{connect, counters as db_counters, seed};
use crate::measure::awake::Awake;
use crate::measure::clock::RunClock;
use crate::measure::disk::{self, DISK_READS, DiskSamples, Fresh};
use crate::measure::keys::Keys;
use crate::measure::plan::{Amount, BlockKind, Plan};
use crate::measure::rounds::{self, Outside, Task};
use crate::measure::{ControlSamples, WorkloadSamples};
use crate::paths::lane::Lane;
use crate::paths::query::own::{OwnReader, Protocol};
use crate::paths::query::{self, AllUsers, Expected, OneUser, Page, Query, TopDomains};
use crate::paths::reader::{self, Reader, ReaderOptions};
use crate::reopen::Reopening;
use crate::run_file::own::{OwnQueryRun, ParametersRun};
use crate::run_file::{self, Config, Dataset, Run, WorkloadRun};
use crate::stats::foreign::{self, ServerSide};
use crate::stats::harness;
use crate::stats::precision;
use crate::stats::warnings::{self, Warning};
use crate::users::DataSet;
use crate::{interrupt, units};

/// How long Redis may take to answer when entries are removed after an interrupt.
const AFTER_INTERRUPT: Duration = Duration::from_secs(1);

/// Servers that hold the users, and what they said of themselves.
pub(super) struct Bench<'a> {
    servers: &'a mut Servers,
    namespace: &'a str,
    console: &'a Console,
    /// None if no built-in workload is measured.
    expected: Option<Arc<Expected>>,
    /// Queries of the user's own.
    queries: Vec<Own>,
    mysql: run_file::Server,
    redis: run_file::Server,
    admin: Reopening<Connection, AdminError>,
    warnings: Vec<Warning>,
    /// While reads are measured.
    awake: Option<Awake>,
}

/// A run, and whether it is one to be ashamed of.
pub(super) struct Measured {
    pub(super) run: Run,
    /// Reads that failed or answered wrongly.
    pub(super) failed_reads: u64,
    /// The first of them, in words.
    pub(super) first_error: Option<String>,
}

/// What is measured as one: its name, the second part of its keys, and what answers are compared with.
pub(super) struct Target<Q: Query> {
    name: String,
    kind: String,
    reference: Arc<Q::Reference>,
    /// At most so many percent of each connection's time.
    share: Option<u8>,
}

/// What a workload reads.
#[derive(Clone)]
enum Subject {
    BuiltIn(Workload),
    Own(Own),
}

/// A query of the user's own, ready to be measured.
#[derive(Clone)]
struct Own {
    prepared: Rc<Prepared>,
    /// If none is asked for.
    codec: Codec,
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Self::BuiltIn(workload) => workload.name().to_owned(),
            Self::Own(own) => own.prepared.query.name.clone(),
        }
    }
}

/// A workload whose rounds are over.
struct Finished {
    subject: Subject,
    plan: Plan,
    codecs: Vec<Codec>,
    samples: WorkloadSamples,
    server_side: ServerSide,
}

impl Finished {
    /// As it is saved, codec by codec.
    fn runs(&self, request: &Request) -> Vec<WorkloadRun> {
        let Self { subject, plan, codecs, samples, server_side } = self;
        let name = subject.name();
        let run = |codec: &Codec| {
            let mut run =
                run_file::build::workload(&name, *codec, plan, samples, request.distance, request.rng_seed);
            run.add_server_side(server_side, &samples.issued, *codec);
            if let Subject::Own(own) = subject {
                run.query = Some(own.described(samples, plan, run.value_bytes, request));
            }
            run
        };
        codecs.iter().map(run).collect()
    }
}

impl<'a> Bench<'a> {
    /// Asks both servers what they are; with `reads_users`, checks that the table holds the users it should.
    pub(super) fn prepare(
        servers: &'a mut Servers,
        settings: &'a Settings,
        console: &'a Console,
        reads_users: bool,
    ) -> anyhow::Result<Self> {
        let (mysql_endpoint, redis_endpoint) = (servers.mysql()?, servers.redis()?);
        let mut conn = connect::connect(mysql_endpoint)?;
        let mut admin = admin::reopening(redis_endpoint)?;
        let info = connect::server_info(&mut conn)?;
        let transport = mysql_endpoint.transport();
        let mysql = environment::server(
            info.flavor,
            &info.version,
            transport,
            servers.mysql_in_sandbox,
            info.settings,
        );
        let info = admin::server_info(admin.get()?)?;
        let transport = redis_endpoint.transport();
        let redis = environment::server(
            info.flavor,
            &info.version,
            transport,
            servers.redis_in_sandbox,
            info.settings,
        );
        let (mut expected, mut data_bytes) = (None, None);
        if reads_users {
            let data = users_in_table(&mut conn, console)?;
            expected = Some(Arc::new(Expected::of(data, &[])));
            data_bytes = db_counters::table_bytes(&mut conn);
        }
        let warnings = ground::warnings(data_bytes, (mysql_endpoint, &mysql), (redis_endpoint, &redis));
        let namespace = &settings.namespace;
        let queries = Vec::new();
        Ok(Self {
            servers,
            namespace,
            console,
            expected,
            queries,
            mysql,
            redis,
            admin,
            warnings,
            awake: None,
        })
    }

    /// Adds queries of the user's own. Some of their answers are read, to know whether Redis has room for all.
    pub(super) fn add_queries(&mut self, queries: Vec<Prepared>, request: &Request) -> anyhow::Result<()> {
        let mut needed = 0u64;
        for prepared in queries {
            let probed = prepared.probe(self.servers)?;
            let codec = probed.codec();
            let codecs = if request.codecs.is_empty() { vec![codec] } else { request.codecs.clone() };
            let keys = u64::from(prepared.query.sets());
            let keys = match request.amount {
                Amount::Reads(reads) => keys.min(reads),
                Amount::Time(_) => keys,
            };
            needed = needed.saturating_add(probed.entry_bytes(&codecs)?.saturating_mul(keys));
            self.queries.push(Own { prepared: Rc::new(prepared), codec });
        }
        self.check_room(needed)?;
        self.remove_entries(request)
    }

    /// Refuses entries for which Redis would have to evict others, or which it could not take.
    fn check_room(&mut self, needed: u64) -> anyhow::Result<()> {
        let Some(free) = counters::free_bytes(self.admin.get()?)? else { return Ok(()) };
        if needed > free {
            bail!(
                "the entries would take about {} in Redis, and {} of its maxmemory are free; nothing was written\n  \
                 measure fewer parameters, or raise maxmemory",
                units::bytes(needed as f64),
                units::bytes(free as f64)
            );
        }
        Ok(())
    }

    /// Removes the entries of the queries, and nothing else.
    pub(super) fn remove_entries(&self, request: &Request) -> anyhow::Result<()> {
        if self.queries.is_empty() {
            return Ok(());
        }
        let redis = self.servers.redis()?;
        // Also after an interrupt, for which they must not stay.
        let patience = if interrupt::requested() { AFTER_INTERRUPT } else { reader::LIMITS.reply };
        let limits = wire::Limits { is_over: None, reply: patience, ..reader::LIMITS };
        let mut wire =
            wire::Connection::open(redis, limits).map_err(|error| admin::refused(redis, &error))?;
        for own in &self.queries {
            let query = &own.prepared.query;
            let plan = own.plan(request);
            for codec in own.codecs(request) {
                let layout = reader::key_layout(self.namespace, &query.kind(), codec);
                let mut keys = plan.items().map(|item| layout.key(query.key_id(item)));
                reader::remove_entries(&mut wire, &mut keys)?;
            }
        }
        Ok(())
    }

    /// Removes the entries of earlier runs.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let flushed = flush::with_progress(self.admin.get()?, self.namespace, self.console)?;
        if let Some(refusal) = flush::refusal(&flushed, self.namespace) {
            bail!(refusal);
        }
        if flushed.in_the_way > 0 {
            bail!(
                "{} of namespace {:?} are in the way of rcache's entries, and rcache did not make them; they were left \
                 alone\n  choose another --namespace",
                units::counted(flushed.in_the_way, "key", "keys"),
                self.namespace
            );
        }
        self.console.detail(&format!(
            "Flushed {} of earlier runs.",
            units::counted(flushed.removed, "entry", "entries")
        ));
        Ok(())
    }

    /// MySQL and Redis, as they describe themselves.
    pub(super) fn described(&self) -> (&run_file::Server, &run_file::Server) {
        (&self.mysql, &self.redis)
    }

    /// The users of the built-in workloads.
    pub(super) fn data(&self) -> anyhow::Result<DataSet> {
        Ok(self.expected()?.data)
    }

    fn expected(&self) -> anyhow::Result<&Arc<Expected>> {
        self.expected.as_ref().context("this run reads no users")
    }

    /// Measures every workload; what is interrupted or fails in the middle is still a run.
    pub(super) fn run(mut self, request: &Request, keep: bool) -> anyhow::Result<Measured> {
        let clock = RunClock::start();
        self.awake = request.awake();
        let times = machine::Times::now();
        let expected = |known: &Arc<Expected>| Arc::new(Expected::of(known.data, &request.workloads));
        self.expected = self.expected.as_ref().map(expected);
        let evicted_before = counters::read(self.admin.get()?)?.evicted;
        let (mut finished, mut first_error) = self.rounds(request)?;
        // The servers may be what failed: then there is nothing to ask.
        let evicted = self
            .admin
            .get()
            .and_then(counters::read)
            .ok()
            .and_then(|counters| counters.evicted)
            .zip(evicted_before);
        // After all rounds: what a restart leaves behind is no ground for any other path.
        if request.reads_from_disk() && first_error.is_none() {
            first_error = self.read_from_disk(request, &mut finished);
        }
        // Whatever happened, they are not to stay.
        if let Err(error) = if keep { Ok(()) } else { self.remove_entries(request) } {
            self.console.warning(&format!("entries of the query stay in Redis until they expire: {error:#}"));
        }
        let ground = self.harness_ground(request)?;
        let mut controls = ControlSamples::new();
        for Finished { subject, samples, server_side, .. } in &finished {
            let name = subject.name();
            controls.merge(&samples.controls);
            self.warnings.extend(warnings::of_workload(&name, samples));
            self.warnings.extend(harness::warnings(&name, samples, ground));
            self.warnings.extend(foreign::warnings(&name, server_side, &samples.issued));
        }
        if let Some((after, before)) = evicted.filter(|(after, before)| after > before) {
            self.warnings.push(Warning::Evictions { keys: after - before });
        }
        self.warnings.extend(times.and_then(machine::Times::stolen_since));
        let reached = finished.len();
        let unreached: Vec<&'static str> =
            request.workloads.iter().skip(reached).map(|workload| workload.name()).collect();
        if !unreached.is_empty() {
            self.warnings.push(Warning::NotMeasured { workloads: unreached });
        }
        let failed_reads = finished.iter().map(|finished| finished.samples.failed_reads()).sum();
        let workloads = finished.iter().flat_map(|finished| finished.runs(request)).collect();
        let run = self.assemble(request, &clock, workloads, &controls);
        Ok(Measured { run, failed_reads, first_error })
    }

    fn harness_ground(&self, request: &Request) -> anyhow::Result<harness::Ground> {
        let (mysql, redis) = (&self.servers.mysql()?.address, &self.servers.redis()?.address);
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        Ok(harness::Ground {
            clients: u64::from(request.clients),
            cores: cores as u64,
            beside_servers: mysql.is_here() || redis.is_here(),
        })
    }

    /// Every workload's rounds, and the first failure, which ends them.
    fn rounds(&self, request: &Request) -> anyhow::Result<(Vec<Finished>, Option<String>)> {
        let mut finished = Vec::new();
        let built_in = request.workloads.iter().map(|workload| Subject::BuiltIn(*workload));
        for subject in built_in.chain(self.queries.iter().cloned().map(Subject::Own)) {
            if interrupt::requested() {
                break;
            }
            let one = match self.subject(subject, request) {
                Ok(one) => one,
                // What earlier workloads gave is not lost.
                Err(error) if !finished.is_empty() => return Ok((finished, Some(format!("{error:#}")))),
                Err(error) => return Err(error),
            };
            let first_error = one.samples.first_error.clone();
            finished.push(one);
            if first_error.is_some() {
                return Ok((finished, first_error));
            }
        }
        Ok((finished, None))
    }

    fn subject(&self, subject: Subject, request: &Request) -> anyhow::Result<Finished> {
        match subject {
            Subject::BuiltIn(workload) => self.workload(workload, request),
            Subject::Own(own) => {
                let (plan, codecs) = (own.plan(request), own.codecs(request));
                let target = own.target(request);
                let (samples, server_side) = self.measure(&target, &codecs, &plan, request)?;
                Ok(Finished { subject: Subject::Own(own), plan, codecs, samples, server_side })
            }
        }
    }

    fn workload(&self, workload: Workload, request: &Request) -> anyhow::Result<Finished> {
        let clients = u64::from(request.clients);
        let dealing = request.dealing();
        let plan = Plan::new(workload, request.amount, clients, self.data()?, dealing, request.rng_seed);
        let codecs = codecs(workload, request);
        let (samples, server_side) = match workload {
            Workload::All => self.measure(&self.users::<AllUsers>(workload)?, &codecs, &plan, request)?,
            Workload::Page => self.measure(&self.users::<Page>(workload)?, &codecs, &plan, request)?,
            Workload::Point => self.measure(&self.users::<OneUser>(workload)?, &codecs, &plan, request)?,
            Workload::Aggregate => {
                self.measure(&self.users::<TopDomains>(workload)?, &codecs, &plan, request)?
            }
        };
        Ok(Finished { subject: Subject::BuiltIn(workload), plan, codecs, samples, server_side })
    }

    /// A built-in workload, whose answers are made of the data set.
    pub(super) fn users<Q: Query<Reference = Expected>>(
        &self,
        workload: Workload,
    ) -> anyhow::Result<Target<Q>> {
        Ok(Target {
            name: workload.name().to_owned(),
            kind: query::kind(workload).to_owned(),
            reference: Arc::clone(self.expected()?),
            share: None,
        })
    }

    /// The reads of every workload from disk; the first failure, in words.
    fn read_from_disk(&mut self, request: &Request, finished: &mut [Finished]) -> Option<String> {
        for Finished { subject, plan, samples, .. } in finished {
            if interrupt::requested() {
                break;
            }
            let disk = match subject {
                Subject::BuiltIn(Workload::All) => {
                    self.users::<AllUsers>(Workload::All).map(|target| self.restarted(&target, plan, request))
                }
                Subject::BuiltIn(Workload::Page) => {
                    self.users::<Page>(Workload::Page).map(|target| self.restarted(&target, plan, request))
                }
                Subject::BuiltIn(Workload::Point) => self
                    .users::<OneUser>(Workload::Point)
                    .map(|target| self.restarted(&target, plan, request)),
                Subject::BuiltIn(Workload::Aggregate) => self
                    .users::<TopDomains>(Workload::Aggregate)
                    .map(|target| self.restarted(&target, plan, request)),
                Subject::Own(own) => Ok(self.restarted(&own.target(request), plan, request)),
            };
            let disk = match disk {
                Ok(disk) => disk,
                Err(error) => return Some(format!("{error:#}")),
            };
            let first_error = disk.first_error.clone();
            samples.disk = Some(disk);
            if first_error.is_some() {
                return first_error;
            }
        }
        None
    }

    /// Reads of one workload, each after a restart of the database.
    fn restarted<Q: Query>(&mut self, target: &Target<Q>, plan: &Plan, request: &Request) -> DiskSamples {
        let items = plan.first_items(DISK_READS);
        let template = format!(
            "measuring {} from disk {{wide_bar}} restart {{human_pos}} of {{human_len}}, {{eta}} left",
            target.name
        );
        self.console.step(&format!("reading {} from disk ...", target.name));
        let bar = self.console.progress(items.len() as u64, &template);
        let mut restart = || {
            self.servers.restart_mysql()?;
            let watch = connect::connect(self.servers.mysql()?)?;
            Ok(Fresh { reader: self.reader(target, &[], request.ttl)?, watch })
        };
        let mut samples = disk::measure(&items, target.reference.as_ref(), &mut restart, &mut || bar.inc(1));
        bar.finish_and_clear();
        samples.storage = self.servers.storage_of("users");
        samples
    }

    fn measure<Q: Query>(
        &self,
        target: &Target<Q>,
        codecs: &[Codec],
        plan: &Plan,
        request: &Request,
    ) -> anyhow::Result<(WorkloadSamples, ServerSide)> {
        const STEPS: u64 = 1_000;
        let template = format!("measuring {} {{wide_bar}} {{eta}} left", target.name);
        self.console.step(&format!("measuring {} ...", target.name));
        let watch = ServerWatch::begin(self.servers);
        let bar = self.console.progress(STEPS, &template);
        let blocks = request.blocks(codecs);
        let task = Task {
            plan: plan.clone(),
            amount: request.amount,
            kinds: &blocks,
            reference: &target.reference,
            share: target.share,
        };
        let mut outside = Outside {
            open: &|| self.reader(target, codecs, request.ttl),
            is_precise: &|samples| {
                // Generators that started together also end together.
                request.start_at.is_none() && precision::is_precise(samples, codecs, request.rng_seed)
            },
            progress: &mut |share| bar.set_position(units::whole(share * STEPS as f64)),
        };
        let samples = rounds::measure(task, request.clients, &mut outside);
        bar.finish_and_clear();
        let samples = samples?;
        let sample = plan.block_of(BlockKind::Lane(Lane::MYSQL), 0, 0).items;
        let layouts =
            codecs.iter().map(|codec| (*codec, reader::key_layout(self.namespace, &target.kind, *codec)));
        let server_side = watch.end(&layouts.collect::<Vec<_>>(), &sample);
        Ok((samples, server_side))
    }

    /// A client with connections of its own.
    pub(super) fn reader<Q: Query>(
        &self,
        target: &Target<Q>,
        codecs: &[Codec],
        ttl: Duration,
    ) -> anyhow::Result<Reader<Q>> {
        let (mysql, redis) = (self.servers.mysql()?, self.servers.redis()?);
        let conn = Q::open(mysql, &target.reference)?;
        let wire =
            wire::Connection::open(redis, reader::LIMITS).map_err(|error| admin::refused(redis, &error))?;
        let options = ReaderOptions { codecs, namespace: self.namespace, kind: &target.kind, ttl };
        let reader = Reader::new(conn, (wire, redis), &target.reference, &options)
            .context("cannot prepare a statement")?;
        Ok(reader.reopening(mysql, redis, &target.reference))
    }

    fn assemble(
        self,
        request: &Request,
        clock: &RunClock,
        workloads: Vec<WorkloadRun>,
        controls: &ControlSamples,
    ) -> Run {
        Run {
            format: run_file::FORMAT.to_owned(),
            format_version: run_file::FORMAT_VERSION,
            rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: clock.started_at(),
            wall_s: clock.elapsed_s(),
            interrupted: interrupt::requested(),
            environment: environment::environment(self.mysql, self.redis),
            dataset: self.expected.as_ref().map(|expected| Dataset {
                users: u64::from(expected.data.users),
                rng_seed: expected.data.rng_seed,
                fingerprint: expected.data.fingerprint().to_string(),
            }),
            config: Config {
                iterations: match request.amount {
                    Amount::Reads(reads) => Some(reads),
                    Amount::Time(_) => None,
                },
                time_s: match request.amount {
                    Amount::Reads(_) => None,
                    Amount::Time(time) => Some(time.as_secs_f64()),
                },
                clients: u64::from(request.clients),
                paths: request.paths.iter().map(|path| path.name().to_owned()).collect(),
                placement: if request.dealing().is_some() { "even" } else { "free" }.to_owned(),
                cores_awake: self.awake.is_some(),
                ttl_s: request.ttl.as_secs(),
                verify_hit_percent: request.verify_hit_percent.map(u64::from),
                rng_seed: request.rng_seed,
            },
            controls: run_file::build::controls(controls),
            workloads,
            assertions: Vec::new(),
            warnings: self.warnings.iter().map(saved_warning).collect(),
            runs: Vec::new(),
            generators: 1,
            first_accesses: None,
        }
    }
}

impl Own {
    fn target(&self, request: &Request) -> Target<OwnReader> {
        let query = &self.prepared.query;
        Target {
            name: query.name.clone(),
            kind: query.kind(),
            reference: Arc::clone(query),
            share: request.share,
        }
    }

    fn plan(&self, request: &Request) -> Plan {
        let (clients, dealing) = (u64::from(request.clients), request.dealing());
        let keys = Keys::of_sets(self.prepared.query.sets(), clients, dealing.is_some());
        Plan::over(keys, request.amount, clients, dealing, request.rng_seed)
    }

    fn codecs(&self, request: &Request) -> Vec<Codec> {
        if request.codecs.is_empty() { vec![self.codec] } else { request.codecs.clone() }
    }

    /// What the run file says of it.
    fn described(
        &self,
        samples: &WorkloadSamples,
        plan: &Plan,
        value_bytes: Option<u64>,
        request: &Request,
    ) -> OwnQueryRun {
        let Prepared { query, explain, columns, .. } = &*self.prepared;
        let (statement, parameters, seen) = (&query.statement, &query.parameters, query.seen());
        let mean = |sum: u64| (seen.answers > 0).then(|| sum as f64 / seen.answers as f64);
        OwnQueryRun {
            statement: statement.normalised().to_owned(),
            digest: statement.digest(),
            protocol: match query.protocol {
                Protocol::Prepared => "prepared",
                Protocol::Text => "text",
            }
            .to_owned(),
            parameters: ParametersRun {
                count: parameters.count(),
                keys: u64::from(query.sets()),
                duplicates: parameters.duplicates(),
                fingerprint: parameters.fingerprint(),
            },
            explain: explain.clone(),
            columns: *columns,
            mean_rows: mean(seen.rows),
            most_rows: seen.most_rows,
            mean_bytes: mean(seen.bytes),
            most_bytes: seen.most_bytes,
            changed_meanwhile: seen.changed,
            volatile: statement.volatile().iter().map(|name| (*name).to_owned()).collect(),
            share_percent: request.share.map(u64::from),
            database_s: std::time::Duration::from_nanos(samples.database_ns).as_secs_f64(),
            all_keys_bytes: value_bytes.map(|bytes| bytes.saturating_mul(plan.keys())),
        }
    }
}

/// Those that were asked for, or the fastest for the workload.
fn codecs(workload: Workload, request: &Request) -> Vec<Codec> {
    if !request.codecs.is_empty() {
        return request.codecs.clone();
    }
    vec![workload.default_codec()]
}

fn saved_warning(warning: &Warning) -> run_file::Warning {
    run_file::Warning { code: warning.code().to_owned(), message: warning.to_string() }
}

/// The users that the table holds, proved by their fingerprint.
fn users_in_table(conn: &mut Session, console: &Console) -> anyhow::Result<DataSet> {
    let spinner = console.spinner("checking the table's fingerprint");
    let checked = seed::check(conn);
    spinner.finish_and_clear();
    let Some(data) = checked? else {
        bail!("the table is not seeded\n  fill it first:{}", advice::line("seed"));
    };
    console.detail(&format!(
        "The table holds {} users of rng_seed {}, unchanged.",
        units::count(u64::from(data.users)),
        data.rng_seed
    ));
    Ok(data)
}
