//! The steps of a read for many keys, each step in one round trip.

use std::time::Duration;

use super::{Observation, Session};
use crate::codec::Codec;
use crate::protocol::key_state::{HEAD_BYTES, Head};
use crate::protocol::read_machine::Outcome;
use crate::store::{Acquired, Found};
use crate::wire::WireError;

impl Session {
    /// Looks at many keys. Where there are fewer answers than keys, the last answer is a value that
    /// is too long to be read, and the keys after it were not looked at.
    pub(crate) fn look_at_all<T>(
        &mut self,
        keys: &[Vec<u8>],
        codec: &dyn Codec<T>,
        keeps_longer: bool,
    ) -> Result<Vec<Result<Observation<T>, WireError>>, WireError> {
        let seen = self.store.get_all(keys)?;
        let observation = |(seen, key): (Result<_, WireError>, &Vec<u8>)| {
            let (found, bytes) = seen?;
            Ok(self.observation(key, found, bytes, codec, keeps_longer))
        };
        Ok(seen.into_iter().zip(keys).map(observation).collect())
    }

    /// Puts these leases under the keys that hold nothing.
    pub(crate) fn acquire_all<T>(
        &mut self,
        keys: &[Vec<u8>],
        leases: &[[u8; HEAD_BYTES]],
        lives: Duration,
        codec: &dyn Codec<T>,
    ) -> Result<Vec<Result<Observation<T>, WireError>>, WireError> {
        let acquired = self.store.acquire_all(keys, leases, lives)?;
        let answers = acquired.into_iter().zip(keys).zip(leases);
        Ok(answers
            .map(|((acquired, key), lease)| {
                Ok(match acquired? {
                    (Acquired::Held, _) => Observation::of(Outcome::Held(Head::of(lease))),
                    (Acquired::Found(found), bytes) => self.observation(key, found, bytes, codec, false),
                })
            })
            .collect())
    }

    fn observation<T>(
        &mut self,
        key: &[u8],
        found: Found,
        bytes: Vec<u8>,
        codec: &dyn Codec<T>,
        keeps_longer: bool,
    ) -> Observation<T> {
        self.key.clear();
        self.key.extend_from_slice(key);
        (self.reply, self.arrived) = (bytes, None);
        self.read_timely(found, codec, 0.0, keeps_longer)
    }
}
