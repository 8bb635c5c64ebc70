//! A function with a cache in front of it, and a write that survives a crash: `cargo run --example
//! cached_function -- redis://127.0.0.1` (any Redis or Valkey will do, also none at all).

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cache_aside::{Cache, Key, Options};

/// Stands for a database: slow, and always right.
#[derive(Default)]
struct Database {
    users: Mutex<HashMap<u32, String>>,
}

impl Database {
    fn user(&self, id: u32) -> Result<Option<String>, std::io::Error> {
        thread::sleep(Duration::from_millis(20));
        Ok(self.users.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned())
    }

    fn commit(&self, id: u32, name: &str) -> Result<(), std::io::Error> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(id, name.to_owned());
        Ok(())
    }
}

fn user_key(id: u32) -> Result<Key, cache_aside::KeyError> {
    Key::new("user", 1, id)
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    let options = Options::default().namespace("example");
    let cache = Cache::connect(&url, options)?;
    let database = Database::default();
    let mut out = std::io::stdout();

    // The decorator.
    let get_user = cache.wrap(|id: &u32| user_key(*id), |id| database.user(*id));

    for name in ["ann", "bob"] {
        // A crash-safe write: mark, commit, finish. An error in between drops the guard, and
        // nothing stale is ever read.
        match cache.mark(&[&user_key(42)?]) {
            Ok(guard) => {
                database.commit(42, name)?;
                guard.finish()?;
            }
            Err(error) => writeln!(out, "not written: {error}")?,
        }
        for _ in 0..3 {
            let started = Instant::now();
            let user = get_user(&42)?;
            writeln!(out, "user 42 is {user:?}, after {:.1?}", started.elapsed())?;
        }
    }
    writeln!(out, "{:#?}", cache.stats())?;
    Ok(())
}
