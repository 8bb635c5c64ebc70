//! A private Redis Cluster: the sandbox's Redis and two more nodes, all primaries.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::child::Life;
use super::folder::Folder;
use super::launch::{Plan, bring_up};
use super::redis::{self, RedisPlan};
use super::{Up, programs};
use crate::interrupt;
use crate::secret::Secret;

/// Beside the sandbox's Redis.
const MORE_NODES: [&str; 2] = ["redis-2", "redis-3"];
const SLOTS: u16 = 16_384;
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Starts the other nodes and makes a cluster of them and this one. On an error none of the others
/// is left.
pub(super) fn complete(folder: &Folder, first: &Up) -> anyhow::Result<Vec<Up>> {
    let program = programs::find(&programs::REDIS)?;
    let sockets = folder.make_socket_folder()?;
    let plan = |name: &'static str| RedisPlan {
        program: &program,
        folder,
        name,
        is_cluster: true,
        socket: sockets.join(format!("{name}.sock")),
        password: first.password.clone(),
        life: Life::Kept,
    };
    let plans = MORE_NODES.map(plan);
    let launched = bring_up(&plans.each_ref().map(|plan| plan as &dyn Plan))?;
    let more: Vec<Up> = launched
        .into_iter()
        .zip(&plans)
        .map(|(up, plan)| Up {
            server: up.server,
            release: program.release.clone(),
            port: up.port,
            socket: plan.socket.clone(),
            password: plan.password.clone(),
        })
        .collect();
    let ports: Vec<u16> = [first].into_iter().chain(&more).map(|up| up.port).collect();
    join(&ports, &first.password).context("cannot make a cluster of the sandbox's Redis servers")?;
    Ok(more)
}

/// Gives each node its share of the slots and waits until each knows that all are served.
fn join(ports: &[u16], password: &Secret) -> anyhow::Result<()> {
    let mut nodes: Vec<::redis::Connection> =
        ports.iter().map(|port| redis::connect(*port, password)).collect::<Result<_, _>>()?;
    let share = SLOTS / u16::try_from(nodes.len())?;
    let last = nodes.len() - 1;
    for (number, node) in nodes.iter_mut().enumerate() {
        let first_slot = share * u16::try_from(number)?;
        let end = if number == last { SLOTS } else { first_slot + share };
        ::redis::cmd("CLUSTER").arg("ADDSLOTS").arg((first_slot..end).collect::<Vec<u16>>()).exec(node)?;
        ::redis::cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(number + 1).exec(node)?;
    }
    if let Some(first) = nodes.first_mut() {
        for port in ports.iter().skip(1) {
            ::redis::cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(port).exec(first)?;
        }
    }
    let give_up_at = Instant::now() + DEADLINE;
    for node in &mut nodes {
        loop {
            let info: String = ::redis::cmd("CLUSTER").arg("INFO").query(node)?;
            if info.contains("cluster_state:ok") && info.contains(&format!("cluster_size:{}", ports.len())) {
                break;
            }
            interrupt::check()?;
            if Instant::now() >= give_up_at {
                bail!("its nodes do not find each other within {} s", DEADLINE.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}
