//! The number of entries that fit into an amount of memory of Redis or Valkey.
//!
//! `MEMORY USAGE` gives an entry without its place in the two hash tables: the one of all keys and
//! the one of times to live. These have a power of two of slots, and a table that is full is
//! doubled only if the doubled one fits below `maxmemory` as well; otherwise entries share slots.

/// The memory of one server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    /// One entry with key and bookkeeping, as `MEMORY USAGE` gives it.
    pub(crate) entry_bytes: f64,
    pub(crate) tables: Tables,
}

/// The way a server keeps its two hash tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// Redis before 8, and Valkey before 8.1: a pointer for each slot, and an entry of its own for
    /// a time to live.
    Pointers,
    /// Redis from 8 on: the same; an empty server takes less.
    LeanPointers,
    /// Valkey from 8.1 on: buckets of one cache line, which hold seven entries, or six and a
    /// further bucket.
    Buckets,
    /// The same before 9, where `MEMORY USAGE` does not count the key, which is part of the value's
    /// object.
    BucketsBeside,
}

/// The parts of the tables, in bytes.
struct Sizes {
    /// An empty server with a few connections.
    base: f64,
    /// The bytes that `MEMORY USAGE` leaves out: an entry of the table of times to live, or a key
    /// of usual length.
    uncounted: f64,
    /// A slot or bucket in both tables.
    slot: f64,
    entries_per_slot: f64,
    first_slots: f64,
}

const ENTRIES_PER_BUCKET: u32 = 7;

impl Tables {
    /// Those of a server by its name and version, as it gives them.
    pub(crate) fn of_server(flavor: &str, version: &str) -> Self {
        let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        match flavor {
            "Valkey" if version >= (9, 0) => Self::Buckets,
            "Valkey" if version >= (8, 1) => Self::BucketsBeside,
            "Redis" if version >= (8, 0) => Self::LeanPointers,
            _ => Self::Pointers,
        }
    }

    fn sizes(self) -> Sizes {
        let pointers =
            Sizes { base: 1_110_000.0, uncounted: 40.0, slot: 16.0, entries_per_slot: 1.0, first_slots: 4.0 };
        let entries_per_slot = f64::from(ENTRIES_PER_BUCKET);
        let buckets = Sizes { slot: 128.0, entries_per_slot, first_slots: 1.0, ..pointers };
        match self {
            Self::Pointers => pointers,
            Self::LeanPointers => Sizes { base: 890_000.0, ..pointers },
            Self::Buckets => Sizes { base: 1_170_000.0, uncounted: 0.0, ..buckets },
            Self::BucketsBeside => Sizes { uncounted: 48.0, ..buckets },
        }
    }

    /// The further buckets of each bucket if entries are spread by chance.
    fn further_buckets(self, entries_per_slot: f64) -> f64 {
        const MOST: u32 = 64;
        if matches!(self, Self::Pointers | Self::LeanPointers) {
            return 0.0;
        }
        // The chance of so many entries in a bucket (Poisson).
        let mut chance = (-entries_per_slot).exp();
        let mut further = 0.0;
        for entries in 1..MOST {
            chance *= entries_per_slot / f64::from(entries);
            let beyond = entries.saturating_sub(ENTRIES_PER_BUCKET);
            further += chance * f64::from(beyond.div_ceil(ENTRIES_PER_BUCKET - 1));
        }
        further
    }
}

impl Memory {
    fn own_bytes(&self) -> f64 {
        self.entry_bytes + self.tables.sizes().uncounted
    }

    fn slots_bytes(&self, slots: f64, entries: f64) -> f64 {
        slots * self.tables.sizes().slot * (1.0 + self.tables.further_buckets(entries / slots))
    }

    /// The slots of a table with so many entries, if memory is not limited.
    fn slots(&self, entries: f64) -> f64 {
        let Sizes { first_slots, entries_per_slot, .. } = self.tables.sizes();
        let mut slots = first_slots;
        while slots * entries_per_slot < entries {
            slots *= 2.0;
        }
        slots
    }

