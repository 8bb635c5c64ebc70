//! Compares two values of one type by what they tell serde: names, numbers, texts and their places.
//!
//! A codec whose bytes decode to another value shows here, also where those bytes would encode to
//! the same bytes again, as with a skipped field in a format without names.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Serializer};
use twox_hash::XxHash3_64;

/// Whether both serialize alike. The order within maps and sequences does not count: that of a hash
/// map or a hash set is another one in each value.
pub(super) fn is_same<T: Serialize>(first: &T, second: &T) -> bool {
    let digest = |value: &T| value.serialize(Digest).ok();
    digest(first).is_some_and(|first| digest(second) == Some(first))
}

/// Turns a value into a hash of all that it tells.
struct Digest;

#[derive(Debug)]
struct Failed;

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value cannot be serialized")
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<M: Display>(_: M) -> Self {
        Self
    }
}

/// The parts of the tree of a value.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Char,
    Text,
    Bytes,
    Nothing,
    Some,
    Unit,
    UnitStruct,
    UnitVariant,
    Newtype,
    NewtypeVariant,
    Sequence,
    Tuple,
    TupleStruct,
    TupleVariant,
    Map,
    Struct,
    StructVariant,
    Name,
    Place,
    Signed,
    Unsigned,
    Float,
}

fn leaf(kind: Kind, hash: u64) -> u64 {
    mix(kind as u64, hash)
}

/// Short texts and names are most of what a value tells; a hash made for long ones takes longer to
/// begin.
fn of_bytes(bytes: &[u8]) -> u64 {
    let mut words = [0_u8; 16];
    let Some(start) = words.get_mut(..bytes.len()) else { return XxHash3_64::oneshot(bytes) };
    start.copy_from_slice(bytes);
    mix(bytes.len() as u64, of_words(u128::from_le_bytes(words)))
}

fn of_words(words: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    let (low, high) = (words as u64, (words >> 64) as u64);
    spread(low.wrapping_add(spread(!high)))
}

/// Every bit of the result depends on every bit of the word: the parts of a sequence are added up.
/// The finalizer of MurmurHash3.
fn spread(mut word: u64) -> u64 {
    word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// The hash of two hashes in this order.
fn mix(first: u64, second: u64) -> u64 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let product = (u128::from(first.rotate_left(23)) << 64 | u128::from(second)).wrapping_mul(ODD);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    let folded = (product >> 64) as u64 ^ product as u64;
    folded ^ first.wrapping_add(second.rotate_left(41))
}

macro_rules! leaves {
    ($($method:ident: $type:ty, $kind:ident;)+) => {
        $(fn $method(self, value: $type) -> Result<u64, Failed> {
            Ok(leaf(Kind::$kind, of_bytes(&value.to_le_bytes())))
        })+
    };
}

impl Serializer for Digest {
    type Ok = u64;
    type Error = Failed;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    leaves! {
        serialize_i8: i8, Signed;
        serialize_i16: i16, Signed;
        serialize_i32: i32, Signed;
        serialize_i64: i64, Signed;
        serialize_i128: i128, Signed;
        serialize_u8: u8, Unsigned;
        serialize_u16: u16, Unsigned;
        serialize_u32: u32, Unsigned;
        serialize_u64: u64, Unsigned;
        serialize_u128: u128, Unsigned;
        serialize_f32: f32, Float;
        serialize_f64: f64, Float;
    }

    fn serialize_bool(self, value: bool) -> Result<u64, Failed> {
        Ok(leaf(Kind::Bool, u64::from(value)))
    }

    fn serialize_char(self, value: char) -> Result<u64, Failed> {
        Ok(leaf(Kind::Char, u64::from(u32::from(value))))
    }

    fn serialize_str(self, value: &str) -> Result<u64, Failed> {
        Ok(leaf(Kind::Text, of_bytes(value.as_bytes())))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<u64, Failed> {
        Ok(leaf(Kind::Bytes, of_bytes(value)))
    }

    fn serialize_none(self) -> Result<u64, Failed> {
        Ok(leaf(Kind::Nothing, 0))
    }

    fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> Result<u64, Failed> {
        Ok(mix(leaf(Kind::Some, 0), value.serialize(Self)?))
    }

    fn serialize_unit(self) -> Result<u64, Failed> {
        Ok(leaf(Kind::Unit, 0))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<u64, Failed> {
        Ok(leaf(Kind::UnitStruct, of_bytes(name.as_bytes())))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<u64, Failed> {
        Ok(leaf(Kind::UnitVariant, of_bytes(variant.as_bytes())))
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &V,
    ) -> Result<u64, Failed> {
        Ok(mix(leaf(Kind::Newtype, of_bytes(name.as_bytes())), value.serialize(Self)?))
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &V,
    ) -> Result<u64, Failed> {
        Ok(mix(leaf(Kind::NewtypeVariant, of_bytes(variant.as_bytes())), value.serialize(Self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::Sequence, ""))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::Tuple, ""))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::TupleStruct, name))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::TupleVariant, variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::Map, ""))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::Struct, name))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Failed> {
        Ok(Parts::new(Kind::StructVariant, variant))
    }
}

