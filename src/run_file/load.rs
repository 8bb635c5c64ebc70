//! Reading a run file back. It may come from anywhere, so every way in which it can be wrong has
//! words of its own.

use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::error::Category;

use super::{FORMAT, FORMAT_VERSION, Run};
use crate::interrupt;
use crate::plain_text::NotText;

/// A run file takes some ten kilobytes a workload; what is larger than this is something else.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

pub(crate) const NO_FORMAT: &str = "it does not say its format";

/// Why a file is not a run that this program can read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("the file does not exist")]
    NotThere,
    #[error("it is a folder, not a file\n  name the run file in it")]
    Folder,
    #[error("it is compressed ({kind})\n  decompress it: {tool} FILE > RUN.json")]
    Compressed { kind: &'static str, tool: &'static str },
    #[error(
        "it is UTF-16, as `>` writes in PowerShell\n  convert it: iconv -f UTF-16 -t UTF-8 FILE; or save the run with \
         --output"
    )]
    Utf16,
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("it is larger than {} MiB, which no run file is", MAX_BYTES / (1024 * 1024))]
    TooLarge,
    #[error(
        "it is empty\n  the bench that was to write it did not finish; run it again with --output RUN.json"
    )]
    Empty,
    #[error(
        "it is cut short: it ends in the middle, at line {line}, column {column}\n  save the run once more, or copy it again"
    )]
    CutShort { line: usize, column: usize },
    #[error("it is not JSON: {0}\n  a run file is what `rcache bench --output RUN.json` saves")]
    NotJson(serde_json::Error),
    #[error("it is not a run file: {found}\n  a run file is what `rcache bench --output RUN.json` saves")]
    Foreign { found: String },
    #[error("it holds {what}, not a bench\n  a run file is what `rcache bench --output RUN.json` saves")]
    AnotherDocument { what: String },
    #[error(
        "it was written by rcache {writer} in format version {version}, and this rcache ({}) knows versions up to \
         {FORMAT_VERSION}\n  read it with rcache {writer} or newer",
        env!("CARGO_PKG_VERSION")
    )]
    Newer { version: u64, writer: String },
    #[error("its field {field} is not as rcache saves it: {}", plain(cause))]
    WrongField { field: String, cause: serde_json::Error },
}

impl LoadError {
    /// A document of rcache's that says what it is, and is not what this program compares.
    pub(crate) fn is_another_document(&self) -> bool {
        matches!(self, Self::AnotherDocument { .. } | Self::Newer { .. })
    }
}

/// Whether a path stands for stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads and checks a run file; `-` is stdin.
pub(crate) fn load(path: &Path) -> Result<Run, LoadError> {
    parse(&bytes(path)?)
}

/// The bytes of a document; `-` is stdin.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, LoadError> {
    if is_stdin(path) {
        interrupt::stdin().map_err(unreadable).and_then(read)
    } else {
        interrupt::open(path).map_err(unreadable).and_then(read)
    }
}

/// Never more than the limit is held, whatever the file says of its own size.
fn read(file: impl Read) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES { Err(LoadError::TooLarge) } else { Ok(bytes) }
}

fn unreadable(error: io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound => LoadError::NotThere,
        io::ErrorKind::IsADirectory => LoadError::Folder,
        _ => LoadError::Unreadable(error),
    }
}

/// The name of a format; read before the rest, which another version may shape differently.
#[derive(Deserialize)]
struct Format {
    format: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
    rcache_version: String,
}

/// Checks the document of a run.
pub(crate) fn parse(bytes: &[u8]) -> Result<Run, LoadError> {
    let bytes = json_text(bytes)?;
    let format = format_of(bytes)?;
    if let Some(what) = format.as_deref().and_then(document_of) {
        return Err(LoadError::AnotherDocument { what });
    }
    if format.as_deref() != Some(FORMAT) {
        let found = format.map_or(NO_FORMAT.to_owned(), |format| {
            format!("its format is {}, not {FORMAT:?}", quoted(&format))
        });
        return Err(LoadError::Foreign { found });
    }
    let Version { format_version, rcache_version } = fields(bytes)?;
    if format_version > u64::from(FORMAT_VERSION) {
        let writer = quoted(&rcache_version).trim_matches('"').to_owned();
        return Err(LoadError::Newer { version: format_version, writer });
    }
    // Every version up to ours has the fields of ours, or leaves out what has a default.
    fields(bytes)
}

