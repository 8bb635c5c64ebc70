//! Scales: the range of a picture and the ticks that name places on it.

use crate::units;

/// A range of values, and the labels on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    /// The quantity, with its unit if the labels have none.
    pub(crate) title: String,
    kind: Kind,
    from: f64,
    to: f64,
    /// In ascending order.
    pub(crate) ticks: Vec<Tick>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Logarithmic,
}

/// A labelled value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
    /// There is room for it on a narrow page, too.
    pub(crate) is_major: bool,
}

/// The share of a scale that must be free between two labels: on a narrow page, and on a wide one.
const MAJOR_GAP: f64 = 0.2;
const MINOR_GAP: f64 = 0.095;
/// A logarithmic scale spans at least this ratio, so that there are ticks on it.
const SMALLEST_RATIO: f64 = 1.25;
/// Longer durations are shown at the end; histograms end at one hour.
const MOST_NS: f64 = 8e12;
/// Larger numbers are shown at the end.
const MOST: f64 = 1e19;
/// Ratios beyond these ends are shown at them.
const RATIOS: [f64; 2] = [1e-6, 1e6];

impl Scale {
    /// Durations in ns, logarithmic.
    pub(crate) fn of_durations(from_ns: f64, to_ns: f64) -> Self {
        let [from, to] = widened(clamped(from_ns, 1.0, MOST_NS), clamped(to_ns, 1.0, MOST_NS));
        let mut scale = Self::new("time of a read, logarithmic", Kind::Logarithmic, from, to);
        scale.add_log_ticks(&tick_duration);
        scale
    }

    /// Durations in ns from 0, linear.
    pub(crate) fn of_durations_from_zero(title: &str, to_ns: f64) -> Self {
        Self::linear(title, clamped(to_ns, 1.0, MOST_NS), &tick_duration)
    }

    /// Counts and other plain numbers from 0, linear.
    pub(crate) fn of_numbers(title: &str, to: f64) -> Self {
        let to = if to > 0.0 { clamped(to, 1e-9, MOST) } else { 1.0 };
        Self::linear(title, to, &tick_number)
    }

    /// Shares of 0 to 1 in percent, linear.
    pub(crate) fn of_shares(title: &str) -> Self {
        let mut scale = Self::new(title, Kind::Linear, 0.0, 1.0);
        let tick = |percent: u32, is_major| Tick {
            at: f64::from(percent) / 100.0,
            label: format!("{percent} %"),
            is_major,
        };
        scale.ticks =
            (0..=10).map(|tenth| tick(tenth * 10, tenth == 0 || tenth == 5 || tenth == 10)).collect();
        scale
    }

    /// Ratios around 1, logarithmic.
    pub(crate) fn of_ratios(title: &str, from: f64, to: f64) -> Self {
        let [from, to] = RATIOS.map(|end| if end < 1.0 { from.min(1.0) } else { to.max(1.0) });
        let [from, to] = widened(clamped(from, RATIOS[0], 1.0), clamped(to, 1.0, RATIOS[1]));
        let mut scale = Self::new(title, Kind::Logarithmic, from, to);
        scale.add_log_ticks(&tick_number);
        scale
    }

    /// Bytes, logarithmic, between powers of two.
    pub(crate) fn of_bytes(title: &str, from: f64, to: f64) -> Self {
        let power = |bytes: f64| clamped(bytes, 1.0, MOST).log2();
        let from = power(from).floor();
        let to = power(to).ceil().max(from + 1.0);
        let mut scale = Self::new(title, Kind::Logarithmic, from.exp2(), to.exp2());
        scale.add_ticks(&powers_of_two(from, to), &tick_bytes);
        scale
    }

    /// Names at equal distances, at 0, 1, 2, …
    pub(crate) fn of_names(title: &str, names: &[String]) -> Self {
        let last = names.len().saturating_sub(1).max(1);
        let mut scale = Self::new(title, Kind::Linear, 0.0, last as f64);
        let tick =
            |(index, name): (usize, &String)| Tick { at: index as f64, label: name.clone(), is_major: true };
        scale.ticks = names.iter().enumerate().map(tick).collect();
        scale
    }

