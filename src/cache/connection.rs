//! A connection for administration and for applications in an experiment. If the server says that
//! it is a node of a cluster, commands with a key go to the node that keeps it.

use std::collections::HashMap;
use std::time::Duration;

use redis::{ConnectionLike, RedisError, RedisResult, Value};

use super::cluster::{Layout, Redirect, slot_of};
use super::link::Link;
use super::packed;
use super::wire::{Tree, WireError};
use crate::endpoint::{Address, RedisEndpoint};

/// The number of times in a row that one node names another.
const MOST_REDIRECTS: usize = 4;
const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// An open connection, logged in, on its database.
pub(crate) struct Connection {
    endpoint: RedisEndpoint,
    connect: Duration,
    reply: Duration,
    first: Link,
    /// To other nodes, opened when they are needed.
    others: Vec<Link>,
    kind: Kind,
}

enum Kind {
    /// It was not asked, and has not said so.
    Unknown,
    Single,
    Cluster {
        layout: Layout,
        /// Slots that another node keeps by now.
        moved: HashMap<u16, Address>,
    },
}

impl Connection {
    /// Connects, logs in and selects the database. `connect` limits each step of that, and `reply`
    /// every later reply.
    pub(crate) fn open(endpoint: &RedisEndpoint, connect: Duration, reply: Duration) -> RedisResult<Self> {
        let mut first = Link::open(&endpoint.at_first(), connect, reply);
        // Any node of a cluster will do.
        for address in &endpoint.more {
            if endpoint.sentinel.is_none() && first.is_err() {
                first = match (first, Link::open(&endpoint.at(address.clone()), connect, reply)) {
                    // A node that answers says more than one that cannot be reached.
                    (Err(silent), Err(error)) if error.is_io_error() => Err(silent),
                    (_, last) => last,
                };
            }
        }
        Ok(Self {
            endpoint: endpoint.clone(),
            connect,
            reply,
            first: first?,
            others: Vec::new(),
            kind: Kind::Unknown,
        })
    }

    /// Whether this is a cluster. Asks once.
    pub(crate) fn is_cluster(&mut self) -> RedisResult<bool> {
        if matches!(self.kind, Kind::Unknown) {
            let info: RedisResult<String> = redis::cmd("INFO").arg("cluster").query(&mut self.first);
            match info {
                Ok(info) if info.contains("cluster_enabled:1") => self.learn()?,
                // A server that does not say is asked for its keys all the same.
                Ok(_) => self.kind = Kind::Single,
                Err(error) if error.is_io_error() => return Err(error),
                Err(_) => self.kind = Kind::Single,
            }
        }
        Ok(matches!(self.kind, Kind::Cluster { .. }))
    }

    /// The servers that keep keys: of a cluster, its primaries.
    pub(crate) fn primaries(&mut self) -> RedisResult<Vec<Address>> {
        if self.is_cluster()? {
            self.learn()?;
        }
        Ok(match &self.kind {
            Kind::Cluster { layout, .. } => layout.primaries.clone(),
            Kind::Unknown | Kind::Single => vec![self.first.address().clone()],
        })
    }

    /// Asks each server that keeps keys.
    pub(crate) fn on_each<T, E: From<RedisError>>(
        &mut self,
        mut ask: impl FnMut(&mut Link) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        self.primaries()?.iter().map(|address| ask(self.link(address)?)).collect()
    }

    /// The connection to one server.
    pub(super) fn link(&mut self, address: &Address) -> RedisResult<&mut Link> {
        if self.first.address() == address && self.first.is_open() {
            return Ok(&mut self.first);
        }
        self.others.retain(|link| link.address() != address || link.is_open());
        let place = match self.others.iter().position(|link| link.address() == address) {
            Some(place) => place,
            None => {
                let endpoint = self.endpoint.at(address.clone());
                self.others.push(Link::open(&endpoint, self.connect, self.reply)?);
                self.others.len() - 1
            }
        };
        Ok(&mut self.others[place])
    }

