//! The answers of each path.

mod gate;
mod reads;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cache_aside::codec::Postcard;
use cache_aside::{Cache, Key, KeyError, MarkError, Options};
use serde::Deserialize;

use self::gate::Gate;
use super::http::Response;
use super::live::{Counts, Live};
use super::metrics;
use super::request::Request;
use super::users::{StoreError, UserTable};
use crate::users::User;

/// Answers with all users that are made at the same time; each takes some ten megabytes.
const LARGE_ANSWERS: usize = 4;
/// Readers of the button that makes many read at the same time.
const CROWD: usize = 32;
/// Streams of events at a time.
const STREAMS: usize = 64;
/// Time between two looks for a new sample.
const LOOK: Duration = Duration::from_millis(200);
/// Stopping or starting Redis takes less.
const POWER_TIME: Duration = Duration::from_secs(30);
/// Time between two samples.
const SAMPLE: Duration = Duration::from_secs(1);

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/app.js");
const STYLE: &str = include_str!("page/style.css");

/// Stops and starts the sandbox's Redis.
pub(crate) trait Power {
    /// # Errors
    /// In words.
    fn stop(&mut self) -> Result<(), String>;
    /// # Errors
    /// In words.
    fn start(&mut self) -> Result<(), String>;
}

/// The parts of an application.
pub(crate) struct Setup<'a> {
    pub(crate) cache: Cache,
    pub(crate) users: &'a UserTable,
    /// The channel for wishes about Redis, or the reason why there is none.
    pub(crate) power: Result<Sender<Wish>, String>,
    pub(crate) address: SocketAddr,
}

/// A wish about Redis, and the channel for the outcome. The thread that owns the servers grants it.
pub(crate) struct Wish {
    turn: Turn,
    outcome: SyncSender<Result<(), String>>,
}

#[derive(Clone, Copy)]
enum Turn {
    Off,
    On,
}

impl Wish {
    pub(super) fn grant(self, power: &mut dyn Power) {
        let outcome = match self.turn {
            Turn::Off => power.stop(),
            Turn::On => power.start(),
        };
        // The client may have gone.
        let _ = self.outcome.send(outcome);
    }
}

/// The application. All threads share it.
pub(crate) struct App<'a> {
    cache: Cache,
    /// The same with the codec of its entries.
    entries: Cache<Postcard>,
    users: &'a UserTable,
    power: Result<Mutex<Sender<Wish>>, String>,
    address: SocketAddr,
    counts: Counts,
    live: Live,
    large: Gate,
    streams: Gate,
}

/// Why a request has no ordinary answer.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mark(#[from] MarkError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Deserialize)]
struct NewUser {
    username: String,
    email: String,
}

impl<'a> App<'a> {
    pub(crate) fn new(setup: Setup<'a>) -> Self {
        Self {
            entries: setup.cache.with_codec(Postcard),
            cache: setup.cache,
            users: setup.users,
            power: setup.power.map(Mutex::new),
            address: setup.address,
            counts: Counts::default(),
            live: Live::default(),
            large: Gate::new(LARGE_ANSWERS),
            streams: Gate::new(STREAMS),
        }
    }

    /// The options of its cache: entries live for a minute, so that one can watch them expire.
    pub(crate) fn options(namespace: &str) -> Options {
        Options::default().namespace(format!("{namespace}-serve")).ttl(Duration::from_secs(60))
    }

    /// Takes a sample every second.
    pub(super) fn sample_until(&self, is_ending: &dyn Fn() -> bool) {
        let mut next = Instant::now() + SAMPLE;
        while !is_ending() {
            thread::sleep(LOOK.min(next.saturating_duration_since(Instant::now())));
            if Instant::now() >= next {
                self.live.sample(&self.cache.stats(), &self.counts);
                next += SAMPLE;
            }
        }
    }

