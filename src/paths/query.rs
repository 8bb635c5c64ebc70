//! The questions of the workloads to the database, one file each, and the entries that their
//! answers become.

mod aggregate;
mod all;
pub(crate) mod own;
mod page;
mod point;
mod row;

pub(crate) use aggregate::{DomainCounts, TopDomains};
pub(crate) use all::AllUsers;
pub(crate) use page::Page;
pub(crate) use point::OneUser;

use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::codec::{self, Codec, Columnar};
use crate::db::error::DbError;
use crate::db::rows::{RowConnection, RowsError, WrongCells};
use crate::endpoint::MysqlEndpoint;
use crate::model;
use crate::users::{DataSet, Users};

macro_rules! workloads {
    ($($(#[$meaning:meta])+ $name:ident: $query:ident),+ $(,)?) => {
        /// The built-in workloads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
        pub(crate) enum Workload { $($(#[$meaning])+ $name),+ }

        impl Workload {
            pub(crate) fn about(self) -> About {
                match self { $(Self::$name => $query::ABOUT),+ }
            }

            /// Does work with the query, by its type.
            pub(crate) fn with<W: WithQuery>(self, work: W) -> W::Output {
                match self { $(Self::$name => work.run::<$query>()),+ }
            }
        }
    };
}

workloads! {
    /// every user, one key
    All: AllUsers,
    /// 50 users in a row by primary key, one key a page
    Page: Page,
    /// one user by primary key, one key a user
    Point: OneUser,
    /// the ten most frequent e-mail domains with their counts, one key
    Aggregate: TopDomains,
}

impl Workload {
    /// Its name on the command line, in the output and in the run file.
    pub(crate) fn name(self) -> &'static str {
        self.about().name
    }
}

/// All that is to know of a built-in workload, but for its query.
pub(crate) struct About {
    pub(crate) name: &'static str,
    /// The second part of its keys.
    pub(crate) kind: &'static str,
    /// The fastest: columns pay where there are many rows.
    pub(crate) codec: model::Codec,
    /// The number of its keys; none if each client has a key of its own.
    pub(crate) keys: Option<fn(DataSet) -> u32>,
    /// Rows of an answer with a numbered key.
    pub(crate) rows: u32,
}

/// The query of a built-in workload.
pub(crate) trait BuiltIn: Query<Reference = Expected> + 'static {
    const ABOUT: About;
}

/// Work with a query that is known by its type.
pub(crate) trait WithQuery {
    type Output;

    fn run<Q: BuiltIn>(self) -> Self::Output;
}

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Mysql(#[from] DbError),
    /// Not the columns of the statement, or a text that is none.
    #[error("MySQL: a row has other columns than the question asks for")]
    Shape,
    /// The row that must be there is not: never a fast success.
    #[error("MySQL: the row is missing")]
    Missing,
    /// The rest was not read, and the connection is closed.
    #[error("MySQL: the answer is larger than --max-answer")]
    TooLarge,
}

impl From<RowsError> for LoadError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Mysql(error) => Self::Mysql(error),
            RowsError::Cells(WrongCells) => Self::Shape,
            RowsError::TooLarge => Self::TooLarge,
        }
    }
}

/// One question whose answer is one cache entry.
pub(crate) trait Query: Send + Sized {
    /// The type in the caller's hands at the end, on every path and with every codec.
    type Answer: Columnar + Serialize + DeserializeOwned + Send;
    /// The source of the statement and of the right answers; all clients share it.
    type Reference: Send + Sync + 'static;
    /// The source of the right answer, as the subject of a sentence.
    const TRUTH: &'static str = "the data set says";

    /// Opens a connection for this statement.
    fn open(endpoint: &MysqlEndpoint, _reference: &Self::Reference) -> Result<RowConnection, DbError> {
        RowConnection::open(endpoint)
    }

    /// Prepares the statement on this connection.
    fn prepare(conn: &mut RowConnection, reference: &Arc<Self::Reference>) -> Result<Self, DbError>;

    /// The number of this item's cache key.
    fn key_id(&self, item: u32) -> u64 {
        u64::from(item)
    }

    /// Whether it executes a prepared statement; else it sends text.
    fn is_prepared(&self) -> bool {
        true
    }

    /// Asks MySQL as a competent application does: prepared statement, binary protocol, typed rows.
    fn load(&mut self, conn: &mut RowConnection, item: u32) -> Result<Self::Answer, LoadError>;

    /// Compares an answer with what it must be, to the last byte. Nothing is timed meanwhile, and
    /// MySQL may be asked.
    fn check(&mut self, conn: &mut RowConnection, found: Found<'_, Self>) -> Result<Check, LoadError>;

    /// Takes note of an answer of MySQL's that became an entry outside the measurement.
    fn note(&self, _item: u32, _answer: &Self::Answer) {}
}

/// An answer, and where it came from.
pub(crate) struct Found<'a, Q: Query> {
    pub(crate) item: u32,
    pub(crate) answer: &'a Q::Answer,
    /// It came from the cache.
    pub(crate) is_hit: bool,
    /// It was stored in the cache.
    pub(crate) is_entry: bool,
    pub(crate) reference: &'a Q::Reference,
}

