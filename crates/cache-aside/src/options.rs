//! The choices of a program about its cache.

use std::time::Duration;

use super::entry::HEADER_BYTES;
use super::events::{Event, Hook};
use super::protocol::key_state::MAX_MARKER_MS;
use super::wire::Limits;

/// The behaviour of a [`Cache`](crate::Cache). Start from the default and change what you must:
///
/// ```
/// use std::time::Duration;
/// use cache_aside::Options;
///
/// let options = Options::default().ttl(Duration::from_secs(60)).max_loads(16);
/// ```
///
/// Every field has a method of the same name that sets it. Later versions may add fields.
///
/// # How long Redis can hold a caller up
/// One exchange with Redis takes at most `4 · connect_timeout + 11 · reply_timeout`, and 0.1 µs for
/// each byte:
/// - two replies for an idle connection: whether it is alive and leads to a primary (`ROLE`, and
///   `INFO` where that is refused);
/// - three replies for the command: by `SET … NX GET` where the server refuses that, by `EVALSHA`,
///   and by `EVAL` where the server does not know the script;
/// - one wait for a place among [`max_connections`](struct@Self#structfield.max_connections), which
///   takes `connect_timeout`, and up to three attempts to open a connection, where the server hangs
///   up on each: `connect_timeout + reply_timeout` each time;
/// - three replies for the command once more on the new connection, where it failed on the idle
///   one.
///
/// A server that falls silent takes less, `connect_timeout + 2 · reply_timeout`: the reply on the
/// idle connection, and opening another one. Writing a value of 64 KiB or more can take six replies
/// more (`WATCH` and `MULTI`, `EXEC`, `DISCARD`, each on both connections). After exchanges that
/// got no answer, the next one that succeeds takes one exchange more, which removes up to 128
/// leases that were left behind.
///
/// In a cluster, or with several hosts in the URL, a node that fails, or names another one, can
/// take up to four exchanges more, and `connect_timeout + reply_timeout` to learn which node took
/// its place. With Sentinels, each new connection first asks one of them where the primary is,
/// which takes `1.5 · connect_timeout + reply_timeout` more at most.
///
/// A read goes to the database after the first exchange that fails; `mark`, `finish` and
/// `invalidate` fail after the first batch of 128 keys that does, and `mark` may need one more
/// exchange to take markers back. While the breaker is open, reads take no time for Redis at all,
/// save one in every [`breaker_rest`](struct@Self#structfield.breaker_rest).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Stands in front of every key: programs that share a Redis and not their values choose
    /// different ones. What stands under the cache's keys is the cache's: whatever it cannot read
    /// there it removes. Default `cache`.
    pub namespace: String,
    /// The lifetime of a value, less a random tenth at most. It bounds what no protocol can
    /// prevent: writes behind the library's back, for example. Zero is an error. Default 5 minutes.
    pub ttl: Duration,
    /// The time for which the library remembers that a row does not exist; `None` remembers it not
    /// at all. Zero is an error. Default 30 seconds.
    pub negative_ttl: Option<Duration>,
    /// The time to live of a lease. It is renewed while its load runs, so this bounds only how long
    /// a key stays unused after its loader died with its process. Default 5 seconds.
    pub lease: Duration,
    /// The longest time that a load is believed to be alive: until then its lease is renewed, and
    /// the other reads of its key in this process wait for it. A load that takes longer is right
    /// for its caller and is not kept; those who waited load for themselves, which counts as
    /// bypasses. Default 30 seconds, at most an hour.
    pub longest_load: Duration,
    /// The lifetime of a marker: longer than any COMMIT takes, and as long as a key stays uncached
    /// after its writer died. Default 10 seconds, at most an hour.
    pub marker: Duration,
    /// The time for which a read waits while another process loads, before it asks the database
    /// itself; and how long it waits for one loader after the other that fails. Default 1 second,
    /// at most an hour.
    pub lease_wait: Duration,
    /// The time for which a read waits for a write to end, before it asks the database itself.
    /// Default 25 milliseconds, at most an hour.
    pub marker_wait: Duration,
    /// The time beyond its [`ttl`](Self::ttl) for which a value is still kept for loads that fail.
    /// A read that finds a value past its time to live loads; where the loader returns an error,
    /// the old value is the answer, and [`Stats::stale_served`](crate::Stats::stale_served) counts
    /// it. A value that a write marked or invalidated is never served: it is not there any more.
    /// Programs that share keys choose the same, and their clocks agree within the time to live.
    /// Default zero: never, at most ten years.
    pub stale_if_error: Duration,
    /// The eagerness with which entries are refreshed ahead of their expiry: 1 is the optimum for
    /// steady loads, 0 turns it off. Default 1.
    pub early_refresh: f64,
    /// The reaction of a crash-safe write when Redis cannot be told of it beforehand. Default
    /// [`Unmarked::Refuse`]: no write goes through while Redis is out of reach.
    pub unmarked: Unmarked,
    /// The replicas that must have a marker, or a removal, before
    /// [`Cache::mark`](crate::Cache::mark) or [`Cache::invalidate`](crate::Cache::invalidate)
    /// return (`WAIT`): a failover to one of them loses nothing. So it is for
    /// [`Cache::invalidate_kind`](crate::Cache::invalidate_kind), and for
    /// [`WriteGuard::finish`](crate::WriteGuard::finish) where they have no marker.
    /// Each batch of 128 keys waits for half of
    /// [`reply_timeout`](struct@Self#structfield.reply_timeout) at most. If fewer have it by then,
    /// `mark` fails, or with [`Unmarked::Proceed`] its guard names the keys, and the others fail. A
    /// failover may choose another replica, so only the number of all replicas excludes a loss.
    /// Default 0: the primary alone.
    pub replicas: u32,
    /// The reaction of a read to a value under its key that no cache of this library made. Default
    /// [`Foreign::Remove`].
    pub foreign: Foreign,
    /// The number of loads that this cache and its clones run at once, counted over all threads;
    /// more wait for their turn. A loader that reads through the cache itself, on its own thread,
    /// counts once. Default 32.
    pub max_loads: usize,
    /// The time for which a load waits for its turn among [`max_loads`](Self::max_loads). After
    /// that it runs beside them, which [`Stats::loads_beside`](crate::Stats::loads_beside) counts:
    /// a loader whose own threads read through the cache would otherwise wait for itself. Default 5
    /// seconds, at most an hour.
    pub load_wait: Duration,
    /// Larger values are not kept. Default 64 MiB, at most 511 MiB.
    pub max_value_bytes: usize,
    /// The time that opening a connection may take: looking the name up, connecting, and the
    /// handshake of TLS. Logging in has the time of a reply. Default 250 milliseconds.
    pub connect_timeout: Duration,
    /// The time that Redis may take to answer; each megabyte that arrives adds a tenth of a second.
    /// A reply that has arrived is taken even if this thread was woken too late to read it in time.
    /// Default 250 milliseconds.
    pub reply_timeout: Duration,
    /// The most connections to Redis at a time, in a cluster to each node. Who comes when all are
    /// in use waits for one for [`connect_timeout`](Self::connect_timeout) at most; then a read
    /// goes to the database, and a write fails. If Redis itself takes fewer (`maxclients`), the
    /// cache makes do with those. Default 512.
    pub max_connections: usize,
    /// A connection that was idle for longer is closed and not used again: something on the way may
    /// have forgotten it. Default one minute.
    pub idle_timeout: Duration,
    /// Failures of connections in a row after which reads leave Redis alone for a while. Default 3.
    pub breaker_failures: u32,
    /// The longest time, and a quarter more, between two reads that ask a Redis that did not answer
    /// how it is. The first comes after a tenth of a second; then the time doubles. Default 500
    /// milliseconds.
    pub breaker_rest: Duration,
    /// A function to call with each [`Event`], on the thread that met it: let it be quick. If it
    /// panics, the panic ends there: the read or write goes on. Set it by
    /// [`on_error`](Self::on_error()). With the crate's feature `log` the same events go to the
    /// `log` crate. Default none.
    pub on_error: Option<Hook>,
    pub(crate) is_over: Option<IsOver>,
}