    fn new(title: &str, kind: Kind, from: f64, to: f64) -> Self {
        Self { title: title.to_owned(), kind, from, to, ticks: Vec::new() }
    }

    fn linear(title: &str, to: f64, label: &dyn Fn(f64) -> String) -> Self {
        let mut scale = Self::new(title, Kind::Linear, 0.0, to);
        scale.add_ticks(&linear_candidates(to), label);
        scale
    }

    /// The place of a value, from 0 at the start to 1 at the end; values beyond the ends are at
    /// them.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Linear => (value - self.from) / (self.to - self.from),
            Kind::Logarithmic => (value / self.from).ln() / (self.to / self.from).ln(),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The value at a place.
    pub(crate) fn value(&self, share: f64) -> f64 {
        match self.kind {
            Kind::Linear => self.from + share * (self.to - self.from),
            Kind::Logarithmic => self.from * (self.to / self.from).powf(share),
        }
    }

    fn add_log_ticks(&mut self, label: &dyn Fn(f64) -> String) {
        self.add_ticks(&log_candidates(self.from, self.to), label);
        if self.ticks.len() < 3 {
            self.add_ticks(&fine_candidates(self.from, self.to), label);
        }
    }

    /// Takes as many candidates as there is room for, the first ones first.
    fn add_ticks(&mut self, candidates: &[f64], label: &dyn Fn(f64) -> String) {
        for (gap, is_major) in [(MAJOR_GAP, true), (MINOR_GAP, false)] {
            for at in candidates {
                let share = self.share(*at);
                if self.ticks.iter().all(|tick| (self.share(tick.at) - share).abs() >= gap) {
                    self.ticks.push(Tick { at: *at, label: label(*at), is_major });
                }
            }
        }
        self.ticks.sort_by(|one, other| one.at.total_cmp(&other.at));
    }
}

fn clamped(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() { low } else { value.clamp(low, high) }
}

/// The range, about its middle, if it is too narrow.
fn widened(from: f64, to: f64) -> [f64; 2] {
    if to >= from * SMALLEST_RATIO {
        return [from, to];
    }
    let middle = (from * to.max(from)).sqrt();
    [middle / SMALLEST_RATIO.sqrt(), middle * SMALLEST_RATIO.sqrt()]
}

/// Values of one digit in a range, the roundest first.
fn log_candidates(from: f64, to: f64) -> Vec<f64> {
    const ROUND: [&[f64]; 4] = [&[1.0], &[5.0, 2.0], &[3.0, 7.0], &[4.0, 6.0, 8.0, 9.0, 1.5, 2.5]];
    ROUND.into_iter().flat_map(|digits| of_decades(digits, from, to)).collect()
}

/// Values of two digits, for a range that holds too few of one.
fn fine_candidates(from: f64, to: f64) -> Vec<f64> {
    let digits: Vec<f64> = (10..=99).map(|digits| f64::from(digits) / 10.0).collect();
    of_decades(&digits, from, to)
}

/// These digits in every decade of a range.
fn of_decades(digits: &[f64], from: f64, to: f64) -> Vec<f64> {
    // From 1e-7 for ratios to 1e13 for durations.
    let decades = (-7..=13).map(|power| 10f64.powi(power));
    let all = decades.flat_map(|decade| digits.iter().map(move |digit| digit * decade));
    all.filter(|value| (from * 0.999_999..=to * 1.000_001).contains(value)).collect()
}

/// Powers of two between two exponents: the ends first, then whole units, then the rest.
fn powers_of_two(from: f64, to: f64) -> Vec<f64> {
    let is_between = |power: &f64| (from..=to).contains(power);
    let every = |step: u32| (0..=64 / step).map(move |count| f64::from(count * step)).filter(is_between);
    [from, to]
        .into_iter()
        .chain(every(10))
        .chain(every(5))
        .chain(every(2))
        .chain(every(1))
        .map(f64::exp2)
        .collect()
}

