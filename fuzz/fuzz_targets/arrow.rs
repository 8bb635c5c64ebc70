//! Payloads in the Arrow IPC stream format: any bytes, and good ones with some bytes changed, which
//! gets further.
#![no_main]

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use cache_aside::codec::Codec;
use cache_aside::internal::columns::{Arrow, Columnar};

#[derive(Debug, PartialEq)]
struct People {
    ids: UInt32Array,
    names: StringArray,
}

impl Columnar for People {
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let fields = vec![Field::new("id", DataType::UInt32, true), Field::new("name", DataType::Utf8, true)];
        let columns: Vec<Arc<dyn Array>> = vec![Arc::new(self.ids.clone()), Arc::new(self.names.clone())];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let wrong = || ArrowError::SchemaError("other columns".to_owned());
        let [ids, names] = batch.columns() else { return Err(wrong()) };
        let ids = ids.as_primitive_opt::<UInt32Type>().ok_or_else(wrong)?;
        let names = names.as_string_opt::<i32>().ok_or_else(wrong)?;
        // Looks at every value: what was not validated shows here.
        let characters: usize = names.iter().flatten().map(|name| name.chars().count()).sum();
        let sum: u64 = ids.iter().flatten().map(u64::from).sum();
        std::hint::black_box((characters, sum));
        Ok(Self { ids: ids.clone(), names: names.clone() })
    }
}

#[derive(Arbitrary, Debug)]
enum Payload<'a> {
    Any(&'a [u8]),
    /// A payload of these people, with bytes at these places replaced, and cut off after so many
    /// from the end.
    Damaged { people: Vec<(Option<u32>, Option<&'a str>)>, changes: Vec<(u16, u8)>, cut: u8 },
}

impl Payload<'_> {
    fn bytes(self) -> Vec<u8> {
        let (people, changes, cut) = match self {
            Self::Any(bytes) => return bytes.to_vec(),
            Self::Damaged { people, changes, cut } => (people, changes, cut),
        };
        let ids = people.iter().map(|person| person.0).collect();
        let names = people.iter().map(|person| person.1).collect();
        let mut bytes = Vec::new();
        Arrow.encode(&People { ids, names }, &mut bytes).expect("good columns are encoded");
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - usize::from(cut / 16).min(bytes.len()));
        bytes
    }
}

fuzz_target!(
    // The decoder catches the panics of the Arrow crates; only one that it lets through may end the
    // run.
    init: std::panic::set_hook(Box::new(|_| {})),
    |payload: Payload<'_>| cache_aside::fuzzing::codec::<People>(&Arrow, &payload.bytes())
);