/// The reaction of [`Cache::mark`](crate::Cache::mark) when Redis cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unmarked {
    /// It fails, so that nothing is committed: no cached value is ever stale, and there are no
    /// writes without Redis.
    #[default]
    Refuse,
    /// It lets the write go on; the guard says until when reads may be stale if Redis cannot be
    /// told afterwards either.
    Proceed,
}

/// The reaction of a read to a value that no cache of this library made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// Removes it, and caches its own value there: what is stored under the cache's keys is the
    /// cache's.
    #[default]
    Remove,
    /// Leaves it there, and loads without the cache.
    Refuse,
}

/// Asked while a thread waits for Redis; true gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsOver(fn() -> bool);

impl PartialEq for IsOver {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: "cache".to_owned(),
            ttl: Duration::from_secs(300),
            negative_ttl: Some(Duration::from_secs(30)),
            lease: Duration::from_secs(5),
            longest_load: Duration::from_secs(30),
            marker: Duration::from_secs(10),
            lease_wait: Duration::from_secs(1),
            marker_wait: Duration::from_millis(25),
            stale_if_error: Duration::ZERO,
            early_refresh: 1.0,
            unmarked: Unmarked::Refuse,
            replicas: 0,
            foreign: Foreign::Remove,
            max_loads: 32,
            load_wait: Duration::from_secs(5),
            max_value_bytes: 64 << 20,
            connect_timeout: Duration::from_millis(250),
            reply_timeout: Duration::from_millis(250),
            max_connections: 512,
            idle_timeout: Duration::from_secs(60),
            breaker_failures: 3,
            breaker_rest: Duration::from_millis(500),
            on_error: None,
            is_over: None,
        }
    }
}

