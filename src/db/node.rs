//! A server's own word on its part among others: replica or not, member of a cluster or not, and in
//! which state.

use std::collections::BTreeMap;

use mysql::Row;

use super::session::Session;
use crate::samples::database_node::{ClusterNode, DatabaseNode};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterKind {
    Galera,
    GroupReplication,
}

impl ClusterKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Galera => "galera",
            Self::GroupReplication => "group_replication",
        }
    }

    /// The state in which a member has applied what the others have written, or is about to.
    pub(crate) fn healthy_state(self) -> &'static str {
        match self {
            Self::Galera => "Synced",
            Self::GroupReplication => "ONLINE",
        }
    }
}

/// Asks a server. What it refuses to say stays unknown.
pub(crate) fn ask(session: &mut Session) -> DatabaseNode {
    let variables = named(session, include_str!("../../sql/node_variables.sql"));
    let status = named(session, include_str!("../../sql/node_status.sql"));
    let group = variables.get("group_replication_group_name").is_some_and(|name| !name.is_empty());
    let members = group.then(|| members(session)).flatten();
    let mut node = node(&variables, &status, members.as_ref());
    copies(session, &mut node);
    let comment: Option<Option<String>> =
        session.query_first(include_str!("../../sql/version_comment.sql")).ok();
    let proxy = comment.flatten().as_deref().and_then(proxy);
    node.proxy = proxy.map(|name| format!("it calls itself {name}"));
    node
}

/// Names in lower case.
fn named(session: &mut Session, sql: &str) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = session.query(sql).unwrap_or_default();
    rows.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()
}

/// The size of a replication group, and the state and role of this member.
type Members = (u64, Option<String>, Option<String>);

fn members(session: &mut Session) -> Option<Members> {
    session.query_first(include_str!("../../sql/group_members.sql")).ok().flatten()
}

fn node(
    variables: &BTreeMap<String, String>,
    status: &BTreeMap<String, String>,
    members: Option<&Members>,
) -> DatabaseNode {
    let text = |name: &str| variables.get(name).filter(|text| !text.is_empty()).cloned();
    let number = |name: &str| variables.get(name)?.parse().ok();
    let read_only: Vec<&String> = ["read_only", "super_read_only", "innodb_read_only"]
        .iter()
        .filter_map(|name| variables.get(*name))
        .collect();
    let running: u64 = status.get("slaves_running").and_then(|text| text.parse().ok()).unwrap_or(0);
    DatabaseNode {
        host_name: text("hostname"),
        port: number("port"),
        server_id: number("server_id"),
        server_uuid: text("server_uuid"),
        read_only: (!read_only.is_empty()).then(|| read_only.iter().any(|value| is_on(value))),
        replica: (running > 0).then_some(true),
        cluster: galera(variables, status).or_else(|| group(variables, members)),
        ..DatabaseNode::default()
    }
}

/// A switch; MariaDB 12 has words for `read_only` beside ON and OFF.
fn is_on(value: &str) -> bool {
    !["OFF", "0", ""].iter().any(|off| value.eq_ignore_ascii_case(off))
}

fn galera(variables: &BTreeMap<String, String>, status: &BTreeMap<String, String>) -> Option<ClusterNode> {
    let size: u64 = status.get("wsrep_cluster_size")?.parse().ok()?;
    let is_member = size > 0 && variables.get("wsrep_on").is_some_and(|value| is_on(value));
    let own = status.get("wsrep_local_state_comment").filter(|state| !state.is_empty());
    let part = status.get("wsrep_cluster_status").filter(|part| *part != "Primary" && !part.is_empty());
    let state = match (own, part) {
        (Some(own), Some(part)) => Some(format!("{own}, {part}")),
        (own, part) => own.or(part).cloned(),
    };
    is_member.then(|| ClusterNode {
        kind: ClusterKind::Galera.name().to_owned(),
        name: variables.get("wsrep_cluster_name").filter(|name| !name.is_empty()).cloned(),
        size: Some(size),
        state,
        consistency: variables.get("wsrep_sync_wait").cloned(),
    })
}

fn group(variables: &BTreeMap<String, String>, members: Option<&Members>) -> Option<ClusterNode> {
    let name = variables.get("group_replication_group_name").filter(|name| !name.is_empty())?;
    let (size, state) = match members {
        Some((0, ..)) => return None,
        Some((size, state, role)) => {
            let role = role.as_ref().map(|role| role.to_lowercase());
            let state = state.clone().unwrap_or_else(|| "OFFLINE".to_owned());
            (Some(*size), Some([Some(state), role].into_iter().flatten().collect::<Vec<_>>().join(", ")))
        }
        None => (None, None),
    };
    Some(ClusterNode {
        kind: ClusterKind::GroupReplication.name().to_owned(),
        name: Some(name.clone()),
        size,
        state,
        consistency: variables.get("group_replication_consistency").cloned(),
    })
}

