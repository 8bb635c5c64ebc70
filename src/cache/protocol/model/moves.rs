//! Everything that can happen next.

use super::world::{Ablation, Command, Mode, Reader, Setting, World, Writer, see};
use crate::cache::protocol::mirror::Slot;
use crate::cache::protocol::reading::{self, Close, Fill, Loaded, Saw, Step};
use crate::cache::protocol::standing::Head;

/// A world that can follow, what happened, and the promise that it broke, if it broke one.
pub(super) struct Next {
    pub(super) world: World,
    /// In words, where somebody wants to know.
    pub(super) happened: String,
    pub(super) broken: Option<&'static str>,
}

/// Collects what can follow a world.
pub(super) struct Moves<'a> {
    setting: &'a Setting,
    before: &'a World,
    tells: bool,
    found: Vec<Next>,
}

/// All worlds that can follow this one; with words, if `tells`.
pub(super) fn all(before: &World, setting: &Setting, tells: bool) -> Vec<Next> {
    let mut moves = Moves { setting, before, tells, found: Vec::new() };
    for reader in 0..before.readers.len() {
        moves.reader(reader);
    }
    for writer in 0..before.writers.len() {
        moves.writer(writer);
    }
    for (at, command) in before.late.iter().enumerate() {
        moves.push(
            || format!("late: {command:?}"),
            |world| {
                world.late.remove(at);
                world.execute(*command, setting);
            },
        );
    }
    moves.redis();
    moves.found
}