/// A value of several parts.
struct Parts {
    start: u64,
    count: u64,
    sum: u64,
    /// The hash of the entry of a map whose value follows.
    key: u64,
}

impl Parts {
    fn new(kind: Kind, name: &'static str) -> Self {
        Self { start: leaf(kind, of_bytes(name.as_bytes())), count: 0, sum: 0, key: 0 }
    }

    fn add(&mut self, part: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(part);
    }

    fn add_named<V: Serialize + ?Sized>(&mut self, name: &str, value: &V) -> Result<(), Failed> {
        let part = mix(leaf(Kind::Name, of_bytes(name.as_bytes())), value.serialize(Digest)?);
        self.add(part);
        Ok(())
    }

    /// By its place, which counts.
    fn add_next<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Failed> {
        let part = mix(leaf(Kind::Place, self.count), value.serialize(Digest)?);
        self.add(part);
        Ok(())
    }

    fn hash(self) -> Result<u64, Failed> {
        Ok(mix(mix(self.start, self.count), self.sum))
    }
}

impl ser::SerializeSeq for Parts {
    type Ok = u64;
    type Error = Failed;

    fn serialize_element<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Failed> {
        let part = value.serialize(Digest)?;
        self.add(part);
        Ok(())
    }

    fn end(self) -> Result<u64, Failed> {
        self.hash()
    }
}

impl ser::SerializeMap for Parts {
    type Ok = u64;
    type Error = Failed;

    fn serialize_key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<(), Failed> {
        self.key = key.serialize(Digest)?;
        Ok(())
    }

    fn serialize_value<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Failed> {
        let part = mix(self.key, value.serialize(Digest)?);
        self.add(part);
        Ok(())
    }

    fn end(self) -> Result<u64, Failed> {
        self.hash()
    }
}

macro_rules! parts {
    ($($trait:ident, $method:ident($($name:ident)?), $add:ident;)+) => {
        $(impl ser::$trait for Parts {
            type Ok = u64;
            type Error = Failed;

            fn $method<V: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &V) -> Result<(), Failed> {
                self.$add($($name,)? value)
            }

            fn end(self) -> Result<u64, Failed> {
                self.hash()
            }
        })+
    };
}

parts! {
    SerializeTuple, serialize_element(), add_next;
    SerializeTupleStruct, serialize_field(), add_next;
    SerializeTupleVariant, serialize_field(), add_next;
    SerializeStruct, serialize_field(name), add_named;
    SerializeStructVariant, serialize_field(name), add_named;
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn digest(value: impl Serialize) -> u64 {
        value.serialize(Digest).unwrap()
    }

    #[test]
    fn values_that_differ_a_little_have_digests_of_their_own() {
        let mut seen = HashSet::new();
        let mut new = |digest: u64, what: &str| assert!(seen.insert(digest), "{what}");
        for length in 0..40 {
            new(digest("a".repeat(length)), "texts");
            new(digest("\0".repeat(length + 1)), "zeros");
        }
        for number in 0..300_u16 {
            new(digest(number), "u16");
            new(digest(u64::from(number)), "u64");
            new(digest(i64::from(number)), "i64");
            new(digest(f64::from(number)), "f64");
            new(digest(u128::from(number) << 64 | 1), "u128");
            new(digest(Some(number)), "some");
            new(digest((number, 1_u16)), "first of two");
            new(digest((1_000_u16, number)), "second of two");
            new(digest([number]), "an array");
            new(digest(BTreeMap::from([(number, 1)])), "a map");
        }
        new(digest(None::<u8>), "none");
        new(digest(()), "unit");
    }

    /// They are added up, so that their order does not count.
    #[test]
    fn sequences_of_small_numbers_do_not_meet() {
        let mut seen = HashSet::new();
        for a in 0..60_u8 {
            for b in a..60 {
                for c in b..60 {
                    assert!(seen.insert(digest(vec![a, b, c])), "{a} {b} {c}");
                }
            }
        }
        assert_eq!(digest(vec![1, 2]), digest(vec![2, 1]));
    }
}
