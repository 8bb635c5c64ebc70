//! Entries of all possible parts are read as they were written, and no flipped bit goes unnoticed.
#![no_main]

use libfuzzer_sys::fuzz_target;

type Parts<'a> = (&'a [u8], Option<&'a [u8]>, [u8; 29], usize);

fuzz_target!(|parts: Parts<'_>| {
    let (key, payload, fields, bit) = parts;
    cache_aside::fuzzing::entry(key, payload, fields, bit);
});
