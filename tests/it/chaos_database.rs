//! The database is killed in the middle of reads and writes, and comes back: reads fail only where
//! their own load does, no answer is wrong or stale, and nothing stale is left, whatever became of
//! each COMMIT.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cache_aside::{Cache, Key, Options};
use mysql::prelude::Queryable;

use crate::private_redis::{PATIENT, PrivateRedis};
use crate::sandbox::{self, Sandbox};
use crate::world;

crate::tests![a_database_that_is_killed_and_comes_back];

const ROWS: usize = 4;

/// One row. It has one writer, which alone gives it versions.
#[derive(Default)]
struct Known {
    /// A finished write returned with this one.
    floor: AtomicU64,
    /// No version above this one was ever sent to the database.
    attempted: AtomicU64,
    /// The COMMITs whose outcome nobody knows.
    unknown: AtomicU64,
}

struct Scene {
    url: Mutex<String>,
    cache: Cache,
    rows: [Known; ROWS],
    /// Before their row was marked.
    failed_writes: AtomicU64,
    is_over: AtomicBool,
}

impl Scene {
    /// A connection, kept as long as it works.
    fn on<R>(
        &self,
        kept: &mut Option<mysql::Conn>,
        work: impl FnOnce(&mut mysql::Conn) -> mysql::Result<R>,
    ) -> mysql::Result<R> {
        let mut conn = match kept.take() {
            Some(conn) => conn,
            None => {
                let opts = mysql::Opts::from_url(&self.url.lock().unwrap()).unwrap();
                mysql::Conn::new(mysql::OptsBuilder::from_opts(opts).prefer_socket(false))?
            }
        };
        let result = work(&mut conn)?;
        *kept = Some(conn);
        Ok(result)
    }

    fn read(&self, id: usize, conn: &mut Option<mysql::Conn>) {
        let known = &self.rows[id];
        let floor = known.floor.load(Ordering::SeqCst);
        let mut load_failed = false;
        let answer: mysql::Result<Option<(usize, u64)>> = self.cache.get(&key(id), || {
            let loaded =
                self.on(conn, |conn| conn.exec_first("SELECT id, version FROM versions WHERE id = ?", (id,)));
            load_failed = loaded.is_err();
            loaded
        });
        match answer {
            Ok(Some((row, version))) => {
                assert_eq!(row, id, "another row");
                assert!(version >= floor, "stale: row {id} at {version} below {floor}");
                assert!(version <= known.attempted.load(Ordering::SeqCst), "a version that nobody wrote");
            }
            Ok(None) => panic!("row {id} is missing"),
            Err(error) => {
                assert!(load_failed, "failed by itself: {error}");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn write(&self, id: usize, kept: &mut Option<mysql::Conn>) {
        let known = &self.rows[id];
        let version = known.attempted.fetch_add(1, Ordering::SeqCst) + 1;
        let mut guard = None;
        let committed = self.on(kept, |conn| {
            let mut transaction = conn.start_transaction(mysql::TxOpts::default())?;
            transaction.exec_drop("UPDATE versions SET version = ? WHERE id = ?", (version, id))?;
            guard = Some(self.cache.mark(&[&key(id)]).unwrap());
            transaction.commit()
        });
        match (committed, guard) {
            (Ok(()), Some(guard)) => {
                guard.finish().unwrap();
                known.floor.store(version, Ordering::SeqCst);
            }
            // Dropped: the outcome is unknown.
            (_, Some(_guard)) => drop(known.unknown.fetch_add(1, Ordering::SeqCst)),
            (_, None) => {
                self.failed_writes.fetch_add(1, Ordering::SeqCst);
            }
        }
        thread::sleep(Duration::from_millis(3));
    }

    fn until_over(&self, mut act: impl FnMut(&mut Option<mysql::Conn>)) {
        let mut conn = None;
        while !self.is_over.load(Ordering::SeqCst) {
            act(&mut conn);
        }
    }
}

fn key(id: usize) -> Key {
    Key::new("version", 1, id).unwrap()
}

fn a_database_that_is_killed_and_comes_back() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let redis = PrivateRedis::start("");
    let options =
        Options::default().marker(Duration::from_secs(5)).connect_timeout(PATIENT).reply_timeout(PATIENT);
    let scene = Scene {
        url: Mutex::new(sandbox.mysql_url()),
        cache: redis.cache(options),
        rows: std::array::from_fn(|_| Known::default()),
        failed_writes: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    let mut conn = world::connect(&sandbox.mysql_url());
    conn.query_drop("CREATE TABLE versions (id INT PRIMARY KEY, version BIGINT NOT NULL) ENGINE=InnoDB")
        .unwrap();
    conn.exec_batch("INSERT INTO versions VALUES (?, 0)", (0..ROWS).map(|id| (id,))).unwrap();
    thread::scope(|scope| {
        let _end = End(&scene.is_over);
        for _ in 0..2 {
            scope.spawn(|| scene.until_over(|conn| (0..ROWS).for_each(|id| scene.read(id, conn))));
        }
        for id in 0..ROWS {
            let scene = &scene;
            scope.spawn(move || scene.until_over(|conn| scene.write(id, conn)));
        }
        let finished = || scene.rows.iter().map(|row| row.floor.load(Ordering::SeqCst)).min().unwrap();
        world::wait_until("each row was written a few times", || finished() > 5);
        sandbox::signal(u32::try_from(sandbox.pids()[0]).unwrap(), "-KILL");
        // Readers need not: where all rows are cached, the database is not missed.
        world::wait_until("a writer notices", || scene.failed_writes.load(Ordering::SeqCst) > 0);
        sandbox.run_well("start");
        *scene.url.lock().unwrap() = sandbox.mysql_url();
        let before = finished();
        world::wait_until("each row is written again", || finished() > before);
    });
    // All is quiet: what the cache holds is what the database holds.
    let mut conn = world::connect(&sandbox.mysql_url());
    for id in 0..ROWS {
        let hits = scene.cache.stats().hits;
        world::wait_until("the row is cached again", || {
            let stored: Option<(usize, u64)> =
                conn.exec_first("SELECT id, version FROM versions WHERE id = ?", (id,)).unwrap();
            let answer: mysql::Result<_> = scene.cache.get(&key(id), || Ok(stored));
            assert_eq!(answer.unwrap(), stored);
            scene.cache.stats().hits > hits
        });
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
