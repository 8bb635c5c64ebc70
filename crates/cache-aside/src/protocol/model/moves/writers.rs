//! The next steps of a writer, and the places where it can die.

use super::super::world::{Ablation, Command, Failover, Mode, World, Writer};
use super::Moves;

impl Moves<'_> {
    pub(super) fn writer(&mut self, writer: usize) {
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
                    world.execute_and_wait(mark, setting);
                });
                if mode == Mode::Proceed && setting.failover == Failover::Waits {
                    // Its guard names the key as one that a failover may lose.
                    to("marks, and the replica is late", Writer::Unmarked, &|world| {
                        world.execute(mark, setting);
                    });
                }
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
                // If a failover loses the removal of a marker that it would not have lost, the
                // marker stays until it ends.
                let leaves_marker = marked && before.marked_by().contains(&writer);
                let waits = match end {
                    Command::Invalidate => true,
                    _ => !leaves_marker && !setting.lacks(Ablation::FinishNeverWaits),
                };
                to("returns", Writer::Gone, &|world| {
                    if waits {
                        world.execute_and_wait(end, setting);
                    } else {
                        world.execute(end, setting);
                    }
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
