//! Every type of column, its extremes and NULL: both protocols, all codecs.

use std::sync::Arc;

use mysql::Value;
use mysql::consts::{ColumnFlags, ColumnType};
use mysql_common::packets::Column as Definition;
use mysql_common::proto::{Binary, Text};
use mysql_common::row::RowDeserializer;
use mysql_common::value::ServerSide;
use proptest::prelude::*;

use super::*;
use crate::cache::codec::{self, Codec};

/// A column, and the values of a row that it may have.
#[derive(Clone, Debug)]
struct Sample {
    number: ColumnType,
    flags: ColumnFlags,
    charset: u16,
    values: Vec<Value>,
}

/// Any value of a column of this type.
fn value_of(number: ColumnType, is_unsigned: bool) -> BoxedStrategy<Value> {
    use ColumnType as T;
    let some = match number {
        T::MYSQL_TYPE_TINY if is_unsigned => any::<u8>().prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_TINY => any::<i8>().prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_SHORT if is_unsigned => any::<u16>().prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_SHORT => any::<i16>().prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_YEAR => (0u16..=9999).prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_LONG if is_unsigned => any::<u32>().prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_LONG => any::<i32>().prop_map(|n| Value::Int(n.into())).boxed(),
        T::MYSQL_TYPE_INT24 => (-8_388_608i64..8_388_608).prop_map(Value::Int).boxed(),
        T::MYSQL_TYPE_LONGLONG if is_unsigned => any::<u64>().prop_map(Value::UInt).boxed(),
        T::MYSQL_TYPE_LONGLONG => any::<i64>().prop_map(Value::Int).boxed(),
        T::MYSQL_TYPE_FLOAT => (-1e30f32..1e30).prop_map(Value::Float).boxed(),
        T::MYSQL_TYPE_DOUBLE => (-1e300f64..1e300).prop_map(Value::Double).boxed(),
        T::MYSQL_TYPE_DATE => {
            (0u16..=9999, 0u8..=12, 0u8..=31).prop_map(|(y, m, d)| Value::Date(y, m, d, 0, 0, 0, 0)).boxed()
        }
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_TIMESTAMP => {
            ((0u16..=9999, 0u8..=12, 0u8..=31), (0u8..24, 0u8..60, 0u8..60, 0u32..1_000_000))
                .prop_map(|((y, mo, d), (h, mi, s, us))| Value::Date(y, mo, d, h, mi, s, us))
                .boxed()
        }
        T::MYSQL_TYPE_TIME => (any::<bool>(), 0u32..=34, 0u8..22, 0u8..60, 0u8..60, 0u32..1_000_000)
            .prop_map(|(sign, d, h, m, s, us)| Value::Time(sign, d, h, m, s, us))
            .boxed(),
        T::MYSQL_TYPE_BIT => prop::collection::vec(any::<u8>(), 1..=8).prop_map(Value::Bytes).boxed(),
        T::MYSQL_TYPE_NEWDECIMAL => {
            "-?[0-9]{1,35}(\\.[0-9]{1,30})?".prop_map(|text| Value::Bytes(text.into_bytes())).boxed()
        }
        T::MYSQL_TYPE_BLOB | T::MYSQL_TYPE_GEOMETRY => {
            prop::collection::vec(any::<u8>(), 0..600).prop_map(Value::Bytes).boxed()
        }
        _ => ".{0,40}".prop_map(|text: String| Value::Bytes(text.into_bytes())).boxed(),
    };
    prop_oneof![1 => Just(Value::NULL), 4 => some].boxed()
}