/// The outcome of comparing an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Right,
    /// MySQL gave this answer at another time: the rows changed meanwhile.
    Changed,
    Wrong,
}

impl Check {
    /// Right or wrong.
    pub(crate) fn new(is_right: bool) -> Self {
        if is_right { Self::Right } else { Self::Wrong }
    }
}

/// The codec of this name for answers of this type.
pub(crate) fn codec<A>(name: model::Codec) -> Box<dyn Codec<A>>
where
    A: Columnar + Serialize + DeserializeOwned,
{
    match name {
        model::Codec::Arrow => Box::new(codec::Arrow),
        model::Codec::Postcard => Box::new(codec::Postcard),
        model::Codec::Msgpack => Box::new(codec::Msgpack),
        model::Codec::Json => Box::new(codec::Json),
    }
}

/// The right answers. Those that take long to compute are there only if a workload asks for them.
pub(crate) struct Expected {
    pub(crate) data: DataSet,
    users: Option<Users>,
    top_domains: Option<DomainCounts>,
}

impl Expected {
    /// The right answers of these workloads.
    pub(crate) fn of(data: DataSet, workloads: &[Workload]) -> Self {
        let asked = |workload| workloads.contains(&workload);
        Self {
            data,
            users: asked(Workload::All).then(|| data.all()),
            top_domains: asked(Workload::Aggregate).then(|| DomainCounts(data.top_domains())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::users::User;

    fn encoded<A>(codec: &dyn Codec<A>, value: &A) -> Vec<u8> {
        let mut payload = Vec::new();
        codec.encode(value, &mut payload).unwrap();
        payload
    }

    /// Every codec carries the value, and none reads what another one wrote.
    fn carried<A>(value: &A)
    where
        A: Columnar + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let mut ids = Vec::new();
        for name in model::Codec::value_variants() {
            let codec = codec::<A>(*name);
            let payload = encoded(&*codec, value);
            let range = 0..payload.len();
            assert_eq!(&codec.decode(&mut payload.clone(), range).unwrap(), value, "{name:?}");
            let mut longer = [&payload[..], b"\0"].concat();
            let range = 0..longer.len();
            // Padding behind the end of an Arrow stream is the one thing that a reader may pass
            // over.
            if *name != model::Codec::Arrow {
                assert!(codec.decode(&mut longer, range).is_err(), "{name:?}");
            }
            ids.push(codec.id().0);
        }
        assert_eq!(ids, [1, 2, 4, 3], "the numbers in the entry format are frozen");
    }

    #[test]
    fn a_workload_is_typed_as_it_is_printed() {
        for workload in Workload::value_variants() {
            assert_eq!(workload.to_possible_value().unwrap().get_name(), workload.name());
        }
    }

    #[test]
    fn every_codec_returns_what_it_was_given() {
        let data = DataSet { users: 1000, rng_seed: 3 };
        carried::<Users>(&data.all());
        carried::<Users>(&data.page(20));
        carried::<Users>(&data.page(21));
        carried::<User>(&data.user(7));
        carried::<DomainCounts>(&DomainCounts(data.top_domains()));
        carried::<DomainCounts>(&DomainCounts(Vec::new()));
    }

    /// Bytes that a careful decoder answers with a value or an error.
    fn decoded<A: Columnar + Serialize + DeserializeOwned>(bytes: &[u8]) {
        for name in model::Codec::value_variants() {
            let _ = codec::<A>(*name).decode(&mut bytes.to_vec(), 0..bytes.len());
        }
    }

    proptest! {
        #[test]
        fn damaged_payloads_are_errors_or_other_users_and_never_a_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let users = DataSet { users: 20, rng_seed: 3 }.all();
            for name in model::Codec::value_variants() {
                let codec = codec::<Users>(*name);
                let mut payload = encoded(&*codec, &users);
                let at = at.index(payload.len());
                payload[at] = byte;
                payload.truncate(cut.index(payload.len()).max(at));
                let range = 0..payload.len();
                if let Ok(users) = codec.decode(&mut payload, range) {
                    prop_assert_eq!(users.iter().count(), users.len());
                }
            }
        }

        #[test]
        fn damaged_counts_are_errors_or_other_counts_and_never_a_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let counts = DomainCounts(DataSet { users: 200, rng_seed: 3 }.top_domains());
            for name in model::Codec::value_variants() {
                let mut payload = encoded(&*codec::<DomainCounts>(*name), &counts);
                let at = at.index(payload.len());
                payload[at] = byte;
                payload.truncate(cut.index(payload.len()).max(at));
                decoded::<DomainCounts>(&payload);
            }
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(bytes: Vec<u8>) {
            decoded::<Users>(&bytes);
            decoded::<User>(&bytes);
            decoded::<DomainCounts>(&bytes);
        }
    }
}
