//! Before anything is measured: who the servers are, what the table holds, whether Redis has room,
//! and what could spoil the run.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use super::flush;
use super::machine;
use super::own_query::{Own, Prepared};
use super::request::Request;
use super::subject::{NO_USERS, Target};
use crate::advice;
use crate::cache::admin::{self, AdminError};
use crate::cache::connection::Connection;
use crate::cache::counters;
use crate::cache::wire;
use crate::config::Settings;
use crate::console::Console;
use crate::db::session::Session;
use crate::db::{connect, counters as db_counters, seed};
use crate::endpoint::{Address, MysqlEndpoint, RedisEndpoint};
use crate::measure::plan::Amount;
use crate::model::Codec;
use crate::paths::nodes::Nodes;
use crate::paths::query::{BuiltIn, Expected, Query, Workload};
use crate::paths::reader::{self, Reader, ReaderOptions};
use crate::reopen::Reopening;
use crate::run_file::Server;
use crate::servers::{Servers, environment};
use crate::stats::warnings::Warning;
use crate::users::DataSet;
use crate::{interrupt, units};

/// The time that Redis may take to answer when entries are removed after an interrupt.
const AFTER_INTERRUPT: Duration = Duration::from_secs(1);

/// Servers that are ready to be measured.
pub(crate) struct Ready<'a> {
    pub(super) servers: &'a mut Servers,
    pub(super) namespace: &'a str,
    pub(super) console: &'a Console,
    /// None if no built-in workload is measured.
    pub(super) expected: Option<Arc<Expected>>,
    /// Queries of the user's own.
    pub(super) queries: Vec<Own>,
    pub(super) mysql: Server,
    pub(super) redis: Server,
    pub(super) admin: Reopening<Connection, AdminError>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Ready<'a> {
    /// Asks both servers who they are; with `reads_users`, checks that the table holds the users it
    /// should.
    pub(crate) fn new(
        servers: &'a mut Servers,
        settings: &'a Settings,
        console: &'a Console,
        reads_users: bool,
    ) -> anyhow::Result<Self> {
        let (mysql, redis) = environment::describe(servers)?;
        let (mysql_endpoint, redis_endpoint) = (servers.mysql()?, servers.redis()?);
        let admin = admin::reopening(redis_endpoint)?;
        let (mut expected, mut data_bytes) = (None, None);
        if reads_users {
            let mut conn = connect::connect(mysql_endpoint)?;
            let data = users_in_table(&mut conn, console)?;
            expected = Some(Arc::new(Expected::of(data, &[])));
            data_bytes = db_counters::table_bytes(&mut conn);
        }
        let warnings = warnings(data_bytes, (mysql_endpoint, &mysql), (redis_endpoint, &redis));
        let (namespace, queries) = (&settings.namespace, Vec::new());
        Ok(Self { servers, namespace, console, expected, queries, mysql, redis, admin, warnings })
    }

    /// Adds queries of the user's own. Some of their answers are read, to know whether Redis has
    /// room for all.
    pub(crate) fn add_queries(&mut self, queries: Vec<Prepared>, request: &Request) -> anyhow::Result<()> {
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
    pub(crate) fn remove_entries(&self, request: &Request) -> anyhow::Result<()> {
        if self.queries.is_empty() {
            return Ok(());
        }
        let redis = self.servers.redis()?;
        // Also after an interrupt, for which they must not stay.
        let patience = if interrupt::requested() { AFTER_INTERRUPT } else { reader::LIMITS.reply };
        let limits = wire::Limits { is_over: None, reply: patience, ..reader::LIMITS };
        let mut wire = Nodes::open(redis, limits).map_err(|error| admin::refused(redis, &error))?;
        for own in &self.queries {
            let query = &own.prepared.query;
            let plan = own.plan(request);
            let layouts = |codec| reader::key_layouts(self.namespace, &query.kind(), codec);
            for layout in own.codecs(request).into_iter().flat_map(layouts) {
                let mut keys = plan.items().map(|item| layout.key(query.key_id(item)));
                reader::remove_entries(&mut wire, &mut keys)?;
            }
        }
        Ok(())
    }

    /// Removes the entries of earlier runs.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
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
            "Flushed {} of earlier runs; left {} of others.",
            units::counted(flushed.removed, "entry", "entries"),
            units::counted(flushed.left_alone, "key", "keys")
        ));
        Ok(())
    }

    /// MySQL and Redis, as they describe themselves.
    pub(crate) fn described(&self) -> (&Server, &Server) {
        (&self.mysql, &self.redis)
    }

    /// The users of the built-in workloads.
    pub(crate) fn data(&self) -> anyhow::Result<DataSet> {
        Ok(self.expected()?.data)
    }

    fn expected(&self) -> anyhow::Result<&Arc<Expected>> {
        self.expected.as_ref().context(NO_USERS)
    }

    /// Computes the right answers of these workloads.
    pub(super) fn expect(&mut self, workloads: &[Workload]) {
        let known = self.expected.take();
        self.expected = known.map(|known| Arc::new(Expected::of(known.data, workloads)));
    }

    /// A built-in workload, whose answers are made of the data set.
    pub(crate) fn users<Q: BuiltIn>(&self) -> anyhow::Result<Target<Q>> {
        Ok(Target::built_in(self.expected()?))
    }

    /// A client with connections of its own.
    pub(crate) fn reader<Q: Query>(
        &self,
        target: &Target<Q>,
        codecs: &[Codec],
        ttl: Duration,
    ) -> anyhow::Result<Reader<Q>> {
        let (mysql, redis) = (self.servers.mysql()?, self.servers.redis()?);
        let conn = Q::open(mysql, &target.reference)?;
        let wire = Nodes::open(redis, reader::LIMITS).map_err(|error| admin::refused(redis, &error))?;
        let options = ReaderOptions { codecs, namespace: self.namespace, kind: &target.kind, ttl };
        let reader = Reader::new(conn, (wire, redis), &target.reference, &options)
            .context("cannot prepare a statement")?;
        Ok(reader.reopening(mysql, redis))
    }
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
        "The table holds {} of rng_seed {}, unchanged.",
        units::counted(u64::from(data.users), "user", "users"),
        data.rng_seed
    ));
    Ok(data)
}

