//! Brings servers up: both at once, on another port if one was taken, until they answer the real
//! clients.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::child::Server;
use crate::secret::Secret;
use crate::{advice, interrupt};

const POLL: Duration = Duration::from_millis(10);
const DEADLINE: Duration = Duration::from_secs(60);
const PORT_ATTEMPTS: u32 = 20;
const LOG_LINES: usize = 8;

/// A server that is about to be started.
pub(super) trait Plan {
    /// For messages: `MariaDB 10.11.19`.
    fn title(&self) -> String;
    fn spawn(&self, port: u16) -> anyhow::Result<(Server, PathBuf)>;
    /// The answer to a login with the generated password.
    fn probe(&self, port: u16) -> Probe;
    /// Does this log say that the port was taken?
    fn blames_port(&self, log: &str) -> bool;
    /// Must never be quoted.
    fn password(&self) -> &Secret;
}

pub(super) enum Probe {
    Answers,
    NotYet(String),
    /// Waiting will not help.
    Refuses(String),
}

/// A server that answers.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) server: Server,
    pub(super) port: u16,
}

struct Attempt<'a> {
    plan: &'a dyn Plan,
    server: Server,
    log: PathBuf,
    port: u16,
    count: u32,
    answers: bool,
}

/// The effect of a wish to stop on a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interruption {
    /// Gives it up.
    Obeyed,
    /// Has to wait: a server that others count on is to be there again.
    Deferred,
}

/// Starts them all and waits for them all. On an error those that were started are stopped.
pub(super) fn bring_up(plans: &[&dyn Plan]) -> anyhow::Result<Vec<Launched>> {
    let mut attempts = Vec::new();
    for (plan, port) in plans.iter().zip(free_ports(plans.len())?) {
        attempts.push(Attempt::begin(*plan, port)?);
    }
    wait_for(attempts, Interruption::Obeyed)
}

/// Starts a server where it was before, on another port only if that was taken meanwhile, and
/// whether or not somebody wants us to stop.
pub(super) fn bring_back(plan: &dyn Plan, port: u16) -> anyhow::Result<Launched> {
    let attempts = vec![Attempt::begin(plan, port)?];
    wait_for(attempts, Interruption::Deferred)?.pop().context("the server is gone again")
}

impl<'a> Attempt<'a> {
    fn begin(plan: &'a dyn Plan, port: u16) -> anyhow::Result<Self> {
        let (server, log) = plan.spawn(port)?;
        Ok(Attempt { plan, server, log, port, count: 1, answers: false })
    }
}

fn wait_for(mut attempts: Vec<Attempt<'_>>, interruption: Interruption) -> anyhow::Result<Vec<Launched>> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        for attempt in attempts.iter_mut().filter(|attempt| !attempt.answers) {
            if interruption == Interruption::Obeyed {
                interrupt::check()?;
            }
            advance(attempt, deadline)?;
        }
        if attempts.iter().all(|attempt| attempt.answers) {
            break;
        }
        std::thread::sleep(POLL);
    }
    Ok(attempts.into_iter().map(|attempt| Launched { server: attempt.server, port: attempt.port }).collect())
}

fn advance(attempt: &mut Attempt<'_>, deadline: Instant) -> anyhow::Result<()> {
    if let Some(status) = attempt.server.exit_status()? {
        let log = read_log(&attempt.log);
        if attempt.plan.blames_port(&log) && attempt.count < PORT_ATTEMPTS {
            let port = *free_ports(1)?.first().context("no free port")?;
            let (server, log) = attempt.plan.spawn(port)?;
            (attempt.server, attempt.log, attempt.port) = (server, log, port);
            attempt.count += 1;
            return Ok(());
        }
        bail!(died(&attempt.plan.title(), &status.to_string(), &attempt.log, &[attempt.plan.password()]));
    }
    match attempt.plan.probe(attempt.port) {
        Probe::Answers => attempt.answers = true,
        Probe::Refuses(answer) => bail!(
            "{} started but refuses its own password: {answer}\n{}",
            attempt.plan.title(),
            quote_log(&attempt.log, &[attempt.plan.password()])
        ),
        Probe::NotYet(answer) if Instant::now() >= deadline => bail!(
            "{} does not answer after {} s: {answer}\n{}",
            attempt.plan.title(),
            DEADLINE.as_secs(),
            quote_log(&attempt.log, &[attempt.plan.password()])
        ),
        Probe::NotYet(_) => {}
    }
    Ok(())
}

/// Ports of 127.0.0.1 that nobody listens on, all different.
fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let open = || TcpListener::bind(("127.0.0.1", 0));
    let listeners: Vec<TcpListener> = std::iter::repeat_with(open)
        .take(count)
        .collect::<Result<_, _>>()
        .context("cannot listen on 127.0.0.1")?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// The message for a server that ended by itself, with the end of its log and the next step.
pub(super) fn died(title: &str, status: &str, log: &Path, secrets: &[&Secret]) -> String {
    format!(
        "{title} ended while starting ({status}){}\n{}",
        next_step(&read_log(log), mysqld_is_confined()),
        quote_log(log, secrets)
    )
}