/// Multiples of a round step from 0, then those of half of it.
fn linear_candidates(to: f64) -> Vec<f64> {
    let decade = 10f64.powf(to.log10().floor());
    let steps = [5.0, 2.0, 1.0, 0.5, 0.2].map(|factor| factor * decade);
    let step = steps.into_iter().find(|step| to / step >= 2.0).unwrap_or(decade / 5.0);
    let multiples = |step: f64| (0..=10).map(move |count| f64::from(count) * step);
    let all = multiples(step).chain(multiples(step / 2.0));
    all.filter(|value| *value <= to * 1.000_001).collect()
}

/// `0`, `500 µs`, `1.5 ms`: no more digits than a tick has.
fn tick_duration(ns: f64) -> String {
    if ns <= 0.0 {
        return "0".to_owned();
    }
    const UNITS: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    let (unit_ns, unit) =
        UNITS.into_iter().find(|(unit_ns, _)| ns >= unit_ns * 0.9995).unwrap_or((1.0, "ns"));
    format!("{} {unit}", tick_number(ns / unit_ns))
}

/// `512 B`, `32 MiB`
fn tick_bytes(bytes: f64) -> String {
    const UNITS: [(f64, &str); 7] = [
        (60.0, "EiB"),
        (50.0, "PiB"),
        (40.0, "TiB"),
        (30.0, "GiB"),
        (20.0, "MiB"),
        (10.0, "KiB"),
        (0.0, "B"),
    ];
    let (power, unit) = UNITS.into_iter().find(|(power, _)| bytes >= power.exp2()).unwrap_or((0.0, "B"));
    format!("{} {unit}", tick_number(bytes / power.exp2()))
}

/// `0.95`, `1.5`, `1,000`, `20k`, `2e-5`
fn tick_number(number: f64) -> String {
    const LARGE: [(f64, &str); 6] =
        [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    if number >= 9_999.5 {
        let (unit, name) = LARGE.into_iter().find(|(unit, _)| number >= *unit).unwrap_or((1.0, ""));
        return format!("{}{name}", tick_number(number / unit));
    }
    if number >= 999.5 {
        return units::count(units::whole(number));
    }
    if number > 0.0 && number < 1e-4 {
        return format!("{number:.1e}").replace(".0e", "e");
    }
    let text = format!("{number:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() { "0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(scale: &Scale) -> Vec<String> {
        let label =
            |tick: &Tick| if tick.is_major { tick.label.clone() } else { format!("({})", tick.label) };
        scale.ticks.iter().map(label).collect()
    }

    #[test]
    fn ticks_are_round() {
        let scales = [
            Scale::of_durations(17_000.0, 900_000.0),
            Scale::of_durations(30.4e6, 33.1e6),
            Scale::of_durations(1.0, 3.6e12),
            Scale::of_durations(1_000_000.0, 1_000_000.0),
            Scale::of_durations_from_zero("", 186_000.0),
            Scale::of_shares(""),
            Scale::of_ratios("", 0.97, 1.13),
            Scale::of_numbers("", 64.0),
            Scale::of_bytes("", 1e6, 300e6),
            Scale::of_bytes("", 4096.0, 4096.0),
        ];
        insta::assert_snapshot!(scales.map(|scale| labels(&scale).join("  ")).join("\n"));
    }

    proptest! {
        #[test]
        fn labels_have_room_whatever_the_range(from: f64, to: f64) {
            for scale in [
                Scale::of_durations(from, to),
                Scale::of_durations_from_zero("", to),
                Scale::of_ratios("", from, to),
                Scale::of_numbers("", to),
                Scale::of_bytes("", from, to),
            ] {
                prop_assert!(scale.ticks.len() >= 2, "{scale:?}");
                for pair in scale.ticks.windows(2) {
                    prop_assert!(scale.share(pair[1].at) - scale.share(pair[0].at) >= MINOR_GAP - 1e-9);
                    prop_assert!(pair[0].label != pair[1].label, "{scale:?}");
                }
                let majors: Vec<&Tick> = scale.ticks.iter().filter(|tick| tick.is_major).collect();
                for pair in majors.windows(2) {
                    prop_assert!(scale.share(pair[1].at) - scale.share(pair[0].at) >= MAJOR_GAP - 1e-9);
                }
                for value in [from, to, f64::NAN, f64::INFINITY, -1.0] {
                    prop_assert!((0.0..=1.0).contains(&scale.share(value)));
                }
            }
        }
    }
}
