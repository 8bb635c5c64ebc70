//! Reads of users, through the cache or past it, and their answers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{App, Trouble, failed, key_of, key_of_all};
use crate::serve::http::Response;
use crate::serve::request::Request;
use crate::serve::users::StoreError;
use crate::users::{User, Users};

/// The source of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Hit,
    Miss,
    Bypass,
}

/// A value, where it came from, and how long that took.
pub(super) struct Read<T> {
    value: Option<T>,
    source: Source,
    total: Duration,
    /// The part of the total in MySQL.
    load: Duration,
}

impl App<'_> {
    pub(super) fn all_users<'b>(&self, request: &Request) -> Response<'b> {
        let Some(_place) = self.large.enter() else {
            return Response::text(503, "too many large answers at a time").header("Retry-After", "1");
        };
        let read = self.read_all(is_without_cache(request));
        respond(request, read, |users: &Users| serde_json::to_vec(users))
    }

    fn read_all(&self, is_without_cache: bool) -> Result<Read<Users>, Trouble> {
        let key = key_of_all()?;
        self.read(is_without_cache, |load| self.entries.get(&key, load), || Ok(Some(self.users.all()?)))
    }

    pub(super) fn one_user<'b>(&self, id: u32, request: &Request) -> Response<'b> {
        let read = key_of(id).map_err(Trouble::from).and_then(|key| {
            let load = || self.users.one(id);
            self.read(is_without_cache(request), |load| self.entries.get(&key, load), load)
        });
        respond(request, read, |user: &User| serde_json::to_vec(user))
    }

    /// Reads through the cache or past it, and takes the time.
    pub(super) fn read<T>(
        &self,
        is_without_cache: bool,
        get: impl FnOnce(&mut dyn FnMut() -> Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError>,
        load: impl Fn() -> Result<Option<T>, StoreError>,
    ) -> Result<Read<T>, Trouble> {
        let start = Instant::now();
        let mut in_mysql = None;
        let mut timed = || {
            let start = Instant::now();
            self.counts.mysql_reads.fetch_add(1, Ordering::Relaxed);
            let found = load();
            in_mysql = Some(start.elapsed());
            found
        };
        let value = if is_without_cache { timed()? } else { get(&mut timed)? };
        let total = start.elapsed();
        self.counts.add_read(total);
        let source = match (is_without_cache, in_mysql) {
            (true, _) => Source::Bypass,
            (false, Some(_)) => Source::Miss,
            (false, None) => Source::Hit,
        };
        Ok(Read { value, source, total, load: in_mysql.unwrap_or_default() })
    }
}

fn is_without_cache(request: &Request) -> bool {
    request.query.split('&').any(|field| field == "cache=off")
}

/// The value as JSON, with headers that say where it came from and where the time went.
fn respond<'b, T>(
    request: &Request,
    read: Result<Read<T>, Trouble>,
    write: impl FnOnce(&T) -> serde_json::Result<Vec<u8>>,
) -> Response<'b> {
    let read = match read {
        Ok(read) => read,
        Err(trouble) => return failed(&trouble),
    };
    let start = Instant::now();
    let body = match read.value.as_ref().map(write) {
        None => return Response::text(404, "this user does not exist"),
        Some(Err(error)) => return Response::text(500, &format!("cannot write JSON: {error}")),
        Some(Ok(body)) => body,
    };
    let json = start.elapsed();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let cache = match read.source {
        Source::Bypass => String::new(),
        Source::Hit | Source::Miss => format!("cache;dur={:.3}, ", ms(read.total.saturating_sub(read.load))),
    };
    let mysql = match read.source {
        Source::Hit => String::new(),
        Source::Miss | Source::Bypass => format!("mysql;dur={:.3}, ", ms(read.load)),
    };
    let source = match read.source {
        Source::Hit => "hit",
        Source::Miss => "miss",
        Source::Bypass => "bypass",
    };
    let tag = format!("\"{:016x}\"", twox_hash::XxHash3_64::oneshot(&body));
    let is_known =
        request.header("if-none-match").is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let response = if is_known { Response::json(304, Vec::new()) } else { Response::json(200, body) };
    response
        .header("Server-Timing", format!("{cache}{mysql}json;dur={:.3}", ms(json)))
        .header("ETag", tag)
        .header("X-Cache", source)
}
