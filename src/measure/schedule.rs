//! When a measurement goes on, opens fresh connections, or ends: a pure function of counts and
//! times.

use std::time::Duration;

use super::plan::Amount;
use crate::samples::ended::Ended;

/// Into how many groups a measurement is divided, each over connections of its own. What a
/// connection brings with it (the server's thread, its memory, its core) then varies within the
/// run, and the intervals include it.
const GROUPS: u32 = 10;
/// A group has at least so many rounds: its first round does not count.
const MIN_ROUNDS_PER_GROUP: u64 = 5;
/// A run is not ended early before so many groups: fewer say little about what varies between them.
const MIN_GROUPS: u32 = 5;

/// Fewer rounds give no interval: a measurement goes on for them, up to this many times as long as
/// was asked for.
const MIN_ROUNDS: u64 = 10;
const LONGEST: u32 = 3;

/// The progress of a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Rounds that counted.
    pub(super) rounds: u64,
    /// Those of them in the current group.
    pub(super) rounds_in_group: u64,
    /// Groups that were begun.
    pub(super) groups: u32,
    /// Time in rounds, without the first warm-up and without connecting.
    pub(super) elapsed: Duration,
    /// Time in the first warm-up.
    pub(super) warm_up: Duration,
    /// The part of it in the current group.
    pub(super) elapsed_in_group: Duration,
}

impl Position {
    /// Counts what has passed as the warm-up, and the time from now on as that of the measurement.
    pub(super) fn end_warm_up(&mut self) {
        self.warm_up += self.elapsed;
        (self.elapsed, self.elapsed_in_group) = (Duration::ZERO, Duration::ZERO);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Round,
    /// The current group is complete.
    Reconnect,
    End(Ended),
}

/// The rules of one measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    amount: Amount,
    /// Rounds that count, if their number is known.
    rounds: Option<u64>,
}

impl Schedule {
    pub(super) fn new(amount: Amount, rounds: Option<u64>) -> Self {
        Self { amount, rounds }
    }

    /// The next step. `is_precise` is asked only at the end of a group.
    pub(super) fn next(&self, position: &Position, is_precise: impl FnOnce() -> bool) -> Next {
        match (self.amount, self.rounds) {
            (Amount::Time(limit), _) => in_time(limit, position, is_precise),
            (Amount::Reads(_), rounds) => in_rounds(rounds.unwrap_or(0), position),
        }
    }

    /// The share that is done, 0 to 1.
    pub(super) fn share(&self, position: &Position) -> f64 {
        match (self.amount, self.rounds) {
            (Amount::Time(limit), _) => position.elapsed.as_secs_f64() / limit.as_secs_f64(),
            (Amount::Reads(_), rounds) => position.rounds as f64 / rounds.unwrap_or(1).max(1) as f64,
        }
        .min(1.0)
    }
}

fn in_rounds(rounds: u64, position: &Position) -> Next {
    let groups = (rounds / MIN_ROUNDS_PER_GROUP).clamp(1, u64::from(GROUPS));
    let end_of_group = u128::from(rounds) * u128::from(position.groups.max(1)) / u128::from(groups);
    if position.rounds >= rounds {
        Next::End(Ended::Complete)
    } else if u128::from(position.rounds) >= end_of_group {
        Next::Reconnect
    } else {
        Next::Round
    }
}

