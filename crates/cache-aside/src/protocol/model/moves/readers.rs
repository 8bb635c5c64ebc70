//! The next steps of a reader: the table, with every outcome.

use super::super::world::{Ablation, Command, Reader, World, kind, lease_nonce, see};
use super::Moves;
use crate::protocol::mirror::Slot;
use crate::protocol::reading::{self, Close, Fill, Loaded, Saw, Step};
use crate::protocol::standing::{self, Head};

impl Moves<'_> {
    pub(super) fn reader(&mut self, reader: usize) {
        match self.before.readers[reader] {
            Reader::Idle => {
                // Readers are alike: they begin in order.
                if reader == 0 || self.before.readers[reader - 1] != Reader::Idle {
                    let floor = self.floor();
                    for step in [Step::Get, Step::GetOrLease] {
                        self.push(
                            || format!("reader {reader} begins with {step:?}"),
                            |world| world.readers[reader] = Reader::At { step, floor, seen: 0 },
                        );
                    }
                }
            }
            Reader::At { step, floor, seen } => self.step(reader, step, floor, seen),
            Reader::Loaded { fill, floor, version } => {
                let close = reading::after_load(fill, Loaded::Answer);
                self.close(reader, fill, close, floor, Some(version), "answer");
            }
            // The leader ended without a load, or this reader waited for long enough.
            Reader::Joins { floor, .. } => self.push(
                || format!("reader {reader} looks again"),
                |world| world.readers[reader] = Reader::At { step: Step::Get, floor, seen: 0 },
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

    fn step(&mut self, reader: usize, step: Step, floor: u8, seen: u8) {
        match step {
            Step::Get => {
                let saw = see(&self.before.slot, kind(reader, self.setting));
                self.looked(reader, step, saw, floor, |_| ());
                self.saw(reader, step, Saw::Failed, floor, seen, |_| ());
            }
            Step::GetOrLease => self.get_or_lease(reader, floor, seen),
            Step::Acquire => {
                self.join(reader, floor);
                self.acquire(reader, floor, seen);
            }
            Step::Overdue(_) => {
                self.join(reader, floor);
                for saw in [Saw::Leads, Saw::Alone, Saw::Stale] {
                    self.saw(reader, step, saw, floor, seen, |_| ());
                }
            }
            Step::Join | Step::Beside(_) => {
                self.join(reader, floor);
                self.saw(reader, step, Saw::Leads, floor, seen, |_| ());
            }
            Step::Discard(expected) => {
                self.ask(reader, step, Command::Remove { expected }, floor, seen);
            }
            Step::Wait(_) => {
                let setting = self.setting;
                self.join(reader, floor);
                self.saw(reader, step, Saw::Done, floor, seen, |_| ());
                self.saw(reader, step, Saw::OutOfTime, floor, seen, |_| ());
                if setting.clock_steps {
                    self.saw(reader, step, Saw::OutOfTime, floor, seen, |world| {
                        world.execute(Command::Settle, setting);
                    });
                }
            }
            Step::Return => self.push_checked(
                || format!("reader {reader} returns version {seen}"),
                |world| finish_read(world, reader, floor, seen),
            ),
            Step::Load(fill) => self.load(reader, fill, floor, seen),
        }
    }

    /// Waits for the load that another reader is about to begin.
    fn join(&mut self, reader: usize, floor: u8) {
        let readers = &self.before.readers;
        if readers.iter().any(|other| matches!(other, Reader::Joins { leader, .. } if *leader == reader)) {
            return;
        }
        for (leader, other) in readers.iter().enumerate() {
            let Reader::At { step, .. } = other else { continue };
            let leads = matches!(
                step,
                Step::Acquire
                    | Step::GetOrLease
                    | Step::Wait(_)
                    | Step::Join
                    | Step::Beside(_)
                    | Step::Overdue(_)
                    | Step::Load(Fill::Lease(_) | Fill::Share | Fill::Beside(_) | Fill::Overdue(_))
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
        let (setting, step) = (self.setting, Step::GetOrLease);
        let command = Command::Acquire { reader, again: false };
        let saw = self.before.clone().execute(command, setting);
        self.looked(reader, step, saw, floor, |world| {
            world.execute(command, setting);
        });
        if self.before.slot == Slot::Empty {
            // A server that does not put leases in the same command.
            self.saw(reader, step, Saw::Nothing, floor, seen, |_| ());
        }
        self.saw(reader, step, Saw::Failed, floor, seen, |world| world.send_late(command));
        if setting.resends {
            self.push(
                || format!("reader {reader}: {step:?} · its connection is lost, and it looks once more"),
                |world| {
                    world.send_late(command);
                    world.again[reader] = true;
                    world.readers[reader] = Reader::At { step: Step::Get, floor, seen };
                },
            );
        }
        if setting.lacks(Ablation::LoadBeforeReply) {
            let lease = Head::of(&standing::lease(lease_nonce(reader, false, setting)));
            self.saw(reader, step, Saw::Held(lease), floor, seen, |world| world.send_late(command));
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
                    world.readers[reader] = Reader::At { step: Step::Acquire, floor, seen };
                },
            );
            return;
        }
        if setting.lacks(Ablation::SharedFlights) {
            for (leader, other) in self.before.readers.iter().enumerate() {
                let is_loading = matches!(
                    other,
                    Reader::At { step: Step::Load(Fill::Lease(_)), .. }
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
        let saw = after.execute(command, setting);
        if let (true, Saw::Held(head)) = (setting.lacks(Ablation::LoadBeforeLease), saw) {
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
        self.looked(reader, Step::Acquire, saw, floor, |world| {
            world.execute(command, setting);
        });
        if setting.lacks(Ablation::AcquireSentTwice) {
            self.looked(reader, Step::Acquire, saw, floor, |world| {
                world.execute(command, setting);
                world.send_late(command);
            });
        }
        self.saw(reader, Step::Acquire, Saw::Failed, floor, seen, |world| world.send_late(command));
    }

    /// A command that fails may still be done.
    fn ask(&mut self, reader: usize, step: Step, command: Command, floor: u8, seen: u8) {
        let setting = self.setting;
        self.saw(reader, step, Saw::Done, floor, seen, |world| {
            world.execute(command, setting);
        });
        self.saw(reader, step, Saw::Failed, floor, seen, |world| world.send_late(command));
    }

    /// A look at the key: a good entry may be due.
    fn looked(&mut self, reader: usize, step: Step, saw: Saw, floor: u8, change: impl Fn(&mut World)) {
        let seen = self.before.cached(kind(reader, self.setting)).unwrap_or_default();
        if let (Saw::Entry, Slot::Text(text)) = (saw, &self.before.slot) {
            self.saw(reader, step, Saw::Due(Head::of(text)), floor, seen, &change);
            if self.setting.keeps_longer {
                self.saw(reader, step, Saw::Expired(Head::of(text)), floor, seen, &change);
            }
        }
        if let (Saw::Lease, Some(head)) = (saw, self.before.orphan(self.setting)) {
            self.saw(reader, step, Saw::Orphan(head), floor, seen, &change);
        }
        self.saw(reader, step, saw, floor, seen, change);
    }

    /// The reader goes on by the table.
    fn saw(&mut self, reader: usize, step: Step, saw: Saw, floor: u8, seen: u8, change: impl Fn(&mut World)) {
        self.push(
            || format!("reader {reader}: {step:?} · {saw:?}"),
            |world| {
                change(world);
                world.readers[reader] = Reader::At { step: reading::next(step, saw), floor, seen };
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
        self.close(reader, fill, reading::after_load(fill, Loaded::Failed), floor, answer, "failure");
    }

    /// The end of a read with a load.
    fn close(&mut self, reader: usize, fill: Fill, close: Close, floor: u8, version: Option<u8>, what: &str) {
        let setting = self.setting;
        let command = match (close, version) {
            (Close::Replace(expected), Some(version)) => {
                let beside = matches!(fill, Fill::Beside(_));
                Some(Command::Replace { reader, expected, version, beside })
            }
            (Close::Release(expected), _) => Some(Command::Remove { expected }),
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
