//! The next step of a reader, as a pure function of the steps before and their results. The
//! library, the bench and the model all walk by this one table.

use super::standing::Head;

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
pub enum Step {
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
pub enum Saw {
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
pub fn next(step: Step, saw: Saw) -> Step {
    match (step, saw) {
        (_, Saw::Entry | Saw::Joined) | (Step::Overdue(_), Saw::Stale) => Step::Return,
        (_, Saw::Due(head)) => Step::Load(Fill::Refresh(head)),
        (_, Saw::Others(head)) => Step::Beside(head),
        (_, Saw::Expired(head)) => Step::Overdue(head),
        (_, Saw::Lease) => Step::Wait(Obstacle::Lease),
        (_, Saw::Marker) => Step::Wait(Obstacle::Marker),
        (_, Saw::Held(head)) => Step::Load(Fill::Lease(head)),
        (_, Saw::Orphan(head)) => Step::Discard(head),
        (Step::Get | Step::GetOrLease, Saw::Unreadable(head)) => Step::Discard(head),
        // A server that does not put leases in the same command only looks.
        (Step::Get | Step::GetOrLease, Saw::Nothing) | (Step::Discard(_), Saw::Done) => Step::Acquire,
        (Step::Wait(_), Saw::Done)
        | (Step::Acquire | Step::Wait(_) | Step::Join | Step::Beside(_) | Step::Overdue(_), Saw::Landed) => {
            Step::Get
        }
        (Step::Overdue(head), Saw::Leads | Saw::Alone) => Step::Load(Fill::Overdue(head)),
        (Step::Beside(head), Saw::Leads) => Step::Load(Fill::Beside(head)),
        (Step::Wait(_), Saw::OutOfTime) => Step::Join,
        (Step::Join, Saw::Leads) => Step::Load(Fill::Share),
        // Whatever else happens, the database has the right answer; that it is not kept does no
        // harm.
        _ => Step::Load(Fill::No),
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
pub enum Close {
    Nothing,
    /// Replace this by the new entry.
    Replace(Head),
    /// Take the lease away, so that nobody waits for it.
    Release(Head),
}

/// The step after the database has answered.
pub fn after_load(fill: Fill, loaded: Loaded) -> Close {
    match (fill, loaded) {
        (
            Fill::Lease(head) | Fill::Refresh(head) | Fill::Beside(head) | Fill::Overdue(head),
            Loaded::Answer,
        ) => Close::Replace(head),
        (Fill::Lease(head), Loaded::Unstorable | Loaded::TooLate | Loaded::Failed) => Close::Release(head),
        // Until it expires or is overwritten, the entry that was read is as good as it was.
        (Fill::Refresh(_) | Fill::Beside(_) | Fill::Overdue(_) | Fill::No | Fill::Share, _) => Close::Nothing,
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
            Step::Get,
            Step::GetOrLease,
            Step::Discard(unreadable),
            Step::Acquire,
            Step::Wait(Obstacle::Lease),
            Step::Wait(Obstacle::Marker),
            Step::Join,
            Step::Beside(others),
            Step::Overdue(expired),
        ];
        let saws = [
            Saw::Nothing,
            Saw::Entry,
            Saw::Due(seen),
            Saw::Others(others),
            Saw::Expired(expired),
            Saw::Lease,
            Saw::Marker,
            Saw::Unreadable(unreadable),
            Saw::Orphan(unreadable),
            Saw::Held(seen),
            Saw::Done,
            Saw::Landed,
            Saw::Joined,
            Saw::Stale,
            Saw::Leads,
            Saw::Alone,
            Saw::OutOfTime,
            Saw::Failed,
        ];
        let mut table = String::new();
        for step in steps {
            for saw in saws {
                let then = next(step, saw);
                let may_fill = matches!(saw, Saw::Due(_) | Saw::Held(_));
                let is_beside = then == Step::Load(Fill::Beside(others));
                assert_eq!(is_beside, step == Step::Beside(others) && saw == Saw::Leads);
                let is_overdue = then == Step::Load(Fill::Overdue(expired));
                let leads = matches!(saw, Saw::Leads | Saw::Alone);
                assert_eq!(is_overdue, step == Step::Overdue(expired) && leads);
                assert_eq!(
                    matches!(then, Step::Load(Fill::Lease(head) | Fill::Refresh(head)) if head == seen),
                    may_fill
                );
                table.push_str(&format!("{step:?} · {saw:?} → {then:?}\n"));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_load_that_failed_leaves_no_lease_behind() {
        let head = Head::of(b"lease");
        for loaded in [Loaded::Failed, Loaded::Unstorable, Loaded::TooLate] {
            assert_eq!(after_load(Fill::Lease(head), loaded), Close::Release(head));
            assert_eq!(after_load(Fill::Refresh(head), loaded), Close::Nothing);
            assert_eq!(after_load(Fill::Beside(head), loaded), Close::Nothing);
            assert_eq!(after_load(Fill::Overdue(head), loaded), Close::Nothing);
        }
        for loaded in [Loaded::Answer, Loaded::Failed, Loaded::Unstorable, Loaded::TooLate] {
            assert_eq!(after_load(Fill::No, loaded), Close::Nothing);
            assert_eq!(after_load(Fill::Share, loaded), Close::Nothing);
        }
        for fill in [Fill::Lease(head), Fill::Overdue(head)] {
            assert_eq!(after_load(fill, Loaded::Answer), Close::Replace(head));
        }
    }
}
