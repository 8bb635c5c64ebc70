//! The database server among others: what it is saved as, and what is to be said of it.

use crate::db::identity::{self, Reached};
use crate::db::node::ClusterKind;
use crate::endpoint::MysqlEndpoint;
use crate::run_file::{DatabaseNode, Server};
use crate::stats::warnings::Warning;

/// The sign that connections were numbered anew on the way.
const RENUMBERED: &str = "connections have other numbers in the server than in their greetings";
/// Servers that a warning names.
const NAMED: usize = 4;

/// Adds where all connections led to, once they are over, and says what makes reads of this server
/// other than those of the only one that takes the writes.
pub(crate) fn conclude(mysql: &mut Server, endpoint: &MysqlEndpoint) -> Vec<Warning> {
    let Some(node) = &mut mysql.node else { return Vec::new() };
    let reached = identity::reached(endpoint);
    add(node, &reached);
    warnings(node, &reached, &endpoint.address.to_string())
}

fn add(node: &mut DatabaseNode, reached: &Reached) {
    node.reached = reached.servers.iter().map(ToString::to_string).collect();
    if node.proxy.is_none() && reached.is_relayed {
        node.proxy = Some(RENUMBERED.to_owned());
    }
}

fn warnings(node: &DatabaseNode, reached: &Reached, address: &str) -> Vec<Warning> {
    let several = (node.reached.len() > 1).then(|| Warning::SeveralServers {
        address: address.to_owned(),
        servers: node.reached.iter().take(NAMED).cloned().collect(),
        count: node.reached.len() as u64,
        connections: reached.connections,
    });
    let proxy = node.proxy.clone().map(|sign| Warning::BehindProxy { sign });
    let part = if node.replica == Some(true) {
        Some(Warning::Replica { lag_s: node.replica_lag_s })
    } else {
        // Members of a group that take no writes are read-only, too.
        (node.read_only == Some(true)).then_some(Warning::ReadOnlyServer)
    };
    [several, proxy, part, unhealthy(node)].into_iter().flatten().collect()
}

fn unhealthy(node: &DatabaseNode) -> Option<Warning> {
    let cluster = node.cluster.as_ref()?;
    let state = cluster.state.as_ref()?;
    let (healthy, is_healthy) = if cluster.kind == ClusterKind::Galera.name() {
        let healthy = ClusterKind::Galera.healthy_state();
        (healthy, state == healthy)
    } else {
        let healthy = ClusterKind::GroupReplication.healthy_state();
        (healthy, state.starts_with(healthy))
    };
    (!is_healthy).then(|| Warning::NodeNotSynced { state: state.clone(), healthy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::identity::Identity;
    use crate::run_file::ClusterNode;

    fn codes(node: &DatabaseNode, reached: &Reached) -> Vec<&'static str> {
        let mut node = node.clone();
        add(&mut node, reached);
        warnings(&node, reached, "db:3306").iter().map(Warning::code).collect()
    }

    fn cluster(kind: ClusterKind, state: &str) -> DatabaseNode {
        let cluster = ClusterNode {
            kind: kind.name().to_owned(),
            name: None,
            size: Some(2),
            state: Some(state.to_owned()),
            consistency: None,
        };
        DatabaseNode { cluster: Some(cluster), ..DatabaseNode::default() }
    }

    #[test]
    fn each_kind_of_server_has_its_warning() {
        let alone = Reached::default();
        assert_eq!(codes(&DatabaseNode::default(), &alone), [""; 0]);
        let writable =
            DatabaseNode { read_only: Some(false), replica: Some(false), ..DatabaseNode::default() };
        assert_eq!(codes(&writable, &alone), [""; 0]);
        let read_only = DatabaseNode { read_only: Some(true), ..DatabaseNode::default() };
        assert_eq!(codes(&read_only, &alone), ["read_only_server"]);
        let replica = DatabaseNode { replica: Some(true), replica_lag_s: Some(3), ..read_only };
        assert_eq!(codes(&replica, &alone), ["replica"]);
        let proxy = DatabaseNode { proxy: Some("ProxySQL".to_owned()), ..DatabaseNode::default() };
        assert_eq!(codes(&proxy, &alone), ["behind_proxy"]);
        let relayed = Reached { is_relayed: true, ..Reached::default() };
        assert_eq!(codes(&DatabaseNode::default(), &relayed), ["behind_proxy"]);
        for (kind, state, is_healthy) in [
            (ClusterKind::Galera, "Synced", true),
            (ClusterKind::Galera, "Donor/Desynced", false),
            (ClusterKind::Galera, "Synced, non-Primary", false),
            (ClusterKind::GroupReplication, "ONLINE, secondary", true),
            (ClusterKind::GroupReplication, "RECOVERING", false),
        ] {
            assert_eq!(codes(&cluster(kind, state), &alone).is_empty(), is_healthy, "{state}");
        }
    }

    #[test]
    fn servers_are_named_up_to_a_few() {
        let identity = |port| Identity { host_name: "db".to_owned(), port, server_id: 1 };
        let reached =
            Reached { servers: (1..=9).map(identity).collect(), connections: 20, is_relayed: false };
        let mut node = DatabaseNode::default();
        add(&mut node, &reached);
        let said = warnings(&node, &reached, "db.example:3306")[0].to_string();
        assert!(
            said.contains("9 servers") && said.contains("db:1 with server id 1") && said.contains("…"),
            "{said}"
        );
        assert!(!said.contains("db:9"), "{said}");
    }
}