    /// Asks which node keeps which slots.
    fn learn(&mut self) -> RedisResult<()> {
        let answer: Value = redis::cmd("CLUSTER").arg("SLOTS").query(&mut self.first)?;
        let layout = Layout::read(&tree(answer), self.first.address()).ok_or_else(|| {
            RedisError::from((redis::ErrorKind::UnexpectedReturnType, "no node of the cluster keeps a slot"))
        })?;
        self.kind = Kind::Cluster { layout, moved: HashMap::new() };
        Ok(())
    }

    /// The node that keeps the key, as far as is known.
    fn keeper(&self, key: Option<&[u8]>) -> Address {
        let known = match (&self.kind, key) {
            (Kind::Cluster { layout, moved }, Some(key)) => {
                let slot = slot_of(key);
                moved.get(&slot).or_else(|| layout.primary_of(slot))
            }
            _ => None,
        };
        known.unwrap_or(self.first.address()).clone()
    }

    /// Sends the commands where the redirection says, and learns from it.
    fn redirected(
        &mut self,
        redirect: &Redirect,
        commands: &[u8],
        replies: usize,
    ) -> RedisResult<(Address, Vec<Value>)> {
        let (to, is_asking) = match redirect {
            Redirect::Moved { slot, to } => {
                if !matches!(self.kind, Kind::Cluster { .. }) {
                    self.learn()?;
                }
                if let Kind::Cluster { moved, .. } = &mut self.kind {
                    moved.insert(*slot, to.clone());
                }
                (to.clone(), false)
            }
            Redirect::Ask { to } => (to.clone(), true),
            Redirect::TryAgain | Redirect::Down => (self.first.address().clone(), false),
        };
        let link = self.link(&to)?;
        let values = if is_asking {
            link.exchange(&[ASKING, commands].concat(), replies + 1)?.split_off(1)
        } else {
            link.exchange(commands, replies)?
        };
        Ok((to, values))
    }

    /// Sends one command, or one transaction, to the node that keeps its key.
    fn follow(
        &mut self,
        commands: &[u8],
        replies: usize,
        first: (Address, Vec<Value>),
    ) -> RedisResult<Vec<Value>> {
        let (mut asked, mut values) = first;
        for _ in 0..MOST_REDIRECTS {
            match values.iter().find_map(|value| redirect(value, &asked)) {
                Some(redirect @ (Redirect::Moved { .. } | Redirect::Ask { .. })) => {
                    (asked, values) = self.redirected(&redirect, commands, replies)?;
                }
                Some(Redirect::TryAgain | Redirect::Down) | None => break,
            }
        }
        Ok(values)
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let asked = self.keeper(packed::key(command));
        let values = self.link(&asked)?.exchange(command, 1)?;
        Ok(self.follow(command, 1, (asked, values))?.pop().unwrap_or(Value::Nil))
    }

    /// For pipelines whose every reply is the caller's, and for transactions on one key.
    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let each = packed::split(commands).unwrap_or_default();
        let asked = self.keeper(each.iter().find_map(|command| packed::key(command)));
        let mut values = self.link(&asked)?.exchange(commands, offset + count)?;
        if packed::is_transaction(commands) {
            values = self.follow(commands, offset + count, (asked, values))?;
        } else {
            for (value, command) in values.iter_mut().zip(each) {
                if redirect(value, &asked).is_some() {
                    let first = (asked.clone(), vec![std::mem::take(value)]);
                    *value = self.follow(command, 1, first)?.pop().unwrap_or(Value::Nil);
                }
            }
        }
        Ok(values.split_off(offset))
    }

    fn get_db(&self) -> i64 {
        self.first.get_db()
    }

    fn check_connection(&mut self) -> bool {
        self.first.check_connection()
    }

    fn is_open(&self) -> bool {
        self.first.is_open()
    }
}

fn redirect(value: &Value, asked: &Address) -> Option<Redirect> {
    let Value::ServerError(error) = value else { return None };
    let words = format!("{} {}", error.code(), error.details().unwrap_or_default());
    Redirect::read(&WireError::Server(words), asked)
}

fn tree(value: Value) -> Tree {
    match value {
        Value::Int(integer) => Tree::Integer(integer),
        Value::BulkString(text) => Tree::Text(text),
        Value::Array(list) => Tree::List(list.into_iter().map(tree).collect()),
        _ => Tree::Nil,
    }
}
