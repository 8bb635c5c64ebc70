//! Walks through all worlds, depth first, each one once.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use twox_hash::XxHash3_64;

use super::moves;
use super::world::{Setting, World};

pub(super) enum Outcome {
    Holds { states: usize },
    Broken { promise: &'static str, trace: Vec<String> },
}

pub(super) fn explore(setting: &Setting) -> Outcome {
    let mut visited = Visited::default();
    let start = World::new(setting);
    visited.is_new(&start);
    // What can follow each world on the way here.
    let onward = |world: &World| moves::all(world, setting, false).into_iter().enumerate();
    let mut way = vec![(0, onward(&start))];
    while let Some((_, rest)) = way.last_mut() {
        let Some((number, next)) = rest.next() else {
            way.pop();
            continue;
        };
        if let Some(promise) = next.broken {
            let turns = way.iter().skip(1).map(|(turn, _)| *turn).chain([number]);
            return Outcome::Broken { promise, trace: retell(start, setting, turns) };
        }
        if visited.is_new(&next.world) {
            way.push((number, onward(&next.world)));
        }
    }
    Outcome::Holds { states: visited.seen.len() }
}

/// The same way again, in words.
fn retell(start: World, setting: &Setting, turns: impl Iterator<Item = usize>) -> Vec<String> {
    let mut world = start;
    turns
        .map(|turn| {
            let next = moves::all(&world, setting, true).swap_remove(turn);
            world = next.world;
            next.happened
        })
        .collect()
}

/// The worlds that were seen, by hashes of 128 bits: two of a billion worlds share one with a
/// chance of 10^-21.
#[derive(Default)]
struct Visited {
    seen: HashSet<u128, BuildHasherDefault<FirstHalf>>,
    bytes: Bytes,
}

impl Visited {
    fn is_new(&mut self, world: &World) -> bool {
        self.bytes.0.clear();
        world.hash(&mut self.bytes);
        let halves = [0, 1].map(|seed| u128::from(XxHash3_64::oneshot_with_seed(seed, &self.bytes.0)));
        self.seen.insert(halves[0] << 64 | halves[1])
    }
}

/// Takes down what is to be hashed.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// A hasher for values that are hashes already.
#[derive(Default)]
struct FirstHalf(u64);

impl Hasher for FirstHalf {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
