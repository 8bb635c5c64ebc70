//! How many entries fit into how much of Redis's memory.
//!
//! `MEMORY USAGE` gives an entry without its place in the two hash tables: the one of all keys and the one of times to live.
//! These have a power of two of slots, and a table that is full is doubled only if the doubled one fits below
//! `maxmemory` as well; otherwise entries share slots.

/// The memory of one Redis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    /// One entry with key and bookkeeping, as `MEMORY USAGE` gives it.
    pub(crate) entry_bytes: f64,
}

/// The entry of a key in the table of times to live, as allocated.
const EXPIRY_BYTES: f64 = 40.0;
/// The slots of one key in both tables: two pointers.
const SLOTS_BYTES: f64 = 16.0;
/// An empty server with a few connections.
const BASE_BYTES: f64 = 1_050_000.0;
const FIRST_SLOTS: f64 = 4.0;

impl Memory {
    fn own_bytes(&self) -> f64 {
        self.entry_bytes + EXPIRY_BYTES
    }

    /// What so many entries take, if memory is not limited.
    pub(crate) fn bytes(&self, entries: f64) -> f64 {
        BASE_BYTES + entries * self.own_bytes() + slots(entries) * SLOTS_BYTES
    }

    /// How many entries fit below `maxmemory`.
    pub(crate) fn entries(&self, bytes: f64) -> f64 {
        let room = |slots: f64| (bytes - BASE_BYTES - slots * SLOTS_BYTES) / self.own_bytes();
        let mut slots = FIRST_SLOTS;
        loop {
            let fit = room(slots);
            let doubled = slots * 2.0;
            // While a table grows, the old and the new one are both there.
            let grows = fit > slots && room(slots + doubled) >= slots;
            if !grows {
                return fit.max(0.0).floor();
            }
            slots = doubled;
        }
    }

    /// The smallest limit that leaves room for so many entries.
    pub(crate) fn limit_for(&self, entries: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.bytes(entries) + 2.0 * slots(entries) * SLOTS_BYTES);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.entries(middle) < entries { low = middle } else { high = middle }
        }
        high
    }
}

fn slots(entries: f64) -> f64 {
    let mut slots = FIRST_SLOTS;
    while slots < entries {
        slots *= 2.0;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_what_takes_no_more() {
        for entry_bytes in [80.0, 300.0, 5_000.0] {
            let memory = Memory { entry_bytes };
            for entries in [0.0, 10.0, 1_000.0, 70_000.0, 1e6, 5e7] {
                assert!(memory.entries(memory.bytes(entries) * 1.001 + 1_000.0) >= entries * 0.93);
                let limit = memory.limit_for(entries);
                assert!(memory.entries(limit) >= entries, "{entries} in {limit}");
                assert!(memory.entries(limit - 1_000.0 - limit * 1e-9) <= entries, "{entries} in {limit}");
            }
            let rising: Vec<f64> = (1..200).map(|mb| memory.entries(f64::from(mb) * 5e5)).collect();
            // A table that was doubled takes the place of some entries.
            assert!(rising.windows(2).all(|pair| pair[0] * 0.9 <= pair[1]), "{rising:?}");
        }
    }

    #[test]
    fn no_room_is_no_entry() {
        let memory = Memory { entry_bytes: 100.0 };
        assert_eq!(memory.entries(0.0), 0.0);
        assert_eq!(memory.entries(500_000.0), 0.0);
    }
}
