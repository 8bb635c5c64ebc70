//! A client's connections to Redis for what does not go through the library: one, or one to each
//! node of a cluster whose keys it reads.

use crate::cache::cluster::{Layout, slot_of};
use crate::cache::wire::{Connection, Limits, Reply, WireError};
use crate::endpoint::{Address, RedisEndpoint};

pub(crate) struct Nodes {
    endpoint: RedisEndpoint,
    limits: Limits,
    first: Connection,
    cluster: Option<Cluster>,
}

/// The nodes of a cluster.
struct Cluster {
    layout: Layout,
    open: Vec<(Address, Connection)>,
    /// The node that is asked for the next bare round trip.
    next: usize,
}

impl Nodes {
    pub(crate) fn open(endpoint: &RedisEndpoint, limits: Limits) -> Result<Self, WireError> {
        let mut first = Connection::open(&endpoint.at_first(), limits);
        // Any node of a cluster will do.
        for address in &endpoint.more {
            if endpoint.sentinel.is_none() && first.is_err() {
                first = Connection::open(&endpoint.at(address.clone()), limits).or(first);
            }
        }
        Ok(Self { endpoint: endpoint.clone(), limits, first: first?, cluster: None })
    }

    /// One bare round trip. The nodes of a cluster are asked in turn, as reads of many keys ask
    /// them.
    pub(crate) fn ping(&mut self) -> Result<(), WireError> {
        match &mut self.cluster {
            Some(Cluster { open, next, .. }) if !open.is_empty() => {
                *next = (*next + 1) % open.len();
                open[*next].1.ping()
            }
            _ => self.first.ping(),
        }
    }

    /// One bare round trip on every connection.
    pub(crate) fn ping_all(&mut self) -> Result<(), WireError> {
        self.first.ping()?;
        let mut others = self.cluster.iter_mut().flat_map(|cluster| &mut cluster.open);
        others.try_for_each(|(_, connection)| connection.ping())
    }

    /// Like [`Connection::get`].
    pub(crate) fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool, WireError> {
        self.routed(|nodes| nodes.of(key)?.get(key, value, &mut |_| ()))
    }

    /// Like [`Connection::command`], for a command of one key.
    pub(crate) fn command(&mut self, key: &[u8], command: &[&[u8]]) -> Result<Reply, WireError> {
        self.routed(|nodes| nodes.of(key)?.command(command, &mut Vec::new()))
    }

    /// `EXISTS` of several keys; how many there are.
    pub(crate) fn exists(&mut self, keys: &[Vec<u8>]) -> Result<i64, WireError> {
        self.routed(|nodes| match &nodes.cluster {
            None => nodes.first.exists(keys),
            Some(_) => nodes.each(keys, &|key| vec![&b"EXISTS"[..], key]),
        })
    }

    /// Runs a script that returns a number of keys, on these keys with one argument. In a cluster,
    /// on each key by itself.
    pub(crate) fn eval(&mut self, script: &str, keys: &[Vec<u8>], argument: &[u8]) -> Result<i64, WireError> {
        self.routed(|nodes| match &nodes.cluster {
            None => nodes.first.eval(script, keys, argument),
            Some(_) => nodes.each(keys, &|key| vec![&b"EVAL"[..], script.as_bytes(), b"1", key, argument]),
        })
    }

    /// Sends a command for each key, those of a node together. Returns the sum of the answers.
    fn each<'a>(
        &mut self,
        keys: &'a [Vec<u8>],
        command: &dyn Fn(&'a [u8]) -> Vec<&'a [u8]>,
    ) -> Result<i64, WireError> {
        let mut of_nodes: Vec<(Address, Vec<Vec<&[u8]>>)> = Vec::new();
        for key in keys {
            let address = self.keeper(key);
            match of_nodes.iter_mut().find(|(other, _)| *other == address) {
                Some((_, commands)) => commands.push(command(key)),
                None => of_nodes.push((address, vec![command(key)])),
            }
        }
        let mut sum = 0;
        for (address, commands) in of_nodes {
            let commands: Vec<&[&[u8]]> = commands.iter().map(Vec::as_slice).collect();
            sum += self.at(&address)?.sum(&commands)?;
        }
        Ok(sum)
    }

