//! The parameters of a statement: sets of values, one set for each read. Each distinct set is one
//! key of the cache.

pub(crate) mod collect;
mod delimited;
pub(crate) mod source;
pub(crate) mod value;

use std::fmt;
use std::io::{self, Read};

use crate::interrupt::{self, Interrupted};
use collect::{Collector, Sampling};
use source::Source;
use value::Value;

/// The distinct sets of parameters of a run.
#[derive(Clone)]
pub(crate) struct Parameters {
    sets: Vec<Vec<Value>>,
    given: u64,
    is_sampled: bool,
    fingerprint: u64,
    header: bool,
}

/// Why parameters cannot be used. Names the source and the row, never a value.
#[derive(Debug, thiserror::Error)]
#[error("the parameters from {from}: {cause}")]
pub(crate) struct ParametersError {
    from: String,
    // Part of the sentence: as a source of its own it would be told twice.
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("its name is empty\n  give A..B, a file, or - for stdin")]
    Empty,
    #[error("the file does not exist\n  a range is written A..B, such as 1..50000")]
    NotThere,
    #[error("it is a folder, not a file")]
    Folder,
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("{} is beyond 64 bits", .0)]
    BeyondRange(&'static str),
    #[error("the first number is greater than the last")]
    ReversedRange,
    #[error("a range gives one value, and the statement has {}", parameters(*.0))]
    RangeForOne(usize),
    #[error("the statement has no ? to put them in\n  leave --params out, or write ? in place of a literal")]
    NoneWanted,
    #[error("there is no row")]
    NoRows,
    #[error(transparent)]
    Columns(#[from] WrongColumns),
    #[error("row {row}, column {column} is not UTF-8\n  convert the file: iconv -f latin1 -t utf-8 FILE")]
    NotUtf8 { row: u64, column: usize },
    #[error("the file is UTF-16\n  convert it: iconv -f UTF-16 -t UTF-8 FILE")]
    Utf16,
    #[error("the file is compressed ({kind})\n  decompress it: {tool} FILE, and give --params -")]
    Compressed { kind: &'static str, tool: &'static str },
    #[error("row {0}: the double quotes do not match")]
    Quotes(u64),
    #[error("row {row}: a value is longer than {} MiB", delimited::LONGEST_VALUE / (1024 * 1024))]
    TooLong { row: u64 },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A row with another number of columns than the statement has parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row} has {}, and the statement has {}", columns(*.found), parameters(*.expected))]
pub(crate) struct WrongColumns {
    pub(crate) row: u64,
    pub(crate) found: usize,
    pub(crate) expected: usize,
}

fn parameters(count: usize) -> String {
    if count == 1 { "1 parameter".to_owned() } else { format!("{count} parameters") }
}

fn columns(count: usize) -> String {
    if count == 1 { "1 column".to_owned() } else { format!("{count} columns") }
}

impl Parameters {
    /// The one empty set of a statement without parameters.
    pub(crate) fn none() -> Self {
        Self { sets: vec![Vec::new()], given: 1, is_sampled: false, fingerprint: 0, header: false }
    }

    /// Reads the sets of a statement with this many parameters.
    ///
    /// # Errors
    /// If the source cannot be read, or a row does not fit the statement.
    pub(crate) fn read(source: &Source, count: usize, sampling: Sampling) -> Result<Self, ParametersError> {
        let from = source.name();
        read(source, count, sampling).map_err(|cause| ParametersError { from, cause })
    }

    /// The distinct sets in the order in which they were given, or a sample of them.
    pub(crate) fn sets(&self) -> &[Vec<Value>] {
        &self.sets
    }

    /// The number of sets that were given.
    pub(crate) fn count(&self) -> u64 {
        self.given
    }

    /// The number of given sets that repeat another one; `None` if only a sample was kept.
    pub(crate) fn duplicates(&self) -> Option<u64> {
        (!self.is_sampled).then(|| self.given.saturating_sub(self.sets.len() as u64))
    }

    /// True if more distinct sets were given than are kept.
    pub(crate) fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// True if the first row of a file was taken for its header.
    pub(crate) fn has_header(&self) -> bool {
        self.header
    }

    /// Identifies all given sets and their order, the same on every machine.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters").field("given", &self.given).field("kept", &self.sets.len()).finish()
    }
}

