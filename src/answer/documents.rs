//! An answer as serde sees it: a sequence of columns, each with its name, its type, the rows that
//! are NULL, and its values.

use std::fmt::{self, LowerExp};
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::{Array, BinaryArray, StringArray};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::builder::{self, Cells, Texts};
use super::kind::Storage;
use super::{Answer, Column, Field, Kind};

/// A column that is written.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    kind: Kind,
    nulls: Vec<u32>,
    values: WrittenValues<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WrittenValues<'a> {
    I32(&'a [i32]),
    U32(&'a [u32]),
    I64(&'a [i64]),
    U64(&'a [u64]),
    F32(WrittenFloats<'a, f32>),
    F64(WrittenFloats<'a, f64>),
    Text(WrittenTexts<'a>),
    Bytes(WrittenBytes<'a>),
}

/// Numbers that readable formats would round: there they are texts.
struct WrittenFloats<'a, T>(&'a [T]);

struct WrittenTexts<'a>(&'a StringArray);

struct WrittenBytes<'a>(&'a BinaryArray);

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_seq(Some(self.columns.len()))?;
        for (field, column) in self.fields.iter().zip(&self.columns) {
            columns.serialize_element(&Written {
                name: &field.name,
                kind: field.kind,
                nulls: nulls(column.array()),
                values: column.written(),
            })?;
        }
        columns.end()
    }
}

fn nulls(array: &dyn Array) -> Vec<u32> {
    let is_null = |row: &u32| usize::try_from(*row).is_ok_and(|row| array.is_null(row));
    match (array.null_count(), u32::try_from(array.len())) {
        (1.., Ok(rows)) => (0..rows).filter(is_null).collect(),
        _ => Vec::new(),
    }
}

impl Column {
    fn written(&self) -> WrittenValues<'_> {
        match self {
            Self::I32(values) => WrittenValues::I32(values.values()),
            Self::U32(values) => WrittenValues::U32(values.values()),
            Self::I64(values) => WrittenValues::I64(values.values()),
            Self::U64(values) => WrittenValues::U64(values.values()),
            Self::F32(values) => WrittenValues::F32(WrittenFloats(values.values())),
            Self::F64(values) => WrittenValues::F64(WrittenFloats(values.values())),
            Self::Text(values) => WrittenValues::Text(WrittenTexts(values)),
            Self::Bytes(values) => WrittenValues::Bytes(WrittenBytes(values)),
        }
    }
}

impl<T: Serialize + LowerExp> Serialize for WrittenFloats<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let mut texts = serializer.serialize_seq(Some(self.0.len()))?;
        for number in self.0 {
            texts.serialize_element(&format!("{number:e}"))?;
        }
        texts.end()
    }
}

impl Serialize for WrittenTexts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut texts = serializer.serialize_seq(Some(self.0.len()))?;
        for row in 0..self.0.len() {
            texts.serialize_element(self.0.value(row))?;
        }
        texts.end()
    }
}

impl Serialize for WrittenBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = serializer.serialize_seq(Some(self.0.len()))?;
        for row in 0..self.0.len() {
            values.serialize_element(&OneWritten(self.0.value(row)))?;
        }
        values.end()
    }
}

/// Bytes, as base64 where people read.
struct OneWritten<'a>(&'a [u8]);

impl Serialize for OneWritten<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(self.0))
        } else {
            serializer.serialize_bytes(self.0)
        }
    }
}

/// A column that was read, not yet checked.
#[derive(Deserialize)]
struct Read {
    name: String,
    kind: Kind,
    nulls: Vec<u32>,
    values: ReadValues,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReadValues {
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(ReadFloats<f32>),
    F64(ReadFloats<f64>),
    Text(ReadTexts),
    Bytes(ReadBytes),
}

struct ReadFloats<T>(Vec<T>);

struct ReadTexts(Texts);

struct ReadBytes(Texts);

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Vec::<Read>::deserialize(deserializer)?;
        let rows = read.first().map_or(0, |first| first.values.len());
        let mut fields = Vec::with_capacity(read.len());
        let mut columns = Vec::with_capacity(read.len());
        for column in read {
            let (field, column) = column.check(rows).map_err(D::Error::custom)?;
            fields.push(field);
            columns.push(column);
        }
        Ok(Self { fields: Arc::from(fields), rows, columns })
    }
}

