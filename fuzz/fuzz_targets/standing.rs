//! The states under a key: entries, leases, markers, and anything that another program put there.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cache_aside::fuzzing::standing(bytes, b"n:user:1:42");
    // Most of what is invented begins wrongly; this gets past the magic and the format number.
    cache_aside::fuzzing::standing(&[b"rcae\x01", bytes].concat(), b"n:user:1:42");
});
