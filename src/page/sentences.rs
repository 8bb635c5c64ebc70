//! Words that every page writes alike.

/// In the place of a number that does not exist.
pub(crate) const UNKNOWN: &str = "?";

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Two digits, however small: `12 %`, `0.0012 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent > 0.0 && percent < 10.0 {
        usize::try_from(crate::units::whole(1.0 - percent.log10().floor())).unwrap_or(0)
    } else {
        0
    };
    format!("{percent:.decimals$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_a_sentence() {
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&items), "a, b and c");
        assert_eq!(list(&items[..2]), "a and b");
        assert_eq!(list(&[]), "");
    }

    #[test]
    fn small_shares_keep_two_digits() {
        for (share, text) in [(0.123, "12 %"), (0.0123, "1.2 %"), (0.000_012_3, "0.0012 %"), (0.0, "0 %")] {
            assert_eq!(percent(share), text);
        }
    }
}
