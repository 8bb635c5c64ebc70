//! Traces of reads and writes: a CSV of `time,key[,op]`, or what `redis-cli MONITOR` prints. No key
//! leaves this file: it is hashed as it is read.

use std::io::{self, BufRead};

use twox_hash::XxHash3_64;

use super::operations::Kind;
use crate::plain_text::NotText;

/// One read or write of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Event {
    /// From the first event of the trace; never less than that of the event before.
    pub(crate) time_s: f64,
    /// The hash of the key. Two of ten million keys share one with a chance of three in a million.
    pub(crate) key_hash: u64,
    pub(crate) kind: Kind,
}

/// The counts of a trace beside its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Commands of a MONITOR that neither read nor remove one key: fills, PING and others.
    pub(crate) skipped: u64,
    /// Events that were earlier than one before them; they were taken to happen with it.
    pub(crate) out_of_order: u64,
}

/// Why a trace cannot be read. Messages hold line numbers and no text of the trace.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("cannot read the trace: {0}")]
    Io(#[from] io::Error),
    #[error(
        "line {line} of the trace {problem}\n  a trace is a CSV of time,key[,op] with the time in seconds and op read or write, or what \
         redis-cli MONITOR prints"
    )]
    Line { line: u64, problem: &'static str },
    #[error(
        "the trace holds no read and no write\n  a trace is a CSV of time,key[,op], or what redis-cli MONITOR prints"
    )]
    Empty,
    #[error("the trace is compressed ({kind})\n  decompress it: {tool} FILE, and give --trace -")]
    Compressed { kind: &'static str, tool: &'static str },
    #[error("the trace is UTF-16\n  convert it: iconv -f UTF-16 -t UTF-8 FILE, and give --trace -")]
    Utf16,
}

/// Longer lines are no trace.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Reads all events in order. `take` sees each of them.
pub(crate) fn read(mut input: impl BufRead, mut take: impl FnMut(Event)) -> Result<Counts, TraceError> {
    let mut counts = Counts::default();
    let (mut first_s, mut last_s) = (None, 0.0_f64);
    let mut is_first = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = io::Read::take(&mut input, MAX_LINE_BYTES as u64 + 1);
        if limited.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        counts.lines += 1;
        if counts.lines == 1 {
            is_text(&line)?;
        }
        let fail = |problem| TraceError::Line { line: counts.lines, problem };
        if line.len() > MAX_LINE_BYTES {
            return Err(fail("is longer than a mebibyte"));
        }
        let text = line.trim_ascii();
        if text.is_empty() || (std::mem::take(&mut is_first) && is_preamble(text)) {
            continue;
        }
        let mut found = 0;
        let parsed = parse_line(text, &mut |time_s, key, kind| {
            let time_s = time_s - *first_s.get_or_insert(time_s);
            counts.out_of_order += u64::from(time_s < last_s);
            last_s = last_s.max(time_s);
            found += 1;
            match kind {
                Kind::Read => counts.reads += 1,
                Kind::Write => counts.writes += 1,
            }
            take(Event { time_s: last_s, key_hash: XxHash3_64::oneshot(key), kind });
        });
        parsed.map_err(fail)?;
        counts.skipped += u64::from(found == 0);
    }
    if counts.reads + counts.writes == 0 { Err(TraceError::Empty) } else { Ok(counts) }
}

fn is_text(line: &[u8]) -> Result<(), TraceError> {
    match NotText::recognise(line) {
        Some(NotText::Compressed { kind, tool }) => Err(TraceError::Compressed { kind, tool }),
        Some(NotText::Utf16) => Err(TraceError::Utf16),
        None => Ok(()),
    }
}

/// The header of a CSV, or the answer to MONITOR.
fn is_preamble(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    line.strip_prefix(b"\"").unwrap_or(line).first().is_some_and(u8::is_ascii_alphabetic)
}

type Found<'a> = dyn FnMut(f64, &[u8], Kind) + 'a;