/// Whether AppArmor lets MySQL's own server into its usual folders alone, as Ubuntu's packages have
/// it.
fn mysqld_is_confined() -> bool {
    let profiles = Path::new("/etc/apparmor.d");
    profiles.join("usr.sbin.mysqld").exists() && !profiles.join("disable/usr.sbin.mysqld").exists()
}

/// The next step that the log suggests; a log that could not be written is empty.
fn next_step(log: &str, mysqld_is_confined: bool) -> String {
    let log = log.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| log.contains(text));
    let step = if says(&[
        "no space left",
        "disk is full",
        "disk full",
        "errno: 28",
        "error number 28",
        "os error number 28",
    ]) {
        ": the disk is full. Make room, or name a folder on another disk with --sandbox-dir"
    } else if mysqld_is_confined
        && (log.trim().is_empty() || says(&["permission denied", "errno: 13", "errno 13", "error number 13"]))
    {
        ": it was denied access to the sandbox folder, probably by AppArmor's profile usr.sbin.mysqld. Install MariaDB, \
         which has none and is preferred (apt install mariadb-server-core), or disable that profile \
         (sudo aa-disable usr.sbin.mysqld)"
    } else if says(&["cannot allocate memory", "out of memory"]) {
        ": there is not enough memory (the servers need about 1 GiB). Close other programs and try again"
    } else {
        return format!(
            ". If its data are damaged, `{}` deletes them and the next start makes new ones",
            advice::command("sandbox destroy")
        );
    };
    step.to_owned()
}

fn quote_log(path: &Path, secrets: &[&Secret]) -> String {
    let text = secrets.iter().fold(read_log(path), |text, secret| text.replace(secret.reveal(), "[hidden]"));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
    if last.is_empty() {
        return format!("its log {} is empty", path.display());
    }
    format!("the last lines of {}:\n    {}", path.display(), last.join("\n    "))
}

fn read_log(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::process::Stdio;

    use super::super::child::{Life, Spawn};
    use super::super::folder::private_file;
    use super::*;

    /// A server that finds its port taken the first few times.
    struct Unlucky {
        folder: tempfile::TempDir,
        times: u32,
        spawned: Cell<u32>,
        password: Secret,
    }

    impl Plan for Unlucky {
        fn title(&self) -> String {
            "Unlucky 1.0".to_owned()
        }

        fn spawn(&self, _port: u16) -> anyhow::Result<(Server, PathBuf)> {
            self.spawned.set(self.spawned.get() + 1);
            let unlucky = self.spawned.get() <= self.times;
            let script = if unlucky { "echo port taken; exit 1" } else { "exec sleep 60" };
            let log = self.folder.path().join("log");
            let server = Server::spawn(Spawn {
                program: Path::new("/bin/sh"),
                args: vec!["-c".into(), script.into()],
                stdin: Stdio::null(),
                log: private_file(&log)?,
                birth: &self.folder.path().join("birth"),
                life: Life::WithUs,
            })?;
            Ok((server, log))
        }

        fn probe(&self, _port: u16) -> Probe {
            if self.spawned.get() > self.times { Probe::Answers } else { Probe::NotYet(String::new()) }
        }

        fn blames_port(&self, log: &str) -> bool {
            log.contains("port taken")
        }

        fn password(&self) -> &Secret {
            &self.password
        }
    }

    fn unlucky(times: u32) -> Unlucky {
        let folder = tempfile::tempdir().unwrap();
        Unlucky { folder, times, spawned: Cell::new(0), password: Secret::new("hunter2") }
    }

    #[test]
    fn a_taken_port_is_tried_again_elsewhere_but_not_for_ever() {
        let plan = unlucky(2);
        let launched = bring_up(&[&plan]).unwrap();
        assert_eq!((launched.len(), plan.spawned.get()), (1, 3));
        let plan = unlucky(100);
        let error = bring_up(&[&plan]).unwrap_err().to_string();
        assert!(error.starts_with("Unlucky 1.0 ended while starting (exit status: 1)"), "{error}");
        assert!(error.contains("port taken"), "{error}");
        assert_eq!(plan.spawned.get(), PORT_ATTEMPTS);
    }

    #[test]
    fn ports_differ() {
        let mut ports = free_ports(20).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }

    #[test]
    fn the_end_of_the_log_is_quoted_without_the_password() {
        let log = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            log.path(),
            format!("{}near 'hunter2' at line 1\n\nNo space left on device\n", "old\n".repeat(20)),
        )
        .unwrap();
        let text = died("MySQL 9.7.4", "exit status: 1", log.path(), &[&Secret::new("hunter2")]);
        assert!(
            text.starts_with("MySQL 9.7.4 ended while starting (exit status: 1): the disk is full"),
            "{text}"
        );
        assert!(text.contains("near '[hidden]' at line 1\n    No space left on device"), "{text}");
        assert!(text.contains(&log.path().display().to_string()), "{text}");
        assert_eq!(text.matches("\n    old").count(), LOG_LINES - 2);
    }
}
