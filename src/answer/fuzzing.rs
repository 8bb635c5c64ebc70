//! Any bytes as a row of any columns: an answer that every codec carries, or an error.

use std::sync::Arc;

use super::{Answer, Builder, Field, Kind};
use crate::cache::codec::{self, Codec};

/// The number of columns, a type for each, the protocol, and the row.
#[allow(unreachable_pub, reason = "the fuzzer is another crate")]
pub fn fuzz(bytes: &[u8]) {
    let _ = super::definition(bytes);
    let Some(answer) = answer(bytes) else { return };
    answer.fingerprint(bytes.len().is_multiple_of(2));
    let codecs: [&dyn Codec<Answer>; 4] = [&codec::Arrow, &codec::Postcard, &codec::Msgpack, &codec::Json];
    for codec in codecs {
        let mut payload = Vec::new();
        let decoded = codec.encode(&answer, &mut payload).and_then(|()| {
            let range = 0..payload.len();
            codec.decode(&mut payload, range)
        });
        assert!(decoded.is_ok_and(|decoded| decoded.fingerprint(true) == answer.fingerprint(true)));
    }
}

/// The answer of one row that these bytes are, if they are one.
pub(super) fn answer(bytes: &[u8]) -> Option<Answer> {
    let (&columns, rest) = bytes.split_first()?;
    let (kinds, rest) = rest.split_at_checked(usize::from(columns).min(40))?;
    let (&protocol, packet) = rest.split_first()?;
    let field =
        |kind: &u8| Field { name: kind.to_string(), kind: Kind::ALL[usize::from(*kind) % Kind::ALL.len()] };
    let mut builder = Builder::new(kinds.iter().map(field).collect::<Arc<[Field]>>());
    let pushed =
        if protocol.is_multiple_of(2) { builder.push_binary(packet) } else { builder.push_text(packet) };
    pushed.ok()?;
    builder.finish().ok().filter(|answer| !answer.fields().is_empty())
}
