//! Counts as people type them: `1000`, `1,000`, `1_000`, `10k`, `2M`.

use crate::units;

/// Counts between these bounds; `T` is what they are kept in.
pub(super) fn count_in<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = units::parse_count(text).filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!(
                "expected a whole number from {} to {}, such as {}",
                units::count(least),
                units::count(most),
                examples(least, most)
            )
        })
    }
}

/// Ways to write a number, as far as they are between the bounds.
fn examples(least: u64, most: u64) -> String {
    const ALL: [(&str, u64); 5] =
        [("16", 16), ("1000", 1_000), ("1,000", 1_000), ("10k", 10_000), ("2M", 2_000_000)];
    let fits = ALL.iter().filter(|(_, number)| (least..=most).contains(number));
    let mut fits: Vec<&str> = fits.map(|(text, _)| *text).collect();
    if fits.len() == ALL.len() {
        fits.remove(0);
    }
    match fits.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        [only] => (*only).to_owned(),
        _ => units::count(least),
    }
}

pub(super) fn users(text: &str) -> Result<u32, String> {
    count_in(1, u64::from(crate::users::MAX_USERS))(text)
}

/// More reads than can be waited for, and far from the end of any counter.
const MAX_ITERATIONS: u64 = 1_000_000_000_000;

pub(super) fn iterations(text: &str) -> Result<u64, String> {
    count_in(1, MAX_ITERATIONS)(text)
}

pub(super) fn hit_percent(text: &str) -> Result<u8, String> {
    let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
    let percent = digits.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| "expected a whole number from 0 to 100, such as 80".to_owned())
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent > 0.0 => Ok(percent),
        _ => Err("expected a number above 0, such as 10 or 7.5".to_owned()),
    }
}

/// Operations a second: `2000`, `2,000`, `2k`, `0.5`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    const MAX_PER_S: f64 = 10_000_000.0;
    let number = units::parse_count(text).map(|count| count as f64).or_else(|| decimal(text));
    number.filter(|rate| *rate > 0.0 && *rate <= MAX_PER_S).ok_or_else(|| {
        "expected a number a second above 0 and up to 10,000,000, such as 2000, 2k or 0.5".to_owned()
    })
}

/// A share in percent, from 0 to 1: `5%` or `5`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    decimal(text.strip_suffix('%').unwrap_or(text).trim_end())
        .filter(|percent| *percent <= 100.0)
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "expected a percentage from 0 to 100, such as 5% or 0.5%".to_owned())
}

/// A time to live in seconds: `60`, `500ms`, `10m`.
pub(super) fn lifetime(text: &str) -> Result<f64, String> {
    const MAX_S: f64 = 1e9;
    units::parse_time_ns(text)
        .map(|ns| ns / 1e9)
        .filter(|seconds| (0.001..=MAX_S).contains(seconds))
        .ok_or_else(|| "expected a time of at least a millisecond, such as 60, 500ms or 10m".to_owned())
}

/// An amount of memory in bytes: `64mb`, `1gb`, `100MiB`.
pub(super) fn memory(text: &str) -> Result<f64, String> {
    units::parse_bytes(text)
        .filter(|bytes| *bytes >= 1.0)
        .ok_or_else(|| "expected an amount of memory such as 64mb, 1gb or 100MiB".to_owned())
}

fn decimal(text: &str) -> Option<f64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_to_their_bounds() {
        assert_eq!(users("10k"), Ok(10_000));
        assert_eq!(iterations("1,000"), Ok(1_000));
        assert_eq!(count_in::<u16>(1, 1024)("1_024"), Ok(1024));
        for text in ["0", "-1", "many", "99999999999", "1k users", ""] {
            let error = users(text).unwrap_err();
            assert!(error.contains("from 1 to "), "{error}");
        }
        assert!(count_in::<u16>(1, 1024)("2k").unwrap_err().contains("from 1 to 1,024"));
    }

    #[test]
    fn no_example_is_out_of_range() {
        for (most, shown) in [
            (100, "such as 16"),
            (1_024, "such as 16, 1000 or 1,000"),
            (3_600, "such as 16, 1000 or 1,000"),
            (10_000_000, "such as 1000, 1,000, 10k or 2M"),
        ] {
            let error = count_in::<u64>(1, most)("many").unwrap_err();
            assert!(error.ends_with(shown), "{error}");
        }
    }

    #[test]
    fn rates_shares_lifetimes_and_memory_keep_to_their_bounds() {
        for (text, expected) in [("2000", 2_000.0), ("2k", 2_000.0), ("0.5", 0.5), ("2,000", 2_000.0)] {
            assert_eq!(rate(text), Ok(expected), "{text}");
        }
        for text in ["0", "-1", "", "NaN", "inf", "1e3", "11M", "."] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(["0", "5%", "100 %"].map(share), [Ok(0.0), Ok(0.05), Ok(1.0)]);
        for text in ["101", "-1%", "%", "five"] {
            assert!(share(text).is_err(), "{text}");
        }
        assert_eq!(["60", "500ms", "10m"].map(lifetime), [Ok(60.0), Ok(0.5), Ok(600.0)]);
        for text in ["0", "-1", "1us", "99999999999"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
        assert_eq!(["64mb", "1GiB"].map(memory), [Ok(67_108_864.0), Ok(1_073_741_824.0)]);
        for text in ["0", "mb", "-1mb", "64xb"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
