//! The database server among others, by its own word.

use serde::{Deserialize, Serialize};

/// A server that may be one of several. Null where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DatabaseNode {
    /// Its own name for its machine.
    pub(crate) host_name: Option<String>,
    /// The port that it listens on, which may be another one than that of the URL.
    pub(crate) port: Option<u64>,
    /// `server_id`; all nodes of a cluster may have the same.
    pub(crate) server_id: Option<u64>,
    /// `server_uuid`, which MySQL alone has.
    pub(crate) server_uuid: Option<String>,
    /// True if it refuses the writes of ordinary accounts.
    pub(crate) read_only: Option<bool>,
    /// True if it copies another server; null if the account may not ask.
    pub(crate) replica: Option<bool>,
    /// The delay behind the other one, s.
    pub(crate) replica_lag_s: Option<u64>,
    /// Null if it is a member of none.
    pub(crate) cluster: Option<ClusterNode>,
    /// A sign that something in between answers in the place of the server; null without one. Not
    /// every proxy gives a sign.
    pub(crate) proxy: Option<String>,
    /// Every server that a connection of the run led to, such as `db1:3306 with server id 1`. More
    /// than one is a warning.
    #[serde(default)]
    pub(crate) reached: Vec<String>,
}

/// A member of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ClusterNode {
    /// `galera` or `group_replication`.
    pub(crate) kind: String,
    /// The name of the cluster.
    pub(crate) name: Option<String>,
    /// Members that this one sees.
    pub(crate) size: Option<u64>,
    /// `Synced`, `Donor/Desynced`, …; `ONLINE, primary`, … for group replication.
    pub(crate) state: Option<String>,
    /// `wsrep_sync_wait` or `group_replication_consistency` of the measuring sessions: whether a
    /// read waits until the node has applied what the cluster had committed before.
    pub(crate) consistency: Option<String>,
}
