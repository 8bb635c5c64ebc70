//! The keys of one arm: of a name that no other arm, run or program has, so that they can be removed without a second look.

use redis::Connection;

use crate::cache::admin;
use crate::cache::key::KeyLayout;
use crate::cache::{Key, KeyError};
use crate::endpoint::RedisEndpoint;

/// Where the rows of one arm are cached, in one run.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    namespace: String,
    kind: String,
    entries: KeyLayout,
    locks: KeyLayout,
}

/// What tells the keys of this run from those of any other.
pub(crate) fn new_run() -> String {
    format!("{:08x}", rand::random::<u32>())
}

impl Keys {
    pub(crate) fn new(namespace: &str, run: &str, arm: &str) -> Self {
        let kind = format!("scenario-{run}-{arm}");
        Self {
            namespace: namespace.to_owned(),
            entries: KeyLayout::new(namespace, &kind),
            locks: KeyLayout::new(namespace, &format!("{kind}-lock")),
            kind,
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// As the library wants it.
    pub(crate) fn key(&self, id: u32) -> Result<Key, KeyError> {
        Key::new(&self.kind, 1, id)
    }

    /// The same key as Redis knows it.
    pub(crate) fn entry(&self, id: u32) -> Vec<u8> {
        self.entries.key(u64::from(id))
    }

    /// The lock that the arm `lock` takes.
    pub(crate) fn lock(&self, id: u32) -> Vec<u8> {
        self.locks.key(u64::from(id))
    }

    /// Removes what stands under these keys for the rows 0 to `rows` - 1.
    fn remove(&self, rows: u32, connection: &mut Connection) -> Result<(), redis::RedisError> {
        const BATCH: usize = 1000;
        let ids: Vec<u32> = (0..rows).collect();
        for batch in ids.chunks(BATCH) {
            let keys: Vec<Vec<u8>> = batch.iter().flat_map(|id| [self.entry(*id), self.lock(*id)]).collect();
            redis::cmd("UNLINK").arg(keys).query::<u64>(connection)?;
        }
        Ok(())
    }
}

/// Removes an arm's keys when the arm is over, however it ends. Where Redis cannot be reached, their time to live does.
pub(crate) struct KeysGuard<'a> {
    pub(crate) redis: &'a RedisEndpoint,
    pub(crate) keys: &'a Keys,
    pub(crate) rows: u32,
}

impl Drop for KeysGuard<'_> {
    fn drop(&mut self) {
        if let Ok(mut connection) = admin::connect(self.redis) {
            let _ = self.keys.remove(self.rows, &mut connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::key::namespace_prefix;

    #[test]
    fn the_library_and_the_others_mean_the_same_key() {
        let keys = Keys::new("name:space", "0000002a", "lease");
        let library = format!("{}{}", namespace_prefix(keys.namespace()), keys.key(7).unwrap());
        assert_eq!(library.as_bytes(), keys.entry(7));
        assert_eq!(library, "name%3Aspace:scenario-0000002a-lease:1:7");
        assert_ne!(keys.lock(7), keys.entry(7));
    }
}
