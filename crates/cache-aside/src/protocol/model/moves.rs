//! Everything that can happen next.

mod readers;
mod writers;

use super::world::{Setting, World, Writer, kind, see};
use crate::protocol::read_machine::Outcome;
use crate::protocol::reference_store::Slot;

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

    fn is_marked(&self) -> bool {
        see(&self.before.slot, kind(0, self.setting)) == Outcome::Marker
    }

    /// The steps that Redis takes by itself.
    fn redis(&mut self) {
        match &self.before.slot {
            Slot::Empty => {}
            Slot::Text(_) | Slot::Other if !self.is_marked() => {
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
        if let Some(replica) = &self.before.replica
            && *replica != self.before.slot
        {
            self.push(|| "the replica catches up".to_owned(), World::replicate);
            self.push(
                || format!("the replica takes over, with {replica:?}"),
                |world| {
                    world.slot = world.replica.take().unwrap_or(Slot::Empty);
                },
            );
        }
        if self.setting.clock_steps && !self.before.is_set_back {
            self.push(|| "the clock is set back".to_owned(), |world| world.is_set_back = true);
        }
        if self.setting.damage && !self.is_marked() {
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
}

/// The invariant of every world.
fn broken_promise(world: &World, setting: &Setting) -> Option<&'static str> {
    if !world.caches_another(setting) {
        return None;
    }
    if setting.is_crash_safe() {
        return Some("a cached value that is not the committed one");
    }
    (world.is_quiet() && !world.is_excused).then_some("a stale value when all is quiet")
}