    pub(super) fn answer<'b>(
        &'b self,
        request: &Request,
        peer: IpAddr,
        is_ending: &'b (dyn Fn() -> bool + Sync),
    ) -> Response<'b> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        if !self.knows_host(request) {
            return Response::text(403, "this name is not the server's own");
        }
        match request.method.as_str() {
            "GET" | "HEAD" => self.get(request, is_ending),
            "POST" => match self.refusal_of_write(request, peer) {
                Some(reason) => Response::text(403, reason),
                None => self.post(request),
            },
            _ => Response::text(405, "GET, HEAD and POST are known").header("Allow", "GET, HEAD, POST"),
        }
    }

    fn get<'b>(&'b self, request: &Request, is_ending: &'b (dyn Fn() -> bool + Sync)) -> Response<'b> {
        let file = |kind, text: &str| Response::new(200, kind, text.as_bytes().to_vec());
        match request.path.as_str() {
            "/" => file("text/html; charset=utf-8", PAGE),
            "/app.js" => file("text/javascript; charset=utf-8", SCRIPT),
            "/style.css" => file("text/css; charset=utf-8", STYLE),
            "/users" => self.all_users(request),
            "/metrics" => {
                let (mysql, requests) = (&self.counts.mysql_reads, &self.counts.requests);
                let [mysql, requests] = [mysql, requests].map(|count| count.load(Ordering::Relaxed));
                file(
                    "text/plain; version=0.0.4; charset=utf-8",
                    &metrics::text(&self.cache.stats(), mysql, requests),
                )
            }
            "/events" => self.events(is_ending),
            path => match path.strip_prefix("/users/").map(str::parse::<u32>) {
                Some(Ok(id)) if path == format!("/users/{id}") => self.one_user(id, request),
                _ => Response::text(404, "this page does not exist"),
            },
        }
    }

    fn post<'b>(&'b self, request: &Request) -> Response<'b> {
        let done = |outcome: Result<(), String>| match outcome {
            Ok(()) => Response::json(200, b"{\"done\":true}\n".to_vec()),
            Err(reason) => Response::text(503, &reason),
        };
        match request.path.as_str() {
            "/expire" => done(self.expire()),
            "/crowd" => self.crowd(),
            "/redis/stop" => done(self.turn_redis(Turn::Off)),
            "/redis/start" => done(self.turn_redis(Turn::On)),
            path => match path.strip_prefix("/users/").map(str::parse::<u32>) {
                Some(Ok(id)) if path == format!("/users/{id}") => self.change(id, request),
                _ => Response::text(404, "this page does not exist"),
            },
        }
    }

    /// A page elsewhere may have its name point here; ours are the address and localhost.
    fn knows_host(&self, request: &Request) -> bool {
        if !self.address.ip().is_loopback() {
            return true;
        }
        let port = self.address.port();
        let own = [
            format!("localhost:{port}"),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
            self.address.to_string(),
        ];
        request.header("host").is_some_and(|host| own.iter().any(|name| name.eq_ignore_ascii_case(host)))
    }

    /// Only this machine may write, and no page of another origin on it.
    fn refusal_of_write(&self, request: &Request, peer: IpAddr) -> Option<&'static str> {
        if !peer.to_canonical().is_loopback() {
            return Some("writes are for this machine alone");
        }
        let origin = request.header("origin");
        let host = request.header("host").unwrap_or_default();
        let is_ours = origin.is_none_or(|origin| origin.eq_ignore_ascii_case(&format!("http://{host}")));
        let site = request.header("sec-fetch-site").unwrap_or("same-origin");
        (!is_ours || !matches!(site, "same-origin" | "none"))
            .then_some("writes from another origin are refused")
    }

    /// A write that a crash at any point leaves consistent: mark, COMMIT, finish.
    fn change<'b>(&self, id: u32, request: &Request) -> Response<'b> {
        let new: NewUser = match serde_json::from_slice(&request.body) {
            Ok(new) => new,
            Err(error) => {
                return Response::text(422, &format!("a username and an email are expected: {error}"));
            }
        };
        let Ok(user) = User::new(id, &new.username, &new.email) else {
            return Response::text(422, "a username has at most 80 bytes, and an email at most 120");
        };
        let written = self.users.write(&user, |commit| {
            let (one, all) = (key_of(id)?, key_of_all()?);
            let guard = self.cache.mark(&[&one, &all])?;
            commit()?;
            // A marker that cannot be removed expires by itself; until then the user is read from
            // MySQL.
            let _ = guard.finish();
            Ok::<_, Trouble>(())
        });
        match written {
            Ok(true) => Response::json(200, serde_json::to_vec(&user).unwrap_or_default()),
            Ok(false) => Response::text(404, "this user does not exist"),
            Err(Trouble::Mark(error)) => Response::text(
                503,
                &format!(
                    "not written, since Redis could not be told: {error}; a write without it could leave old values"
                ),
            ),
            Err(trouble) => failed(&trouble),
        }
    }

    fn expire(&self) -> Result<(), String> {
        let key = key_of_all().map_err(|error| error.to_string())?;
        self.cache.invalidate(&key).map_err(|error| error.to_string())
    }

    fn turn_redis(&self, turn: Turn) -> Result<(), String> {
        let wishes = self.power.as_ref().map_err(Clone::clone)?;
        let (outcome, granted) = mpsc::sync_channel(1);
        let wishes = wishes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ends = |_| "the server ends".to_owned();
        wishes.send(Wish { turn, outcome }).map_err(|_| ends(()))?;
        granted.recv_timeout(POWER_TIME).map_err(|_| ends(()))?
    }

    /// Many readers of one user whose entry has just been removed.
    fn crowd<'b>(&self) -> Response<'b> {
        const ID: u32 = 1;
        let before = self.counts.mysql_reads.load(Ordering::Relaxed);
        let start = Instant::now();
        let read = |key: &Key| {
            let load = || self.users.one(ID);
            self.read(false, |load| self.entries.get(key, load), load).is_ok()
        };
        let answered = key_of(ID).map(|key| {
            // If Redis cannot be told, the readers find what is there.
            let _ = self.cache.invalidate(&key);
            thread::scope(|scope| {
                let readers: Vec<_> = (0..CROWD).map(|_| scope.spawn(|| read(&key))).collect();
                readers.into_iter().filter_map(|reader| reader.join().ok()).filter(|fine| *fine).count()
            })
        });
        let loads = self.counts.mysql_reads.load(Ordering::Relaxed) - before;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let answered = answered.unwrap_or(0);
        let body =
            serde_json::json!({ "readers": CROWD, "answered": answered, "mysql_reads": loads, "ms": ms });
        Response::json(200, body.to_string().into_bytes())
    }

    /// The last minute, then a sample every second.
    fn events<'b>(&'b self, is_ending: &'b (dyn Fn() -> bool + Sync)) -> Response<'b> {
        let Some(place) = self.streams.try_enter() else {
            return Response::text(503, "too many streams").header("Retry-After", "5");
        };
        let power = self.power.as_ref().err().cloned();
        let stream = move |to: &mut dyn std::io::Write| {
            let _place = place;
            let hello = serde_json::json!({ "redis": power });
            write!(to, "event: hello\ndata: {hello}\n\n")?;
            let mut last = 0;
            while !is_ending() {
                for sample in self.live.since(last) {
                    last = sample.second;
                    write!(to, "data: {}\n\n", serde_json::to_string(&sample).unwrap_or_default())?;
                }
                thread::sleep(LOOK);
            }
            Ok(())
        };
        Response::stream("text/event-stream", Box::new(stream))
    }
}

fn key_of_all() -> Result<Key, KeyError> {
    Key::singleton("users", 1)
}

fn key_of(id: u32) -> Result<Key, KeyError> {
    Key::new("user", 1, id)
}

fn failed<'b>(trouble: &Trouble) -> Response<'b> {
    match trouble {
        Trouble::Store(StoreError::Busy) => {
            Response::text(503, &trouble.to_string()).header("Retry-After", "1")
        }
        Trouble::Store(_) | Trouble::Mark(_) => Response::text(503, &trouble.to_string()),
        Trouble::Key(_) => Response::text(500, &trouble.to_string()),
    }
}