/// One method for each field, which sets it.
macro_rules! setters {
    ($($field:ident: $type:ty),+ $(,)?) => {
        impl Options {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](struct@Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field.into();
                    self
                }
            )+
        }
    };
}

setters! {
    namespace: impl Into<String>,
    ttl: Duration,
    negative_ttl: impl Into<Option<Duration>>,
    lease: Duration,
    longest_load: Duration,
    marker: Duration,
    lease_wait: Duration,
    marker_wait: Duration,
    stale_if_error: Duration,
    early_refresh: f64,
    unmarked: Unmarked,
    replicas: u32,
    foreign: Foreign,
    max_loads: usize,
    load_wait: Duration,
    max_value_bytes: usize,
    connect_timeout: Duration,
    reply_timeout: Duration,
    max_connections: usize,
    idle_timeout: Duration,
    breaker_failures: u32,
    breaker_rest: Duration,
}

impl Options {
    /// Sets a function that is called with each [`Event`]. A panic of it is caught and ignored.
    ///
    /// ```
    /// use cache_aside::Options;
    ///
    /// let options = Options::default().on_error(|event| eprintln!("cache: {event}"));
    /// ```
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Hook::new(hook));
        self
    }
}

impl Options {
    /// Sets a function that is asked while a thread waits for Redis; if it returns true, the wait
    /// is given up. For a program that is asked to stop.
    #[doc(hidden)]
    #[must_use]
    pub fn interrupted_by(mut self, is_over: fn() -> bool) -> Self {
        self.is_over = Some(IsOver(is_over));
        self
    }
}

/// An [`Options`] field that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cache's option {option} {wrong}")]
pub struct OptionsError {
    option: &'static str,
    wrong: &'static str,
}

