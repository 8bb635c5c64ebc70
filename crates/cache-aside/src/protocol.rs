//! The cache-aside protocol, pure: what can stand under a key, and what a reader does about it.
//!
//! One rule carries it: *a fill is a compare-and-set from a unique state that was seen in Redis before the database
//! read began.* A missing key is no unique state, so a miss first puts a lease with a nonce of its own there; every
//! write destroys whatever stands under the key. The store's side are the scripts in `scripts/`; `mirror` says in
//! Rust what they do, and `model` drives all of it through every interleaving.

pub mod reading;
pub mod standing;
pub mod timing;

#[cfg(test)]
pub mod mirror;
#[cfg(test)]
mod model;

/// 128 random bits, drawn anew for every attempt. Sharing one among attempts would let a fill succeed that was loaded
/// before somebody else's lease.
pub type Nonce = [u8; 16];
