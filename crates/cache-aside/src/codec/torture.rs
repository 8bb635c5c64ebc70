//! Types of every kind that serde knows, through every codec: a value comes back as it was, or is
//! not kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;

/// The fate of a value: kept, and then it came back the same, or not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    NotKept,
}
use Fate::{Kept, NotKept};

fn fate<T: PartialEq + Debug>(codec: &dyn Codec<T>, value: &T) -> Fate {
    let mut payload = Vec::new();
    if codec.encode(value, &mut payload).is_err() || !codec.is_faithful(value, &payload) {
        return NotKept;
    }
    let length = payload.len();
    let decoded = codec.decode(&mut payload, 0..length).unwrap();
    // A NaN is not equal to itself, and a hash map shows its entries in any order.
    let looks_alike = || format!("{decoded:?}") == format!("{value:?}");
    assert!(decoded == *value || looks_alike(), "{decoded:?} instead of {value:?}");
    Kept
}

/// By JSON, MessagePack and Postcard.
#[track_caller]
fn by_all<T: Serialize + DeserializeOwned + PartialEq + Debug>(values: &[T], expected: [Fate; 3]) {
    for value in values {
        // With names, whatever JSON can keep comes back.
        let named = fate(&MsgpackNamed, value);
        assert!(named == Kept || expected[0] == NotKept, "{value:?}");
        let fates = [fate(&Json, value), fate(&Msgpack, value), fate(&Postcard, value)];
        assert_eq!(fates, expected, "{value:?}");
    }
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

fn seven() -> u8 {
    7
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    #[serde(default, skip_serializing_if = "is_zero")]
    second: u8,
    rest: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct SkipsWrongly {
    #[serde(default = "seven", skip_serializing_if = "is_zero")]
    number: u8,
    rest: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    more: BTreeMap<String, u32>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Inner {
    name: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "kind")]
enum Tagged {
    One { a: u8 },
    Two,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    One(u8),
    Two { b: String },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
    Struct { x: f64 },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Plain {
    Unit,
    Newtype(u64),
    Tuple(i8, String),
    Struct { a: Option<bool> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Newtype(String);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Renamed {
    first_name: Cow<'static, str>,
    #[serde(rename = "type", alias = "kind")]
    type_name: String,
    #[serde(with = "as_text")]
    number: u32,
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
    pub(super) fn serialize<S: Serializer>(number: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&number.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Its two directions do not fit.
#[derive(PartialEq, Debug)]
struct Lopsided(u16);

impl Serialize for Lopsided {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.0)
    }
}

impl<'de> Deserialize<'de> for Lopsided {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        u8::deserialize(from).map(|number| Self(number.into()))
    }
}

#[test]
fn attributes() {
    let skips = |first, second, rest: &[u8]| Skips { first, second, rest: rest.to_vec() };
    by_all(&[skips(Some(1), 2, &[3])], [Kept; 3]);
    by_all(&[skips(None, 2, &[3]), skips(Some(1), 0, &[1]), skips(None, 0, &[])], [Kept, NotKept, NotKept]);
    // Misread as a number and an empty list, which would be written as the same bytes again.
    by_all(&[skips(Some(1), 0, &[0])], [Kept, NotKept, NotKept]);
    by_all(&[SkipsWrongly { number: 0, rest: vec![0] }], [NotKept; 3]);
    by_all(&[SkipsWrongly { number: 1, rest: vec![0] }], [Kept; 3]);
    let flat =
        Flat { id: 1, inner: Inner { name: "ann".to_owned() }, more: BTreeMap::from([("x".to_owned(), 1)]) };
    by_all(&[flat], [Kept, Kept, NotKept]);
    by_all(&[Tagged::One { a: 1 }, Tagged::Two], [Kept, Kept, NotKept]);
    by_all(&[Adjacent::One(1)], [Kept, Kept, NotKept]);
    by_all(&[Adjacent::Two { b: "b".to_owned() }], [Kept, NotKept, NotKept]);
    by_all(&[Untagged::Number(1), Untagged::Text("1".to_owned())], [Kept, Kept, NotKept]);
    by_all(&[Untagged::Struct { x: 0.5 }], [Kept, NotKept, NotKept]);
    let renamed = Renamed { first_name: "ann".into(), type_name: "user".to_owned(), number: 42 };
    by_all(&[renamed], [Kept; 3]);
    by_all(&[Lopsided(1)], [Kept; 3]);
    let fates =
        [fate(&Json, &Lopsided(300)), fate(&Msgpack, &Lopsided(300)), fate(&Postcard, &Lopsided(300))];
    assert_eq!(fates, [NotKept; 3]);
}

#[test]
fn enums_and_units() {
    by_all(
        &[
            Plain::Unit,
            Plain::Newtype(u64::MAX),
            Plain::Tuple(-1, String::new()),
            Plain::Struct { a: None },
            Plain::Struct { a: Some(true) },
        ],
        [Kept; 3],
    );
    by_all(&[Newtype("x".to_owned())], [Kept; 3]);
    by_all(&[Unit], [Kept; 3]);
    by_all(&[()], [Kept; 3]);
    by_all(&[Some(3), None], [Kept; 3]);
    by_all(&[Ok::<u8, String>(1), Err("x".to_owned())], [Kept; 3]);
    // JSON and MessagePack know one kind of nothing.
    by_all(&[Some(None::<u8>)], [NotKept, NotKept, Kept]);
    by_all(&[Some(Some(1u8)), None], [Kept; 3]);
    by_all(&[Some(())], [NotKept, NotKept, Kept]);
}

#[test]
fn numbers() {
    by_all(
        &[0.1f64, -0.0, 1e308, f64::MIN_POSITIVE, 0.1 + 0.2, 1.0 / 3.0, 9_007_199_254_740_993.0],
        [Kept; 3],
    );
    by_all(&[0.1f32, 1e-45, f32::MAX], [Kept; 3]);
    by_all(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN], [NotKept, Kept, Kept]);
    by_all(&[Some(f64::NAN), Some(f64::INFINITY)], [NotKept, Kept, Kept]);
    by_all(&[u64::MAX, 0], [Kept; 3]);
    by_all(&[i64::MIN, -1], [Kept; 3]);
    for value in [i128::MIN, -1, 0, i128::MAX] {
        for codec in codecs::<i128>() {
            fate(&*codec, &value);
        }
    }
    for value in [0, u128::MAX] {
        for codec in codecs::<u128>() {
            fate(&*codec, &value);
        }
    }
    by_all(&['a', '\u{0}', '🥣'], [Kept; 3]);
}

fn codecs<T: Serialize + DeserializeOwned>() -> [Box<dyn Codec<T>>; 3] {
    [Box::new(Json), Box::new(Msgpack), Box::new(Postcard)]
}

#[test]
fn maps_and_lists() {
    by_all(&[HashMap::from([(1u32, "a".to_owned()), (2, "b".to_owned()), (3, "c".to_owned())])], [Kept; 3]);
    by_all(&[BTreeMap::from([("b".to_owned(), 1), ("a".to_owned(), 2)])], [Kept; 3]);
    by_all(&[HashMap::from([(true, 1)])], [Kept; 3]);
    // No key of JSON.
    by_all(&[HashMap::from([((1u8, 2u8), 3u8)])], [NotKept, Kept, Kept]);
    by_all(&[HashSet::from([1u64, 2, 3, 4, 5, 6, 7, 8])], [Kept; 3]);
    by_all(&[vec![Some(1u8), None]], [Kept; 3]);
    by_all(&[(1u8, "x".to_owned(), [1u16; 3])], [Kept; 3]);
    by_all(&[vec![0u8, 255, 10]], [Kept; 3]);
    by_all(&[Vec::<String>::new()], [Kept; 3]);
    by_all(&["127.0.0.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()], [Kept; 3]);
    by_all(&[std::time::Duration::new(1, 999_999_999)], [Kept; 3]);
}

/// Entries that another version of a program wrote, with the same name of the type.
mod versions {
    use super::*;

    macro_rules! version {
        ($name:ident, $item:item) => {
            mod $name {
                use super::super::{BTreeMap, Deserialize, Inner, Serialize};
                #[derive(Serialize, Deserialize)]
                $item
                #[expect(dead_code, reason = "only some of the versions use these")]
                type Uses = (BTreeMap<u8, u8>, Inner);
            }
        };
    }

    version!(
        base,
        pub(super) struct Account {
            pub debit: u32,
            pub credit: u32,
        }
    );
    version!(
        exchanged,
        pub(super) struct Account {
            pub credit: u32,
            pub debit: u32,
        }
    );
    version!(
        wider,
        pub(super) struct Account {
            pub debit: u64,
            pub credit: u32,
        }
    );
    version!(
        optional,
        pub(super) struct Account {
            pub debit: u32,
            pub credit: Option<u32>,
        }
    );
    version!(
        longer,
        pub(super) struct Account {
            pub debit: u32,
            pub credit: u32,
            #[serde(default)]
            pub limit: u32,
        }
    );
    version!(
        inner_text,
        pub(super) struct Account {
            pub debit: u32,
            #[serde(flatten)]
            pub inner: Inner,
        }
    );
    version!(
        inner_map,
        pub(super) struct Account {
            pub debit: u32,
            #[serde(flatten)]
            pub inner: BTreeMap<String, u32>,
        }
    );
    version!(
        role,
        pub(super) enum Account {
            Guest,
            Admin,
        }
    );
    version!(
        role_exchanged,
        pub(super) enum Account {
            Admin,
            Guest,
        }
    );
    version!(
        role_holding,
        pub(super) enum Account {
            Guest,
            Admin(u8),
        }
    );
    version!(
        role_holding_more,
        pub(super) enum Account {
            Guest,
            Admin(u16),
        }
    );

    #[test]
    fn each_shape_has_a_tag_of_its_own() {
        let tags = [
            type_tag::shape::shape_of::<base::Account>(),
            type_tag::shape::shape_of::<exchanged::Account>(),
            type_tag::shape::shape_of::<wider::Account>(),
            type_tag::shape::shape_of::<optional::Account>(),
            type_tag::shape::shape_of::<longer::Account>(),
            type_tag::shape::shape_of::<inner_text::Account>(),
            type_tag::shape::shape_of::<inner_map::Account>(),
            type_tag::shape::shape_of::<role::Account>(),
            type_tag::shape::shape_of::<role_exchanged::Account>(),
            type_tag::shape::shape_of::<role_holding::Account>(),
            type_tag::shape::shape_of::<role_holding_more::Account>(),
            type_tag::shape::shape_of::<String>(),
            type_tag::shape::shape_of::<Vec<u8>>(),
            type_tag::shape::shape_of::<Tagged>(),
            type_tag::shape::shape_of::<Vec<Tagged>>(),
        ];
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[..at].contains(tag), "{at}");
        }
    }

    #[test]
    fn a_type_has_the_same_tag_whenever_it_is_asked_for() {
        let tag = |codec: &dyn Codec<Skips>| codec.type_tag();
        assert_eq!([tag(&Json), tag(&Json)], [tag(&Msgpack), tag(&Postcard)]);
        let elsewhere = std::thread::spawn(|| Codec::<Skips>::type_tag(&Json)).join().unwrap();
        assert_eq!(elsewhere, tag(&Json));
        assert_ne!(Codec::<Inner>::type_tag(&Json), tag(&Json));
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "it is never made")]
    enum Endless {
        Both(Box<Endless>, Box<Endless>),
        List(Vec<Endless>),
        Map(HashMap<String, Endless>),
    }

    struct Panics;

    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let text = String::deserialize(from)?;
            assert!(!text.is_empty(), "on purpose");
            Ok(Self)
        }
    }

    #[test]
    fn types_that_hold_themselves_or_panic_have_a_tag_too() {
        assert_eq!(type_tag::shape::shape_of::<Endless>(), type_tag::shape::shape_of::<Endless>());
        assert_ne!(type_tag::shape::shape_of::<Panics>(), type_tag::shape::shape_of::<Endless>());
    }
}