/// Whether it copies another server, and how far it is behind. Old servers know the statement by
/// its old name alone, and both want a right that an account may not have.
fn copies(session: &mut Session, node: &mut DatabaseNode) {
    let rows: Result<Vec<Row>, _> = session
        .query(include_str!("../../sql/replica_status.sql"))
        .or_else(|_| session.query(include_str!("../../sql/slave_status.sql")));
    let Ok(rows) = rows else { return };
    node.replica = Some(!rows.is_empty() || node.replica == Some(true));
    node.replica_lag_s = rows.iter().filter_map(lag).max();
}

fn lag(row: &Row) -> Option<u64> {
    ["Seconds_Behind_Source", "Seconds_Behind_Master"]
        .iter()
        .find_map(|name| row.get_opt::<Option<u64>, _>(*name)?.ok().flatten())
}

/// A proxy's own name, from the answer to what only proxies answer otherwise.
fn proxy(comment: &str) -> Option<String> {
    const PROXIES: [&str; 5] = ["ProxySQL", "MaxScale", "MySQL Router", "Vitess", "PlanetScale"];
    let comment = comment.to_lowercase();
    PROXIES.iter().find(|name| comment.contains(&name.to_lowercase())).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const GALERA: [(&str, &str); 5] = [
        ("hostname", "db1"),
        ("server_id", "7"),
        ("read_only", "OFF"),
        ("wsrep_on", "ON"),
        ("wsrep_sync_wait", "0"),
    ];

    #[test]
    fn a_galera_node_says_its_state_and_its_part() {
        let state = |status: &[(&str, &str)]| node(&map(&GALERA), &map(status), None).cluster;
        let synced = state(&[
            ("wsrep_cluster_size", "3"),
            ("wsrep_local_state_comment", "Synced"),
            ("wsrep_cluster_status", "Primary"),
        ]);
        let synced = synced.unwrap();
        assert_eq!((synced.size, synced.state.as_deref()), (Some(3), Some("Synced")));
        let split = state(&[
            ("wsrep_cluster_size", "1"),
            ("wsrep_local_state_comment", "Initialized"),
            ("wsrep_cluster_status", "non-Primary"),
        ]);
        assert_eq!(split.unwrap().state.as_deref(), Some("Initialized, non-Primary"));
        assert_eq!(state(&[("wsrep_cluster_size", "0")]), None, "MariaDB without a provider");
        let off = map(&[("wsrep_on", "OFF")]);
        assert_eq!(node(&off, &map(&[("wsrep_cluster_size", "3")]), None).cluster, None);
    }

    #[test]
    fn a_member_of_a_group_says_its_state_and_its_role() {
        let variables =
            map(&[("group_replication_group_name", "aaaa"), ("group_replication_consistency", "EVENTUAL")]);
        let of = |members: Option<Members>| node(&variables, &map(&[]), members.as_ref()).cluster;
        let online = of(Some((3, Some("ONLINE".to_owned()), Some("SECONDARY".to_owned())))).unwrap();
        assert_eq!(online.kind, "group_replication");
        assert_eq!((online.size, online.state.as_deref()), (Some(3), Some("ONLINE, secondary")));
        assert_eq!(of(Some((0, None, None))), None, "the group was left");
        assert_eq!(of(None).unwrap().size, None, "the account may not look");
        assert_eq!(node(&map(&[("group_replication_group_name", "")]), &map(&[]), None).cluster, None);
    }

    #[test]
    fn read_only_has_several_names() {
        let read_only = |pairs: &[(&str, &str)]| node(&map(pairs), &map(&[]), None).read_only;
        assert_eq!(read_only(&[]), None);
        assert_eq!(read_only(&[("read_only", "OFF"), ("super_read_only", "OFF")]), Some(false));
        for pair in [
            ("read_only", "ON"),
            ("super_read_only", "1"),
            ("innodb_read_only", "ON"),
            ("read_only", "NO_LOCK"),
        ] {
            assert_eq!(read_only(&[pair]), Some(true), "{pair:?}");
        }
    }

    #[test]
    fn proxies_are_known_by_their_own_names() {
        assert_eq!(proxy("(ProxySQL)").as_deref(), Some("ProxySQL"));
        assert_eq!(proxy("Source distribution, maxscale 24.02").as_deref(), Some("MaxScale"));
        assert_eq!(proxy("mariadb.org binary distribution"), None);
        assert_eq!(proxy("MySQL Community Server - GPL"), None);
    }
}