/// Columns of any types, with three rows.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    use ColumnType as T;
    const TYPES: [(ColumnType, u16); 19] = [
        (T::MYSQL_TYPE_TINY, 63),
        (T::MYSQL_TYPE_SHORT, 63),
        (T::MYSQL_TYPE_LONG, 63),
        (T::MYSQL_TYPE_INT24, 63),
        (T::MYSQL_TYPE_LONGLONG, 63),
        (T::MYSQL_TYPE_YEAR, 63),
        (T::MYSQL_TYPE_FLOAT, 63),
        (T::MYSQL_TYPE_DOUBLE, 63),
        (T::MYSQL_TYPE_DATE, 63),
        (T::MYSQL_TYPE_DATETIME, 63),
        (T::MYSQL_TYPE_TIMESTAMP, 63),
        (T::MYSQL_TYPE_TIME, 63),
        (T::MYSQL_TYPE_BIT, 63),
        (T::MYSQL_TYPE_NEWDECIMAL, 63),
        (T::MYSQL_TYPE_BLOB, 63),
        (T::MYSQL_TYPE_GEOMETRY, 63),
        (T::MYSQL_TYPE_JSON, 45),
        (T::MYSQL_TYPE_VAR_STRING, 45),
        (T::MYSQL_TYPE_STRING, 45),
    ];
    let column =
        (prop::sample::select(&TYPES[..]), any::<bool>()).prop_flat_map(|((number, charset), bit)| {
            let is_unsigned = bit && number != T::MYSQL_TYPE_INT24;
            let flags = if is_unsigned { ColumnFlags::UNSIGNED_FLAG } else { ColumnFlags::empty() };
            prop::collection::vec(value_of(number, is_unsigned), 3).prop_map(move |values| Sample {
                number,
                flags,
                charset,
                values,
            })
        });
    prop::collection::vec(column, 1..300)
}

fn definitions(samples: &[Sample]) -> Arc<[Definition]> {
    let column = |(index, sample): (usize, &Sample)| {
        Definition::new(sample.number)
            .with_name(format!("c{index}").as_bytes())
            .with_flags(sample.flags)
            .with_character_set(sample.charset)
    };
    samples.iter().enumerate().map(column).collect()
}

fn fields(samples: &[Sample]) -> Arc<[Field]> {
    let field = |(index, sample): (usize, &Sample)| Field {
        name: format!("c{index}"),
        kind: Kind::of_column(sample.number as u8, sample.flags.bits(), sample.charset).unwrap(),
    };
    samples.iter().enumerate().map(field).collect()
}

fn put_length(packet: &mut Vec<u8>, length: usize) {
    match u16::try_from(length).unwrap() {
        short @ 0..=250 => packet.push(u8::try_from(short).unwrap()),
        long => {
            packet.push(0xFC);
            packet.extend_from_slice(&long.to_le_bytes());
        }
    }
}

/// A row as the servers write it.
fn binary_packet(samples: &[Sample], row: usize) -> Vec<u8> {
    use ColumnType as T;
    let mut packet = vec![0; 1 + (samples.len() + 9) / 8];
    for (index, sample) in samples.iter().enumerate() {
        match &sample.values[row] {
            Value::NULL => packet[1 + (index + 2) / 8] |= 1 << ((index + 2) % 8),
            Value::Int(number) => {
                let width = match sample.number {
                    T::MYSQL_TYPE_TINY => 1,
                    T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR => 2,
                    T::MYSQL_TYPE_LONGLONG => 8,
                    _ => 4,
                };
                packet.extend_from_slice(&number.to_le_bytes()[..width]);
            }
            Value::UInt(number) => packet.extend_from_slice(&number.to_le_bytes()),
            Value::Float(number) => packet.extend_from_slice(&number.to_le_bytes()),
            Value::Double(number) => packet.extend_from_slice(&number.to_le_bytes()),
            Value::Bytes(bytes) => {
                put_length(&mut packet, bytes.len());
                packet.extend_from_slice(bytes);
            }
            Value::Date(y, mo, d, h, mi, s, us) => {
                let (year, date, clock) = (y.to_le_bytes(), [*mo, *d], [*h, *mi, *s]);
                match (*us, clock == [0; 3], *y == 0 && date == [0; 2]) {
                    (0, true, true) => packet.push(0),
                    (0, true, false) => packet.extend([&[4][..], &year, &date].concat()),
                    (0, false, _) => packet.extend([&[7][..], &year, &date, &clock].concat()),
                    (us, ..) => {
                        packet.extend([&[11][..], &year, &date, &clock, &us.to_le_bytes()].concat());
                    }
                }
            }
            Value::Time(sign, d, h, m, s, us) => {
                let head = [&[u8::from(*sign)][..], &d.to_le_bytes(), &[*h, *m, *s]].concat();
                match (*us, *d == 0 && [*h, *m, *s] == [0; 3]) {
                    (0, true) => packet.push(0),
                    (0, false) => packet.extend([&[8][..], &head].concat()),
                    (us, _) => packet.extend([&[12][..], &head, &us.to_le_bytes()].concat()),
                }
            }
        }
    }
    packet
}

