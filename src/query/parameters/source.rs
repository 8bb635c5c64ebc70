//! The origin of parameters, as it was typed.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::delimited::Delimiter;
use super::{Cause, ParametersError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// All integers between the two, both included.
    Range {
        first: i128,
        last: i128,
    },
    Stdin,
    File(PathBuf),
}

impl Source {
    /// Takes `A..B`, `-` for stdin, or the path of a file; a file that is called like a range is
    /// `./1..5`.
    ///
    /// # Errors
    /// If the text is empty, or a range is reversed or beyond what 64 bits hold.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, ParametersError> {
        let range = text.to_str().and_then(|text| text.split_once(".."));
        let range = range.map(|(first, last)| (first, last.strip_prefix('=').unwrap_or(last)));
        match range {
            _ if text == "-" => Ok(Self::Stdin),
            _ if text.to_str().is_some_and(|text| text.trim().is_empty()) => {
                Err(ParametersError { from: "a file".to_owned(), cause: Cause::Empty })
            }
            Some((first, last)) if is_integer(first) && is_integer(last) => parse_range(first, last)
                .map_err(|cause| ParametersError { from: "the range".to_owned(), cause }),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }

    /// The source in a sentence.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Range { .. } => "the range".to_owned(),
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The delimiter that the file's name tells.
    pub(super) fn delimiter(&self) -> Option<Delimiter> {
        let Self::File(path) = self else { return None };
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "tsv" | "tab" => Some(Delimiter::Tab),
            "csv" => Some(Delimiter::Comma),
            _ => None,
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_range(first: &str, last: &str) -> Result<Source, Cause> {
    let parse = |text: &str, name| {
        let number = text.parse::<i128>().ok();
        let fits = |number: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(number);
        number.filter(fits).ok_or(Cause::BeyondRange(name))
    };
    let (first, last) = (parse(first, "its first number")?, parse(last, "its last number")?);
    if first > last { Err(Cause::ReversedRange) } else { Ok(Source::Range { first, last }) }
}
