//! The program as a whole, with real servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may say so when it fails")]

mod sandbox;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let tests = sandbox::TESTS.iter();
    let trials = tests.map(|(name, test)| {
        Trial::test(format!("sandbox::{name}"), move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