/// The text of a document, if it may be JSON, without a byte order mark, which says nothing.
pub(crate) fn json_text(bytes: &[u8]) -> Result<&[u8], LoadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    is_text(bytes)?;
    if bytes.trim_ascii().is_empty() { Err(LoadError::Empty) } else { Ok(bytes) }
}

/// The format that a document names; nothing if it names none.
pub(crate) fn format_of(bytes: &[u8]) -> Result<Option<String>, LoadError> {
    match fields::<Format>(bytes) {
        Ok(format) => Ok(format.format),
        Err(LoadError::WrongField { .. }) => Err(LoadError::Foreign { found: NO_FORMAT.to_owned() }),
        Err(other) => Err(other),
    }
}

/// Refuses bytes that are not the text of a document, known by the first of them.
fn is_text(bytes: &[u8]) -> Result<(), LoadError> {
    match NotText::recognise(bytes) {
        Some(NotText::Compressed { kind, tool }) => Err(LoadError::Compressed { kind, tool }),
        Some(NotText::Utf16) => Err(LoadError::Utf16),
        // UTF-16 without a byte order mark, by the first brace.
        None if bytes.starts_with(b"{\0") || bytes.starts_with(b"\0{") => Err(LoadError::Utf16),
        None => Ok(()),
    }
}

/// The contents of another document of rcache's, by its format; none for a run and for other files.
fn document_of(format: &str) -> Option<String> {
    match format {
        FORMAT => None,
        "rcache-scenario" => Some("an experiment (rcache-scenario)".to_owned()),
        "rcache-traffic" => Some("traffic (rcache-traffic)".to_owned()),
        "rcache-size" => Some("a prediction (rcache-size)".to_owned()),
        "rcache-comparison" => Some("a comparison (rcache-comparison)".to_owned()),
        other => other.starts_with("rcache-").then(|| format!("a document of the format {}", quoted(other))),
    }
}

/// Parses with an error that knows the field.
pub(crate) fn fields<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, LoadError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = match error.path().to_string() {
            path if path == "." => "(the whole document)".to_owned(),
            path => path,
        };
        of_json(error.into_inner(), field, bytes)
    })?;
    json.end().map_err(LoadError::NotJson)?;
    Ok(parsed)
}

fn of_json(cause: serde_json::Error, field: String, bytes: &[u8]) -> LoadError {
    match cause.classify() {
        Category::Eof => LoadError::CutShort { line: cause.line(), column: cause.column() },
        Category::Syntax if ends_in_a_number(&cause, bytes) => {
            LoadError::CutShort { line: cause.line(), column: cause.column() }
        }
        Category::Data => LoadError::WrongField { field, cause },
        Category::Syntax | Category::Io => LoadError::NotJson(cause),
    }
}

/// The parser's error in plain words: `expected a whole number, 0 or more, and found -1`.
fn plain(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    if let Some(field) = text.strip_prefix("missing field ") {
        return format!("the field {} is missing", field.replace('`', ""));
    }
    let rest = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    let Some((found, expected)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return text.to_owned();
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("an array of length ") => "a list of another length",
        other => other,
    };
    let found = match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "null" | "unit value" => "null".to_owned(),
        other => {
            let value = ["integer ", "floating point ", "boolean "];
            let value = value.iter().find_map(|kind| other.strip_prefix(kind));
            match (value, other.strip_prefix("string ")) {
                (Some(value), _) => value.trim_matches('`').to_owned(),
                (None, Some(text)) => format!("the text {}", quoted(text.trim_matches('"'))),
                (None, None) => quoted(other),
            }
        }
    };
    format!("expected {expected}, and found {found}")
}

/// A document cut within a number, as in `12.`, is wrong at its very last byte.
fn ends_in_a_number(cause: &serde_json::Error, bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let last = lines.next_back().map_or(0, <[u8]>::len);
    cause.line() == lines.count() + 1
        && cause.column() >= last
        && cause.to_string().starts_with("invalid number")
}