impl Read {
    fn check(self, rows: usize) -> Result<(Field, Column), &'static str> {
        let is_row = |row: &u32| usize::try_from(*row).is_ok_and(|row| row < rows);
        if self.values.len() != rows {
            return Err("columns of unequal length");
        }
        if !self.nulls.iter().all(is_row) || !self.nulls.is_sorted_by(|one, next| one < next) {
            return Err("a NULL in a row that does not exist");
        }
        if self.values.storage() != self.kind.storage() {
            return Err("values of another type than their column");
        }
        let column = builder::column(self.values.cells(), builder::nulls(&self.nulls, rows));
        let column = column.map_err(|_| "texts that are none")?;
        Ok((Field { name: self.name, kind: self.kind }, column))
    }
}

impl ReadValues {
    fn len(&self) -> usize {
        match self {
            Self::I32(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::F32(ReadFloats(values)) => values.len(),
            Self::F64(ReadFloats(values)) => values.len(),
            Self::Text(ReadTexts(texts)) | Self::Bytes(ReadBytes(texts)) => texts.len(),
        }
    }

    fn storage(&self) -> Storage {
        match self {
            Self::I32(_) => Storage::I32,
            Self::U32(_) => Storage::U32,
            Self::I64(_) => Storage::I64,
            Self::U64(_) => Storage::U64,
            Self::F32(_) => Storage::F32,
            Self::F64(_) => Storage::F64,
            Self::Text(_) => Storage::Text,
            Self::Bytes(_) => Storage::Bytes,
        }
    }

    fn cells(self) -> Cells {
        match self {
            Self::I32(values) => Cells::I32(values),
            Self::U32(values) => Cells::U32(values),
            Self::I64(values) => Cells::I64(values),
            Self::U64(values) => Cells::U64(values),
            Self::F32(ReadFloats(values)) => Cells::F32(values),
            Self::F64(ReadFloats(values)) => Cells::F64(values),
            Self::Text(ReadTexts(texts)) => Cells::Text(texts),
            Self::Bytes(ReadBytes(texts)) => Cells::Bytes(texts),
        }
    }
}

impl<'de, T: Deserialize<'de> + FromStr> Deserialize<'de> for ReadFloats<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Vec::deserialize(deserializer).map(Self);
        }
        let texts = Vec::<String>::deserialize(deserializer)?;
        let numbers = texts.iter().map(|text| text.parse().map_err(|_| D::Error::custom("no number")));
        numbers.collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for ReadTexts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Sequence { is_text: true }).map(Self)
    }
}

impl<'de> Deserialize<'de> for ReadBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Sequence { is_text: false }).map(Self)
    }
}

/// Takes each value straight into the column.
struct Sequence {
    is_text: bool,
}

impl<'de> Visitor<'de> for Sequence {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_text { "a sequence of texts" } else { "a sequence of bytes" })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Texts, A::Error> {
        let mut texts = Texts::default();
        while values.next_element_seed(Next { texts: &mut texts, is_text: self.is_text })?.is_some() {}
        Ok(texts)
    }
}

/// The place of the next value.
struct Next<'a> {
    texts: &'a mut Texts,
    is_text: bool,
}

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.is_text {
            deserializer.deserialize_str(self)
        } else if deserializer.is_human_readable() {
            deserializer.deserialize_str(Base64(self.texts))
        } else {
            deserializer.deserialize_bytes(self)
        }
    }
}

impl Visitor<'_> for Next<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_text { "a text" } else { "bytes" })
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.texts.push(text.as_bytes());
        Ok(())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<(), E> {
        self.texts.push(bytes);
        Ok(())
    }
}

struct Base64<'a>(&'a mut Texts);

impl Visitor<'_> for Base64<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let bytes = STANDARD.decode(text).map_err(|_| E::custom("no base64"))?;
        self.0.push(&bytes);
        Ok(())
    }
}
