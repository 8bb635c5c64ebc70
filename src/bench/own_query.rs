//! A query of the user's own that the server has prepared: a probe of its answers, its plan and its
//! target.

use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;

use super::request::Request;
use super::subject::Target;
use crate::answer::Answer;
use crate::db::rows::RowConnection;
use crate::measure::keys::Keys;
use crate::measure::plan::Plan;
use crate::model::Codec;
use crate::paths::query::own::{OwnQuery, OwnReader, Protocol};
use crate::paths::query::{self, Query as _};
use crate::run_file::own::{ExplainStep, OwnQueryRun, ParametersRun};
use crate::samples::workload::WorkloadSamples;
use crate::servers::Servers;

/// Answers that are looked at before anything is written.
const PROBES: u32 = 5;
/// Answers of more rows are encoded as columns, unless a codec is asked for.
const MANY_ROWS: usize = 1_000;

/// A query that the server has prepared.
pub(crate) struct Prepared {
    pub(crate) query: Arc<OwnQuery>,
    pub(crate) explain: Vec<ExplainStep>,
    pub(crate) columns: u64,
    /// Bytes of a row, by the types of its columns.
    pub(crate) row_bytes: u64,
}

/// A few answers, from which the size of entries follows.
pub(crate) struct Probed {
    pub(crate) answers: Vec<Answer>,
}

impl Prepared {
    /// Reads a few answers, which says what entries will take.
    pub(crate) fn probe(&self, servers: &Servers) -> anyhow::Result<Probed> {
        let wrong = || format!("query {}", self.query.name);
        let mut conn: RowConnection = OwnReader::open(servers.mysql()?, &self.query)?;
        let mut reader = OwnReader::prepare(&mut conn, &self.query).with_context(wrong)?;
        let sets = self.query.sets();
        let mut answers = Vec::new();
        for probe in 0..PROBES.min(sets) {
            let item = 1 + u32::try_from(u64::from(probe) * u64::from(sets) / u64::from(PROBES.min(sets)))?;
            answers.push(reader.load(&mut conn, item).with_context(wrong)?);
        }
        Ok(Probed { answers })
    }
}

impl Probed {
    /// The usual codec for answers like these.
    pub(crate) fn codec(&self) -> Codec {
        let has_many = self.answers.iter().any(|answer| answer.rows() > MANY_ROWS);
        if has_many { Codec::Arrow } else { Codec::Postcard }
    }

    /// Bytes of an entry with each of these codecs, added up.
    pub(crate) fn entry_bytes(&self, codecs: &[Codec]) -> anyhow::Result<u64> {
        /// Redis' own bookkeeping for a key of this length, and the header of the entry.
        const KEY_BYTES: usize = 160;
        let mut total = 0;
        for codec in codecs {
            let codec = query::codec::<Answer>(*codec);
            for answer in &self.answers {
                let mut payload = Vec::new();
                codec.encode(answer, &mut payload).context("an answer cannot be encoded")?;
                total += (payload.len() + KEY_BYTES) as u64;
            }
        }
        Ok(total.checked_div(self.answers.len() as u64).unwrap_or(0))
    }
}

/// A query of the user's own, ready to be measured.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) prepared: Rc<Prepared>,
    /// If none is asked for.
    pub(super) codec: Codec,
}

impl Own {
    pub(super) fn target(&self, request: &Request) -> Target<OwnReader> {
        let query = &self.prepared.query;
        Target {
            name: query.name.clone(),
            kind: query.kind(),
            reference: Arc::clone(query),
            share: request.share,
        }
    }

    pub(super) fn plan(&self, request: &Request) -> Plan {
        let (clients, core_rotation) = (u64::from(request.clients), request.core_rotation());
        let keys = Keys::of_sets(self.prepared.query.sets(), clients, core_rotation.is_some());
        Plan::over(keys, request.amount, clients, core_rotation, request.rng_seed)
    }

    pub(super) fn codecs(&self, request: &Request) -> Vec<Codec> {
        if request.codecs.is_empty() { vec![self.codec] } else { request.codecs.clone() }
    }

    /// Its part of the run file.
    pub(super) fn described(
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
                has_header: parameters.has_header(),
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
            connections_s: Some(samples.course.with_warm_up.as_secs_f64() * f64::from(request.clients)),
            all_keys_bytes: value_bytes.map(|bytes| bytes.saturating_mul(plan.keys())),
        }
    }
}
