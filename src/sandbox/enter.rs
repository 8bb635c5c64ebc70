//! The door of the sandbox's folder: who gets in as the owner, who attaches to kept servers, who
//! waits, and what those are told who cannot get in.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::folder::Folder;
use super::leftovers::end_servers;
use super::lock::{Holder, Lock, holder, sharers};
use super::state::State;
use crate::advice;
use crate::interrupt;

const POLL: Duration = Duration::from_millis(20);
/// Another command may be just ending, or just looking.
const PATIENCE: Duration = Duration::from_secs(2);
/// `rcache sandbox start` and the like end soon, but making a data directory on a slow disk takes a
/// while.
const PATIENCE_WITH_SANDBOX: Duration = Duration::from_secs(180);

const PATIENCE_WITH_ANSWERS: Duration = Duration::from_secs(10);

pub(super) enum Entry {
    /// Nothing runs in the folder, and nobody else gets in.
    Owner(Lock),
    /// The kept servers run and answer, and nobody stops them as long as the lock is held.
    Attached { lock: Lock, state: Box<State> },
}

/// With whom kept servers are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// With every command that comes.
    Anybody,
    /// With nobody, since they are going to be restarted.
    Nobody,
}

pub(super) fn enter(
    dir: &Path,
    purpose: &str,
    company: Company,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<(Folder, Entry)> {
    let mut patience = Patience::new();
    loop {
        interrupt::check()?;
        let folder = Folder::create(dir)?;
        if let Some(lock) = Lock::try_exclusive(&folder, purpose)? {
            if !State::load(&folder)?.is_some_and(|state| state.is_alive()) {
                end_servers(&folder, note)?;
                return Ok((folder, Entry::Owner(lock)));
            }
            let lock = if company == Company::Nobody { Some(lock) } else { lock.share()? };
            if let Some(lock) = lock
                && let Some(entry) = attach(&folder, lock)?
            {
                return Ok((folder, entry));
            }
        } else if company == Company::Anybody
            && let Some(lock) = Lock::try_shared(&folder)?
            && let Some(entry) = attach(&folder, lock)?
        {
            return Ok((folder, entry));
        }
        patience.wait(&folder, note)?;
    }
}

fn attach(folder: &Folder, lock: Lock) -> anyhow::Result<Option<Entry>> {
    // Read anew under this lock: before it, anything could happen to the servers.
    let Some(state) = State::load(folder)?.filter(State::is_alive) else { return Ok(None) };
    let since = Instant::now();
    loop {
        interrupt::check()?;
        if let Some(pid) = state.suspended() {
            bail!(
                "a server of the sandbox {} (process {pid}) is suspended and answers nothing. \
                 Let it go on with `kill -CONT {pid}`, or stop the sandbox with `{}`",
                folder.root().display(),
                advice::command("sandbox stop")
            );
        }
        let answer = match state.check_answers() {
            Ok(()) => return Ok(Some(Entry::Attached { lock, state: Box::new(state) })),
            Err(_) if !state.is_alive() => return Ok(None),
            Err(answer) => answer,
        };
        // A machine that is busy measuring may keep a login waiting.
        if since.elapsed() >= PATIENCE_WITH_ANSWERS {
            bail!(
                "a server of the sandbox {} runs but does not answer: {answer}. \
                 Stop it with `{}` and try again",
                folder.root().display(),
                advice::command("sandbox stop")
            );
        }
        std::thread::sleep(POLL);
    }
}

/// The lock for oneself, without attaching to anything.
pub(super) fn enter_alone(
    folder: &Folder,
    purpose: &str,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<Lock> {
    let mut patience = Patience::new();
    loop {
        interrupt::check()?;
        if let Some(lock) = Lock::try_exclusive(folder, purpose)? {
            return Ok(lock);
        }
        patience.wait(folder, note)?;
    }
}

struct Patience {
    since: Instant,
    /// When the last command was seen that ends soon; at first the beginning.
    passing_at: Instant,
    told: bool,
}

impl Patience {
    fn new() -> Self {
        let now = Instant::now();
        Self { since: now, passing_at: now, told: false }
    }

    fn wait(&mut self, folder: &Folder, note: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
        let holder = holder(folder);
        let passing = holder.as_ref().is_some_and(|holder| holder.purpose.starts_with("sandbox"));
        let waited = self.since.elapsed();
        if passing {
            self.passing_at = Instant::now();
        }
        // Between two commands that end soon the folder has no holder.
        if waited >= PATIENCE_WITH_SANDBOX || self.passing_at.elapsed() >= PATIENCE {
            bail!(occupied(folder, holder.as_ref(), &sharers(folder)));
        }
        if let Some(holder) = holder.filter(|_| passing && !self.told && waited > Duration::from_millis(200))
        {
            note(&format!("waiting for process {} (rcache {}) ...", holder.pid, holder.purpose));
            self.told = true;
        }
        std::thread::sleep(POLL);
        Ok(())
    }
}

fn occupied(folder: &Folder, holder: Option<&Holder>, sharers: &[u32]) -> String {
    let root = folder.root().display();
    let is_kept = State::load(folder).ok().flatten().is_some_and(|state| state.is_alive());
    match holder {
        Some(holder) if is_kept => format!(
            "the sandbox {root} is in use by process {} (rcache {}, since {}), which does not share its servers. Wait \
             until it ends, or name another folder with --sandbox-dir",
            holder.pid, holder.purpose, holder.since
        ),
        Some(holder) => format!(
            "the sandbox {root} is in use by process {} (rcache {}, since {}). Wait until it ends, \
             name another folder with --sandbox-dir, or next time run `{}` first: \
             then commands share the servers",
            holder.pid,
            holder.purpose,
            holder.since,
            advice::command("sandbox start")
        ),
        None => {
            let pids: Vec<String> = sharers.iter().map(u32::to_string).collect();
            let who = if pids.is_empty() { String::new() } else { format!(" (process {})", pids.join(", ")) };
            format!(
                "the sandbox {root} is in use by other rcache commands{who}. Wait until they end and try again"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_holder_after_a_long_start_is_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(&root.path().join("box")).unwrap();
        let long_ago = Instant::now().checked_sub(PATIENCE * 10).unwrap();
        let waits = |passing_at| {
            let mut patience = Patience { since: long_ago, passing_at, told: false };
            patience.wait(&folder, &mut |_| ())
        };
        assert!(waits(Instant::now()).is_ok());
        assert!(waits(long_ago).is_err());
    }
}
