//! The next step of a reader, as a pure function of the steps before and their results. The
//! library, the bench and the model all walk by this one table.

use super::key_state::Head;

/// An obstacle to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// Somebody loads.
    Lease,
    /// Somebody writes.
    Marker,
}

/// The write that is allowed once the database has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fill {
    /// Nothing: no unique state was seen before the load.
    No,
    /// Nothing, as before; but those in this process who came before the load began take its value.
    Share,
    /// The lease that was put there for this very load.
    Lease(Head),
    /// The entry that was read, ahead of its expiry.
    Refresh(Head),
    /// The entries of other types that were read: they stay, behind the new one.
    Beside(Head),
    /// The entry that was read, past its time to live. If the load fails, it is the answer.
    Overdue(Head),
}

/// The next step of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look at what stands under the key.
    Get,
    /// Look at what stands under the key, and put a lease there if nothing does, in one command.
    GetOrLease,
    /// Remove what could not be read, if it still stands there.
    Discard(Head),
    /// Put a lease there, if nothing stands there.
    Acquire,
    /// Wait a little, within the budget.
    Wait(Obstacle),
    /// There are entries of other types alone: load one beside them, one at a time in this process.
    Beside(Head),
    /// The entry's time to live is over: load the next one, one at a time in this process.
    Overdue(Head),
    /// The budget is spent: load without filling, one at a time in this process.
    Join,
    /// The entry that was seen is the answer.
    Return,
    /// Ask the database; then [`after_load`].
    Load(Fill),
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Nothing,
    /// A good entry.
    Entry,
    /// A good entry, which this reader shall refresh ahead of time.
    Due(Head),
    /// A good entry past its time to live, which may serve only where a load fails.
    Expired(Head),
    /// Good entries, of other types, codecs or formats alone.
    Others(Head),
    Lease,
    Marker,
    /// Bytes that are none of these, or an entry that its codec cannot decode.
    Unreadable(Head),
    /// A lease of this process whose fate was unknown: no load will end with it.
    Orphan(Head),
    /// The lease is there and ours.
    Held(Head),
    /// The step was done; what stands there now is to be seen.
    Done,
    /// The end of another read's load in this process: it is worth looking again.
    Landed,
    /// The value of another read's load in this process, which began after this read did.
    Joined,
    /// Another read's load in this process failed, and the entry that was seen may serve.
    Stale,
    /// This read is the one at this key in this process, for whom the others wait.
    Leads,
    /// The other reads in this process cannot help this one, or not in time.
    Alone,
    /// The budget for waiting is spent.
    OutOfTime,
    /// Redis failed, or the connection to it; what it did is unknown.
    Failed,
}

/// The step that follows.
pub fn next(action: Action, outcome: Outcome) -> Action {
    match (action, outcome) {
        (_, Outcome::Entry | Outcome::Joined) | (Action::Overdue(_), Outcome::Stale) => Action::Return,
        (_, Outcome::Due(head)) => Action::Load(Fill::Refresh(head)),
        (_, Outcome::Others(head)) => Action::Beside(head),
        (_, Outcome::Expired(head)) => Action::Overdue(head),
        (_, Outcome::Lease) => Action::Wait(Obstacle::Lease),
        (_, Outcome::Marker) => Action::Wait(Obstacle::Marker),
        (_, Outcome::Held(head)) => Action::Load(Fill::Lease(head)),
        (_, Outcome::Orphan(head)) => Action::Discard(head),
        (Action::Get | Action::GetOrLease, Outcome::Unreadable(head)) => Action::Discard(head),
        // A server that does not put leases in the same command only looks.
        (Action::Get | Action::GetOrLease, Outcome::Nothing) | (Action::Discard(_), Outcome::Done) => {
            Action::Acquire
        }
        (Action::Wait(_), Outcome::Done)
        | (
            Action::Acquire | Action::Wait(_) | Action::Join | Action::Beside(_) | Action::Overdue(_),
            Outcome::Landed,
        ) => Action::Get,
        (Action::Overdue(head), Outcome::Leads | Outcome::Alone) => Action::Load(Fill::Overdue(head)),
        (Action::Beside(head), Outcome::Leads) => Action::Load(Fill::Beside(head)),
        (Action::Wait(_), Outcome::OutOfTime) => Action::Join,
        (Action::Join, Outcome::Leads) => Action::Load(Fill::Share),
        // Whatever else happens, the database has the right answer; that it is not kept does no
        // harm.
        _ => Action::Load(Fill::No),
    }
}