impl Moves<'_> {
    fn push(&mut self, happened: impl FnOnce() -> String, change: impl FnOnce(&mut World)) {
        self.push_checked(happened, |world| {
            change(world);
            None
        });
    }

    fn push_checked(
        &mut self,
        happened: impl FnOnce() -> String,
        change: impl FnOnce(&mut World) -> Option<&'static str>,
    ) {
        let mut world = self.before.clone();
        let broken = change(&mut world).or_else(|| broken_promise(&world, self.setting));
        let happened = if self.tells { happened() } else { String::new() };
        self.found.push(Next { world, happened, broken });
    }

    /// What Redis does by itself.
    fn redis(&mut self) {
        match &self.before.slot {
            Slot::Empty => {}
            Slot::Text(_) | Slot::Other if see(&self.before.slot) != Saw::Marker => {
                self.push(|| "expired or evicted".to_owned(), |world| world.slot = Slot::Empty);
            }
            Slot::Text(_) | Slot::Other => {
                for writer in self.before.marked_by() {
                    let is_needed = matches!(self.before.writers[writer], Writer::Marked | Writer::Undecided);
                    if !(is_needed && self.setting.markers_outlive_commits) {
                        self.push(
                            || format!("the token of writer {writer} ends"),
                            |world| world.end_token(writer),
                        );
                    }
                }
            }
        }
        if self.setting.damage && see(&self.before.slot) != Saw::Marker {
            for nonsense in [Slot::Other, Slot::Text(b"junk".to_vec()), Slot::Text(vec![b'j'; 30])] {
                self.push(
                    || format!("damaged: {nonsense:?}"),
                    |world| {
                        world.slot = nonsense.clone();
                    },
                );
            }
        }
    }

    fn reader(&mut self, reader: usize) {
        match self.before.readers[reader] {
            Reader::Idle => {
                // Readers are alike: they begin in order.
                if reader == 0 || self.before.readers[reader - 1] != Reader::Idle {
                    let floor = self.floor();
                    self.push(
                        || format!("reader {reader} begins"),
                        |world| {
                            world.readers[reader] = Reader::At { step: Step::Get, floor, seen: 0 };
                        },
                    );
                }
            }
            Reader::At { step, floor, seen } => self.step(reader, step, floor, seen),
            Reader::Loaded { fill, floor, version } => {
                let close = reading::after_load(fill, Loaded::Answer);
                self.close(reader, close, floor, Some(version), "answer");
            }
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
                self.looked(reader, step, see(&self.before.slot), floor, |_| ());
                self.saw(reader, step, Saw::Failed, floor, seen, |_| ());
            }
            Step::Acquire => self.acquire(reader, floor, seen),
            Step::Discard(expected) => {
                self.ask(reader, step, Command::Remove { expected }, floor, seen);
            }
            Step::Wait(_) => {
                self.saw(reader, step, Saw::Done, floor, seen, |_| ());
                self.saw(reader, step, Saw::OutOfTime, floor, seen, |_| ());
            }
            Step::Return => self.push_checked(
                || format!("reader {reader} returns version {seen}"),
                |world| finish_read(world, reader, floor, seen),
            ),
            Step::Load(fill) => self.load(reader, fill, floor, seen),
        }
    }

    fn acquire(&mut self, reader: usize, floor: u8, seen: u8) {
        let setting = self.setting;
        let command = Command::Acquire { reader };
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
        let seen = self.before.cached().unwrap_or_default();
        if let (Saw::Entry, Slot::Text(text)) = (saw, &self.before.slot) {
            self.saw(reader, step, Saw::Due(Head::of(text)), floor, seen, &change);
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
                world.readers[reader] = Reader::Loaded { fill, floor, version: world.committed };
            },
        );
        // The loader fails: the entry that was to be refreshed is the answer, or there is none.
        let answer = matches!(fill, Fill::Refresh(_)).then_some(seen);
        self.close(reader, reading::after_load(fill, Loaded::Failed), floor, answer, "failure");
    }

    /// The end of a read with a load.
    fn close(&mut self, reader: usize, close: Close, floor: u8, version: Option<u8>, what: &str) {
        let setting = self.setting;
        let command = match (close, version) {
            (Close::Replace(expected), Some(version)) => Some(Command::Replace { reader, expected, version }),
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
        self.push_checked(
            || format!("reader {reader} ends with the {what}, and fails at {command:?}"),
            |world| {
                world.send_late(command);
                end(world)
            },
        );
    }

    fn writer(&mut self, writer: usize) {
        let mode = self.setting.writers[writer];
        let (setting, before) = (self.setting, self.before);
        let mut to = |happened: &str, then: Writer, change: &dyn Fn(&mut World)| {
            self.push(
                || format!("writer {writer} {happened}"),
                |world| {
                    change(world);
                    world.writers[writer] = then;
                },
            );
        };
        match before.writers[writer] {
            Writer::Idle => {
                let alike = writer > 0 && setting.writers[writer - 1] == mode;
                if alike && before.writers[writer - 1] == Writer::Idle {
                    return;
                }
                let mark = Command::Mark { writer };
                if mode == Mode::Simple {
                    return to("begins", Writer::Unmarked, &|_| ());
                }
                to("marks", Writer::Marked, &|world| {
                    world.execute(mark, setting);
                });
                let then = if mode == Mode::Proceed { Writer::Unmarked } else { Writer::Gone };
                to("fails to mark", then, &|world| world.send_late(mark));
            }
            Writer::Marked | Writer::Unmarked => {
                let marked = before.writers[writer] == Writer::Marked;
                let version = before.committed + 1;
                to("commits", Writer::Decided { version: Some(version), marked }, &|world| {
                    world.committed = version;
                });
                to("rolls back", Writer::Decided { version: None, marked }, &|_| ());
                to("dies before the COMMIT", Writer::Gone, &|_| ());
                to("dies at the COMMIT", Writer::Undecided, &|world| world.is_excused |= !marked);
            }
            Writer::Undecided => {
                to("had committed", Writer::Gone, &|world| {
                    world.committed += 1;
                    world.is_excused |= !setting.markers_outlive_commits;
                });
                to("had not committed", Writer::Gone, &|_| ());
            }
            Writer::Decided { version, marked } => {
                let end = if mode == Mode::Simple { Command::Invalidate } else { Command::Finish { writer } };
                let returns = |world: &mut World| {
                    world.returned = world.returned.max(version.unwrap_or_default());
                };
                // Is this write safe although Redis does not hear of its end?
                let is_safe = version.is_none() || (marked && setting.markers_outlive_commits);
                to("returns", Writer::Gone, &|world| {
                    world.execute(end, setting);
                    returns(world);
                });
                to("fails at the end", Writer::Gone, &|world| {
                    world.send_late(end);
                    if is_safe {
                        returns(world);
                    }
                    world.is_excused |= !is_safe;
                });
                to("dies before the end", Writer::Gone, &|world| world.is_excused |= !is_safe);
            }
            Writer::Gone => {}
        }
    }
}

fn finish_read(world: &mut World, reader: usize, floor: u8, version: u8) -> Option<&'static str> {
    world.readers[reader] = Reader::Done { version };
    (version < floor).then_some("a stale read")
}

/// What must hold in every world.
fn broken_promise(world: &World, setting: &Setting) -> Option<&'static str> {
    let cached = world.cached()?;
    if setting.is_crash_safe() && cached != world.committed {
        return Some("a cached value that is not the committed one");
    }
    (world.is_quiet() && !world.is_excused && cached != world.committed)
        .then_some("a stale value when all is quiet")
}
