//! Restarts the private database with nothing in its memory, in the middle of a command: the same
//! data, the same password, the same port.
//!
//! A kept server stays a kept server: whatever happens in between, either the saved state names the
//! process that runs, or it names one that is gone, and then the next command clears the folder and
//! starts anew.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::child::{self, Life, Server};
use super::folder::Folder;
use super::launch::{Launched, bring_back};
use super::mysql::{self, DATABASE, MysqlPlan};
use super::process::end_all;
use super::programs::{self, Program, Release};
use super::state::{Kept, State};
use super::{Sandbox, Up};
use crate::advice;
use crate::endpoint::Address;
use crate::model::Storage;
use crate::secret::Secret;

/// The recipe for starting the database again just as it was.
#[derive(Debug)]
pub(super) struct Recipe {
    program: Program,
    data: PathBuf,
    socket: PathBuf,
    password: Secret,
    life: Life,
}

impl Recipe {
    pub(super) fn of_own(folder: &Folder, up: &Up) -> anyhow::Result<Self> {
        Self::new(folder, &up.release, up.socket.clone(), up.password.clone(), Life::WithUs)
    }

    pub(super) fn of_kept(folder: &Folder, kept: &Kept) -> anyhow::Result<Self> {
        Self::new(folder, &kept.release, kept.socket.clone(), kept.password(), Life::Kept)
    }

    fn new(
        folder: &Folder,
        release: &Release,
        socket: PathBuf,
        password: Secret,
        life: Life,
    ) -> anyhow::Result<Self> {
        let program = programs::find(&programs::MYSQL)?;
        if program.release != *release {
            bail!(
                "the sandbox runs {release}, and what would be started in its place is {} ({}). Put {release} first on \
                 PATH, or stop the sandbox first:{}",
                program.release,
                program.path.display(),
                advice::line("sandbox stop")
            );
        }
        Ok(Self { program, data: folder.data().join(release.series()), socket, password, life })
    }

    fn start(&self, folder: &Folder, port: u16) -> anyhow::Result<Launched> {
        let plan = MysqlPlan {
            program: &self.program,
            folder,
            data: self.data.clone(),
            socket: self.socket.clone(),
            password: self.password.clone(),
            life: self.life,
        };
        let launched = bring_back(&plan, port)?;
        plan.remove_accounts_file()?;
        Ok(launched)
    }

    /// The file that holds the table's rows.
    fn table_file(&self, table: &str) -> PathBuf {
        self.data.join(DATABASE).join(format!("{table}.ibd"))
    }
}

impl Sandbox {
    /// Ends the database and starts it again, its memory empty; connections to it are lost. Only
    /// for a sandbox that was opened alone. Nobody's wish to stop leaves kept servers half started.
    pub(crate) fn restart_mysql(&mut self) -> anyhow::Result<()> {
        let (Some(recipe), Some(endpoint)) = (&self.recipe, &self.mysql) else {
            bail!("the database was not opened to be restarted");
        };
        let Address::Tcp { port, .. } = endpoint.address else { bail!("the database has no port") };
        let port = match &mut self.kept {
            Some(state) => restart_kept(&self.folder, recipe, state).with_context(|| {
                format!(
                    "cannot restart the database of the kept sandbox; `{}` makes it whole again",
                    advice::command("sandbox start")
                )
            })?,
            None => {
                let launched = restart_own(&self.folder, recipe, self.own_mysql.take(), port)
                    .context("cannot restart the sandbox's database")?;
                self.own_mysql = Some(launched.server);
                launched.port
            }
        };
        self.mysql = Some(mysql::endpoint(port, &recipe.password));
        Ok(())
    }

    /// The storage between the database's reads of this table and the disk.
    pub(crate) fn storage_of(&self, table: &str) -> Storage {
        let kept = self.kept.as_ref().map(|state| state.mysql.identity.pid);
        let own = || Some(self.own_mysql.as_ref()?.identity()?.pid);
        match (kept.or_else(own), &self.recipe) {
            (Some(pid), Some(recipe)) => Storage::of(pid, &recipe.table_file(table)),
            _ => Storage::Unknown,
        }
    }
}

fn restart_own(
    folder: &Folder,
    recipe: &Recipe,
    server: Option<Server>,
    port: u16,
) -> anyhow::Result<Launched> {
    let mut server = server.context("it is gone")?;
    child::stop_all(std::slice::from_mut(&mut server))?;
    drop(server);
    recipe.start(folder, port)
}

/// The port that it listens on afterwards.
fn restart_kept(folder: &Folder, recipe: &Recipe, state: &mut State) -> anyhow::Result<u16> {
    let before = &state.mysql;
    if let Some(process) = end_all(std::slice::from_ref(&before.identity))?.first() {
        bail!("process {} does not end although it was killed", process.pid);
    }
    let launched = recipe.start(folder, before.port)?;
    let identity = launched.server.identity().context("it has just ended")?;
    let (release, socket) = (before.release.clone(), before.socket.clone());
    state.mysql = Kept::new(release, identity, launched.port, socket, &recipe.password);
    state.save(folder)?;
    launched.server.release();
    Ok(launched.port)
}
