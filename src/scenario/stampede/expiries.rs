//! From when loads began to how often the value had expired. Pure.

use std::time::Duration;

/// The number of times that a value was loaded anew, and the most loads for one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expiries {
    pub(super) count: u64,
    pub(super) most_loads: u64,
}

impl Expiries {
    /// `begun` rises. Loads that begin within `one_expiry` of an expiry's first are for that one,
    /// however they came about.
    pub(super) fn of(begun: &[Duration], one_expiry: Duration) -> Self {
        let mut found = Self::default();
        let mut rest = begun;
        while let Some(first) = rest.first() {
            let loads = rest.partition_point(|load| load.saturating_sub(*first) < one_expiry).max(1);
            found.count += 1;
            found.most_loads = found.most_loads.max(u64::try_from(loads).unwrap_or(u64::MAX));
            rest = rest.get(loads..).unwrap_or_default();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_that_begin_soon_after_the_first_are_for_one_expiry() {
        let ms = |begun: &[u64]| begun.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        let of = |begun: &[u64]| Expiries::of(&ms(begun), Duration::from_millis(200));
        assert_eq!(of(&[]), Expiries { count: 0, most_loads: 0 });
        assert_eq!(of(&[5]), Expiries { count: 1, most_loads: 1 });
        assert_eq!(of(&[5, 5, 60, 204, 205, 700, 899]), Expiries { count: 3, most_loads: 4 });
        assert_eq!(Expiries::of(&ms(&[1, 2]), Duration::ZERO).count, 2, "it comes to an end");
    }
}
