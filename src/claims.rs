//! Statements that a 95 % interval allows: the one place from which pages take their words.
//!
//! A claim is made only if it holds for every value in the interval. Everything else is undecided.

/// A ratio as far from 1 as this is still called no difference, if the whole interval is that near.
const NO_DIFFERENCE: f64 = 0.05;
/// Two measurements agree if the whole interval of their ratio is as near to 1 as this.
const AGREEMENT: f64 = 0.1;

/// On which side of 1 a ratio is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    Below,
    /// The interval contains 1.
    Unsure,
}

pub(crate) fn side_of_one([low, high]: [f64; 2]) -> Side {
    if low > 1.0 && high >= low {
        Side::Above
    } else if high < 1.0 && low <= high {
        Side::Below
    } else {
        Side::Unsure
    }
}

/// Whether a ratio is so near to 1 that it makes no difference.
pub(crate) fn is_no_difference(interval: [f64; 2]) -> bool {
    is_within(interval, NO_DIFFERENCE)
}

/// Whether two measurements agree, from the interval of their ratio.
pub(crate) fn is_agreement(interval: [f64; 2]) -> bool {
    is_within(interval, AGREEMENT)
}

fn is_within([low, high]: [f64; 2], distance: f64) -> bool {
    low <= high && low > 1.0 - distance && high < 1.0 + distance
}

/// Above which hit ratio a cache saves time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// Above the break-even hit ratio.
    AboveBreakEven,
    /// At any hit ratio: a miss is faster than MySQL alone, too.
    Always,
    /// At no hit ratio: even a hit is slower than MySQL.
    Never,
    Unsure,
}

/// From the intervals of mysql / warm and cold / mysql, and whether there is a break-even hit ratio
/// with an interval.
pub(crate) fn worth(
    speedup: Option<[f64; 2]>,
    miss_penalty: Option<[f64; 2]>,
    has_break_even: bool,
) -> Worth {
    match (speedup.map(side_of_one), miss_penalty.map(side_of_one)) {
        _ if has_break_even => Worth::AboveBreakEven,
        (Some(Side::Below), _) => Worth::Never,
        (Some(Side::Above), Some(Side::Below)) => Worth::Always,
        _ => Worth::Unsure,
    }
}

/// Which of two servers is nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nearer {
    First,
    Second,
    /// They are equally near, but for a tenth.
    Neither,
    /// The intervals overlap.
    Unsure,
}

/// From the intervals of their round trips, ns.
pub(crate) fn nearer(first: [f64; 2], second: [f64; 2]) -> Nearer {
    // The widest ratio that both intervals allow.
    let ratio = [first[0] / second[1], first[1] / second[0]];
    if is_agreement(ratio) {
        return Nearer::Neither;
    }
    match side_of_one(ratio) {
        Side::Below => Nearer::First,
        Side::Above => Nearer::Second,
        Side::Unsure => Nearer::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_once_said_without_an_interval_to_carry_it_is_undecided() {
        assert_eq!(side_of_one([0.82, 1.12]), Side::Unsure, "pays from the first hit");
        assert!(!is_agreement([0.52, 8.46]), "both agree");
        assert!(!is_no_difference([0.9, 1.02]));
        assert_eq!(nearer([15e3, 30e3], [20e3, 45e3]), Nearer::Unsure, "round trips");
    }

    #[test]
    fn intervals_that_carry_a_claim_make_it() {
        assert_eq!(
            [[1.1, 2.0], [0.5, 0.9], [1.0, 2.0]].map(side_of_one),
            [Side::Above, Side::Below, Side::Unsure]
        );
        assert!(is_agreement([0.96, 1.08]) && is_no_difference([0.98, 1.03]));
        assert_eq!(nearer([15e3, 16e3], [20e3, 25e3]), Nearer::First);
        assert_eq!(nearer([400e3, 420e3], [20e3, 25e3]), Nearer::Second);
        assert_eq!(nearer([20.0e3, 20.4e3], [20.1e3, 20.6e3]), Nearer::Neither);
    }

    #[test]
    fn a_cache_is_worth_it_from_the_first_hit_only_if_both_intervals_say_so() {
        let (faster, slower, unsure) = (Some([1.1, 2.0]), Some([0.5, 0.9]), Some([0.82, 1.12]));
        assert_eq!(worth(faster, slower, false), Worth::Always);
        assert_eq!(worth(faster, faster, true), Worth::AboveBreakEven);
        assert_eq!(worth(slower, faster, false), Worth::Never);
        assert_eq!(worth(slower, None, false), Worth::Never);
        for (speedup, penalty) in
            [(faster, unsure), (unsure, slower), (faster, None), (None, slower), (None, None)]
        {
            assert_eq!(worth(speedup, penalty, false), Worth::Unsure, "{speedup:?} {penalty:?}");
        }
    }

    proptest! {
        #[test]
        fn a_claim_holds_for_every_value_in_the_interval(
            low in -1.0f64..4.0, length in 0.0f64..4.0, share in 0.0f64..=1.0
        ) {
            let interval = [low, low + length];
            let value = low + share * length;
            match side_of_one(interval) {
                Side::Above => prop_assert!(value > 1.0),
                Side::Below => prop_assert!(value < 1.0),
                Side::Unsure => {}
            }
            prop_assert!(!is_agreement(interval) || (value - 1.0).abs() <= AGREEMENT);
            prop_assert!(!is_no_difference(interval) || (value - 1.0).abs() <= NO_DIFFERENCE);
        }

        #[test]
        fn the_nearer_server_is_so_at_every_value_of_both(
            one in 1.0f64..100.0, width in 0.0f64..50.0, other in 1.0f64..100.0, breadth in 0.0f64..50.0,
            share in 0.0f64..=1.0, part in 0.0f64..=1.0
        ) {
            let (first, second) = (one + share * width, other + part * breadth);
            match nearer([one, one + width], [other, other + breadth]) {
                Nearer::First => prop_assert!(first < second),
                Nearer::Second => prop_assert!(second < first),
                Nearer::Neither => prop_assert!((first / second - 1.0).abs() <= AGREEMENT + 1e-9),
                Nearer::Unsure => {}
            }
        }

        #[test]
        fn what_is_no_interval_carries_nothing(value in prop::sample::select(vec![f64::NAN, f64::INFINITY])) {
            for interval in [[value, value], [f64::NAN, 0.5], [2.0, f64::NAN], [2.0, 1.5], [0.9, 0.5]] {
                if interval.iter().all(|end| end.is_infinite()) { continue; }
                prop_assert_eq!(side_of_one(interval), Side::Unsure);
                prop_assert!(!is_agreement(interval) && !is_no_difference(interval));
            }
        }
    }
}
