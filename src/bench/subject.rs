//! The subject of a workload: what is read, and how it is read as one.

use std::sync::Arc;

use anyhow::Context;

use super::own_query::Own;
use super::request::Request;
use crate::measure::plan::Plan;
use crate::model::Codec;
use crate::paths::query::{BuiltIn, Expected, Query, WithQuery, Workload};

/// The name of what is measured as one, the second part of its keys, and the reference of its
/// answers.
pub(crate) struct Target<Q: Query> {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) reference: Arc<Q::Reference>,
    /// At most so many percent of each connection's time.
    pub(super) share: Option<u8>,
}

/// The rows of a workload.
#[derive(Clone)]
pub(super) enum Subject {
    BuiltIn(Workload),
    Own(Own),
}

impl Subject {
    pub(super) fn name(&self) -> String {
        match self {
            Self::BuiltIn(workload) => workload.name().to_owned(),
            Self::Own(own) => own.prepared.query.name.clone(),
        }
    }

    pub(super) fn plan(&self, expected: Option<&Arc<Expected>>, request: &Request) -> anyhow::Result<Plan> {
        let workload = match self {
            Self::BuiltIn(workload) => *workload,
            Self::Own(own) => return Ok(own.plan(request)),
        };
        let data = expected.context(NO_USERS)?.data;
        let clients = u64::from(request.clients);
        Ok(Plan::new(workload, request.amount, clients, data, request.core_rotation(), request.rng_seed))
    }

    /// Those that were asked for, or the fastest for the workload.
    pub(super) fn codecs(&self, request: &Request) -> Vec<Codec> {
        match self {
            Self::Own(own) => own.codecs(request),
            Self::BuiltIn(workload) if request.codecs.is_empty() => vec![workload.about().codec],
            Self::BuiltIn(_) => request.codecs.clone(),
        }
    }

    /// Does work with the query of this subject.
    pub(super) fn with_target<W: WithTarget>(
        &self,
        expected: Option<&Arc<Expected>>,
        request: &Request,
        work: W,
    ) -> anyhow::Result<W::Output> {
        let workload = match self {
            Self::BuiltIn(workload) => *workload,
            Self::Own(own) => return Ok(work.run(&own.target(request))),
        };
        let expected = expected.context(NO_USERS)?;
        Ok(workload.with(BuiltInTarget { expected, work }))
    }
}

/// The error of a built-in workload without its users.
pub(super) const NO_USERS: &str = "this run reads no users";

/// Work with a subject whose query is known by its type.
pub(super) trait WithTarget {
    type Output;

    fn run<Q: Query>(self, target: &Target<Q>) -> Self::Output;
}

impl<Q: BuiltIn> Target<Q> {
    /// A built-in workload, whose answers are made of the data set.
    pub(super) fn built_in(expected: &Arc<Expected>) -> Self {
        Self {
            name: Q::ABOUT.name.to_owned(),
            kind: Q::ABOUT.kind.to_owned(),
            reference: Arc::clone(expected),
            share: None,
        }
    }
}

/// Work with a built-in workload, whose answers are made of the data set.
struct BuiltInTarget<'a, W> {
    expected: &'a Arc<Expected>,
    work: W,
}

impl<W: WithTarget> WithQuery for BuiltInTarget<'_, W> {
    type Output = W::Output;

    fn run<Q: BuiltIn>(self) -> W::Output {
        self.work.run(&Target::<Q>::built_in(self.expected))
    }
}
