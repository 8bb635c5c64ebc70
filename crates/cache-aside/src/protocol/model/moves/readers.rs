//! The next steps of a reader: the table, with every outcome.

use super::super::world::{Ablation, Command, Reader, World, kind, lease_nonce, see};
use super::Moves;
use crate::protocol::key_state::{self, Head};
use crate::protocol::read_machine::{self, Action, Fill, Finish, Loaded, Outcome};
use crate::protocol::reference_store::Slot;

impl Moves<'_> {
    pub(super) fn reader(&mut self, reader: usize) {
        match self.before.readers[reader] {
            Reader::Idle => {
                // Readers are alike: they begin in order.
                if reader == 0 || self.before.readers[reader - 1] != Reader::Idle {
                    let floor = self.floor();
                    for action in [Action::Get, Action::GetOrLease] {
                        self.push(
                            || format!("reader {reader} begins with {action:?}"),
                            |world| world.readers[reader] = Reader::At { action, floor, seen: 0 },
                        );
                    }
                }
            }
            Reader::At { action, floor, seen } => self.action(reader, action, floor, seen),
            Reader::Loaded { fill, floor, version } => {
                let close = read_machine::after_load(fill, Loaded::Answer);
                self.close(reader, fill, close, floor, Some(version), "answer");
            }
            // The leader ended without a load, or this reader waited for long enough.
            Reader::Joins { floor, .. } => self.push(
                || format!("reader {reader} looks again"),
                |world| world.readers[reader] = Reader::At { action: Action::Get, floor, seen: 0 },
            ),
            Reader::Follows { leader, floor } => {
                if let Reader::Done { version } = self.before.readers[leader] {
                    self.push_checked(
                        || format!("reader {reader} takes what reader {leader} loaded"),
                        |world| finish_read(world, reader, floor, version),
                    );
                }
            }
            Reader::Done { .. } => {}
        }
    }

    /// The oldest version that a read may return which begins now.
    fn floor(&self) -> u8 {
        if self.setting.is_crash_safe() { self.before.committed } else { self.before.returned }
    }

    fn action(&mut self, reader: usize, action: Action, floor: u8, seen: u8) {
        match action {
            Action::Get => {
                let outcome = see(&self.before.slot, kind(reader, self.setting));
                self.looked(reader, action, outcome, floor, |_| ());
                self.advance(reader, action, Outcome::Failed, floor, seen, |_| ());
            }
            Action::GetOrLease => self.get_or_lease(reader, floor, seen),
            Action::Acquire => {
                self.join(reader, floor);
                self.acquire(reader, floor, seen);
            }
            Action::Overdue(_) => {
                self.join(reader, floor);
                for outcome in [Outcome::Leads, Outcome::Alone, Outcome::Stale] {
                    self.advance(reader, action, outcome, floor, seen, |_| ());
                }
            }
            Action::Join | Action::Beside(_) => {
                self.join(reader, floor);
                self.advance(reader, action, Outcome::Leads, floor, seen, |_| ());
            }
            Action::Discard(expected) => {
                self.ask(reader, action, Command::Remove { expected }, floor, seen);
            }
            Action::Wait(_) => {
                let setting = self.setting;
                self.join(reader, floor);
                self.advance(reader, action, Outcome::Done, floor, seen, |_| ());
                self.advance(reader, action, Outcome::OutOfTime, floor, seen, |_| ());
                if setting.clock_steps {
                    self.advance(reader, action, Outcome::OutOfTime, floor, seen, |world| {
                        world.execute(Command::Settle, setting);
                    });
                }
            }
            Action::Return => self.push_checked(
                || format!("reader {reader} returns version {seen}"),
                |world| finish_read(world, reader, floor, seen),
            ),
            Action::Load(fill) => self.load(reader, fill, floor, seen),
        }
    }

    /// Waits for the load that another reader is about to begin.
    fn join(&mut self, reader: usize, floor: u8) {
        let readers = &self.before.readers;
        if readers.iter().any(|other| matches!(other, Reader::Joins { leader, .. } if *leader == reader)) {
            return;
        }
        for (leader, other) in readers.iter().enumerate() {
            let Reader::At { action, .. } = other else { continue };
            let leads = matches!(
                action,
                Action::Acquire
                    | Action::GetOrLease
                    | Action::Wait(_)
                    | Action::Join
                    | Action::Beside(_)
                    | Action::Overdue(_)
                    | Action::Load(Fill::Lease(_) | Fill::Share | Fill::Beside(_) | Fill::Overdue(_))
            );
            if leads && leader != reader {
                self.push(
                    || format!("reader {reader} waits for the load of reader {leader}"),
                    |world| world.readers[reader] = Reader::Joins { leader, floor },
                );
            }
        }
    }

    /// A look that puts a lease where it finds nothing.
    fn get_or_lease(&mut self, reader: usize, floor: u8, seen: u8) {
        let (setting, action) = (self.setting, Action::GetOrLease);
        let command = Command::Acquire { reader, again: false };
        let outcome = self.before.clone().execute(command, setting);
        self.looked(reader, action, outcome, floor, |world| {
            world.execute(command, setting);
        });
        if self.before.slot == Slot::Empty {
            // A server that does not put leases in the same command.
            self.advance(reader, action, Outcome::Nothing, floor, seen, |_| ());
        }
        self.advance(reader, action, Outcome::Failed, floor, seen, |world| world.send_late(command));
        if setting.resends {
            self.push(
                || format!("reader {reader}: {action:?} · its connection is lost, and it looks once more"),
                |world| {
                    world.send_late(command);
                    world.again[reader] = true;
                    world.readers[reader] = Reader::At { action: Action::Get, floor, seen };
                },
            );
        }
        if setting.lacks(Ablation::LoadBeforeReply) {
            let lease = Head::of(&key_state::lease(lease_nonce(reader, false, setting)));
            self.advance(reader, action, Outcome::Held(lease), floor, seen, |world| world.send_late(command));
        }
    }

    fn acquire(&mut self, reader: usize, floor: u8, seen: u8) {
        let setting = self.setting;
        let command = Command::Acquire { reader, again: self.before.again[reader] };
        if setting.lacks(Ablation::LoadBeforeLease) && seen == 0 {
            // The version, plus one, waits in `seen` for the lease.
            self.push(
                || format!("reader {reader} loads before it has a lease"),
                |world| {
                    let seen = world.committed + 1;
                    world.readers[reader] = Reader::At { action: Action::Acquire, floor, seen };
                },
            );
            return;
        }
        if setting.lacks(Ablation::SharedFlights) {
            for (leader, other) in self.before.readers.iter().enumerate() {
                let is_loading = matches!(
                    other,
                    Reader::At { action: Action::Load(Fill::Lease(_)), .. }
                        | Reader::Loaded { fill: Fill::Lease(_), .. }
                );
                if is_loading && leader != reader {
                    self.push(
                        || format!("reader {reader} joins reader {leader}"),
                        |world| {
                            world.readers[reader] = Reader::Follows { leader, floor };
                        },
                    );
                }
            }
        }
        let mut after = self.before.clone();
        let outcome = after.execute(command, setting);
        if let (true, Outcome::Held(head)) = (setting.lacks(Ablation::LoadBeforeLease), outcome) {
            self.push(
                || format!("reader {reader} gets its lease late"),
                |world| {
                    world.execute(command, setting);
                    world.readers[reader] =
                        Reader::Loaded { fill: Fill::Lease(head), floor, version: seen - 1 };
                },
            );
            return;
        }
        self.looked(reader, Action::Acquire, outcome, floor, |world| {
            world.execute(command, setting);
        });
        if setting.lacks(Ablation::AcquireSentTwice) {
            self.looked(reader, Action::Acquire, outcome, floor, |world| {
                world.execute(command, setting);
                world.send_late(command);
            });
        }
        self.advance(reader, Action::Acquire, Outcome::Failed, floor, seen, |world| world.send_late(command));
    }

    /// A command that fails may still be done.
    fn ask(&mut self, reader: usize, action: Action, command: Command, floor: u8, seen: u8) {
        let setting = self.setting;
        self.advance(reader, action, Outcome::Done, floor, seen, |world| {
            world.execute(command, setting);
        });
        self.advance(reader, action, Outcome::Failed, floor, seen, |world| world.send_late(command));
    }

    /// A look at the key: a good entry may be due.
    fn looked(
        &mut self,
        reader: usize,
        action: Action,
        outcome: Outcome,
        floor: u8,
        change: impl Fn(&mut World),
    ) {
        let seen = self.before.cached(kind(reader, self.setting)).unwrap_or_default();
        if let (Outcome::Entry, Slot::Text(text)) = (outcome, &self.before.slot) {
            self.advance(reader, action, Outcome::Due(Head::of(text)), floor, seen, &change);
            if self.setting.keeps_longer {
                self.advance(reader, action, Outcome::Expired(Head::of(text)), floor, seen, &change);
            }
        }
        if let (Outcome::Lease, Some(head)) = (outcome, self.before.orphan(self.setting)) {
            self.advance(reader, action, Outcome::Orphan(head), floor, seen, &change);
        }
        self.advance(reader, action, outcome, floor, seen, change);
    }

    /// The reader goes on by the table.
    fn advance(
        &mut self,
        reader: usize,
        action: Action,
        outcome: Outcome,
        floor: u8,
        seen: u8,
        change: impl Fn(&mut World),
    ) {
        self.push(
            || format!("reader {reader}: {action:?} · {outcome:?}"),
            |world| {
                change(world);
                world.readers[reader] =
                    Reader::At { action: read_machine::next(action, outcome), floor, seen };
            },
        );
    }

    fn load(&mut self, reader: usize, fill: Fill, floor: u8, seen: u8) {
        self.push(
            || format!("reader {reader} loads"),
            |world| {
                let version = world.committed;
                world.readers[reader] = Reader::Loaded { fill, floor, version };
                for other in &mut world.readers {
                    // Its value is for those as well who came before it began.
                    if let Reader::Joins { leader, floor } = *other
                        && leader == reader
                    {
                        *other = Reader::Loaded { fill: Fill::No, floor, version };
                    }
                }
            },
        );
        // The loader fails: the entry that was to be refreshed is the answer, or there is none.
        let answer = matches!(fill, Fill::Refresh(_) | Fill::Overdue(_)).then_some(seen);
        self.close(reader, fill, read_machine::after_load(fill, Loaded::Failed), floor, answer, "failure");
    }

    /// The end of a read with a load.
    fn close(
        &mut self,
        reader: usize,
        fill: Fill,
        close: Finish,
        floor: u8,
        version: Option<u8>,
        what: &str,
    ) {
        let setting = self.setting;
        let command = match (close, version) {
            (Finish::Replace(expected), Some(version)) => {
                let beside = matches!(fill, Fill::Beside(_));
                Some(Command::Replace { reader, expected, version, beside })
            }
            (Finish::Release(expected), _) => Some(Command::Remove { expected }),
            _ => None,
        };
        let end = |world: &mut World| match version {
            Some(version) => finish_read(world, reader, floor, version),
            None => {
                world.readers[reader] = Reader::Done { version: u8::MAX };
                None
            }
        };
        let Some(command) = command else {
            return self.push_checked(|| format!("reader {reader} ends with the {what}"), end);
        };
        self.push_checked(
            || format!("reader {reader} ends with the {what}: {command:?}"),
            |world| {
                world.execute(command, setting);
                end(world)
            },
        );
        // The reply is taken later, or never; Redis does it now, later, or never.
        self.push_checked(
            || format!("reader {reader} ends with the {what}, without a reply to {command:?}"),
            |world| {
                world.send_late(command);
                end(world)
            },
        );
        if !setting.resends {
            return;
        }
        // The connection was lost, and it was sent once more on another one.
        self.push_checked(
            || format!("reader {reader} ends with the {what}, having sent {command:?} twice"),
            |world| {
                world.execute(command, setting);
                world.send_late(command);
                end(world)
            },
        );
    }
}

fn finish_read(world: &mut World, reader: usize, floor: u8, version: u8) -> Option<&'static str> {
    world.readers[reader] = Reader::Done { version };
    (version < floor).then_some("a stale read")
}
