//! Rows of MySQL's, of any columns, in both protocols; and what every codec makes of them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rcache::fuzz_answer(bytes));