fn in_time(limit: Duration, position: &Position, is_precise: impl FnOnce() -> bool) -> Next {
    let group_is_over =
        position.elapsed_in_group >= limit / GROUPS && position.rounds_in_group >= MIN_ROUNDS_PER_GROUP;
    let is_enough = position.rounds >= MIN_ROUNDS || position.elapsed >= limit * LONGEST;
    if position.elapsed >= limit && is_enough && position.rounds > 0 {
        Next::End(Ended::TimeIsUp)
    } else if !group_is_over {
        Next::Round
    } else if position.groups >= MIN_GROUPS && is_precise() {
        Next::End(Ended::Precise)
    } else {
        Next::Reconnect
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs to the end with rounds that all take this long; returns the end, the groups' lengths
    /// and the elapsed time.
    fn run(schedule: Schedule, round: Duration, precise_from_group: u32) -> (Ended, Vec<u64>, Duration) {
        let mut position = Position { groups: 1, ..Position::default() };
        let mut lengths = Vec::new();
        loop {
            match schedule.next(&position, || position.groups >= precise_from_group) {
                Next::Round => {
                    position.rounds += 1;
                    position.rounds_in_group += 1;
                    position.elapsed += round;
                    position.elapsed_in_group += round;
                }
                Next::Reconnect => {
                    lengths.push(position.rounds_in_group);
                    position.groups += 1;
                    position.rounds_in_group = 0;
                    position.elapsed_in_group = Duration::ZERO;
                }
                Next::End(ended) => {
                    lengths.push(position.rounds_in_group);
                    return (ended, lengths, position.elapsed);
                }
            }
        }
    }

    const FIVE_SECONDS: Duration = Duration::from_secs(5);

    #[test]
    fn the_warm_up_counts_apart() {
        let (warm_up, round) = (Duration::from_secs(3), Duration::from_secs(1));
        let mut position =
            Position { elapsed: warm_up, elapsed_in_group: warm_up, groups: 1, ..Position::default() };
        position.end_warm_up();
        position.elapsed += round;
        assert_eq!((position.warm_up, position.elapsed), (warm_up, round));
        assert_eq!((position.elapsed_in_group, position.groups), (Duration::ZERO, 1));
    }

    #[test]
    fn a_time_is_divided_into_ten_groups() {
        let schedule = Schedule::new(Amount::Time(FIVE_SECONDS), None);
        let (ended, lengths, elapsed) = run(schedule, Duration::from_millis(10), u32::MAX);
        assert_eq!((ended, lengths, elapsed), (Ended::TimeIsUp, vec![50; 10], FIVE_SECONDS));
    }

    #[test]
    fn long_rounds_make_fewer_groups_and_end_with_the_first_one_after_the_limit() {
        let schedule = Schedule::new(Amount::Time(FIVE_SECONDS), None);
        let (ended, lengths, elapsed) = run(schedule, Duration::from_millis(400), u32::MAX);
        assert_eq!((ended, lengths), (Ended::TimeIsUp, vec![5, 5, 3]));
        assert_eq!(elapsed, Duration::from_millis(5_200));
        let (_, lengths, elapsed) = run(schedule, Duration::from_millis(800), u32::MAX);
        assert_eq!(
            (lengths, elapsed),
            (vec![5, 5], Duration::from_secs(8)),
            "ten rounds, if they fit into 15 s"
        );
        let (_, lengths, elapsed) = run(schedule, Duration::from_secs(4), u32::MAX);
        assert_eq!((lengths, elapsed), (vec![4], Duration::from_secs(16)));
        let (_, lengths, _) = run(schedule, Duration::from_secs(60), u32::MAX);
        assert_eq!(lengths, [1]);
    }

    #[test]
    fn precision_ends_it_early_but_not_before_five_groups() {
        let schedule = Schedule::new(Amount::Time(FIVE_SECONDS), None);
        let (ended, lengths, _) = run(schedule, Duration::from_millis(10), 1);
        assert_eq!((ended, lengths.len()), (Ended::Precise, 5));
        let (ended, lengths, _) = run(schedule, Duration::from_millis(10), 7);
        assert_eq!((ended, lengths.len()), (Ended::Precise, 7));
    }

    proptest! {
        #[test]
        fn a_number_of_rounds_is_read_exactly_in_groups_that_differ_by_one(rounds in 0u64..5_000) {
            let schedule = Schedule::new(Amount::Reads(rounds), Some(rounds));
            let (ended, lengths, _) = run(schedule, Duration::from_millis(1), 1);
            prop_assert_eq!(ended, Ended::Complete);
            prop_assert_eq!(lengths.iter().sum::<u64>(), rounds);
            prop_assert!(lengths.len() <= 10);
            let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
            prop_assert!(most - least <= 1);
            prop_assert!(lengths.len() == 1 || *least >= MIN_ROUNDS_PER_GROUP);
        }
    }
}
