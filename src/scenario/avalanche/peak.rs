//! From when loads began to how hard they came. Pure.

use std::time::Duration;

/// The most loads that began within a window of this length. `begun` rises.
pub(super) fn most_within(begun: &[Duration], window: Duration) -> u64 {
    let from = |start: usize| {
        let rest = begun.get(start..).unwrap_or_default();
        rest.first().map_or(0, |first| rest.partition_point(|load| load.saturating_sub(*first) < window))
    };
    let most = (0..begun.len()).map(from).max().unwrap_or(0);
    u64::try_from(most).unwrap_or(u64::MAX)
}

/// The time until all but the first and the last twentieth of the loads had begun; none without
/// loads.
pub(super) fn nine_tenths(begun: &[Duration]) -> Option<Duration> {
    let left_out = begun.len() / 20;
    let middle = begun.get(left_out..begun.len() - left_out)?;
    Some(middle.last()?.saturating_sub(*middle.first()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(begun: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        begun.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn the_peak_is_that_of_the_busiest_window_wherever_it_begins() {
        let window = Duration::from_millis(100);
        assert_eq!(most_within(&[], window), 0);
        assert_eq!(most_within(&ms([0, 90, 150, 180, 189, 300]), window), 4);
        assert_eq!(most_within(&ms([0, 100, 200]), window), 1);
    }

    #[test]
    fn a_straggler_does_not_make_a_flood_longer() {
        assert_eq!(nine_tenths(&[]), None);
        assert_eq!(nine_tenths(&ms([7])), Some(Duration::ZERO));
        let begun = ms((0..19).map(|load| 1_000 + load).chain([9_000]));
        assert_eq!(nine_tenths(&begun), Some(Duration::from_millis(17)));
    }
}