/// Foreign text in a message: short, and without anything that steers a terminal.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample_runs;
    use crate::run_file::WorkloadRun;

    fn document() -> serde_json::Value {
        serde_json::to_value(sample_runs::full(100)).unwrap()
    }

    fn failed(document: &serde_json::Value) -> String {
        let said = parse(document.to_string().as_bytes()).unwrap_err().to_string();
        // Where it stands changes with every field that comes.
        said.split(" at line").next().unwrap().to_owned()
    }

    #[test]
    fn a_saved_run_is_read_back_whole() {
        let run = sample_runs::full(1_000);
        let read = parse(&serde_json::to_vec_pretty(&run).unwrap()).unwrap();
        assert_eq!(
            (&read.environment, &read.dataset, &read.config),
            (&run.environment, &run.dataset, &run.config)
        );
        for (read, saved) in read.workloads.iter().zip(&run.workloads) {
            assert_eq!((&read.name, read.paths.len()), (&saved.name, saved.paths.len()));
            // The parser may be off in a float's last bit.
            let ratio = |workload: &WorkloadRun| workload.warm_over_mysql.unwrap().ratio;
            assert!((ratio(read) / ratio(saved) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn fields_that_came_later_may_be_missing_and_unknown_ones_there() {
        let mut document = document();
        document["later"] = 1.into();
        let workload = document["workloads"][0].as_object_mut().unwrap();
        for name in ["warm_over_mysql", "withheld", "hit_ratio_curve"] {
            workload.remove(name).unwrap();
        }
        workload["paths"][0].as_object_mut().unwrap().remove("percentiles_ci95_ns").unwrap();
        let run = parse(document.to_string().as_bytes()).unwrap();
        assert_eq!(run.workloads[0].warm_over_mysql, None);
    }

    #[test]
    fn every_kind_of_wrong_file_has_its_words() {
        let mut said = vec![
            parse(b"").unwrap_err().to_string(),
            parse(b" \n").unwrap_err().to_string(),
            parse(b"runs").unwrap_err().to_string(),
            parse(b"{\"format\": \"rcache-run\",").unwrap_err().to_string(),
            parse(b"[1, 2]").unwrap_err().to_string(),
            parse(b"{\"format\": \"rcache-scenario\"}").unwrap_err().to_string(),
            parse(b"{}").unwrap_err().to_string(),
            parse(b"{\"format\": \"rcache-comparison\"}").unwrap_err().to_string(),
            parse(b"{\"format\": \"rcache-traffic\"}").unwrap_err().to_string(),
            parse(b"{\"format\": \"other\"}").unwrap_err().to_string(),
            parse(b"\xff\xfe{\0").unwrap_err().to_string(),
            parse(b"\xfe\xff\0{").unwrap_err().to_string(),
            parse(b"{\0\"\0").unwrap_err().to_string(),
            parse(b"\x1f\x8b\x08").unwrap_err().to_string(),
            parse(b"\x28\xb5\x2f\xfd\0").unwrap_err().to_string(),
            parse(b"\xef\xbb\xbf").unwrap_err().to_string(),
        ];
        let mut newer = document();
        newer["format_version"] = 2.into();
        newer["rcache_version"] = "9.1.0".into();
        newer["workloads"] = "of another shape".into();
        said.push(failed(&newer));
        for (field, value) in
            [("/workloads/0/paths/1/mean_ns", "fast"), ("/format_version", "1"), ("/config/clients", "-1")]
        {
            let mut document = document();
            *document.pointer_mut(field).unwrap() = value.into();
            said.push(failed(&document));
        }
        let mut missing = document();
        missing["workloads"][1].as_object_mut().unwrap().remove("paths");
        said.push(failed(&missing));
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_byte_order_mark_is_no_obstacle() {
        let run = sample_runs::full(100);
        let bytes = [b"\xef\xbb\xbf", serde_json::to_vec(&run).unwrap().as_slice()].concat();
        assert_eq!(parse(&bytes).unwrap().workloads.len(), 2);
    }

    #[test]
    fn a_file_that_is_not_there_a_folder_and_an_endless_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(&folder.path().join("missing")), Err(LoadError::NotThere)));
        assert!(matches!(load(folder.path()), Err(LoadError::Folder)));
        let large = folder.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(matches!(load(&large), Err(LoadError::TooLarge)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_run_cut_anywhere_is_cut_short(share in 0.0f64..1.0) {
            let document = document().to_string();
            let end = crate::units::index(share, document.len()).max(1);
            let error = parse(document.get(..end).unwrap_or("{").as_bytes()).unwrap_err();
            prop_assert!(matches!(error, LoadError::CutShort { .. }), "{error}");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            prop_assert!(parse(&bytes).is_err());
        }
    }
}
