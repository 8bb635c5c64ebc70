//! The number of users of each e-mail domain: the answer of the workload `aggregate`, computed from
//! the data set alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::DataSet;

/// Domains that are asked for; `sql/select_top_domains.sql` has the same number.
const TOP: usize = 10;

/// A domain and how many users have their address there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DomainCount {
    pub(crate) domain: String,
    pub(crate) users: u64,
}

impl DataSet {
    /// The most frequent domains, the most frequent first; those of the same count by name. Visits
    /// every user once.
    pub(crate) fn top_domains(&self) -> Vec<DomainCount> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for id in 1..=self.users {
            *counts.entry(self.domain(id)).or_default() += 1;
        }
        let mut domains: Vec<(&str, u64)> = counts.into_iter().collect();
        // Stable: what has the same count stays in the order of names.
        domains.sort_by_key(|(_, users)| Reverse(*users));
        let count = |(domain, users): (&str, u64)| DomainCount { domain: domain.to_owned(), users };
        domains.into_iter().take(TOP).map(count).collect()
    }
}

impl DomainCount {
    /// The list as two columns.
    pub(crate) fn to_record_batch(list: &[Self]) -> Result<RecordBatch, ArrowError> {
        let schema = Schema::new(vec![
            Field::new("domain", DataType::Utf8, false),
            Field::new("users", DataType::UInt64, false),
        ]);
        let domains = StringArray::from_iter_values(list.iter().map(|count| &count.domain));
        let users = UInt64Array::from_iter_values(list.iter().map(|count| count.users));
        RecordBatch::try_new(schema.into(), vec![std::sync::Arc::new(domains), std::sync::Arc::new(users)])
    }

    /// The list out of a record batch of the same columns.
    ///
    /// # Errors
    /// Where the batch has other columns, other types, or nulls.
    pub(crate) fn from_record_batch(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let wrong = |what: &str| ArrowError::SchemaError(format!("these are not counts of domains: {what}"));
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong("a column is missing"));
        let domains = column("domain")?.as_string_opt::<i32>().ok_or_else(|| wrong("domain"))?;
        let users = column("users")?.as_primitive_opt::<UInt64Type>().ok_or_else(|| wrong("users"))?;
        if domains.null_count() + users.null_count() > 0 {
            return Err(wrong("a null"));
        }
        let row = |index| DomainCount { domain: domains.value(index).to_owned(), users: users.value(index) };
        Ok((0..batch.num_rows()).map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::names::DOMAINS;
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_equals_by_name() {
        let top = DataSet { users: 100_000, rng_seed: 42 }.top_domains();
        assert_eq!((top.len(), top[0].domain.as_str()), (TOP, "postbox.example"));
        // Few users: many domains have the same count.
        let top = DataSet { users: 40, rng_seed: 42 }.top_domains();
        assert!(top.windows(2).any(|pair| pair[0].users == pair[1].users));
        let order = |count: &DomainCount| (Reverse(count.users), count.domain.clone());
        assert!(top.windows(2).all(|pair| order(&pair[0]) < order(&pair[1])));
        assert!(
            include_str!("../../sql/select_top_domains.sql").trim_end().ends_with(&format!("LIMIT {TOP}"))
        );
    }

    proptest! {
        #[test]
        fn a_recount_of_the_addresses_gives_the_same(users in 1u32..500, rng_seed: u64) {
            let data = DataSet { users, rng_seed };
            let all = data.all();
            let counted = |domain: &str| {
                all.iter().filter(|user| user.email.split_once('@').unwrap().1 == domain).count() as u64
            };
            let top = data.top_domains();
            prop_assert!(top.iter().all(|count| count.users == counted(&count.domain)));
            let least = top.last().unwrap().users;
            let left_out = DOMAINS.iter().filter(|(name, _)| top.iter().all(|count| count.domain != *name));
            prop_assert!(left_out.map(|(name, _)| counted(name)).all(|users| users <= least));
        }
    }
}
