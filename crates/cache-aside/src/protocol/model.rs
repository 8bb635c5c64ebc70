//! Every interleaving of a few readers and writers on one key, explored to the end.
//!
//! The readers walk by the very table that the library walks by (`reading`), on the very bytes
//! (`key_state`, `entry`); the store is `reference_store`, which another test compares with the
//! real scripts. Between any two steps of anybody, an entry or a lease may expire or be evicted, a
//! key may be damaged, Redis' clock may be set back, a command may fail (and take effect later, at
//! once, or never), and a writer may crash, also with its COMMIT on the way.
//!
//! A read begins with a plain look or with one that puts a lease in the same command, which may be
//! lost with its connection and followed by a plain look. A fill ends its read whether its reply
//! was taken, comes later, or never comes, and may be sent twice.
//!
//! A read that waits for another one in its process either takes the value of a load that began
//! after it came, or is a read that looks a little later. Extending a lease replaces it by itself,
//! which changes nothing that the model knows.
//!
//! Where there is a replica, it has what the server had at some time before, and may take its place
//! once.
//!
//! What keeps the number of states down: readers are alike, so they begin in order, and so do
//! writers of one kind; the set of visited states holds hashes of 128 bits; a read draws one nonce
//! for each lease that it requests.

mod explore;
mod moves;
mod world;

use explore::{Outcome, explore};
use world::{Ablation, Failover, Mode, Setting};

const CRASH_SAFE: Mode = Mode::CrashSafe;
const PROCEED: Mode = Mode::Proceed;
const SIMPLE: Mode = Mode::Simple;

/// Explores, and says how much there was.
#[track_caller]
fn holds(setting: &Setting) {
    match explore(setting) {
        Outcome::Holds { states } => {
            // Seen with `cargo test -- --nocapture`.
            #[expect(clippy::print_stdout, reason = "how far the proof reaches is part of it")]
            {
                println!("{states:>10} states: {setting:?}");
            }
            assert!(states > 1000, "this explores nothing");
        }
        Outcome::Broken { promise, trace } => panic!("{setting:?}: {promise}, after:\n{}", trace.join("\n")),
    }
}

/// Explores a protocol with a piece missing, which must be found out.
#[track_caller]
fn breaks(ablation: Ablation, readers: usize, writers: &'static [Mode]) {
    let clock_steps = ablation == Ablation::DropsTokensFromTheFuture;
    let waits = matches!(ablation, Ablation::WaitsAfterNoWrite | Ablation::FinishNeverWaits);
    let failover = if waits { Failover::Waits } else { Failover::Never };
    let setting =
        Setting { ablation: Some(ablation), clock_steps, failover, ..Setting::new(readers, writers) };
    match explore(&setting) {
        Outcome::Holds { states } => panic!("{ablation:?} goes unnoticed in {states} states"),
        Outcome::Broken { promise, trace } => {
            #[expect(clippy::print_stdout, reason = "the shortest story of what goes wrong")]
            {
                println!("{ablation:?}: {promise}, after {} steps", trace.len());
            }
        }
    }
}

#[test]
fn crash_safe_writes_keep_the_cache_equal_to_the_database() {
    holds(&Setting::new(3, &[CRASH_SAFE]));
    holds(&Setting::new(2, &[CRASH_SAFE, CRASH_SAFE]));
}

#[test]
fn simple_writes_leave_nothing_stale_behind() {
    holds(&Setting::new(3, &[SIMPLE]));
    holds(&Setting::new(2, &[SIMPLE, SIMPLE]));
}

#[test]
fn writers_of_both_kinds_do_not_harm_each_other() {
    holds(&Setting::new(2, &[CRASH_SAFE, SIMPLE]));
}

#[test]
fn without_redis_a_write_may_proceed_and_is_stale_only_where_it_says_so() {
    holds(&Setting::new(2, &[PROCEED, PROCEED]));
    holds(&Setting::new(2, &[PROCEED, CRASH_SAFE]));
}

#[test]
fn a_marker_that_expires_too_early_costs_no_read_after_a_finished_write() {
    holds(&Setting { markers_outlive_commits: false, ..Setting::new(2, &[CRASH_SAFE, CRASH_SAFE]) });
}

#[test]
fn damaged_keys_are_missed_and_never_believed() {
    holds(&Setting { damage: true, ..Setting::new(2, &[CRASH_SAFE]) });
    holds(&Setting { damage: true, ..Setting::new(2, &[SIMPLE]) });
}

#[test]
fn readers_of_several_types_share_a_key() {
    holds(&Setting { types: 2, ..Setting::new(2, &[CRASH_SAFE]) });
    holds(&Setting { types: 2, ..Setting::new(2, &[SIMPLE, SIMPLE]) });
}

#[test]
fn a_value_kept_for_loads_that_fail_serves_no_read_after_a_write() {
    holds(&Setting { keeps_longer: true, ..Setting::new(2, &[CRASH_SAFE]) });
    holds(&Setting { keeps_longer: true, ..Setting::new(2, &[SIMPLE]) });
    holds(&Setting { keeps_longer: true, ..Setting::new(1, &[CRASH_SAFE, SIMPLE]) });
}