    fn keeper(&self, key: &[u8]) -> Address {
        let kept = self.cluster.as_ref().and_then(|cluster| cluster.layout.primary_of(slot_of(key)));
        kept.unwrap_or(&self.endpoint.address).clone()
    }

    /// The connection to the node that keeps the key.
    fn of(&mut self, key: &[u8]) -> Result<&mut Connection, WireError> {
        if self.cluster.is_none() {
            return Ok(&mut self.first);
        }
        let address = self.keeper(key);
        self.at(&address)
    }

    fn at(&mut self, address: &Address) -> Result<&mut Connection, WireError> {
        let Some(cluster) = &mut self.cluster else { return Ok(&mut self.first) };
        let place = match cluster.open.iter().position(|(open, _)| open == address) {
            Some(place) => place,
            None => {
                let connection = Connection::open(&self.endpoint.at(address.clone()), self.limits)?;
                cluster.open.push((address.clone(), connection));
                cluster.open.len() - 1
            }
        };
        Ok(&mut cluster.open[place].1)
    }

    /// A server that says that another one keeps a key is a node of a cluster, or slots have moved:
    /// asks which, and again.
    fn routed<R>(&mut self, mut ask: impl FnMut(&mut Self) -> Result<R, WireError>) -> Result<R, WireError> {
        let outcome = ask(self);
        let is_elsewhere = |error: &WireError| matches!(error.server_code(), Some("MOVED" | "CROSSSLOT"));
        if !outcome.as_ref().is_err_and(is_elsewhere) {
            return outcome;
        }
        let answer = self.first.tree(&[b"CLUSTER", b"SLOTS"])?;
        let layout = Layout::read(&answer, &self.endpoint.address)
            .ok_or(WireError::Protocol("no node of the cluster keeps a slot"))?;
        let open = self.cluster.take().map(|cluster| cluster.open).unwrap_or_default();
        self.cluster = Some(Cluster { layout, open, next: 0 });
        ask(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    /// Answers whatever it is asked with PONG, and counts.
    fn server() -> (RedisEndpoint, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            while client.read(&mut [0; 256]).is_ok_and(|bytes| bytes > 0) {
                count.fetch_add(1, Ordering::SeqCst);
                client.write_all(b"+PONG\r\n").unwrap();
            }
        });
        (RedisEndpoint::parse(&url).unwrap(), asked)
    }

    #[test]
    fn a_bare_round_trip_asks_one_node_and_all_in_turn() {
        const PATIENT: Duration = Duration::from_secs(60);
        let limits = Limits { connect: PATIENT, reply: PATIENT, is_over: None, max_string_bytes: 1 << 20 };
        let (first, others) = (server(), [server(), server()]);
        let mut nodes = Nodes::open(&first.0, limits).unwrap();
        let open = others
            .each_ref()
            .map(|(endpoint, _)| (endpoint.address.clone(), Connection::open(endpoint, limits).unwrap()));
        nodes.cluster = Some(Cluster { layout: Layout::default(), open: open.into(), next: 0 });
        let before = others.each_ref().map(|(_, asked)| asked.load(Ordering::SeqCst));
        let at_first = first.1.load(Ordering::SeqCst);
        (0..4).for_each(|_| nodes.ping().unwrap());
        let asked = others.each_ref().map(|(_, asked)| asked.load(Ordering::SeqCst));
        assert_eq!(asked, before.map(|count| count + 2));
        assert_eq!(first.1.load(Ordering::SeqCst), at_first);
        nodes.ping_all().unwrap();
        assert_eq!(first.1.load(Ordering::SeqCst), at_first + 1);
    }
}