/// The same row in the text protocol, for the types whose text is theirs alone.
fn text_packet(samples: &[Sample], row: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    for sample in samples {
        let text = match &sample.values[row] {
            Value::NULL => {
                packet.push(0xFB);
                continue;
            }
            Value::Bytes(bytes) => bytes.clone(),
            Value::Int(number) => number.to_string().into_bytes(),
            Value::UInt(number) => number.to_string().into_bytes(),
            Value::Float(number) => number.to_string().into_bytes(),
            Value::Double(number) => number.to_string().into_bytes(),
            Value::Date(y, mo, d, h, mi, s, us) if sample.number == ColumnType::MYSQL_TYPE_DATE => {
                assert_eq!((*h, *mi, *s, *us), (0, 0, 0, 0));
                format!("{y:04}-{mo:02}-{d:02}").into_bytes()
            }
            Value::Date(y, mo, d, h, mi, s, us) => {
                format!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}.{us:06}").into_bytes()
            }
            Value::Time(sign, d, h, m, s, us) => {
                let sign = if *sign { "-" } else { "" };
                let hours = d * 24 + u32::from(*h);
                format!("{sign}{hours:02}:{m:02}:{s:02}.{us:06}").into_bytes()
            }
        };
        put_length(&mut packet, text.len());
        packet.extend_from_slice(&text);
    }
    packet
}

/// The row as the `mysql` crate takes it apart.
fn by_the_crate(packet: &[u8], columns: &Arc<[Definition]>, is_binary: bool) -> Vec<Value> {
    let mut buffer = mysql_common::io::ParseBuf(packet);
    let columns = Arc::clone(columns);
    let row = if is_binary {
        buffer.parse::<RowDeserializer<ServerSide, Binary>>(columns).unwrap().into_inner()
    } else {
        buffer.parse::<RowDeserializer<(), Text>>(columns).unwrap().into_inner()
    };
    row.unwrap()
}

fn answer(samples: &[Sample], push: impl Fn(&mut Builder, usize)) -> Answer {
    let mut builder = Builder::new(fields(samples));
    (0..3).for_each(|row| push(&mut builder, row));
    builder.finish().unwrap()
}

