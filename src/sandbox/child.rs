//! Starts and ends server processes, and binds the transient ones to our own life.
//!
//! It needs unsafe code: between `fork` and `exec` a child asks the kernel to end it together with
//! us (Linux only) and records its own identity, so that there is no instant in which a server runs
//! that nobody could find again. Elsewhere than on Linux the record is written by the parent; a
//! server that outlives its rcache there is ended by the next one on the same folder.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};

use super::process::{self, Identity};

/// The life of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Until we stop it, or until we end, however we end.
    WithUs,
    /// Until somebody stops it; neither our end nor the terminal's touches it.
    Kept,
}

/// The program to run.
pub(super) struct Spawn<'a> {
    pub(super) program: &'a Path,
    pub(super) args: Vec<OsString>,
    pub(super) stdin: Stdio,
    /// Takes its stdout and stderr.
    pub(super) log: File,
    /// The file in which its identity is recorded.
    pub(super) birth: &'a Path,
    pub(super) life: Life,
}

/// A child process that is a server, or makes a data directory. Dropped, it is stopped.
///
/// The kernel binds a child's life to the *thread* that started it, so whoever owns a `Server` must
/// stay on that thread; `Sandbox` sees to it by being `!Send`.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    birth: PathBuf,
    exited: Option<ExitStatus>,
}

impl Server {
    pub(super) fn spawn(what: Spawn<'_>) -> io::Result<Self> {
        let mut command = Command::new(what.program);
        command.args(what.args).stdin(what.stdin).stdout(what.log.try_clone()?).stderr(what.log);
        // Settings of the outer world that would reach the servers past --no-defaults.
        for name in ["MYSQL_HOME", "MARIADB_HOME", "MYSQL_UNIX_PORT", "MYSQL_TCP_PORT", "NOTIFY_SOCKET"] {
            command.env_remove(name);
        }
        // Our own folder might be removed under a kept server, or be on a disk that is to be
        // unmounted.
        command.current_dir("/");
        if what.life == Life::WithUs {
            // Out of the terminal's foreground group: Ctrl-C is for us, who then stop the servers
            // in order.
            command.process_group(0);
        }
        prepare(&mut command, what.birth, what.life)?;
        let child = command.spawn()?;
        let server = Self { child, birth: what.birth.to_owned(), exited: None };
        record_from_outside(&server)?;
        Ok(server)
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        Identity::of(self.child.id())
    }

    pub(super) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The exit status, if it has ended.
    pub(super) fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.exited.is_none() {
            self.exited = self.child.try_wait()?;
            if self.exited.is_some() {
                let _ = std::fs::remove_file(&self.birth);
            }
        }
        Ok(self.exited)
    }

    /// From now on it is not ours to stop.
    pub(super) fn release(mut self) {
        // It runs on; the fabricated status keeps `drop` away from it.
        self.exited = Some(ExitStatus::default());
    }

    /// Stops it in the middle of whatever it does; its connections stay open.
    pub(super) fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(super) fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends it without a warning, and waits until it is gone.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.exit_status()?.is_none() {
            self.signal(Signal::KILL)?;
            self.exited = Some(self.child.wait()?);
            let _ = std::fs::remove_file(&self.birth);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        // Not yet waited for, so the number cannot belong to anybody else.
        match i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            Some(pid) => rustix::process::kill_process(pid, signal).map_err(Into::into),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to tell; whoever wants to know calls `stop_all` before.
        let _ = stop_all(std::slice::from_mut(self));
    }
}

/// Stops servers at the same time.
pub(super) fn stop_all(servers: &mut [Server]) -> io::Result<()> {
    let is_over = process::end(
        servers,
        |servers, signal| {
            for server in servers {
                if server.exit_status()?.is_none() {
                    server.signal(signal)?;
                }
            }
            Ok(())
        },
        |servers| {
            let mut run = false;
            for server in servers {
                run |= server.exit_status()?.is_none();
            }
            Ok(run)
        },
    )?;
    if is_over {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "a server did not end although it was killed"))
}

#[cfg(target_os = "linux")]
fn prepare(command: &mut Command, birth: &Path, life: Life) -> io::Result<()> {
    use std::io::Write;

    let mut record = super::folder::private_file(birth)?;
    writeln!(record, "{}", process::boot_id())?;
    let parent = rustix::process::getpid();
    let hook = move || {
        match life {
            Life::Kept => {
                rustix::process::setsid()?;
            }
            Life::WithUs => {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                // Had the parent ended before the line above, no signal would ever come.
                if rustix::process::getppid() != Some(parent) {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe));
                }
            }
        }
        record_own_birth(&record)
    };
    // SAFETY: the hook runs in the child between fork and exec, where only async-signal-safe calls
    // are allowed: it makes plain system calls (setsid, prctl, getppid, open, read, write, close)
    // and allocates nothing.
    #[expect(unsafe_code, reason = "a child can ask for its parent-death signal only between fork and exec")]
    unsafe {
        command.pre_exec(hook);
    }
    Ok(())
}

/// Copies `/proc/self/stat`, which holds number and start time; both survive `exec`.
#[cfg(target_os = "linux")]
fn record_own_birth(record: &File) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags};

    let stat = rustix::fs::open(c"/proc/self/stat", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = [0_u8; 1024];
    let length = rustix::io::read(&stat, &mut bytes[..])?;
    rustix::io::write(record, bytes.get(..length).unwrap_or_default())?;
    Ok(())
}

#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn record_from_outside(_server: &Server) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn prepare(command: &mut Command, _birth: &Path, life: Life) -> io::Result<()> {
    let hook = move || {
        if life == Life::Kept {
            rustix::process::setsid()?;
        }
        Ok(())
    };
    // SAFETY: the hook runs in the child between fork and exec and makes one system call, setsid.
    #[expect(unsafe_code, reason = "a new session can be asked for only between fork and exec")]
    unsafe {
        command.pre_exec(hook);
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn record_from_outside(server: &Server) -> io::Result<()> {
    use std::io::Write;

    let mut record = super::folder::private_file(&server.birth)?;
    match server.identity() {
        Some(identity) => record.write_all(identity.to_record().as_bytes()),
        None => Ok(()),
    }
}