/// The answer of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loaded {
    /// Something that can be written, also that there is no such row.
    Answer,
    /// Something that cannot: too large, not encodable, or not to be kept.
    Unstorable,
    /// It took longer than a load may.
    TooLate,
    /// The loader failed.
    Failed,
}

/// The end of a read with a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finish {
    Nothing,
    /// Replace this by the new entry.
    Replace(Head),
    /// Take the lease away, so that nobody waits for it.
    Release(Head),
}

/// The step after the database has answered.
pub fn after_load(fill: Fill, loaded: Loaded) -> Finish {
    match (fill, loaded) {
        (
            Fill::Lease(head) | Fill::Refresh(head) | Fill::Beside(head) | Fill::Overdue(head),
            Loaded::Answer,
        ) => Finish::Replace(head),
        (Fill::Lease(head), Loaded::Unstorable | Loaded::TooLate | Loaded::Failed) => Finish::Release(head),
        // Until it expires or is overwritten, the entry that was read is as good as it was.
        (Fill::Refresh(_) | Fill::Beside(_) | Fill::Overdue(_) | Fill::No | Fill::Share, _) => {
            Finish::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_state_that_was_seen_before_the_load_is_ever_replaced() {
        let (seen, unreadable, others) = (Head::of(b"seen"), Head::of(b"junk"), Head::of(b"others"));
        let expired = Head::of(b"expired");
        let steps = [
            Action::Get,
            Action::GetOrLease,
            Action::Discard(unreadable),
            Action::Acquire,
            Action::Wait(Obstacle::Lease),
            Action::Wait(Obstacle::Marker),
            Action::Join,
            Action::Beside(others),
            Action::Overdue(expired),
        ];
        let saws = [
            Outcome::Nothing,
            Outcome::Entry,
            Outcome::Due(seen),
            Outcome::Others(others),
            Outcome::Expired(expired),
            Outcome::Lease,
            Outcome::Marker,
            Outcome::Unreadable(unreadable),
            Outcome::Orphan(unreadable),
            Outcome::Held(seen),
            Outcome::Done,
            Outcome::Landed,
            Outcome::Joined,
            Outcome::Stale,
            Outcome::Leads,
            Outcome::Alone,
            Outcome::OutOfTime,
            Outcome::Failed,
        ];
        let mut table = String::new();
        for action in steps {
            for outcome in saws {
                let then = next(action, outcome);
                let may_fill = matches!(outcome, Outcome::Due(_) | Outcome::Held(_));
                let is_beside = then == Action::Load(Fill::Beside(others));
                assert_eq!(is_beside, action == Action::Beside(others) && outcome == Outcome::Leads);
                let is_overdue = then == Action::Load(Fill::Overdue(expired));
                let leads = matches!(outcome, Outcome::Leads | Outcome::Alone);
                assert_eq!(is_overdue, action == Action::Overdue(expired) && leads);
                assert_eq!(
                    matches!(then, Action::Load(Fill::Lease(head) | Fill::Refresh(head)) if head == seen),
                    may_fill
                );
                table.push_str(&format!("{action:?} · {outcome:?} → {then:?}\n"));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_load_that_failed_leaves_no_lease_behind() {
        let head = Head::of(b"lease");
        for loaded in [Loaded::Failed, Loaded::Unstorable, Loaded::TooLate] {
            assert_eq!(after_load(Fill::Lease(head), loaded), Finish::Release(head));
            assert_eq!(after_load(Fill::Refresh(head), loaded), Finish::Nothing);
            assert_eq!(after_load(Fill::Beside(head), loaded), Finish::Nothing);
            assert_eq!(after_load(Fill::Overdue(head), loaded), Finish::Nothing);
        }
        for loaded in [Loaded::Answer, Loaded::Failed, Loaded::Unstorable, Loaded::TooLate] {
            assert_eq!(after_load(Fill::No, loaded), Finish::Nothing);
            assert_eq!(after_load(Fill::Share, loaded), Finish::Nothing);
        }
        for fill in [Fill::Lease(head), Fill::Overdue(head)] {
            assert_eq!(after_load(fill, Loaded::Answer), Finish::Replace(head));
        }
    }
}