/// Every codec carries the answer.
fn carried(answer: &Answer) {
    fn with(codec: &dyn Codec<Answer>, answer: &Answer) {
        let mut payload = Vec::new();
        codec.encode(answer, &mut payload).unwrap();
        assert!(codec.is_faithful(answer, &payload));
        let range = 0..payload.len();
        let decoded = codec.decode(&mut payload, range).unwrap();
        assert_eq!(decoded.fingerprint(true), answer.fingerprint(true));
        assert_eq!(&decoded, answer);
    }
    with(&codec::Arrow, answer);
    with(&codec::Postcard, answer);
    with(&codec::Msgpack, answer);
    with(&codec::Json, answer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Our reading of a row beside the crate's, in both protocols.
    #[test]
    fn rows_are_what_the_crate_reads(samples in samples()) {
        let columns = definitions(&samples);
        let binary = answer(&samples, |builder, row| {
            builder.push_binary(&binary_packet(&samples, row)).unwrap();
        });
        let crates = answer(&samples, |builder, row| {
            let values = by_the_crate(&binary_packet(&samples, row), &columns, true);
            builder.push_values(values.iter()).unwrap();
        });
        prop_assert_eq!(&binary, &crates);
        let text = answer(&samples, |builder, row| {
            builder.push_text(&text_packet(&samples, row)).unwrap();
        });
        let crates_text = answer(&samples, |builder, row| {
            let values = by_the_crate(&text_packet(&samples, row), &columns, false);
            builder.push_values(values.iter()).unwrap();
        });
        prop_assert_eq!(&text, &crates_text);
        prop_assert_eq!(&text, &binary);
        carried(&binary);
    }

    #[test]
    fn any_bytes_are_rows_or_an_error(kinds in prop::collection::vec(0..Kind::ALL.len(), 1..20), packet: Vec<u8>) {
        let field = |kind: &usize| Field { name: String::new(), kind: Kind::ALL[*kind] };
        let fields: Arc<[Field]> = kinds.iter().map(field).collect();
        for is_binary in [false, true] {
            let mut builder = Builder::new(Arc::clone(&fields));
            let pushed = if is_binary { builder.push_binary(&packet) } else { builder.push_text(&packet) };
            if pushed.is_ok()
                && let Ok(answer) = builder.finish()
            {
                prop_assert_eq!(answer.row(0).count(), fields.len());
                carried(&answer);
            }
        }
        let _ = definition(&packet);
    }

    #[test]
    fn damaged_entries_are_errors_or_other_answers(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let fields = [("id", Kind::UnsignedInt), ("name", Kind::Text), ("raw", Kind::Binary), ("at", Kind::Datetime)];
        let fields = fields.map(|(name, kind)| Field { name: name.to_owned(), kind });
        let mut builder = Builder::new(Arc::from(fields));
        builder.push_text(b"\x017\x03ann\xfb\x132024-01-02 03:04:05").unwrap();
        builder.push_text(b"\x018\xfb\x02\x00\xff\xfb").unwrap();
        let answer = builder.finish().unwrap();
        let codecs: [&dyn Codec<Answer>; 4] = [&codec::Arrow, &codec::Postcard, &codec::Msgpack, &codec::Json];
        for codec in codecs {
            let mut payload = Vec::new();
            codec.encode(&answer, &mut payload).unwrap();
            let at = at.index(payload.len());
            payload[at] = byte;
            payload.truncate(cut.index(payload.len()).max(at));
            let range = 0..payload.len();
            if let Ok(answer) = codec.decode(&mut payload, range) {
                answer.fingerprint(false);
            }
        }
    }
}

/// For a change of the decoder: `cargo test --lib -- --ignored ten_million`.
#[test]
#[ignore = "takes a minute"]
fn ten_million_damaged_rows_do_no_harm() {
    use crate::permutation::mix;
    let seeds: [&[u8]; 4] = [
        b"\x02\x08\x13\x00\x00\x00\x07\x00\x00\x00\x03ann",
        b"\x03\x08\x13\x10\x01\x017\x03ann\x132024-01-02 03:04:05",
        b"\x04\x0f\x10\x12\x0b\x00\x00\x00\x04\xe8\x07\x01\x02\x0b\xe8\x07\x01\x02\x03\x04\x05\x01\0\0\0\x08\x01\x01\0\0\0\x02\x03\x04\x02\x0f\x0f",
        b"\x05\x0c\x0d\x0e\x14\x18\x01\x041e10\x04-2.5\x03007\x02\x00\xff\xfb",
    ];
    let index = |random: u64, length: usize| usize::try_from(random).unwrap() % length;
    let (mut answers, mut bytes) = (0u64, Vec::new());
    for input in 0..10_000_000u64 {
        let random = mix(input);
        bytes.clear();
        bytes.extend_from_slice(seeds[index(random, seeds.len())]);
        for change in 0..=(random >> 8 & 3) {
            let draw = mix(random ^ change << 32);
            let at = index(draw >> 16, bytes.len());
            bytes[at] = draw.to_le_bytes()[0];
        }
        if random >> 20 & 7 == 0 {
            bytes.truncate(index(random >> 24, bytes.len()) + 1);
        }
        if input % 64 == 0 {
            super::fuzzing::fuzz(&bytes);
        }
        answers += u64::from(super::fuzzing::answer(&bytes).is_some());
    }
    assert!(answers > 100_000, "{answers}");
}

#[test]
fn an_empty_answer_keeps_its_columns() {
    let fields = Kind::ALL.map(|kind| Field { name: kind.name().to_owned(), kind });
    let answer = Builder::new(Arc::from(fields)).finish().unwrap();
    assert_eq!((answer.rows(), answer.fields().len()), (0, Kind::ALL.len()));
    carried(&answer);
}

#[test]
fn a_bag_has_no_order_and_a_list_has() {
    let answer = |rows: &[&[u8]]| {
        let field = Field { name: "n".to_owned(), kind: Kind::Int };
        let mut builder = Builder::new(Arc::from([field]));
        rows.iter().for_each(|row| builder.push_text(row).unwrap());
        builder.finish().unwrap()
    };
    let (one, other) = (answer(&[b"\x011", b"\x012"]), answer(&[b"\x012", b"\x011"]));
    assert_eq!(one.fingerprint(false), other.fingerprint(false));
    assert_ne!(one.fingerprint(true), other.fingerprint(true));
    assert_ne!(one.fingerprint(false), answer(&[b"\x011", b"\x011"]).fingerprint(false));
    assert_ne!(answer(&[b"\x011"]).fingerprint(false), answer(&[b"\xfb"]).fingerprint(false));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let builder = |kind| Builder::new(Arc::from([Field { name: "n".to_owned(), kind }]));
    for (kind, packet) in [
        (Kind::Int, &b""[..]),
        (Kind::Int, b"\x00\x00\x01\x00\x00"),
        (Kind::Int, b"\x00\x00\x01\x00\x00\x00\x00"),
        (Kind::Int, b"\x01\x00\x01\x00\x00\x00"),
        (Kind::Text, b"\x00\x00\x05ann"),
        (Kind::Text, b"\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xffx"),
        (Kind::Bit, b"\x00\x00\x09123456789"),
        (Kind::Date, b"\x00\x00\x04\xe8\x07\x0d\x01"),
        (Kind::Datetime, b"\x00\x00\x05\xe8\x07\x01\x01\x00"),
        (Kind::Time, b"\x00\x00\x08\x00\xff\xff\xff\xff\x00\x00\x00"),
        (Kind::Time, b"\x00\x00\x08\x00\xff\xff\xff\x07\x00\x00\x00"),
    ] {
        assert_eq!(builder(kind).push_binary(packet), Err(WrongRow), "{kind:?} {packet:?}");
    }
    let mut text = builder(Kind::Text);
    text.push_binary(b"\x00\x00\x01\xff").unwrap();
    assert!(text.finish().is_err(), "not UTF-8");
    for (kind, packet) in [(Kind::Int, &b"\x01x"[..]), (Kind::Int, b"\x012\x00"), (Kind::Date, b"\x041234")] {
        assert_eq!(builder(kind).push_text(packet), Err(WrongRow), "{kind:?} {packet:?}");
    }
}

#[test]
fn definitions_give_names_and_types() {
    let mut packet = b"\x03def\x04shop\x01o\x06orders\x05total\x05total\x0c".to_vec();
    packet.extend_from_slice(&[63, 0, 12, 0, 0, 0, 246, 1, 0, 2, 0, 0]);
    let expected = Field { name: "total".to_owned(), kind: Kind::Decimal };
    assert_eq!(definition(&packet), Ok(expected));
    packet.truncate(packet.len() - 9);
    assert_eq!(definition(&packet), Err(WrongRow));
    for (number, flags, charset, kind) in [
        (1, 32, 63, Some(Kind::UnsignedTinyint)),
        (254, 256, 45, Some(Kind::Enum)),
        (254, 2048, 45, Some(Kind::Set)),
        (254, 128, 63, Some(Kind::Binary)),
        (252, 0, 45, Some(Kind::Text)),
        (242, 0, 63, Some(Kind::Binary)),
        (245, 0, 63, Some(Kind::Json)),
        (243, 0, 63, None),
        (100, 0, 63, None),
    ] {
        assert_eq!(Kind::of_column(number, flags, charset), kind, "{number}");
    }
}