fn parse_line(line: &[u8], found: &mut Found<'_>) -> Result<(), &'static str> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let unquoted;
    let (time, rest) = if let Some(quoted) = line.strip_prefix(b"\"") {
        let (time, rest) = csv_quoted(quoted).ok_or("has a quote that does not end")?;
        unquoted = time;
        (unquoted.as_slice(), rest)
    } else {
        let is_of_time = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        line.split_at(line.iter().position(|byte| !is_of_time(byte)).unwrap_or(line.len()))
    };
    let time_s = std::str::from_utf8(time).ok().and_then(|text| text.parse::<f64>().ok());
    let is_time = |time_s: &f64| time_s.is_finite() && *time_s >= 0.0;
    let time_s = time_s.filter(is_time).ok_or("does not begin with a time in seconds")?;
    match rest {
        [b',', rest @ ..] => csv(time_s, rest, found),
        [b' ', b'[', rest @ ..] => monitor(time_s, rest, found),
        _ => Err("has neither a comma nor a [ behind its time"),
    }
}

fn csv(time_s: f64, rest: &[u8], found: &mut Found<'_>) -> Result<(), &'static str> {
    let unquoted;
    let (key, rest) = if let Some(quoted) = rest.strip_prefix(b"\"") {
        let (key, rest) = csv_quoted(quoted).ok_or("has a quote that does not end")?;
        unquoted = key;
        (unquoted.as_slice(), rest)
    } else {
        let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        rest.split_at(end)
    };
    let op = rest.strip_prefix(b",").unwrap_or(rest).split(|byte| *byte == b',').next().unwrap_or_default();
    let op = without_quotes(op.trim_ascii());
    let is_one_of = |ops: &[&str]| ops.iter().any(|name| op.eq_ignore_ascii_case(name.as_bytes()));
    let kind = if op.is_empty() || is_one_of(&READS) {
        Kind::Read
    } else if is_one_of(&WRITES) {
        Kind::Write
    } else {
        return Err("has an op that is neither read nor write");
    };
    found(time_s, key, kind);
    Ok(())
}

const READS: [&str; 4] = ["read", "get", "r", "gets"];
const WRITES: [&str; 17] = [
    "write",
    "set",
    "del",
    "delete",
    "w",
    "update",
    "insert",
    "put",
    "add",
    "replace",
    "cas",
    "append",
    "prepend",
    "incr",
    "decr",
    "invalidate",
    "unlink",
];

fn without_quotes(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word)
}

/// A quoted field without its quotes, and what follows it.
fn csv_quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut key = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        key.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(b"\"") {
            Some(more) => {
                key.push(b'"');
                rest = more;
            }
            None => return Some((key, rest)),
        }
    }
}

