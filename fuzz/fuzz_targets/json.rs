//! Payloads in JSON.
#![no_main]

mod row;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rcache::fuzzing::codec::<row::Row>(&rcache::codec::Json, bytes));