/// Looks at everything that could spoil the run, and changes nothing.
fn warnings(
    data_bytes: Option<u64>,
    mysql: (&MysqlEndpoint, &Server),
    redis: (&RedisEndpoint, &Server),
) -> Vec<Warning> {
    [machine::busy(), buffer_pool(mysql.1, data_bytes), one_elsewhere(&mysql.0.address, &redis.0.address)]
        .into_iter()
        .flatten()
        .chain(settings(mysql.1, redis.1))
        .collect()
}

/// A buffer pool that cannot hold what is read.
fn buffer_pool(mysql: &Server, data_bytes: Option<u64>) -> Option<Warning> {
    let pool_bytes = mysql.settings.get("innodb_buffer_pool_size")?.parse().ok()?;
    let data_bytes = data_bytes?;
    (data_bytes > pool_bytes).then_some(Warning::SmallBufferPool { pool_bytes, data_bytes })
}

/// One server near and the other far: told by their addresses alone, so that another name of this
/// machine counts as elsewhere.
fn one_elsewhere(mysql: &Address, redis: &Address) -> Option<Warning> {
    let elsewhere = |elsewhere, address: &Address, other| {
        Some(Warning::OneServerElsewhere { elsewhere, address: address.to_string(), other })
    };
    match (mysql.is_here(), redis.is_here()) {
        (true, false) => elsewhere("Redis", redis, "MySQL"),
        (false, true) => elsewhere("MySQL", mysql, "Redis"),
        (true, true) | (false, false) => None,
    }
}

/// Warnings that follow from the build and the servers' own settings.
fn settings(mysql: &Server, redis: &Server) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push(Warning::DebugBuild);
    }
    if mysql.settings.get("query_cache_type").is_some_and(|value| value != "OFF") {
        warnings.push(Warning::QueryCacheOn);
    }
    let save = redis.settings.get("save").map_or("", String::as_str);
    let appendonly = redis.settings.get("appendonly").map_or("no", String::as_str);
    if !save.is_empty() || appendonly != "no" {
        let settings = format!("save \"{save}\", appendonly {appendonly}");
        warnings.push(Warning::RedisPersistence { settings });
    }
    if mysql.transport != redis.transport {
        let (mysql, redis) = (mysql.transport.clone(), redis.transport.clone());
        warnings.push(Warning::UnlikeTransports { mysql, redis });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_held_against_the_data() {
        let server = |setting: Option<&str>| {
            let settings =
                setting.map(|value| ("innodb_buffer_pool_size".to_owned(), value.to_owned())).into_iter();
            crate::servers::environment::server("MySQL", "9", "tcp", false, settings.collect())
        };
        let small = Warning::SmallBufferPool { pool_bytes: 100, data_bytes: 101 };
        assert_eq!(buffer_pool(&server(Some("100")), Some(101)), Some(small));
        assert_eq!(buffer_pool(&server(Some("100")), Some(100)), None);
        assert_eq!(buffer_pool(&server(Some("100")), None), None);
        assert_eq!(buffer_pool(&server(None), Some(101)), None);
    }

    #[test]
    fn only_one_far_server_is_worth_a_word() {
        let tcp = |host: &str| Address::Tcp { host: host.to_owned(), port: 1 };
        let socket = || Address::Socket("/run/mysqld.sock".into());
        let elsewhere = |mysql, redis| match one_elsewhere(&mysql, &redis) {
            Some(Warning::OneServerElsewhere { elsewhere, .. }) => Some(elsewhere),
            _ => None,
        };
        for (mysql, redis, far) in [
            (socket(), tcp("127.0.0.1"), None),
            (tcp("localhost"), tcp("::1"), None),
            (tcp("127.0.1.1"), tcp("cache.example"), Some("Redis")),
            (tcp("10.0.0.7"), socket(), Some("MySQL")),
            (tcp("db.example"), tcp("cache.example"), None),
            (tcp("LOCALHOST"), tcp("::ffff:10.0.0.1"), Some("Redis")),
        ] {
            assert_eq!(elsewhere(mysql.clone(), redis.clone()), far, "{mysql} and {redis}");
        }
    }
}