/// `0 127.0.0.1:6379] "GET" "key"`. Reads are reads, removals are writes; a SET is taken for the
/// fill after a miss.
fn monitor(time_s: f64, rest: &[u8], found: &mut Found<'_>) -> Result<(), &'static str> {
    let end = rest.windows(2).position(|pair| pair == b"] ").ok_or("has no ] as MONITOR writes it")?;
    let mut words = MonitorWords { rest: &rest[end + 2..] };
    let command = words.next().ok_or("has no command as MONITOR writes it")?.to_ascii_lowercase();
    let (kind, every_word) = match command.as_slice() {
        b"get" | b"getex" | b"getrange" | b"hget" | b"hgetall" | b"hmget" | b"smembers" | b"lrange"
        | b"zrange" | b"zrangebyscore" | b"json.get" => (Kind::Read, false),
        b"mget" => (Kind::Read, true),
        b"del" | b"unlink" => (Kind::Write, true),
        b"getdel" | b"hdel" => (Kind::Write, false),
        _ => return Ok(()),
    };
    words.take(if every_word { usize::MAX } else { 1 }).for_each(|key| found(time_s, key, kind));
    Ok(())
}

/// Quoted words; a quote and a backslash inside are escaped, and are left so.
struct MonitorWords<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for MonitorWords<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.strip_prefix(b" ").unwrap_or(self.rest).strip_prefix(b"\"")?;
        let mut escaped = false;
        let end = text.iter().position(|byte| {
            let is_end = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            is_end
        })?;
        self.rest = &text[end + 1..];
        Some(&text[..end])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = (Vec<(f64, u64, Kind)>, Counts);

    fn events(text: &str) -> Result<Read, String> {
        let mut events = Vec::new();
        let counts = read(text.as_bytes(), |event| events.push((event.time_s, event.key_hash, event.kind)));
        counts.map(|counts| (events, counts)).map_err(|error| error.to_string())
    }

    fn hash(key: &str) -> u64 {
        XxHash3_64::oneshot(key.as_bytes())
    }

    #[test]
    fn a_trace_that_is_no_text_says_how_to_make_it_one() {
        for (bytes, words) in [
            (&b"\x1f\x8b\x08\0"[..], "zcat FILE"),
            (b"\x28\xb5\x2f\xfd\n", "zstdcat FILE"),
            (b"\xff\xfe1\0,\0k\0\n\0", "iconv -f UTF-16"),
        ] {
            let error = read(bytes, |_| ()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_csv_is_read_with_and_without_a_header() {
        let rows = "10,user:1\n10.5,user:2,write\n\n12,\"a,\"\"b\"\"\",r\r\n11,user:1,DEL\n";
        let (read, counts) = events(rows).unwrap();
        assert_eq!(
            read,
            [
                (0.0, hash("user:1"), Kind::Read),
                (0.5, hash("user:2"), Kind::Write),
                (2.0, hash("a,\"b\""), Kind::Read),
                (2.0, hash("user:1"), Kind::Write)
            ]
        );
        assert_eq!((counts.lines, counts.reads, counts.writes, counts.out_of_order), (5, 2, 2, 1));
        for header in ["time,key,op\n", "\n\"time\",\"key\",\"op\"\r\n", "\u{feff}time,key,op\n"] {
            assert_eq!(events(&format!("{header}{rows}")).unwrap().0, read, "{header:?}");
        }
        let (quoted, _) = events("\"1.5\",\"a\",\"write\"\n\"2\",\"b\",\"GET\"\n").unwrap();
        assert_eq!(quoted, [(0.0, hash("a"), Kind::Write), (0.5, hash("b"), Kind::Read)]);
    }

    #[test]
    fn a_monitor_is_read() {
        let (read, counts) = events(
            "OK\n1339518083.107412 [0 127.0.0.1:60866] \"GET\" \"user:1\"\n\
             1339518083.207412 [0 127.0.0.1:60866] \"set\" \"user:1\" \"{\\\"a\\\": 1}\" \"PX\" \"60000\"\n\
             1339518083.307412 [0 lua] \"mget\" \"user:1\" \"user:\\\"2\"\n\
             1339518083.407412 [0 unix:/run/redis] \"UNLINK\" \"user:1\" \"user:3\"\n\
             1339518083.507412 [0 127.0.0.1:60866] \"PING\"\n",
        )
        .unwrap();
        let keys: Vec<(u64, Kind)> = read.iter().map(|(_, key, kind)| (*key, *kind)).collect();
        assert_eq!(
            keys,
            [
                (hash("user:1"), Kind::Read),
                (hash("user:1"), Kind::Read),
                (hash("user:\\\"2"), Kind::Read),
                (hash("user:1"), Kind::Write),
                (hash("user:3"), Kind::Write)
            ]
        );
        assert!((read[4].0 - 0.3).abs() < 1e-6);
        assert_eq!((counts.lines, counts.skipped), (6, 2));
    }

    #[test]
    fn what_is_wrong_names_the_line_and_no_key() {
        for text in [
            "1,secret\nsecret,2",
            "1,secret\n2 secret",
            "1,secret,burn",
            "1,\"secret",
            "1 [0 secret",
            "1 [0 a] secret",
        ] {
            let error = events(text).unwrap_err();
            assert!(error.contains("line ") && !error.contains("secret"), "{error}");
        }
        for text in ["", "\n\n", "time,key\n", "1 [0 a] \"PING\"\n"] {
            assert!(events(text).unwrap_err().contains("no read and no write"), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_trace_or_an_error(bytes: Vec<u8>, rest in "[0-9.,\"\\\\\\[\\] a-z]{0,40}") {
            let _ = read(bytes.as_slice(), |_| {});
            let _ = read(format!("1,a\n{rest}\n").as_bytes(), |_| {});
            let _ = read(format!("1 [0 a] {rest}\n").as_bytes(), |_| {});
        }
    }
}