#[test]
fn commands_that_are_sent_twice_do_no_harm() {
    holds(&Setting { resends: true, ..Setting::new(2, &[CRASH_SAFE]) });
    holds(&Setting { resends: true, ..Setting::new(2, &[SIMPLE]) });
    holds(&Setting { resends: true, ..Setting::new(1, &[CRASH_SAFE, SIMPLE]) });
}

#[test]
fn a_clock_that_is_set_back_drops_no_writer() {
    holds(&Setting { clock_steps: true, ..Setting::new(2, &[CRASH_SAFE, CRASH_SAFE]) });
    holds(&Setting { clock_steps: true, ..Setting::new(1, &[CRASH_SAFE, SIMPLE]) });
}

/// A failover to a replica that has every mark and every removal before their writers go on loses
/// nothing that matters.
#[test]
fn a_failover_is_harmless_if_writes_wait_for_the_replica() {
    let waits = |readers, writers| Setting { failover: Failover::Waits, ..Setting::new(readers, writers) };
    holds(&waits(2, &[CRASH_SAFE]));
    holds(&waits(2, &[SIMPLE]));
    holds(&waits(1, &[CRASH_SAFE, CRASH_SAFE]));
    holds(&waits(1, &[CRASH_SAFE, SIMPLE]));
    holds(&waits(1, &[SIMPLE, SIMPLE]));
    holds(&waits(1, &[PROCEED]));
    holds(&waits(1, &[PROCEED, SIMPLE]));
    holds(&Setting { markers_outlive_commits: false, ..waits(1, &[CRASH_SAFE]) });
}

/// Nothing but the time to live bounds this.
#[test]
fn a_failover_that_loses_writes_is_found_out() {
    for mode in [&[CRASH_SAFE], &[SIMPLE]] {
        let setting = Setting { failover: Failover::Loses, ..Setting::new(1, mode) };
        assert!(matches!(explore(&setting), Outcome::Broken { .. }), "{setting:?} goes unnoticed");
    }
}

#[test]
#[ignore = "minutes: the whole of 3 readers and 2 writers"]
fn three_readers_and_two_writers() {
    holds(&Setting { types: 2, ..Setting::new(3, &[CRASH_SAFE]) });
    for writers in [&[CRASH_SAFE, CRASH_SAFE], &[SIMPLE, SIMPLE], &[CRASH_SAFE, SIMPLE]] {
        holds(&Setting::new(3, writers));
    }
}

#[test]
fn a_fill_that_compares_nothing_is_found_out() {
    breaks(Ablation::NoNonceCheck, 1, &[SIMPLE]);
    breaks(Ablation::NoNonceCheck, 1, &[CRASH_SAFE]);
}

#[test]
fn one_nonce_for_a_process_is_found_out() {
    breaks(Ablation::OneNonceForAll, 2, &[SIMPLE]);
}

#[test]
fn a_load_shared_with_whoever_comes_is_found_out() {
    breaks(Ablation::SharedFlights, 2, &[SIMPLE]);
    breaks(Ablation::SharedFlights, 2, &[CRASH_SAFE]);
}

#[test]
fn a_writer_that_removes_the_others_marker_is_found_out() {
    breaks(Ablation::FinishIgnoresOthers, 1, &[CRASH_SAFE, CRASH_SAFE]);
}

#[test]
fn a_plain_delete_beside_crash_safe_writers_is_found_out() {
    breaks(Ablation::InvalidateDeletesMarkers, 1, &[CRASH_SAFE, SIMPLE]);
}

#[test]
fn asking_twice_for_the_same_lease_is_found_out() {
    breaks(Ablation::AcquireSentTwice, 1, &[SIMPLE]);
}

#[test]
fn a_load_before_the_reply_to_its_lease_is_found_out() {
    breaks(Ablation::LoadBeforeReply, 1, &[SIMPLE]);
    breaks(Ablation::LoadBeforeReply, 1, &[CRASH_SAFE]);
}

#[test]
fn a_look_that_puts_a_lease_over_a_marker_is_found_out() {
    breaks(Ablation::LeaseOverwrites, 1, &[CRASH_SAFE]);
}

#[test]
fn a_writer_dropped_after_the_clock_was_set_back_is_found_out() {
    breaks(Ablation::DropsTokensFromTheFuture, 1, &[CRASH_SAFE, CRASH_SAFE]);
}

/// An evicted entry, or another writer's removal, can be on its way to the replica still.
#[test]
fn waiting_for_a_removal_of_nothing_is_found_out() {
    breaks(Ablation::WaitsAfterNoWrite, 1, &[SIMPLE]);
    breaks(Ablation::WaitsAfterNoWrite, 1, &[SIMPLE, SIMPLE]);
    breaks(Ablation::WaitsAfterNoWrite, 1, &[PROCEED]);
}

#[test]
fn a_finish_without_a_marker_that_does_not_wait_is_found_out() {
    breaks(Ablation::FinishNeverWaits, 1, &[PROCEED]);
}

#[test]
fn a_lease_asked_for_after_the_load_is_found_out() {
    breaks(Ablation::LoadBeforeLease, 1, &[SIMPLE]);
}
