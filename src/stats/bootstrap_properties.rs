//! Properties of means, ratios and the break-even hit ratio that hold whatever the rounds are.

use proptest::prelude::*;

use super::bootstrap::Bootstrap;
use super::break_even::BreakEven;
use super::estimate::{Estimate, Missing};
use super::rounds::{Column, PathRounds};
use super::simulation::Law;
use crate::samples::round_series::RoundSums;

type Columns = [Vec<RoundSums>; 3];

fn bootstrap(columns: &Columns) -> Bootstrap {
    let paths = PathRounds { mysql: &columns[0], cold: &columns[1], warm: &columns[2], groups: &[] };
    Bootstrap::with_resamples(&paths, 199, 42)
}

fn constant(times: [u64; 3]) -> Columns {
    times.map(|sum_ns| vec![RoundSums::alike(1, sum_ns); 20])
}

fn estimates(bootstrap: &Bootstrap) -> Vec<Estimate> {
    let all = [
        bootstrap.mean_ns(Column::Mysql),
        bootstrap.mean_ns(Column::Cold),
        bootstrap.mean_ns(Column::Warm),
        bootstrap.speedup(),
        bootstrap.miss_penalty(),
        bootstrap.break_even_ratio(),
        bootstrap.mean_at_hit_ratio_ns(0.8),
    ];
    all.into_iter().map(Result::unwrap).collect()
}

#[test]
fn rounds_without_noise_give_the_plain_formulas() {
    let exact = estimates(&bootstrap(&constant([1_000, 1_500, 250])));
    let expected = [1_000.0, 1_500.0, 250.0, 4.0, 1.5, 0.4, 500.0];
    for (estimate, expected) in exact.iter().zip(expected) {
        assert!((estimate.value / expected - 1.0).abs() < 1e-12);
        assert!((estimate.ci95.high - estimate.ci95.low) < 1e-9);
    }
    let verdict = |times| bootstrap(&constant(times)).break_even();
    assert!(matches!(verdict([1_000, 1_500, 250]), BreakEven::Exists(_)));
    assert_eq!(verdict([1_000, 900, 250]), BreakEven::FromTheFirstHit);
    assert_eq!(verdict([1_000, 1_500, 1_000]), BreakEven::Never);
    assert_eq!(verdict([1_000, 1_500, 1_200]), BreakEven::Never);
}

#[test]
fn what_did_not_run_is_missing_and_the_rest_is_not() {
    let [mysql, _, warm] = Law::Lognormal { sigma: 0.3 }.rounds(20, 1);
    let some = bootstrap(&[mysql.clone(), Vec::new(), warm]);
    assert!(some.speedup().is_ok() && some.mean_ns(Column::Warm).is_ok());
    assert_eq!(some.miss_penalty(), Err(Missing::NoReads));
    assert_eq!(some.break_even(), BreakEven::Missing(Missing::NoReads));
    let few = bootstrap(&[mysql[..9].to_vec(), Vec::new(), Vec::new()]);
    assert_eq!(few.mean_ns(Column::Mysql), Err(Missing::TooFewRounds { rounds: 9, needed: 10 }));
    assert_eq!(few.speedup(), Err(Missing::NoReads));
    assert_eq!(bootstrap(&Columns::default()).speedup(), Err(Missing::NoReads));
}

#[test]
fn noise_that_hides_the_gain_of_a_hit_is_unclear() {
    let [mysql, cold, _] = Law::Lognormal { sigma: 0.3 }.rounds(30, 1);
    let warm = Law::Lognormal { sigma: 0.3 }.rounds(30, 2)[0].clone();
    assert_eq!(bootstrap(&[mysql, cold, warm]).break_even(), BreakEven::Unclear);
}

#[test]
fn reads_that_share_their_rounds_luck_count_as_fewer() {
    // Ten reads a round, all alike: as many independent reads as rounds.
    let columns = Law::Normal { relative: 0.1 }
        .rounds(400, 3)
        .map(|column| column.iter().map(|sums| RoundSums::alike(10, 10 * sums.sum_ns)).collect::<Vec<_>>());
    let reads = bootstrap(&columns).effective_reads(Column::Mysql, 4_000, (0.1 * 1e6f64).powi(2)).unwrap();
    assert!((350.0..450.0).contains(&reads), "{reads}");
    let independent = bootstrap(&columns).effective_reads(Column::Mysql, 4_000, 1e12).unwrap();
    assert_eq!(independent, 4_000.0);
}

fn any_columns() -> impl Strategy<Value = Columns> {
    let round = (0u64..5, 1u64..1_000_000_000);
    let column = || {
        proptest::collection::vec(round.clone(), 25).prop_map(|rounds| {
            rounds.into_iter().map(|(count, ns)| RoundSums::alike(count, count * ns)).collect::<Vec<_>>()
        })
    };
    [column(), column(), column()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_interval_contains_its_value_and_is_finite(columns in any_columns()) {
        let bootstrap = bootstrap(&columns);
        let paths = [Column::Mysql, Column::Cold, Column::Warm];
        let means = paths.map(|path| bootstrap.mean_ns(path));
        for estimate in means.into_iter().chain([bootstrap.speedup(), bootstrap.miss_penalty()]).flatten() {
            prop_assert!(estimate.ci95.contains(estimate.value));
            prop_assert!(estimate.ci95.low >= 0.0 && estimate.ci95.high.is_finite());
        }
        if let Some(ratio) = bootstrap.break_even().estimate() {
            prop_assert!(ratio.ci95.contains(ratio.value) && ratio.ci95.low >= 0.0 && ratio.ci95.high <= 1.0);
        }
    }

    #[test]
    fn ratios_do_not_know_the_unit(columns in any_columns(), factor in 2u64..1_000) {
        let scaled = columns.clone().map(|column| {
            column.iter().map(|sums| RoundSums::alike(sums.count, sums.sum_ns * factor)).collect::<Vec<_>>()
        });
        let near = |one: f64, other: f64| (one - other).abs() <= 1e-6 * one.abs().max(1e-3);
        let (one, other) = (bootstrap(&columns).speedup(), bootstrap(&scaled).speedup());
        if let (Ok(one), Ok(other)) = (one, other) {
            prop_assert!(near(one.value, other.value) && near(one.ci95.high, other.ci95.high));
        }
        prop_assert_eq!(one.is_ok(), other.is_ok());
    }

    #[test]
    fn the_order_of_rounds_does_not_move_the_value(columns in any_columns(), shift in 1usize..24) {
        let mut turned = columns.clone();
        turned.iter_mut().for_each(|column| column.rotate_left(shift));
        if let (Ok(one), Ok(other)) = (bootstrap(&columns).speedup(), bootstrap(&turned).speedup()) {
            prop_assert!((one.value / other.value - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_same_rounds_and_seed_give_the_same_intervals(columns in any_columns()) {
        prop_assert_eq!(bootstrap(&columns).speedup(), bootstrap(&columns).speedup());
    }
}
