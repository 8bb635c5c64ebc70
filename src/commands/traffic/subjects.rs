//! The subjects of reads and writes: rows of rcache's own, or the workloads and queries that were
//! asked for.

use std::sync::Arc;

use anyhow::bail;

use super::super::console::Console;
use super::super::seed;
use super::super::servers::Servers;
use super::Request;
use crate::advice;
use crate::bench::own_query::Prepared;
use crate::cache::{admin, counters};
use crate::db::{connect, seed as users_table};
use crate::paths::query::own::OwnReader;
use crate::paths::query::{BuiltIn, Expected, WithQuery, Workload};
use crate::scenario::ServerPair;
use crate::traffic::reads::Reads;
use crate::traffic::rows::Rows;
use crate::traffic::subject::Subject;
use crate::traffic_file::WorkloadConfig;
use crate::units;

/// A subject, and how the document describes it but for the number of keys; none for rows of our
/// own.
pub(super) struct Asked<'a> {
    pub(super) subject: Box<dyn Subject + 'a>,
    pub(super) described: Option<WorkloadConfig>,
}

pub(super) fn open<'a>(
    request: &Request<'_>,
    pair: &'a ServerPair<'a>,
    servers: &Servers,
    console: &Console,
) -> anyhow::Result<Vec<Asked<'a>>> {
    if !request.reads_only() {
        return Ok(vec![Asked { subject: Box::new(Rows::new(pair)?), described: None }]);
    }
    let mut asked = Vec::new();
    if !request.workloads.is_empty() {
        seed::fill_sandbox(servers, None, console)?;
        let expected = Arc::new(expected(&request.workloads, servers, console)?);
        let open = |workload: &Workload| workload.with(Users { pair, expected: &expected });
        asked.extend(request.workloads.iter().map(open));
    }
    for typed in &request.queries {
        let prepared = typed.prepare(servers, request.arguments.rng_seed)?;
        asked.push(own(&prepared, request.arguments.keys, pair, servers)?);
    }
    Ok(asked)
}

/// The users that the table holds, proved by their fingerprint, and what follows from them.
fn expected(workloads: &[Workload], servers: &Servers, console: &Console) -> anyhow::Result<Expected> {
    let _bar = console.spinner("checking the table's fingerprint");
    match users_table::check(&mut connect::connect(servers.mysql()?)?)? {
        Some(data) => Ok(Expected::of(data, workloads)),
        None => bail!("the table is not seeded\n  fill it first:{}", advice::line("seed")),
    }
}

/// A workload of the users.
struct Users<'a, 'b> {
    pair: &'a ServerPair<'a>,
    expected: &'b Arc<Expected>,
}

impl<'a> WithQuery for Users<'a, '_> {
    type Output = Asked<'a>;

    fn run<Q: BuiltIn>(self) -> Asked<'a> {
        let Self { pair, expected } = self;
        let (name, codec) = (Q::ABOUT.name.to_owned(), Q::ABOUT.codec);
        let keys = Q::ABOUT.keys.map_or(1, |keys| keys(expected.data));
        let reads = Reads::<Q> { pair, name: name.clone(), codec, keys, reference: Arc::clone(expected) };
        let described = WorkloadConfig { name, codec: codec.name().to_owned(), keys: 0, statement: None };
        Asked { subject: Box::new(reads), described: Some(described) }
    }
}

/// A query of the user's own, if Redis has room for its answers.
fn own<'a>(
    prepared: &Prepared,
    keys: Option<u32>,
    pair: &'a ServerPair<'a>,
    servers: &Servers,
) -> anyhow::Result<Asked<'a>> {
    let (query, probed) = (&prepared.query, prepared.probe(servers)?);
    let codec = probed.codec();
    let most_keys = keys.unwrap_or(u32::MAX).min(query.sets());
    let needed = probed.entry_bytes(&[codec])?.saturating_mul(u64::from(most_keys));
    let free = counters::free_bytes(&mut admin::connect(servers.redis()?)?)?;
    if let Some(free) = free.filter(|free| needed > *free) {
        bail!(
            "the entries would take about {} in Redis, and {} of its maxmemory are free; nothing was written\n  \
             choose fewer --keys, or raise maxmemory",
            units::bytes(needed as f64),
            units::bytes(free as f64)
        );
    }
    let reads = Reads::<OwnReader> {
        pair,
        name: query.name.clone(),
        codec,
        keys: query.sets(),
        reference: Arc::clone(query),
    };
    let described = WorkloadConfig {
        name: query.name.clone(),
        codec: codec.name().to_owned(),
        keys: 0,
        statement: Some(query.statement.normalised().to_owned()),
    };
    Ok(Asked { subject: Box::new(reads), described: Some(described) })
}
