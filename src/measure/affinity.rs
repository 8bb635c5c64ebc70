//! Moves the thread that reads from core to core, where the system allows it: Linux does, elsewhere
//! nothing moves.

#[cfg(target_os = "linux")]
pub(crate) use linux::{Affinity, allowed_cores};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Affinity, allowed_cores};

#[cfg(target_os = "linux")]
mod linux {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The cores that this thread may run on; none where the system does not tell.
    pub(crate) fn allowed_cores() -> Vec<u32> {
        let Ok(allowed) = sched_getaffinity(None) else { return Vec::new() };
        let cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        cores.filter_map(|core| u32::try_from(core).ok()).collect()
    }

    /// The cores on which the calling thread may run when it is not moved.
    pub(crate) struct Affinity {
        home: CpuSet,
    }

    impl Affinity {
        pub(crate) fn of_this_thread() -> Self {
            Self { home: sched_getaffinity(None).unwrap_or_default() }
        }

        /// Binds the thread to a core. Where that is refused (the core was taken away meanwhile),
        /// it stays where it is.
        pub(crate) fn move_to(&self, core: u32) {
            let core = core as usize;
            if core < CpuSet::MAX_CPU && self.home.is_set(core) {
                let mut only = CpuSet::new();
                only.set(core);
                let _ = sched_setaffinity(None, &only);
            }
        }

        /// Lets the thread go wherever it could before.
        pub(crate) fn release(&self) {
            let _ = sched_setaffinity(None, &self.home);
        }
    }

    #[cfg(test)]
    mod tests {
        use rustix::thread::sched_getcpu;

        use super::*;

        #[test]
        fn a_thread_goes_where_it_is_sent_and_home_again() {
            let cores = allowed_cores();
            assert!(!cores.is_empty());
            let affinity = Affinity::of_this_thread();
            for core in &cores {
                affinity.move_to(*core);
                assert_eq!((sched_getcpu(), allowed_cores()), (*core as usize, vec![*core]));
            }
            affinity.move_to(u32::MAX);
            affinity.release();
            assert_eq!(allowed_cores(), cores);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// Nothing is known.
    pub(crate) fn allowed_cores() -> Vec<u32> {
        Vec::new()
    }

    /// Nothing to move.
    pub(crate) struct Affinity;

    impl Affinity {
        pub(crate) fn of_this_thread() -> Self {
            Self
        }

        pub(crate) fn move_to(&self, _core: u32) {}

        pub(crate) fn release(&self) {}
    }
}
