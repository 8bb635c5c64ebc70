//! Payloads in MessagePack.
#![no_main]

mod row;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cache_aside::fuzzing::codec::<row::Row>(&cache_aside::codec::Msgpack, bytes));