fn read(source: &Source, count: usize, sampling: Sampling) -> Result<Parameters, Cause> {
    if count == 0 {
        return Err(Cause::NoneWanted);
    }
    match source {
        Source::Range { first, last } if count == 1 => Ok(collect::range(*first, *last, sampling)),
        Source::Range { .. } => Err(Cause::RangeForOne(count)),
        Source::Stdin => {
            let input = interrupt::stdin().map_err(Cause::Unreadable)?;
            from_rows(input, None, count, sampling)
        }
        Source::File(path) => {
            let file = interrupt::open(path).map_err(unreadable)?;
            from_rows(file, source.delimiter(), count, sampling)
        }
    }
}

fn unreadable(error: io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::NotFound => Cause::NotThere,
        io::ErrorKind::IsADirectory => Cause::Folder,
        _ => Cause::Unreadable(error),
    }
}

/// Reads rows of a file; by default tabs separate columns if the first line has one, and commas
/// otherwise.
fn from_rows(
    input: impl Read,
    delimiter: Option<delimited::Delimiter>,
    count: usize,
    sampling: Sampling,
) -> Result<Parameters, Cause> {
    let mut rows = delimited::Rows::new(input, delimiter)?;
    let mut collector = Collector::new(count, sampling);
    let Some(first) = rows.next_row()? else { return Err(Cause::NoRows) };
    let second = rows.next_row()?;
    let header = second.as_ref().is_some_and(|second| delimited::is_header(&first, second));
    if header {
        collector.skip_header(first.len())?;
    } else {
        collector.add(first)?;
    }
    let mut next = second;
    while let Some(row) = next {
        collector.add(row)?;
        interrupt::check()?;
        next = rows.next_row()?;
    }
    Ok(Parameters { header, ..collector.finish() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Sampling = Sampling { at_most: 1000, seed: 1 };

    fn rows(text: &[u8], count: usize) -> Result<Parameters, Cause> {
        from_rows(text, None, count, ALL)
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn values_are_typed_as_they_are_written() {
        let parameters = rows(
            b"7,\"7\",-1.50,18446744073709551615\n\\N,,\"\",99999999999999999999\n007,2024-01-31,a b,-0\n",
            4,
        )
        .unwrap();
        assert_eq!(
            parameters.sets(),
            [
                vec![Value::Signed(7), text("7"), Value::Decimal("-1.50".into()), Value::Unsigned(u64::MAX)],
                vec![Value::Null, Value::Null, text(""), Value::Decimal("99999999999999999999".into())],
                vec![text("007"), text("2024-01-31"), text("a b"), text("-0")],
            ]
        );
    }

    #[test]
    fn quotes_tabs_and_line_ends_are_read() {
        let quoted = rows(b"\xef\xbb\xbf\"a, \"\"b\"\"\r\nc\",1\r\n\r\nd,2", 2).unwrap();
        assert_eq!(
            quoted.sets(),
            [vec![text("a, \"b\"\r\nc"), Value::Signed(1)], vec![text("d"), Value::Signed(2)]]
        );
        let tabs = rows(b"a\\tb\t\"q\"\tx,y\n\\N\t\t\\\\N\n", 3).unwrap();
        assert_eq!(
            tabs.sets(),
            [vec![text("a\tb"), text("\"q\""), text("x,y")], vec![Value::Null, text(""), text("\\N")]]
        );
    }

    #[test]
    fn a_header_is_recognised_by_the_row_below() {
        for (file, header, count) in [
            ("id\n1\n2\n", true, 2),
            ("id,since\n1,2020-01-01\n", true, 1),
            ("ann\nbob\n", false, 2),
            ("1\n2\n", false, 2),
            ("id,id\n1,2\n", false, 2),
            ("id\n", false, 1),
        ] {
            let columns = file.lines().next().unwrap().split(',').count();
            let parameters = rows(file.as_bytes(), columns).unwrap();
            assert_eq!((parameters.has_header(), parameters.count()), (header, count), "{file:?}");
        }
    }

    #[test]
    fn errors_name_the_row_and_no_value() {
        for (file, count, expected) in [
            (&b"marked,2\nmarked\n"[..], 2, "row 2 has 1 column, and the statement has 2 parameters"),
            (b"marked,2,3\n", 2, "row 1 has 3 columns"),
            (b"id,n\n1,2\n3\n", 2, "row 3 has 1 column"),
            (b"id,n\n1,2\n", 1, "row 1 has 2 columns"),
            (b"1\nmarked\xff\n", 1, "row 2, column 1 is not UTF-8"),
            (b"", 1, "no row"),
            (b"\n\n", 1, "no row"),
            (b"1\n\"marked\n2\n", 1, "row 2: the double quotes do not match"),
            (b"\xff\xfe1\0\n\0", 1, "UTF-16"),
            (b"\x1f\x8b\x08", 1, "compressed"),
        ] {
            let error = rows(file, count).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("marked"), "{error}");
        }
    }

    #[test]
    fn duplicates_are_one_key_and_counted() {
        let parameters = rows(b"1\n2\n1\n\"1\"\n1\n", 1).unwrap();
        assert_eq!((parameters.sets().len(), parameters.count(), parameters.duplicates()), (3, 5, Some(2)));
    }

    #[test]
    fn a_large_file_is_sampled_and_counted_whole() {
        let file: String = (0..50_000).map(|n| format!("{}\n", n % 20_000)).collect();
        let read =
            |file: &str, seed| from_rows(file.as_bytes(), None, 1, Sampling { at_most: 500, seed }).unwrap();
        let sample = read(&file, 1);
        assert_eq!((sample.count(), sample.sets().len(), sample.duplicates()), (50_000, 500, None));
        assert!(sample.is_sampled());
        assert_eq!(read(&file, 1).sets(), sample.sets());
        assert_ne!(read(&file, 2).sets(), sample.sets());
        assert_eq!(read(&file, 2).fingerprint(), sample.fingerprint());
        assert_ne!(read(&file.replacen("7\n", "8\n", 1), 1).fingerprint(), sample.fingerprint());
        let upper = sample.sets().iter().filter(|set| matches!(set[0], Value::Signed(n) if n >= 10_000));
        assert!((150..350).contains(&upper.count()), "it is spread over the file");
    }

    #[test]
    fn ranges_are_inclusive_and_may_be_huge() {
        let range = |text: &str, count| {
            let source = Source::parse(text.as_ref()).map_err(|error| error.to_string())?;
            Parameters::read(&source, count, ALL).map_err(|error| error.to_string())
        };
        let small = range("-2..1", 1).unwrap();
        assert_eq!(small.sets(), [-2, -1, 0, 1].map(|n| vec![Value::Signed(n)]));
        let huge = range("0..18446744073709551615", 1).unwrap();
        assert_eq!((huge.sets().len(), huge.count(), huge.is_sampled()), (1000, u64::MAX, true));
        assert_ne!(small.fingerprint(), range("-2..2", 1).unwrap().fingerprint());
        for (text, count, expected) in [
            ("5..1", 1, "greater"),
            ("1..99999999999999999999", 1, "beyond 64 bits"),
            ("1..5", 2, "the statement has 2 parameters"),
            ("1..5", 0, "no ?"),
            ("/no/such/file", 1, "does not exist"),
            ("/", 1, "folder"),
        ] {
            let error = range(text, count).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
