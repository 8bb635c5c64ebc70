//! Counts how often this thread asks the kernel for a socket's bytes, or gives it some: for the
//! tests that hold a read to one call each way.

use std::cell::Cell;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCalls {
    pub sends: u64,
    pub receives: u64,
}

thread_local! {
    static CALLS: Cell<SocketCalls> = const { Cell::new(SocketCalls { sends: 0, receives: 0 }) };
}

pub fn sent() {
    CALLS.with(|calls| calls.set(SocketCalls { sends: calls.get().sends + 1, ..calls.get() }));
}

pub fn received() {
    CALLS.with(|calls| calls.set(SocketCalls { receives: calls.get().receives + 1, ..calls.get() }));
}

/// The calls to the kernel that the work made on this thread.
pub fn during(work: impl FnOnce()) -> SocketCalls {
    let before = CALLS.get();
    work();
    let after = CALLS.get();
    SocketCalls { sends: after.sends - before.sends, receives: after.receives - before.receives }
}
