//! An answer as a record batch of Arrow's; both share the memory. MySQL's types are in the metadata
//! of the fields.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Schema};

use super::kind::Storage;
use super::{Answer, Column, Field, Kind};

const KIND: &str = "mysql";

impl Answer {
    /// The same columns as a record batch.
    pub(crate) fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let fields = self.fields.iter().map(|field| {
            let metadata = HashMap::from([(KIND.to_owned(), field.kind.name().to_owned())]);
            arrow_schema::Field::new(&field.name, data_type(field.kind), true).with_metadata(metadata)
        });
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let columns = self.columns.iter().map(Column::shared).collect();
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
    }

    /// An answer out of a record batch that was made of one.
    ///
    /// # Errors
    /// If a column has no type of MySQL's, or values of another one.
    pub(crate) fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let schema = batch.schema_ref();
        let mut fields = Vec::with_capacity(batch.num_columns());
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            let kind = field.metadata().get(KIND).and_then(|name| Kind::from_name(name));
            let wrong = || ArrowError::SchemaError(format!("column {:?} is none of MySQL's", field.name()));
            let kind = kind.ok_or_else(wrong)?;
            columns.push(column(kind, array).ok_or_else(wrong)?);
            fields.push(Field { name: field.name().clone(), kind });
        }
        Ok(Self { fields: Arc::from(fields), rows: batch.num_rows(), columns })
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind.storage() {
        Storage::I32 => DataType::Int32,
        Storage::U32 => DataType::UInt32,
        Storage::I64 => DataType::Int64,
        Storage::U64 => DataType::UInt64,
        Storage::F32 => DataType::Float32,
        Storage::F64 => DataType::Float64,
        Storage::Text => DataType::Utf8,
        Storage::Bytes => DataType::Binary,
    }
}

impl Column {
    fn shared(&self) -> ArrayRef {
        match self {
            Self::I32(values) => Arc::new(values.clone()),
            Self::U32(values) => Arc::new(values.clone()),
            Self::I64(values) => Arc::new(values.clone()),
            Self::U64(values) => Arc::new(values.clone()),
            Self::F32(values) => Arc::new(values.clone()),
            Self::F64(values) => Arc::new(values.clone()),
            Self::Text(values) => Arc::new(values.clone()),
            Self::Bytes(values) => Arc::new(values.clone()),
        }
    }
}

fn column(kind: Kind, array: &ArrayRef) -> Option<Column> {
    Some(match kind.storage() {
        Storage::I32 => Column::I32(array.as_primitive_opt::<Int32Type>()?.clone()),
        Storage::U32 => Column::U32(array.as_primitive_opt::<UInt32Type>()?.clone()),
        Storage::I64 => Column::I64(array.as_primitive_opt::<Int64Type>()?.clone()),
        Storage::U64 => Column::U64(array.as_primitive_opt::<UInt64Type>()?.clone()),
        Storage::F32 => Column::F32(array.as_primitive_opt::<Float32Type>()?.clone()),
        Storage::F64 => Column::F64(array.as_primitive_opt::<Float64Type>()?.clone()),
        Storage::Text => Column::Text(array.as_string_opt::<i32>()?.clone()),
        Storage::Bytes => Column::Bytes(array.as_binary_opt::<i32>()?.clone()),
    })
}
