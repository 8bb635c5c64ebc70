//! Asks Sentinels where the primary is: for every connection anew, as a failover changes the
//! answer.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Connection, Limits, Tree, WireError};
use crate::endpoint::{Address, RedisEndpoint, Sentinel};

/// A Sentinel that did not answer is asked after the others for this time.
const SILENT_FOR: Duration = Duration::from_secs(10);

/// Sentinels that did not answer lately, and since when.
static SILENT: Mutex<Vec<(Address, Instant)>> = Mutex::new(Vec::new());

/// The address of the primary; none if the endpoint is the server itself. Half the time to connect
/// is for each Sentinel, and no further one is asked when the whole of it is over.
pub(super) fn find(endpoint: &RedisEndpoint, limits: Limits) -> io::Result<Option<Address>> {
    let Some(sentinel) = &endpoint.sentinel else { return Ok(None) };
    let began = Instant::now();
    let mut last: Option<io::Error> = None;
    for address in in_order(endpoint, began) {
        if last.is_some() && began.elapsed() >= limits.connect {
            break;
        }
        limits.check_interrupt()?;
        match ask(endpoint, sentinel, &address, limits) {
            Ok(primary) => {
                silent().retain(|(silent, _)| *silent != address);
                return Ok(Some(primary));
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    silent().push((address.clone(), Instant::now()));
                }
                // One that answered says more than one that did not.
                let is_answer = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Other);
                if is_answer || last.is_none() {
                    let words = format!("the Sentinel at {address}: {error}");
                    last = Some(io::Error::new(error.kind(), words));
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("the URL names no Sentinel")))
}

/// Those that answered lately come first.
fn in_order(endpoint: &RedisEndpoint, now: Instant) -> Vec<Address> {
    let mut silent = silent();
    silent.retain(|(_, since)| now.saturating_duration_since(*since) < SILENT_FOR);
    let mut all: Vec<Address> = [&endpoint.address].into_iter().chain(&endpoint.more).cloned().collect();
    all.sort_by_key(|address| silent.iter().any(|(silent, _)| silent == address));
    all
}

fn silent() -> MutexGuard<'static, Vec<(Address, Instant)>> {
    // No thread panics while it holds it, so a poisoned lock guards a whole list.
    SILENT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(
    endpoint: &RedisEndpoint,
    sentinel: &Sentinel,
    address: &Address,
    limits: Limits,
) -> io::Result<Address> {
    let account = RedisEndpoint {
        user: sentinel.user.clone(),
        password: sentinel.password.clone(),
        database: 0,
        ..endpoint.at(address.clone())
    };
    let limits = Limits { connect: limits.connect / 2, ..limits };
    let mut connection = Connection::open(&account, limits).map_err(io_error)?;
    let command: [&[u8]; 3] = [b"SENTINEL", b"get-master-addr-by-name", sentinel.primary.as_bytes()];
    let answer = connection.tree(&command).map_err(io_error)?;
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "it knows no primary of that name");
    let [host, port, ..] = answer.list().ok_or_else(unknown)? else { return Err(unknown()) };
    let text = |tree: &Tree| tree.text().and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned);
    let host = text(host).filter(|host| !host.is_empty());
    let port = text(port).and_then(|port| port.parse().ok()).filter(|port| *port > 0);
    let (Some(host), Some(port)) = (host, port) else { return Err(unknown()) };
    Ok(Address::Tcp { host, port })
}

fn io_error(error: WireError) -> io::Error {
    match error {
        WireError::Io(error) => error,
        WireError::Server(_) | WireError::NotOpened(_) | WireError::Protocol(_) => {
            io::Error::other(error.to_string())
        }
    }
}
