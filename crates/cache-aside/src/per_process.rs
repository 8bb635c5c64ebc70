//! State that a fork makes worthless: it counts or names threads, and a child has none of its
//! parent's.

/// Begins anew in a child process.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    process: u32,
    value: T,
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        Self { process: std::process::id(), value: T::default() }
    }
}

impl<T: Default> PerProcess<T> {
    /// The state of this process.
    pub(crate) fn here(&mut self) -> &mut T {
        let process = std::process::id();
        if self.process != process {
            *self = Self { process, value: T::default() };
        }
        &mut self.value
    }

    /// Makes the state that of another process, as a fork does.
    #[cfg(test)]
    pub(crate) fn fork(&mut self) {
        self.process = self.process.wrapping_add(1);
    }
}
