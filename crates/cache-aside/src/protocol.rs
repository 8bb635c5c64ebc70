//! The cache-aside protocol, pure: what can stand under a key, and what a reader does about it.
//!
//! One rule carries it: *a fill is a compare-and-set from a unique state that was seen in Redis
//! before the database read began.* A missing key is no unique state, so a miss first puts a lease
//! with a nonce of its own there; every write destroys whatever stands under the key. The store's
//! side are the scripts in `scripts/`; `reference_store` says in Rust what they do, and `model`
//! drives all of it through every interleaving.

use rand::TryRng;

pub mod expectation;
pub mod key_state;
pub mod read_machine;
pub mod timing;

#[cfg(test)]
mod model;
#[cfg(test)]
pub mod reference_store;

/// 128 random bits, drawn anew for every attempt. Sharing one among attempts would let a fill
/// succeed that was loaded before somebody else's lease.
pub type Nonce = [u8; 16];

/// Draws a nonce from the system. A generator of the process would give parent and child the same
/// numbers after a fork, and two machines after a snapshot was restored twice.
pub fn draw_nonce() -> std::io::Result<Nonce> {
    let mut nonce = Nonce::default();
    rand::rngs::SysRng.try_fill_bytes(&mut nonce).map_err(std::io::Error::other)?;
    Ok(nonce)
}