    /// The bytes of so many entries, if memory is not limited.
    pub(crate) fn bytes(&self, entries: f64) -> f64 {
        let tables = self.slots_bytes(self.slots(entries), entries);
        self.tables.sizes().base + entries * self.own_bytes() + tables
    }

    /// The number of entries that fit below `maxmemory`.
    pub(crate) fn entries(&self, bytes: f64) -> f64 {
        let Sizes { base, first_slots, entries_per_slot, .. } = self.tables.sizes();
        let mut slots = first_slots;
        loop {
            let full = slots * entries_per_slot;
            let doubled = slots * 2.0;
            // While a table grows, the old and the new one are both there.
            let both = self.slots_bytes(slots, full) + self.slots_bytes(doubled, full);
            let grows = base + full * self.own_bytes() + both <= bytes;
            if !grows {
                return self.fill(slots, bytes - base);
            }
            slots = doubled;
        }
    }

    /// The number of entries that fit beside tables of so many slots.
    fn fill(&self, slots: f64, bytes: f64) -> f64 {
        let (mut low, mut high) = (0.0, (bytes / self.own_bytes()).max(0.0));
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            let taken = middle * self.own_bytes() + self.slots_bytes(slots, middle);
            if taken <= bytes { low = middle } else { high = middle }
        }
        // What rounding leaves of a whole entry.
        (low + 1e-6).floor()
    }

    /// The smallest limit that leaves room for so many entries.
    pub(crate) fn limit_for(&self, entries: f64) -> f64 {
        let tables = self.slots_bytes(self.slots(entries), entries);
        let (mut low, mut high) = (0.0, self.bytes(entries) + 2.0 * tables);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.entries(middle) < entries { low = middle } else { high = middle }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_what_takes_no_more() {
        let all = [Tables::Pointers, Tables::LeanPointers, Tables::Buckets, Tables::BucketsBeside];
        let settings =
            all.map(|tables| [80.0, 300.0, 5_000.0].map(|entry_bytes| Memory { entry_bytes, tables }));
        for memory in settings.as_flattened() {
            for entries in [0.0, 10.0, 1_000.0, 70_000.0, 1e6, 5e7] {
                assert!(memory.entries(memory.bytes(entries) * 1.001 + 1_000.0) >= entries * 0.93);
                let limit = memory.limit_for(entries);
                assert!(memory.entries(limit) >= entries, "{entries} in {limit}");
                assert!(memory.entries(limit - 1_000.0 - limit * 1e-9) <= entries, "{entries} in {limit}");
            }
            let rising: Vec<f64> = (1..200).map(|mb| memory.entries(f64::from(mb) * 5e5)).collect();
            // A table that was doubled takes the place of some entries.
            assert!(rising.windows(2).all(|pair| pair[0] * 0.8 <= pair[1]), "{rising:?}");
        }
    }

    #[test]
    fn no_room_is_no_entry() {
        let memory = Memory { entry_bytes: 100.0, tables: Tables::Pointers };
        assert_eq!(memory.entries(0.0), 0.0);
        assert_eq!(memory.entries(500_000.0), 0.0);
    }

    #[test]
    fn servers_are_known_by_name_and_version() {
        for (flavor, version, tables) in [
            ("Redis", "7.0.15", Tables::Pointers),
            ("Redis", "8.0.6", Tables::LeanPointers),
            ("Redis", "10.2", Tables::LeanPointers),
            ("Valkey", "8.0.2", Tables::Pointers),
            ("Valkey", "8.1.0", Tables::BucketsBeside),
            ("Valkey", "9.1.2-rc1", Tables::Buckets),
            ("Valkey", "", Tables::Pointers),
        ] {
            assert_eq!(Tables::of_server(flavor, version), tables, "{flavor} {version}");
        }
    }
}
