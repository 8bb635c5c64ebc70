//! Finds out why an arm did nothing with Redis: sends what the arms need and reports what is
//! refused.

use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value, cmd};

use crate::cache::connection::Connection;
use crate::cache::{admin, counters};
use crate::endpoint::RedisEndpoint;
use crate::plain_text;

const TIMEOUT: Duration = Duration::from_secs(1);
/// Changes nothing and needs no other right than that to run scripts.
const SCRIPT: &str = "return 1";
/// Its name. A server that does not know it may still run it.
const SCRIPT_SHA1: &str = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
const NO_SCRIPT: ErrorKind = ErrorKind::Server(ServerErrorKind::NoScript);

/// The commands of the arms that Redis refuses, in its own words and with the next step; or that it
/// evicts what it is given. None if all is well now. `key` is one that only this arm uses.
pub(crate) fn find(redis: &RedisEndpoint, key: &[u8]) -> Option<String> {
    let mut connection = match admin::connect(redis) {
        Ok(connection) => connection,
        Err(error) => return Some(sentence(&error.to_string())),
    };
    let evicted = counters::read(&mut connection).ok().and_then(|counters| counters.evicted_keys);
    let mut refused: Vec<(&'static str, RedisError)> = Vec::new();
    let mut connection = None;
    for (name, command) in probes(key) {
        match ask(redis, &mut connection, &command) {
            Err(error) if error.kind() != NO_SCRIPT => refused.push((name, error)),
            _ => {}
        }
    }
    match words(&refused) {
        Some(words) => Some(words),
        None => evicted.filter(|evicted| *evicted > 0).map(|_| {
            "This Redis evicts keys for want of memory: raise its maxmemory, or use another Redis".to_owned()
        }),
    }
}

fn probes(key: &[u8]) -> [(&'static str, Cmd); 8] {
    let of_key = |name: &str| {
        let mut command = cmd(name);
        command.arg(key);
        command
    };
    let mut set = of_key("SET");
    set.arg("rcache").arg("PX").arg(1_000);
    let mut range = of_key("GETRANGE");
    range.arg(0).arg(7);
    let mut eval = cmd("EVAL");
    eval.arg(SCRIPT).arg(1).arg(key);
    let mut evalsha = cmd("EVALSHA");
    evalsha.arg(SCRIPT_SHA1).arg(1).arg(key);
    [
        ("SET", set),
        ("GET", of_key("GET")),
        ("GETRANGE", range),
        ("TIME", cmd("TIME")),
        ("EVAL", eval),
        ("EVALSHA", evalsha),
        ("DEL", of_key("DEL")),
        ("UNLINK", of_key("UNLINK")),
    ]
}

/// Asks on the connection that is there, or on a new one after it was lost.
fn ask(redis: &RedisEndpoint, kept: &mut Option<Connection>, command: &Cmd) -> Result<(), RedisError> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => admin::open(redis, TIMEOUT, TIMEOUT)?,
    };
    let answer = command.query::<Value>(&mut connection);
    match answer {
        Err(error) if error.is_io_error() => Err(error),
        answer => {
            *kept = Some(connection);
            answer.map(drop)
        }
    }
}

/// The commands that were refused like the first one, and why.
fn words(refused: &[(&'static str, RedisError)]) -> Option<String> {
    let (_, first) = refused.first()?;
    let names: Vec<&str> = refused
        .iter()
        .filter(|(_, error)| error.code() == first.code() && error.kind() == first.kind())
        .map(|(name, _)| *name)
        .collect();
    let names = names.join(", ");
    let hint = admin::hint(first).map(|hint| format!(". {}", sentence(hint))).unwrap_or_default();
    Some(if first.is_timeout() {
        format!("Redis did not answer {names}: a proxy in between may not know the command")
    } else if first.is_io_error() {
        format!("The connection was closed at {names}: a proxy in between may not know the command")
    } else {
        format!("Redis refused {names}: {}{hint}", admin::said(first))
    })
}

/// With a capital letter, in one line.
fn sentence(text: &str) -> String {
    let line = plain_text::one_line(text);
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
