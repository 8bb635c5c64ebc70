//! Tags that tell the types of cached values apart, and the shapes that a type has had in different
//! versions of a program.

#[cfg(any(feature = "json", feature = "msgpack", feature = "postcard"))]
pub(super) mod shape;

use twox_hash::XxHash3_64;

/// All bits for which an entry has room.
const BITS: u32 = 0x00ff_ffff;

/// A tag made of the type's name and path.
pub(super) fn of_name<T>() -> u32 {
    tag(XxHash3_64::oneshot(std::any::type_name::<T>().as_bytes()))
}

fn tag(hash: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    let low = hash as u32;
    low & BITS
}
