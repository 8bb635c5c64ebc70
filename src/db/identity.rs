//! Which server a connection leads to. Behind one address there may be several, and something in
//! between that has connections of its own to them.

use std::fmt;

use super::session::Session;
use super::watch::Server;
use crate::endpoint::MysqlEndpoint;

/// The marks that tell one server from another. Servers of one machine differ by their ports,
/// containers by their host names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) host_name: String,
    pub(crate) port: u64,
    pub(crate) server_id: u64,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} with server id {}", self.host_name, self.port, self.server_id)
    }
}

/// The servers that the connections to one address have led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Different servers, in order.
    pub(crate) servers: Vec<Identity>,
    /// Connections whose server said what it is.
    pub(crate) connections: u64,
    /// A connection had another number in the server than in its greeting: what greeted is not what
    /// answers.
    pub(crate) is_relayed: bool,
}

impl Reached {
    fn add(&mut self, identity: Identity, is_relayed: bool) {
        self.connections += 1;
        self.is_relayed |= is_relayed;
        if let Err(place) = self.servers.binary_search(&identity) {
            self.servers.insert(place, identity);
        }
    }
}

/// SELECT statements that [`note`] takes.
pub(super) const SELECTS: u64 = 1;

/// Asks which server this is. One that does not say is no reason to fail.
pub(super) fn note(session: &mut Session, server: &Server) {
    let greeted = u64::from(session.greeted_as());
    let said: Result<Option<(String, u64, u64, u64)>, _> =
        session.query_first(include_str!("../../sql/identity.sql"));
    if let Ok(Some((host_name, port, server_id, number))) = said {
        // A greeting has room for 32 bits.
        let is_relayed = number & u64::from(u32::MAX) != greeted;
        server.note(|reached| reached.add(Identity { host_name, port, server_id }, is_relayed));
    }
}

/// The servers that all connections to this address have led to until now.
pub(crate) fn reached(endpoint: &MysqlEndpoint) -> Reached {
    Server::at(endpoint).reached()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_server_counts_once() {
        let identity = |port| Identity { host_name: "db".to_owned(), port, server_id: 1 };
        let mut reached = Reached::default();
        for port in [3307, 3306, 3307] {
            reached.add(identity(port), false);
        }
        assert_eq!(reached.servers, [identity(3306), identity(3307)]);
        assert_eq!((reached.connections, reached.is_relayed), (3, false));
        reached.add(identity(3306), true);
        assert!(reached.is_relayed);
        assert_eq!(identity(3306).to_string(), "db:3306 with server id 1");
    }
}
