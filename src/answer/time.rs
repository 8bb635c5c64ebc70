//! Dates and times as MySQL has them, zero and impossible ones included, packed into integers whose
//! order is theirs.

use std::fmt;

const MICROS: u64 = 1_000_000;

/// A date; its parts may be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
}

/// A date and a time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DateTime {
    pub(crate) date: Date,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    pub(crate) micros: u32,
}

/// A time between two instants, in microseconds; up to 838 hours either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    pub(crate) micros: i64,
}

impl Date {
    pub(super) fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        (year <= 9999 && month <= 12 && day <= 31).then_some(Self { year, month, day })
    }

    pub(super) fn pack(self) -> u32 {
        u32::from(self.year) << 9 | u32::from(self.month) << 5 | u32::from(self.day)
    }

    pub(super) fn unpack(packed: u32) -> Option<Self> {
        let year = u16::try_from(packed >> 9).ok()?;
        Self::new(year, low(packed >> 5, 0xf)?, low(packed, 0x1f)?)
    }

    /// `YYYY-MM-DD`
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
        let year = number(&[*y1, *y2, *y3, *y4])?;
        Self::new(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
    }
}

impl DateTime {
    pub(super) fn new(date: Date, hour: u8, minute: u8, second: u8, micros: u32) -> Option<Self> {
        let is_time = hour <= 23 && minute <= 59 && second <= 59 && u64::from(micros) < MICROS;
        is_time.then_some(Self { date, hour, minute, second, micros })
    }

    pub(super) fn pack(self) -> u64 {
        u64::from(self.date.pack()) << 37
            | u64::from(self.hour) << 32
            | u64::from(self.minute) << 26
            | u64::from(self.second) << 20
            | u64::from(self.micros)
    }

    pub(super) fn unpack(packed: u64) -> Option<Self> {
        let bits = |shift: u32, mask: u64| u32::try_from(packed >> shift & mask).ok();
        let date = Date::unpack(u32::try_from(packed >> 37).ok()?)?;
        let byte = |shift, mask| bits(shift, mask).and_then(|bits| u8::try_from(bits).ok());
        Self::new(date, byte(32, 0x1f)?, byte(26, 0x3f)?, byte(20, 0x3f)?, bits(0, 0xf_ffff)?)
    }

    /// `YYYY-MM-DD`, `YYYY-MM-DD hh:mm:ss` or the same with a fraction.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let date = Date::parse(date)?;
        if rest.is_empty() {
            return Self::new(date, 0, 0, 0, 0);
        }
        let (clock, fraction) = rest.split_at_checked(9)?;
        let [b' ', h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
        let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
        Self::new(date, hour, minute, number(&[*s1, *s2])?, micros(fraction)?)
    }
}

impl Time {
    pub(super) fn new(
        is_negative: bool,
        hours: u32,
        minutes: u8,
        seconds: u8,
        fraction: u32,
    ) -> Option<Self> {
        // MySQL stops at 838 hours; more than 999 is no time of any server.
        if hours > 999 || minutes > 59 || seconds > 59 || u64::from(fraction) >= MICROS {
            return None;
        }
        let whole = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
        let micros = whole * 1_000_000 + i64::from(fraction);
        Some(Self { micros: if is_negative { -micros } else { micros } })
    }

    /// `[-]hh:mm:ss` or the same with a fraction; hours may have three digits.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits = text.iter().position(|byte| *byte == b':').filter(|digits| (2..=3).contains(digits))?;
        let (hours, rest) = text.split_at_checked(digits)?;
        let (clock, fraction) = rest.split_at_checked(6)?;
        let [b':', m1, m2, b':', s1, s2] = clock else { return None };
        let (minutes, seconds) = (number(&[*m1, *m2])?, number(&[*s1, *s2])?);
        Self::new(is_negative, number(hours)?, minutes, seconds, micros(fraction)?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, hour, minute, second, micros } = self;
        write!(f, "{date} {hour:02}:{minute:02}:{second:02}.{micros:06}")
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let (seconds, micros) = (self.micros.unsigned_abs() / MICROS, self.micros.unsigned_abs() % MICROS);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{sign}{hours:02}:{minutes:02}:{:02}.{micros:06}", seconds % 60)
    }
}

/// Some low bits of a number.
fn low(bits: u32, mask: u32) -> Option<u8> {
    u8::try_from(bits & mask).ok()
}

/// Digits and nothing else.
fn number<T: TryFrom<u32>>(digits: &[u8]) -> Option<T> {
    let mut value = 0u32;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    if digits.is_empty() { None } else { T::try_from(value).ok() }
}

/// A fraction of up to six digits with its dot, or nothing.
fn micros(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(b".").filter(|digits| (1..=6).contains(&digits.len()))?;
    let scale = u32::try_from(6 - digits.len()).ok()?;
    Some(number::<u32>(digits)? * 10u32.pow(scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zero_and_extreme_dates_and_times_have_a_place() {
        for text in ["0000-00-00", "2024-00-00", "9999-12-31", "0001-01-01"] {
            let date = Date::parse(text.as_bytes()).unwrap();
            assert_eq!(Date::unpack(date.pack()), Some(date), "{text}");
        }
        for text in ["0000-00-00 00:00:00", "9999-12-31 23:59:59.999999", "2024-02-29 01:02:03.5"] {
            let time = DateTime::parse(text.as_bytes()).unwrap();
            assert_eq!(DateTime::unpack(time.pack()), Some(time), "{text}");
        }
        let micros = |text: &str| Time::parse(text.as_bytes()).unwrap().micros;
        assert_eq!(micros("838:59:59.999999"), 3_020_399_999_999);
        assert_eq!(micros("-838:59:59"), -3_020_399_000_000);
        assert_eq!((micros("-00:00:00.5"), micros("00:00:00")), (-500_000, 0));
        assert!(Date::parse(b"2024-01-01") < Date::parse(b"2024-01-02"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2024", "2024-13-01", "2024-1-01", "20x4-01-01", "2024-01-32", "2024-01-01 24:00:00"]
        {
            assert_eq!(DateTime::parse(text.as_bytes()), None, "{text}");
        }
        for text in ["", "1:00:00", "00:60:00", "00:00", "00:00:00.", "00:00:00.1234567", "--00:00:00"] {
            assert_eq!(Time::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_and_numbers_are_a_time_or_none(text: Vec<u8>, date: u32, time: u64) {
            let _ = (Date::parse(&text), DateTime::parse(&text), Time::parse(&text));
            if let Some(date) = Date::unpack(date) {
                prop_assert_eq!(Date::unpack(date.pack()), Some(date));
            }
            if let Some(time) = DateTime::unpack(time) {
                prop_assert_eq!(DateTime::unpack(time.pack()), Some(time));
            }
        }
    }
}
