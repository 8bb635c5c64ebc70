//! The keys of one arm: of a name that no other arm, run or program has, so that they are known as
//! an experiment's by their name.

use std::time::Duration;

use redis::RedisError;

use crate::cache::connection::Connection;
use crate::cache::key::{KeyLayout, prefix_of};
use crate::cache::{Key, KeyError};
use crate::cache::{admin, flush};
use crate::endpoint::RedisEndpoint;

/// For connecting, and for each answer: a Redis that does not answer ends the keys by their time to
/// live.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The keys of the rows of one arm, in one run.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    namespace: String,
    kind: String,
    entries: KeyLayout,
    locks: KeyLayout,
}

/// A name that tells the keys of this run from those of any other.
pub(crate) fn new_run() -> String {
    format!("{:08x}", rand::random::<u32>())
}

/// Whether the key is one that [`Keys`] makes in this namespace: what an experiment that was killed
/// leaves behind is known by its name.
pub(crate) fn is_of_experiment(namespace: &str, key: &[u8]) -> bool {
    let rest = key.strip_prefix(prefix_of(namespace).as_bytes());
    let Some(rest) = rest.and_then(|rest| std::str::from_utf8(rest).ok()) else { return false };
    let parts: Vec<&str> = rest.split(':').collect();
    let [kind, "1", id] = parts[..] else { return false };
    let Some((run, arm)) = kind.strip_prefix("scenario-").and_then(|name| name.split_at_checked(8)) else {
        return false;
    };
    let is_digits =
        |text: &str, is_digit: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(is_digit);
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_digits(run, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && arm.strip_prefix('-').is_some_and(|arm| !arm.is_empty() && is_name(arm))
        && is_digits(id, u8::is_ascii_digit)
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

    /// The key as the library wants it.
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

    /// All keys of the rows 0 to `rows` - 1, in batches.
    fn batches(&self, rows: u32) -> Vec<Vec<Vec<u8>>> {
        const BATCH: usize = 1000;
        let ids: Vec<u32> = (0..rows).collect();
        let keys = |id: &u32| [self.entry(*id), self.lock(*id)];
        ids.chunks(BATCH).map(|batch| batch.iter().flat_map(keys).collect()).collect()
    }
}

/// Removes an arm's keys when the arm is over, however it ends. Where Redis cannot be reached,
/// their time to live does.
pub(crate) struct KeysGuard<'a> {
    pub(crate) redis: &'a RedisEndpoint,
    pub(crate) keys: &'a Keys,
    pub(crate) rows: u32,
}

impl KeysGuard<'_> {
    fn remove(
        &self,
        batch: fn(&mut Connection, &[Vec<u8>]) -> Result<(), RedisError>,
    ) -> Result<(), RedisError> {
        let mut connection = admin::open(self.redis, TIMEOUT, TIMEOUT)?;
        self.keys.batches(self.rows).iter().try_for_each(|keys| batch(&mut connection, keys))
    }
}

impl Drop for KeysGuard<'_> {
    fn drop(&mut self) {
        // Without the right to run scripts, by name alone: no other program has such keys.
        let by_name = |connection: &mut Connection, keys: &[Vec<u8>]| {
            let mut pipeline = redis::pipe();
            for key in keys {
                pipeline.cmd("UNLINK").arg(key).ignore();
            }
            pipeline.exec(connection)
        };
        let _ = self.remove(flush::remove_experiment).or_else(|_| self.remove(by_name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_and_the_others_mean_the_same_key() {
        let keys = Keys::new("name:space", "0000002a", "lease");
        let library = format!("{}{}", prefix_of(keys.namespace()), keys.key(7).unwrap());
        assert_eq!(library.as_bytes(), keys.entry(7));
        assert_eq!(library, "name%3Aspace:scenario-0000002a-lease:1:7");
        assert_ne!(keys.lock(7), keys.entry(7));
    }

    #[test]
    fn the_keys_of_an_experiment_are_known_by_their_name() {
        for namespace in ["rcache", "a:b%", "*"] {
            let keys = Keys::new(namespace, &new_run(), "naive-double-delete");
            assert!(
                is_of_experiment(namespace, &keys.entry(7))
                    && is_of_experiment(namespace, &keys.lock(u32::MAX))
            );
            assert!(!is_of_experiment("other", &keys.entry(7)));
        }
        for other in [
            "n:scenario-session",
            "n:scenario-0000002a:1:7",
            "n:scenario-0000002a-:1:7",
            "n:scenario-0000002-lease:1:7",
            "n:scenario-0000002A-lease:1:7",
            "n:scenario-0000002a-lease:2:7",
            "n:scenario-0000002a-lease:1:x",
            "n:scenario-0000002a-lease:1:7:7",
            "n:user:1:7",
            "scenario-0000002a-lease:1:7",
        ] {
            assert!(!is_of_experiment("n", other.as_bytes()), "{other}");
        }
    }
}