impl Options {
    /// Holds every field against its bounds.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
        const HOUR: Duration = Duration::from_millis(MAX_MARKER_MS);
        let within = |option, time: Duration, longest: Duration, wrong| {
            if time < Duration::from_millis(1) {
                Err(OptionsError { option, wrong: "is shorter than a millisecond" })
            } else if time > longest {
                Err(OptionsError { option, wrong })
            } else {
                Ok(())
            }
        };
        within("ttl", self.ttl, YEARS, "is longer than ten years")?;
        within("negative_ttl", self.negative_ttl.unwrap_or(self.ttl), YEARS, "is longer than ten years")?;
        within("lease", self.lease, HOUR, "is longer than an hour")?;
        within("stale_if_error", self.stale_if_error.max(self.lease), YEARS, "is longer than ten years")?;
        within("marker", self.marker, HOUR, "is longer than an hour")?;
        within("longest_load", self.longest_load, HOUR, "is longer than an hour")?;
        // No wait at all is a choice too.
        within("load_wait", self.load_wait.max(self.lease), HOUR, "is longer than an hour")?;
        within("lease_wait", self.lease_wait.max(self.lease), HOUR, "is longer than an hour")?;
        within("marker_wait", self.marker_wait.max(self.marker), HOUR, "is longer than an hour")?;
        within("connect_timeout", self.connect_timeout, HOUR, "is longer than an hour")?;
        within("reply_timeout", self.reply_timeout, HOUR, "is longer than an hour")?;
        within("idle_timeout", self.idle_timeout, HOUR, "is longer than an hour")?;
        within("breaker_rest", self.breaker_rest, HOUR, "is longer than an hour")?;
        let wrong = |option, wrong| Err(OptionsError { option, wrong });
        if self.namespace.is_empty() {
            return wrong("namespace", "is empty");
        }
        if self.namespace.len() > 256 {
            return wrong("namespace", "is longer than 256 bytes");
        }
        if !(self.early_refresh.is_finite() && self.early_refresh >= 0.0) {
            return wrong("early_refresh", "is not a number from 0 on");
        }
        if self.max_loads == 0 {
            return wrong("max_loads", "is zero: nothing could ever be loaded");
        }
        if self.max_connections == 0 {
            return wrong("max_connections", "is zero: nothing could ever be cached");
        }
        if self.breaker_failures == 0 {
            return wrong("breaker_failures", "is zero: the breaker would always be open");
        }
        if self.max_value_bytes > 511 << 20 {
            return wrong("max_value_bytes", "is more than Redis can hold under one key");
        }
        Ok(())
    }

    /// The longest time for which a server waits for its replicas: the answer still comes in time.
    pub(crate) fn replica_wait(&self) -> Duration {
        self.reply_timeout / 2
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connect: self.connect_timeout,
            reply: self.reply_timeout,
            is_over: self.is_over.map(|is_over| is_over.0),
            max_string_bytes: self.max_value_bytes + HEADER_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        Options::default().check().unwrap();
        let zero = Duration::ZERO;
        let cases: [(&str, Options); 16] = [
            ("stale_if_error", Options { stale_if_error: Duration::MAX, ..Options::default() }),
            ("ttl", Options { ttl: zero, ..Options::default() }),
            ("ttl", Options { ttl: Duration::MAX, ..Options::default() }),
            ("negative_ttl", Options { negative_ttl: Some(zero), ..Options::default() }),
            ("lease", Options { lease: zero, ..Options::default() }),
            ("marker", Options { marker: Duration::from_secs(3601), ..Options::default() }),
            ("lease_wait", Options { lease_wait: Duration::MAX, ..Options::default() }),
            ("marker_wait", Options { marker_wait: Duration::from_secs(3601), ..Options::default() }),
            ("reply_timeout", Options { reply_timeout: zero, ..Options::default() }),
            ("namespace", Options { namespace: String::new(), ..Options::default() }),
            ("early_refresh", Options { early_refresh: f64::NAN, ..Options::default() }),
            ("max_connections", Options { max_connections: 0, ..Options::default() }),
            ("breaker_failures", Options { breaker_failures: 0, ..Options::default() }),
            ("breaker_rest", Options { breaker_rest: zero, ..Options::default() }),
            ("max_loads", Options { max_loads: 0, ..Options::default() }),
            ("max_value_bytes", Options { max_value_bytes: usize::MAX, ..Options::default() }),
        ];
        for (option, options) in cases {
            assert_eq!(options.check().unwrap_err().option, option);
        }
        Options { negative_ttl: None, ..Options::default() }.check().unwrap();
        Options { lease_wait: zero, marker_wait: zero, ..Options::default() }.check().unwrap();
    }
}
