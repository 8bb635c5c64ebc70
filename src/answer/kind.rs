//! The types of columns, of MySQL 9 and MariaDB 11.

use serde::{Deserialize, Serialize};

/// The character set of columns that hold bytes and no text.
const BINARY: u16 = 63;
const UNSIGNED: u16 = 32;
const ENUM: u16 = 256;
const SET: u16 = 2048;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Tinyint,
    Smallint,
    Mediumint,
    Int,
    Bigint,
    UnsignedTinyint,
    UnsignedSmallint,
    UnsignedMediumint,
    UnsignedInt,
    UnsignedBigint,
    Year,
    Bit,
    Float,
    Double,
    Decimal,
    Date,
    Datetime,
    Timestamp,
    Time,
    Text,
    Binary,
    Json,
    Geometry,
    Enum,
    Set,
    /// The type of a NULL without one.
    Null,
}

/// The form in which the values of a column are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    Text,
    Bytes,
}

impl Kind {
    pub(super) const ALL: [Self; 26] = [
        Self::Tinyint,
        Self::Smallint,
        Self::Mediumint,
        Self::Int,
        Self::Bigint,
        Self::UnsignedTinyint,
        Self::UnsignedSmallint,
        Self::UnsignedMediumint,
        Self::UnsignedInt,
        Self::UnsignedBigint,
        Self::Year,
        Self::Bit,
        Self::Float,
        Self::Double,
        Self::Decimal,
        Self::Date,
        Self::Datetime,
        Self::Timestamp,
        Self::Time,
        Self::Text,
        Self::Binary,
        Self::Json,
        Self::Geometry,
        Self::Enum,
        Self::Set,
        Self::Null,
    ];

    /// From the numbers of a column definition; `None` for a type that the protocol does not have.
    pub(crate) fn of_column(number: u8, flags: u16, charset: u16) -> Option<Self> {
        let is_unsigned = flags & UNSIGNED != 0;
        let either = |signed, unsigned| if is_unsigned { unsigned } else { signed };
        Some(match number {
            0 | 246 => Self::Decimal,
            1 | 244 => either(Self::Tinyint, Self::UnsignedTinyint),
            2 => either(Self::Smallint, Self::UnsignedSmallint),
            3 => either(Self::Int, Self::UnsignedInt),
            4 => Self::Float,
            5 => Self::Double,
            6 => Self::Null,
            7 | 17 => Self::Timestamp,
            8 => either(Self::Bigint, Self::UnsignedBigint),
            9 => either(Self::Mediumint, Self::UnsignedMediumint),
            10 | 14 => Self::Date,
            11 | 19 => Self::Time,
            12 | 18 => Self::Datetime,
            13 => Self::Year,
            16 => Self::Bit,
            245 => Self::Json,
            242 => Self::Binary,
            255 => Self::Geometry,
            15 | 247..=254 if charset == BINARY => Self::Binary,
            247 => Self::Enum,
            248 => Self::Set,
            15 | 249..=254 if flags & ENUM != 0 => Self::Enum,
            15 | 249..=254 if flags & SET != 0 => Self::Set,
            15 | 249..=254 => Self::Text,
            _ => return None,
        })
    }

    /// The bytes that a value usually takes.
    pub(crate) fn usual_bytes(self) -> u64 {
        match self.storage() {
            Storage::I32 | Storage::U32 | Storage::F32 => 4,
            Storage::I64 | Storage::U64 | Storage::F64 => 8,
            Storage::Text | Storage::Bytes => 24,
        }
    }

    pub(super) fn storage(self) -> Storage {
        match self {
            Self::Tinyint | Self::Smallint | Self::Mediumint | Self::Int => Storage::I32,
            Self::UnsignedTinyint
            | Self::UnsignedSmallint
            | Self::UnsignedMediumint
            | Self::UnsignedInt
            | Self::Year
            | Self::Date => Storage::U32,
            Self::Bigint | Self::Time => Storage::I64,
            Self::UnsignedBigint | Self::Bit | Self::Datetime | Self::Timestamp => Storage::U64,
            Self::Float => Storage::F32,
            Self::Double => Storage::F64,
            Self::Decimal | Self::Text | Self::Json | Self::Enum | Self::Set | Self::Null => Storage::Text,
            Self::Binary | Self::Geometry => Storage::Bytes,
        }
    }

    /// Its name in the metadata of Arrow's columns.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tinyint => "tinyint",
            Self::Smallint => "smallint",
            Self::Mediumint => "mediumint",
            Self::Int => "int",
            Self::Bigint => "bigint",
            Self::UnsignedTinyint => "unsigned tinyint",
            Self::UnsignedSmallint => "unsigned smallint",
            Self::UnsignedMediumint => "unsigned mediumint",
            Self::UnsignedInt => "unsigned int",
            Self::UnsignedBigint => "unsigned bigint",
            Self::Year => "year",
            Self::Bit => "bit",
            Self::Float => "float",
            Self::Double => "double",
            Self::Decimal => "decimal",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Timestamp => "timestamp",
            Self::Time => "time",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Json => "json",
            Self::Geometry => "geometry",
            Self::Enum => "enum",
            Self::Set => "set",
            Self::Null => "null",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
