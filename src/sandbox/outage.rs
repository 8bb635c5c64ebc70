//! Takes the private Redis away in the middle of a command, and gives it back: frozen or killed,
//! the same port and the same password afterwards. Only servers that end with this command are
//! treated so; kept ones may be somebody else's.

use anyhow::{Context, bail};

use super::Sandbox;
use super::child::{Life, Server};
use super::launch::bring_back;
use super::programs;
use super::redis::{RedisPlan, Role};
use crate::endpoint::Address;

impl Sandbox {
    /// Stops Redis with its connections open: it takes commands and answers none.
    pub(crate) fn freeze_redis(&mut self) -> anyhow::Result<()> {
        self.redis_of_ours()?.freeze().context("cannot stop the sandbox's Redis")
    }

    /// Lets it go on where it was stopped.
    pub(crate) fn thaw_redis(&mut self) -> anyhow::Result<()> {
        self.redis_of_ours()?.thaw().context("cannot continue the sandbox's Redis")
    }

    /// Ends Redis at once. What it held is gone.
    pub(crate) fn kill_redis(&mut self) -> anyhow::Result<()> {
        self.redis_of_ours()?.kill().context("cannot kill the sandbox's Redis")
    }

    /// Starts Redis again where it was, and waits until it answers; does nothing where it runs.
    pub(crate) fn restart_redis(&mut self) -> anyhow::Result<()> {
        if self.redis_of_ours()?.exit_status()?.is_none() {
            return Ok(());
        }
        let endpoint = self.redis.as_ref().context("the sandbox has no Redis")?;
        let (Address::Tcp { port, .. }, Some(password)) = (&endpoint.address, &endpoint.password) else {
            bail!("the sandbox's Redis has no port");
        };
        let port = *port;
        let plan = RedisPlan {
            program: &programs::find(&programs::REDIS)?,
            folder: &self.folder,
            name: "redis",
            role: Role::Single,
            socket: self.folder.make_socket_folder()?.join("redis.sock"),
            password: password.clone(),
            life: Life::WithUs,
        };
        let launched = bring_back(&plan, port).context("cannot restart the sandbox's Redis")?;
        let moved = launched.port != port;
        self.own_redis = Some(launched.server);
        if moved {
            bail!("another program has taken port {port} while the sandbox's Redis was down; try again");
        }
        Ok(())
    }

    fn redis_of_ours(&mut self) -> anyhow::Result<&mut Server> {
        self.own_redis.as_mut().context("the sandbox's Redis does not belong to this command")
    }
}
