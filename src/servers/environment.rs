//! The machine and the two servers, as documents describe them.

use std::collections::BTreeMap;

use super::Servers;
use crate::cache::admin;
use crate::db::{connect, node as db_node};
use crate::run_file::{Environment, Server};

/// The machine, and the two servers as they were asked before.
pub(crate) fn environment(mysql: Server, redis: Server) -> Environment {
    Environment {
        os: operating_system(),
        cpu_model: cpu_model(),
        cores: std::thread::available_parallelism().ok().map(|cores| cores.get() as u64),
        mysql,
        redis,
    }
}

/// The machine, and the two servers, which are asked for it.
pub(crate) fn ask(servers: &Servers) -> anyhow::Result<Environment> {
    let (mysql, redis) = describe(servers)?;
    Ok(environment(mysql, redis))
}

/// MySQL and Redis, as they describe themselves.
pub(crate) fn describe(servers: &Servers) -> anyhow::Result<(Server, Server)> {
    let (mysql, redis) = (servers.mysql()?, servers.redis()?);
    let mut conn = connect::connect(mysql)?;
    let info = connect::server_info(&mut conn)?;
    let node = Some(db_node::ask(&mut conn));
    let in_sandbox = servers.mysql_in_sandbox;
    let mysql = server(info.flavor, &info.version, mysql.transport(), in_sandbox, info.settings);
    let mysql = Server { node, ..mysql };
    let info = admin::server_info(&mut admin::connect(redis)?)?;
    let in_sandbox = servers.redis_in_sandbox;
    let mut redis = server(info.flavor, &info.version, redis.transport(), in_sandbox, info.settings);
    redis.cluster_primaries = info.cluster_primaries;
    Ok((mysql, redis))
}

pub(crate) fn server(
    flavor: &str,
    version: &str,
    transport: &str,
    sandbox: bool,
    settings: BTreeMap<String, String>,
) -> Server {
    Server {
        version: version.to_owned(),
        flavor: flavor.to_owned(),
        transport: transport.to_owned(),
        sandbox,
        settings,
        cluster_primaries: None,
        node: None,
    }
}

fn operating_system() -> String {
    let kernel = read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
    let name = read("/etc/os-release").and_then(|text| pretty_name(&text));
    match (name, kernel) {
        (Some(name), Some(kernel)) => format!("{name}, kernel {kernel}"),
        (None, Some(kernel)) => format!("{} {kernel}", std::env::consts::OS),
        (Some(name), None) => name,
        (None, None) => std::env::consts::OS.to_owned(),
    }
}

fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"').to_owned())
}

fn cpu_model() -> Option<String> {
    let info = read("/proc/cpuinfo")?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
