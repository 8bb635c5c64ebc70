//! Replies of Redis, and of anything else that answers on its port.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cache_aside::fuzzing::replies(bytes);
});
