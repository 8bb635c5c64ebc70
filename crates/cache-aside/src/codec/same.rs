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

fn leaf(kind: &str, bytes: &[u8]) -> u64 {
    mix(XxHash3_64::oneshot(kind.as_bytes()), XxHash3_64::oneshot(bytes))
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
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(fn $method(self, value: $type) -> Result<u64, Failed> {
            Ok(leaf(stringify!($type), &value.to_le_bytes()))
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
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64,
    }

    fn serialize_bool(self, value: bool) -> Result<u64, Failed> {
        Ok(leaf("bool", &[u8::from(value)]))
    }

    fn serialize_char(self, value: char) -> Result<u64, Failed> {
        Ok(leaf("char", &u32::from(value).to_le_bytes()))
    }

    fn serialize_str(self, value: &str) -> Result<u64, Failed> {
        Ok(leaf("str", value.as_bytes()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<u64, Failed> {
        Ok(leaf("bytes", value))
    }

    fn serialize_none(self) -> Result<u64, Failed> {
        Ok(leaf("none", &[]))
    }

    fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> Result<u64, Failed> {
        Ok(mix(leaf("some", &[]), value.serialize(Self)?))
    }

    fn serialize_unit(self) -> Result<u64, Failed> {
        Ok(leaf("unit", &[]))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<u64, Failed> {
        Ok(leaf("unit struct", name.as_bytes()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<u64, Failed> {
        Ok(leaf("variant", variant.as_bytes()))
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &V,
    ) -> Result<u64, Failed> {
        Ok(mix(leaf("newtype", name.as_bytes()), value.serialize(Self)?))
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &V,
    ) -> Result<u64, Failed> {
        Ok(mix(leaf("newtype variant", variant.as_bytes()), value.serialize(Self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Failed> {
        Ok(Parts::new("seq", ""))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Failed> {
        Ok(Parts::new("tuple", ""))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Parts, Failed> {
        Ok(Parts::new("tuple struct", name))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Failed> {
        Ok(Parts::new("tuple variant", variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Failed> {
        Ok(Parts::new("map", ""))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts, Failed> {
        Ok(Parts::new("struct", name))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Failed> {
        Ok(Parts::new("struct variant", variant))
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
    fn new(kind: &'static str, name: &'static str) -> Self {
        Self { start: leaf(kind, name.as_bytes()), count: 0, sum: 0, key: 0 }
    }

    fn add(&mut self, part: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(part);
    }

    fn add_named<V: Serialize + ?Sized>(&mut self, name: &str, value: &V) -> Result<(), Failed> {
        let part = mix(leaf("name", name.as_bytes()), value.serialize(Digest)?);
        self.add(part);
        Ok(())
    }

    /// By its place, which counts.
    fn add_next<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Failed> {
        let part = mix(leaf("place", &self.count.to_le_bytes()), value.serialize(Digest)?);
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
