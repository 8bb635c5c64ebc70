//! The end of a read that was no hit: the load, and what becomes of what it brought.

use std::time::{Duration, Instant};

use super::Reading;
use crate::core::Twice;
use crate::flights::Landing;
use crate::protocol::reading::{self, Close, Fill, Loaded};
use crate::protocol::standing::Head;
use crate::protocol::timing;
use crate::session::Session;
use crate::wire::WireError;

impl<T> Reading<'_, T> {
    /// Asks the database; the entry is written only over what was seen before that.
    pub(super) fn load<E>(
        mut self,
        fill: Fill,
        load: impl FnOnce() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let counts = &self.core.counts;
        match fill {
            Fill::No => {
                // Nobody shall wait for a load that fills nothing.
                self.flight = None;
                counts.bypasses.add();
            }
            Fill::Lease(_) => {}
            Fill::Refresh(_) => counts.early_refreshes.add(),
        }
        let mut lease = HeldLease { reading: &self, head: lease_of(fill) };
        let (outcome, took) = self.core.bulkhead.run(|| {
            counts.loads.add();
            let started = Instant::now();
            (load(), started.elapsed())
        });
        match outcome {
            Ok(value) => {
                let kept = self.keep(fill, value.as_ref(), took);
                if kept == Kept::Settled {
                    lease.head = None;
                }
                drop(lease);
                if let (Kept::Not, Some(leader)) = (kept, &mut self.flight) {
                    leader.landing = Landing::Unkept;
                }
                Ok(value)
            }
            Err(error) => {
                drop(lease);
                match (fill, self.answer.is_some()) {
                    // It has not expired: who came a moment earlier got it too.
                    (Fill::Refresh(_), true) => Ok(self.into_answer()),
                    _ => Err(error),
                }
            }
        }
    }

    fn keep(&self, fill: Fill, value: Option<&T>, took: Duration) -> Kept {
        let options = &self.core.options;
        let ttl = if value.is_some() { Some(options.ttl) } else { options.negative_ttl };
        let (loaded, ttl) = match ttl {
            _ if took > options.lease => (Loaded::TooLate, Duration::ZERO),
            Some(ttl) => (Loaded::Answer, timing::shortened(ttl, rand::random())),
            None => (Loaded::Unstorable, Duration::ZERO),
        };
        let counts = &self.core.counts;
        let Close::Replace(head) = reading::after_load(fill, loaded) else {
            if fill != Fill::No && loaded == Loaded::TooLate {
                counts.fills_skipped.add();
            }
            return Kept::Not;
        };
        let load_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let replaced = self.core.ask(self.key, self.permit, Twice::Harmless, |session| {
            self.write(session, head, value, ttl, load_us)
        });
        match replaced {
            Ok(Some(true)) => counts.fills.add(),
            Ok(Some(false)) => counts.fills_refused.add(),
            Ok(None) | Err(_) => counts.fills_skipped.add(),
        }
        match replaced {
            Ok(None) | Err(WireError::Server(_)) => Kept::Not,
            Ok(Some(_)) | Err(WireError::Io(_) | WireError::Protocol(_)) => Kept::Settled,
        }
    }

    /// None where the value cannot be an entry.
    fn write(
        &self,
        session: &mut Session,
        head: Head,
        value: Option<&T>,
        ttl: Duration,
        load_us: u32,
    ) -> Result<Option<bool>, WireError> {
        let is_entry = session.encode(value, self.codec, ttl, load_us).is_ok()
            && session.payload_bytes() <= self.core.options.max_value_bytes;
        is_entry.then(|| session.replace(head, ttl)).transpose()
    }
}

/// What became of what was to be replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It is gone, or with Redis out of reach nothing more can be done about it.
    Settled,
    /// It stands there still.
    Not,
}

fn lease_of(fill: Fill) -> Option<Head> {
    match reading::after_load(fill, Loaded::Failed) {
        Close::Release(head) => Some(head),
        Close::Replace(_) | Close::Nothing => None,
    }
}

/// A lease that is given up when this is dropped, also by a panic of the loader, so that nobody waits for it.
struct HeldLease<'a, 'b, T> {
    reading: &'a Reading<'b, T>,
    head: Option<Head>,
}

impl<T> Drop for HeldLease<'_, '_, T> {
    fn drop(&mut self) {
        if let Some(head) = self.head {
            let Reading { core, key, permit, .. } = self.reading;
            // Where this fails, the lease expires.
            let _ = core.ask(key, *permit, Twice::Harmless, |session| session.remove(head));
        }
    }
}
