//! The operations on many keys, each key by itself, in one round trip.

use std::time::Duration;

use super::{Acquired, Found, Store, ms};
use crate::protocol::key_state::{HEAD_BYTES, Head};
use crate::script::{ACQUIRE, REPLACE};
use crate::wire::{Reply, WireError};

/// The value under a key, with its bytes if it is a string.
pub(crate) type Seen = (Found, Vec<u8>);

/// The answer to a request for a lease, with the bytes of what was found.
pub(crate) type Asked = Result<(Acquired, Vec<u8>), WireError>;

/// A compare-and-set of one key.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) expected: Head,
    /// Empty: the key is removed.
    pub(crate) value: &'a [u8],
    pub(crate) ttl: Duration,
}

impl Change<'_> {
    /// Leaves nothing.
    pub(crate) fn removal(expected: Head) -> Self {
        Self { expected, value: b"", ttl: Duration::ZERO }
    }
}

impl Store {
    /// Looks at many keys. There are fewer answers than keys if a value is longer than this
    /// connection takes: it is the last answer, with its first bytes, and the connection is of no
    /// more use. A key that another node keeps has that error in its place.
    pub(crate) fn get_all(&mut self, keys: &[Vec<u8>]) -> Result<Vec<Result<Seen, WireError>>, WireError> {
        let commands: Vec<[&[u8]; 2]> = keys.iter().map(|key| [&b"GET"[..], key]).collect();
        let commands: Vec<&[&[u8]]> = commands.iter().map(|command| &command[..]).collect();
        let (mut seen, mut failure) = (Vec::with_capacity(keys.len()), None);
        let outcome = self.connection.batch(&commands, |reply, value| match found(reply) {
            Ok(Some(found)) => seen.push(Ok((found, value.to_vec()))),
            Ok(None) => failure = Some(None),
            Err(error) if error.is_redirect() => seen.push(Err(error)),
            Err(error) => failure = Some(Some(error)),
        });
        match (outcome, failure) {
            (Err(_), _) if self.connection.was_too_long() => {
                seen.push(Ok((Found::Text, Vec::new())));
                return Ok(seen);
            }
            (Err(error), _) | (Ok(()), Some(Some(error))) => return Err(error),
            (Ok(()), Some(None)) => return Err(self.connection.unexpected()),
            (Ok(()), None) => {}
        }
        self.connection.expect_no_reply()?;
        Ok(seen)
    }

    /// Puts a lease under each key that holds nothing. As [`Store::acquire`], never twice with the
    /// same leases.
    pub(crate) fn acquire_all(
        &mut self,
        keys: &[Vec<u8>],
        leases: &[[u8; HEAD_BYTES]],
        lives: Duration,
    ) -> Result<Vec<Asked>, WireError> {
        let lives = ms(lives);
        let arguments = |number: usize| {
            let lease = leases.get(number).map(|lease| &lease[..]).unwrap_or_default();
            [lease, &lives[..]]
        };
        let mut answers = Answers::new(keys.len());
        let sent = ACQUIRE.run_many(&mut self.connection, keys, &arguments, |number, reply, value| {
            let answer = match reply {
                Ok(Reply::Status) => Some(Ok((Acquired::Held, Vec::new()))),
                reply => match found(reply) {
                    Ok(Some(Found::Nothing) | None) => None,
                    Ok(Some(found)) => Some(Ok((Acquired::Found(found), value.to_vec()))),
                    Err(error) => Some(Err(error)),
                },
            };
            answers.put(number, answer);
        });
        sent?;
        self.connection.expect_no_reply()?;
        answers.all(self)
    }

    /// Does many compare-and-sets. False if something else is stored there.
    pub(crate) fn replace_all(
        &mut self,
        keys: &[Vec<u8>],
        changes: &[Change<'_>],
    ) -> Result<Vec<Result<bool, WireError>>, WireError> {
        let ttls: Vec<Vec<u8>> = changes.iter().map(|change| ms(change.ttl)).collect();
        let arguments = |number: usize| match (changes.get(number), ttls.get(number)) {
            (Some(change), Some(ttl)) => [change.expected.as_bytes(), change.value, &ttl[..]],
            _ => [&b""[..]; 3],
        };
        let mut answers = Answers::new(keys.len());
        let sent = REPLACE.run_many(&mut self.connection, keys, &arguments, |number, reply, _| {
            let answer = match reply {
                Ok(Reply::Integer(done)) => Some(Ok(done == 1)),
                Ok(Reply::Status | Reply::Bytes | Reply::Nil) => None,
                Err(error) => Some(Err(error)),
            };
            answers.put(number, answer);
        });
        sent?;
        answers.all(self)
    }
}

/// None: no answer to a look.
fn found(reply: Result<Reply, WireError>) -> Result<Option<Found>, WireError> {
    match reply {
        Ok(Reply::Bytes) => Ok(Some(Found::Text)),
        Ok(Reply::Nil) => Ok(Some(Found::Nothing)),
        Ok(Reply::Status | Reply::Integer(_)) => Ok(None),
        Err(error) if error.server_code() == Some("WRONGTYPE") => Ok(Some(Found::Other)),
        Err(error) => Err(error),
    }
}

/// The answers to a batch, one for each key.
struct Answers<R> {
    answers: Vec<Option<Result<R, WireError>>>,
    /// An error that ends the connection.
    unfit: Option<WireError>,
    is_nonsense: bool,
}

impl<R> Answers<R> {
    fn new(keys: usize) -> Self {
        Self { answers: (0..keys).map(|_| None).collect(), unfit: None, is_nonsense: false }
    }

    fn put(&mut self, number: usize, answer: Option<Result<R, WireError>>) {
        self.is_nonsense |= answer.is_none();
        if let Some(Err(error)) = &answer
            && error.is_unfit()
        {
            self.unfit.get_or_insert(error.copy());
        }
        if let Some(place) = self.answers.get_mut(number) {
            *place = answer;
        }
    }

    fn all(self, store: &mut Store) -> Result<Vec<Result<R, WireError>>, WireError> {
        if let Some(unfit) = self.unfit {
            return Err(unfit);
        }
        let answers: Option<Vec<_>> = self.answers.into_iter().collect();
        answers.filter(|_| !self.is_nonsense).ok_or_else(|| store.connection.unexpected())
    }
}
