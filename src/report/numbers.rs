//! Numbers of a run as text: durations, ratios and shares with their intervals.

use std::collections::BTreeMap;

use crate::claims;
pub(super) use crate::claims::Side;
pub(super) use crate::page::sentences::{UNKNOWN, list};
use crate::run_file::{HitRatio, PathRun, Ratio, WorkloadRun};
use crate::units;

/// A number that was not measured, or has no meaning here.
pub(super) const NONE: &str = "-";

pub(super) fn duration(ns: Option<f64>) -> String {
    ns.map_or_else(|| UNKNOWN.to_owned(), units::duration)
}

/// The mean of a path, if anything was read on it.
pub(super) fn mean_ns(path: &PathRun) -> Option<f64> {
    path.mean_ns.filter(|_| path.operations > 0)
}

pub(super) fn percentile(percentiles_ns: &BTreeMap<String, Option<u64>>, name: &str) -> Option<f64> {
    percentiles_ns.get(name).copied().flatten().map(|ns| ns as f64)
}

/// The path of that name, if anything was read on it.
pub(super) fn measured<'a>(workload: &'a WorkloadRun, path: &str) -> Option<&'a PathRun> {
    workload.paths.iter().find(|candidate| candidate.path == path && candidate.operations > 0)
}

/// The side of 1 on which a ratio certainly is.
pub(super) fn side_of_one(ratio: &Ratio) -> Side {
    claims::side_of_one(ratio.ci95)
}

pub(super) fn inverse(Ratio { ratio, ci95: [low, high] }: &Ratio) -> Ratio {
    Ratio { ratio: 1.0 / ratio, ci95: [1.0 / high, 1.0 / low] }
}

/// `2.6 x faster (2.0-3.3)`, `4 % slower (1-7 %)`, `no difference (0.98-1.03)`, `? faster
/// (0.54-1.8)`. The ratio is one of speeds.
pub(super) fn faster_or_slower(speed: &Ratio) -> String {
    let (times, word) = match side_of_one(speed) {
        Side::Above => (*speed, "faster"),
        Side::Below => (inverse(speed), "slower"),
        Side::Unsure => {
            if claims::is_no_difference(speed.ci95) {
                let [low, high] = speed.ci95.map(two_digits);
                return format!("no difference ({low}-{high})");
            }
            // The interval is one of times faster, or of times slower, and has 1 in it.
            let (times, word) =
                if speed.ratio < 1.0 { (inverse(speed), "slower") } else { (*speed, "faster") };
            let [low, high] = times.ci95.map(two_digits);
            return format!("{UNKNOWN} {word} ({low}-{high})");
        }
    };
    let Ratio { ratio, ci95: [low, high] } = times;
    if ratio < 1.1 {
        let [ratio, low, high] = [ratio, low, high].map(|times| percent(times - 1.0));
        return format!("{ratio} % {word} ({low}-{high} %)");
    }
    let [ratio, low, high] = with_interval(times);
    format!("{ratio} x {word} ({low}-{high})")
}

/// A ratio and its interval: two digits, and one more if two would hide that the interval has two
/// ends.
pub(super) fn with_interval(Ratio { ratio, ci95: [low, high] }: Ratio) -> [String; 3] {
    let short = [ratio, low, high].map(two_digits);
    if short[1] != short[2] || ratio >= 99.5 {
        return short;
    }
    let decimals = if ratio >= 9.95 { 1 } else { 2 };
    [ratio, low, high].map(|number| format!("{number:.decimals$}"))
}

/// `73 % hits (67-79 %)`, and `88.1 % hits (87.8-88.4 %)` for a narrow interval.
pub(super) fn hit_ratio(HitRatio { value, ci95: [low, high] }: &HitRatio) -> String {
    let mut texts = [*value, *low, *high].map(percent);
    if texts[1] == texts[2] {
        texts = [*value, *low, *high].map(|share| format!("{:.1}", share * 100.0));
    }
    let [value, low, high] = texts;
    format!("{value} % hits ({low}-{high} %)")
}

/// A share in percent: whole, or with one decimal where that would be 0 or 100.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let is_at_an_end = percent < 0.95 || (percent > 99.0 && percent < 99.95);
    if is_at_an_end && percent > 0.0 && percent < 100.0 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// `0.54`, `2.6`, `14`, `1,200`: two digits are as many as intervals carry.
pub(super) fn two_digits(number: f64) -> String {
    if number >= 99.5 {
        let unit = 10f64.powf(number.log10().floor() - 1.0);
        return units::count(units::whole((number / unit).round() * unit));
    }
    let decimals = if number >= 9.95 {
        0
    } else if number >= 0.995 {
        1
    } else {
        2
    };
    format!("{number:.decimals$}")
}

pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_interval_keeps_both_its_ends() {
        let said = |ratio, low, high| faster_or_slower(&Ratio { ratio, ci95: [low, high] });
        assert_eq!(said(1.601, 1.582, 1.628), "1.60 x faster (1.58-1.63)");
        assert_eq!(said(14.02, 13.8, 14.2), "14.0 x faster (13.8-14.2)");
        assert_eq!(said(2.61, 2.04, 3.3), "2.6 x faster (2.0-3.3)");
    }

    #[test]
    fn a_ratio_is_as_sure_as_its_interval() {
        let said = |ratio, low, high| faster_or_slower(&Ratio { ratio, ci95: [low, high] });
        let cases = [
            (2.61, 2.04, 3.3),
            (13.6, 12.9, 14.4),
            (1_234.0, 1_180.0, 1_320.0),
            (0.38, 0.33, 0.41),
            (0.96, 0.93, 0.99),
            (1.05, 1.01, 1.09),
            (1.0, 0.97, 1.03),
            (1.29, 0.54, 1.76),
            (1.0, 1.0, 1.0),
        ];
        insta::assert_snapshot!(cases.map(|(ratio, low, high)| said(ratio, low, high)).join("\n"));
    }

    #[test]
    fn shares_are_whole_percent_but_at_the_ends() {
        let said = [0.0, 0.004, 0.14, 0.731, 0.995, 0.9996, 1.0].map(percent);
        assert_eq!(said, ["0", "0.4", "14", "73", "99.5", "100", "100"]);
        assert_eq!(
            [0.54, 2.649, 9.96, 13.6, 99.4, 123.0, 45_678.0].map(two_digits),
            ["0.54", "2.6", "10", "14", "99", "120", "46,000"]
        );
    }
}
