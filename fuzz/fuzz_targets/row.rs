//! A row with a bit of everything that serde knows. No floating-point numbers: they need not equal
//! themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    id: u32,
    balance: i64,
    large: u128,
    name: String,
    initial: char,
    nickname: Option<String>,
    is_active: bool,
    tags: Vec<String>,
    by_day: BTreeMap<u16, i8>,
    place: (i32, Option<Box<Place>>),
    kind: Kind,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    city: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Holding(u64),
    Named { what: String, again: Option<Box<Kind>> },
}
