//! The vocabulary of the program as types: closed sets are enums. Nothing here does anything.

mod judgement;
pub(crate) mod operator;
pub(crate) mod phase;
pub(crate) mod series;
mod storage;
mod usage;
mod words;

pub(crate) use judgement::{Judgement, Verdict};
pub(crate) use storage::Storage;
pub(crate) use usage::UsageError;
pub(crate) use words::{Codec, Cores, ReadPath, RedisKind, StatementKind};
