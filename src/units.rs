//! Units as people read them: durations, rates, sizes and counts, three significant digits.

/// A duration with the unit that keeps it short: `872 ns`, `17.3 µs`, `1.80 ms`, `45.9 s`.
pub(crate) fn duration(ns: f64) -> String {
    const STEPS: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
    scaled(ns, &STEPS, 1e3)
}

/// Reads what people type for a duration, such as `5ms`, `1.5 s` or `250µs`; in ns. A number
/// without a unit, a negative one and one that is none are nothing.
pub(crate) fn parse_duration_ns(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?);
    let factor = match unit.trim() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// Reads how long something is to last: as [`parse_duration_ns`], in minutes (`2m`), or seconds
/// without a unit.
pub(crate) fn parse_time_ns(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let scaled = |number: &str, factor: f64| {
        is_plain(number).then(|| number.parse::<f64>().ok().map(|number| number * factor)).flatten()
    };
    let in_minutes = text.strip_suffix('m').and_then(|number| scaled(number.trim_end(), 60e9));
    parse_duration_ns(text).or_else(|| scaled(text, 1e9)).or(in_minutes)
}

/// A size in bytes, by powers of 1024: `96 B`, `4.20 MiB`.
pub(crate) fn bytes(count: f64) -> String {
    const STEPS: [(f64, &str); 4] =
        [(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];
    scaled(count, &STEPS, 1000.0)
}

/// Reads an amount of memory as Redis does, by powers of 1024: `64mb`, `1g`, `100MiB`, `1048576`.
pub(crate) fn parse_bytes(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1_048_576.0,
        "g" | "gb" | "gib" => 1_073_741_824.0,
        "t" | "tb" | "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// A count with separators: `100,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Reads what people type for a count: `1000`, `1,000`, `1_000`, `10k`, `1.5M`. What is not a whole
/// number is nothing.
pub(crate) fn parse_count(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, factor) = match text.char_indices().next_back()? {
        (last, 'k' | 'K') => (&text[..last], 1_000),
        (last, 'm' | 'M') => (&text[..last], 1_000_000),
        (last, 'g' | 'G') => (&text[..last], 1_000_000_000),
        _ => (text, 1_u64),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = without_separators(whole)?;
    if !is_digits(&whole) || !is_digits(fraction) || (factor == 1 && number.contains('.')) {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction.parse::<u64>().ok()?.checked_mul(factor)?;
    let part = part.is_multiple_of(scale).then_some(part / scale)?;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(part)
}

/// The digits without what separates them: commas before every three, or underscores between any
/// two.
fn without_separators(digits: &str) -> Option<String> {
    let groups: Vec<&str> = digits.split(',').collect();
    let commas_fit = groups.len() == 1
        || ((1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3));
    let underscores_fit = !digits.starts_with('_') && !digits.ends_with('_');
    let one_kind = !(digits.contains(',') && digits.contains('_'));
    (commas_fit && underscores_fit && one_kind).then(|| digits.replace([',', '_'], ""))
}

/// A rate per second: `58,300/s`, `41.2/s`.
pub(crate) fn rate(per_s: f64) -> String {
    if per_s < 1000.0 {
        return format!("{}/s", three_digits(per_s));
    }
    // Below 1000 three digits are kept; above, what lies under the third is noise.
    let unit = 10f64.powf((per_s.log10()).floor() - 2.0);
    format!("{}/s", count(whole((per_s / unit).round() * unit)))
}

/// A ratio: `1.26`, `13.5`, `1,240`.
pub(crate) fn factor(ratio: f64) -> String {
    if ratio >= 999.5 { count(whole(ratio)) } else { three_digits(ratio) }
}

/// Rounds to a whole number; negative and NaN become 0, what is too large the largest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is asked for"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// The index at which a share of a sorted list of that length ends; the list is not empty.
pub(crate) fn index(share: f64, length: usize) -> usize {
    let last = length.saturating_sub(1);
    usize::try_from(whole(share * last as f64)).unwrap_or(last).min(last)
}

fn scaled(number: f64, steps: &[(f64, &str)], limit: f64) -> String {
    let mut chosen = steps[0];
    for step in steps {
        // 999.7 would print as "1000": it already belongs to the next unit.
        if number / chosen.0 >= limit * 0.9995 {
            chosen = *step;
        }
    }
    let value = number / chosen.0;
    if chosen.0 == 1.0 {
        format!("{} {}", whole(value), chosen.1)
    } else {
        format!("{} {}", three_digits(value), chosen.1)
    }
}

fn three_digits(value: f64) -> String {
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

/// `1 read`, `2 reads`, `1,000 reads`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        for (ns, text) in [
            (0.0, "0 ns"),
            (872.0, "872 ns"),
            (999.4, "999 ns"),
            (999.7, "1.00 µs"),
            (17_340.0, "17.3 µs"),
            (99_960.0, "100 µs"),
            (999_700.0, "1.00 ms"),
            (1.8e6, "1.80 ms"),
            (45.861e9, "45.9 s"),
            (7.2e12, "7200 s"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, ns) in [("5ms", 5e6), ("1.5 s", 1.5e9), (" 250µs ", 250e3), ("7us", 7e3), ("900ns", 900.0)]
        {
            assert_eq!(parse_duration_ns(text), Some(ns), "{text}");
        }
        for text in ["", "5", "ms", "-5ms", "5 minutes", "1.2.3ms", "5msx", "NaNms", "infs"] {
            assert_eq!(parse_duration_ns(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_in_seconds_unless_they_say_otherwise() {
        for (text, ns) in
            [("5", 5e9), ("5s", 5e9), ("0.5", 0.5e9), ("500ms", 0.5e9), ("2m", 120e9), (" 1.5 m ", 90e9)]
        {
            assert_eq!(parse_time_ns(text), Some(ns), "{text}");
        }
        for text in ["", "m", "-5", "5h", "1e3", "inf", "NaN", "5 5", "1.2.3", "+5"] {
            assert_eq!(parse_time_ns(text), None, "{text}");
        }
    }

    #[test]
    fn counts_are_read() {
        for (text, number) in [
            ("0", 0),
            ("1000", 1_000),
            ("1,000", 1_000),
            ("12,345,678", 12_345_678),
            ("1_000", 1_000),
            ("1_0_0", 100),
            ("10k", 10_000),
            ("10K", 10_000),
            ("1.5k", 1_500),
            ("2M", 2_000_000),
            ("0.25M", 250_000),
            ("1g", 1_000_000_000),
            (" 7 ", 7),
        ] {
            assert_eq!(parse_count(text), Some(number), "{text}");
        }
        for text in [
            "",
            "k",
            ",",
            "_",
            "1,00",
            "1,0000",
            ",100",
            "1000,000",
            "_1",
            "1_",
            "1,000_000",
            "1.5",
            "1.0",
            "1.2345k",
            "-1",
            "+1",
            "1e3",
            "0x10",
            "10 k",
            "1 000",
            "many",
            "\u{663}",
            "99999999999999999999",
            "99999999999G",
            "1.k",
            ".5k",
        ] {
            assert_eq!(parse_count(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_counts_and_rates() {
        assert_eq!(bytes(96.0), "96 B");
        assert_eq!(bytes(4.2 * 1_048_576.0), "4.20 MiB");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(100_000), "100,000");
        assert_eq!(rate(41.234), "41.2/s");
        assert_eq!(rate(58_345.0), "58,300/s");
        assert_eq!(rate(1_000.0), "1,000/s");
        assert_eq!([0.0421, 1.26, 13.46, 1_240.4].map(factor), ["0.04", "1.26", "13.5", "1,240"]);
    }

    #[test]
    fn memory_is_read_as_redis_reads_it() {
        for (text, bytes) in
            [("100", 100.0), ("1kb", 1024.0), ("1.5 MiB", 1_572_864.0), ("2g", 2_147_483_648.0), ("0", 0.0)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "mb", "-1", "1e3", "5 parsecs", "1.2.3", "\u{663}"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_is_never_off_by_more_than_its_third_digit(ns in 1.0f64..1e13) {
            let text = duration(ns);
            let (number, unit) = text.split_once(' ').unwrap();
            let factor = match unit { "ns" => 1.0, "µs" => 1e3, "ms" => 1e6, _ => 1e9 };
            let shown: f64 = number.parse::<f64>().unwrap() * factor;
            prop_assert!((shown - ns).abs() <= (ns * 0.0051).max(0.5), "{ns} shown as {text}");
        }

        #[test]
        fn what_is_printed_can_be_typed(ns in 1.0f64..1e13) {
            let typed = parse_duration_ns(&duration(ns)).unwrap();
            prop_assert!((typed - ns).abs() <= (ns * 0.0051).max(0.5));
        }

        #[test]
        fn any_text_is_a_duration_or_none(text: String) {
            prop_assert!(parse_duration_ns(&text).is_none_or(|ns| ns >= 0.0));
        }

        #[test]
        fn any_text_is_a_count_or_none(text in "[0-9kM,._ -]{0,12}|.*") {
            let _ = parse_count(&text);
        }

        #[test]
        fn a_count_that_is_printed_can_be_typed(number: u64) {
            prop_assert_eq!(parse_count(&count(number)), Some(number));
        }

        #[test]
        fn separators_change_no_digit(number: u64) {
            prop_assert_eq!(count(number).replace(',', ""), number.to_string());
        }
    }
}
