//! The cost of reads at other hit ratios, from the paths measured at 0 and at 100 %.

use super::bootstrap::Bootstrap;
use super::estimate::{Estimate, Missing};

/// The hit ratios that are shown, in percent.
const HIT_PERCENTS: [u8; 7] = [0, 50, 80, 90, 95, 99, 100];

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CurvePoint {
    pub(crate) hit_percent: u8,
    /// `h warm + (1 - h) cold`; at 0 and 100 % one path is enough.
    pub(crate) mean_ns: Result<Estimate, Missing>,
    /// The share of all reads that MySQL does not see: the hits.
    pub(crate) mysql_reads_saved: f64,
}

/// The curve, from all misses to all hits.
pub(crate) fn hit_ratio_curve(bootstrap: &Bootstrap) -> [CurvePoint; 7] {
    HIT_PERCENTS.map(|hit_percent| {
        let hit_ratio = f64::from(hit_percent) / 100.0;
        let mean_ns = bootstrap.mean_at_hit_ratio_ns(hit_ratio);
        CurvePoint { hit_percent, mean_ns, mysql_reads_saved: hit_ratio }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rounds::{Column, PathRounds};
    use crate::stats::simulation::Law;

    #[test]
    fn the_ends_are_the_paths_and_the_middle_lies_between() {
        let [mysql, cold, warm] = Law::Lognormal { sigma: 0.3 }.rounds(50, 1);
        let bootstrap =
            Bootstrap::new(&PathRounds { mysql: &mysql, cold: &cold, warm: &warm, groups: &[] }, 42);
        let curve = hit_ratio_curve(&bootstrap);
        assert_eq!(curve[0].mean_ns, bootstrap.mean_ns(Column::Cold));
        assert_eq!(curve[6].mean_ns, bootstrap.mean_ns(Column::Warm));
        let half = curve[1].mean_ns.unwrap().value;
        assert!(
            (half - (curve[0].mean_ns.unwrap().value + curve[6].mean_ns.unwrap().value) / 2.0).abs() < 1e-6
        );
        let values: Vec<f64> = curve.iter().map(|point| point.mean_ns.unwrap().value).collect();
        assert!(values.windows(2).all(|pair| pair[0] > pair[1]));
        assert_eq!(curve[2].mysql_reads_saved, 0.8);
    }

    #[test]
    fn without_cold_reads_only_the_last_point_is_known() {
        let [mysql, _, warm] = Law::Lognormal { sigma: 0.3 }.rounds(50, 1);
        let bootstrap =
            Bootstrap::new(&PathRounds { mysql: &mysql, cold: &[], warm: &warm, groups: &[] }, 42);
        let curve = hit_ratio_curve(&bootstrap);
        assert!(curve[..6].iter().all(|point| point.mean_ns == Err(Missing::NoReads)));
        assert!(curve[6].mean_ns.is_ok());
    }

    #[test]
    #[ignore = "a matter of time: cargo test --release --lib stats::curve -- --ignored"]
    fn all_questions_about_the_longest_log_take_less_than_a_second() {
        let [mysql, cold, warm] = Law::Autoregressive { coefficient: 0.8 }.rounds(4_096, 1);
        let start = std::time::Instant::now();
        let bootstrap =
            Bootstrap::new(&PathRounds { mysql: &mysql, cold: &cold, warm: &warm, groups: &[] }, 42);
        let resampled = start.elapsed();
        let _ = hit_ratio_curve(&bootstrap);
        let paths = [Column::Mysql, Column::Cold, Column::Warm];
        assert!(paths.iter().all(|path| bootstrap.mean_ns(*path).is_ok()));
        assert!(bootstrap.miss_penalty().is_ok() && bootstrap.break_even().estimate().is_some());
        let all = start.elapsed();
        assert!(resampled.as_millis() < 300 && all.as_millis() < 1_000, "{resampled:?}, {all:?}");
    }
}
