//! Parameters of a user's own statement: bound to a prepared one, or written into its text.

use mysql::consts::ColumnType;
use mysql::{Params, Value as CrateValue};

use super::{UNSIGNED, begin_execute, packets};
use crate::query::parameters::value::Value;

/// Writes the command that executes a prepared statement with these parameters.
pub(super) fn write_execute(command: &mut Vec<u8>, statement: u32, values: &[Value]) {
    begin_execute(command, statement);
    if !values.is_empty() {
        // A bit for each parameter that is NULL, then "types follow", the types, the values.
        let nulls = command.len();
        command.extend(std::iter::repeat_n(0, values.len().div_ceil(8)));
        command.push(1);
        for (index, value) in values.iter().enumerate() {
            if *value == Value::Null
                && let Some(bits) = command.get_mut(nulls + index / 8)
            {
                *bits |= 1 << (index % 8);
            }
            command.extend_from_slice(&type_of(value));
        }
        values.iter().for_each(|value| write_value(command, value));
    }
    packets::write_header(command);
}

/// The number of a type, and whether it has no sign.
fn type_of(value: &Value) -> [u8; 2] {
    let signed = |number: ColumnType| [number as u8, 0];
    match value {
        Value::Null => signed(ColumnType::MYSQL_TYPE_NULL),
        Value::Signed(_) => signed(ColumnType::MYSQL_TYPE_LONGLONG),
        Value::Unsigned(_) => [ColumnType::MYSQL_TYPE_LONGLONG as u8, UNSIGNED],
        Value::Decimal(_) => signed(ColumnType::MYSQL_TYPE_NEWDECIMAL),
        Value::Text(_) => signed(ColumnType::MYSQL_TYPE_VAR_STRING),
        Value::Bytes(_) => signed(ColumnType::MYSQL_TYPE_BLOB),
    }
}

fn write_value(command: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Signed(number) => command.extend_from_slice(&number.to_le_bytes()),
        Value::Unsigned(number) => command.extend_from_slice(&number.to_le_bytes()),
        Value::Decimal(text) | Value::Text(text) => write_bytes(command, text.as_bytes()),
        Value::Bytes(bytes) => write_bytes(command, bytes),
    }
}

/// Bytes behind their length.
fn write_bytes(command: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_le_bytes();
    match bytes.len() {
        0..=250 => command.push(length[0]),
        251..=0xffff => {
            command.push(0xFC);
            command.extend_from_slice(&length[..2]);
        }
        0x1_0000..=0xff_ffff => {
            command.push(0xFD);
            command.extend_from_slice(&length[..3]);
        }
        _ => {
            command.push(0xFE);
            command.extend_from_slice(&length);
        }
    }
    command.extend_from_slice(bytes);
}

/// For connections that only the crate can use.
pub(super) fn for_the_crate(values: &[Value]) -> Params {
    let value = |value: &Value| match value {
        Value::Null => CrateValue::NULL,
        Value::Signed(number) => CrateValue::Int(*number),
        Value::Unsigned(number) => CrateValue::UInt(*number),
        Value::Decimal(text) | Value::Text(text) => CrateValue::Bytes(text.clone().into_bytes()),
        Value::Bytes(bytes) => CrateValue::Bytes(bytes.clone()),
    };
    match values {
        [] => Params::Empty,
        values => Params::Positional(values.iter().map(value).collect()),
    }
}

/// Appends the value as a literal. Our sessions have no NO_BACKSLASH_ESCAPES and speak utf8mb4.
pub(crate) fn write_literal(sql: &mut String, value: &Value) {
    match value {
        Value::Null => sql.push_str("NULL"),
        Value::Signed(number) => sql.push_str(&number.to_string()),
        Value::Unsigned(number) => sql.push_str(&number.to_string()),
        Value::Decimal(text) => sql.push_str(text),
        Value::Text(text) => {
            sql.push('\'');
            for character in text.chars() {
                match character {
                    '\'' => sql.push_str("''"),
                    '\\' => sql.push_str("\\\\"),
                    '\0' => sql.push_str("\\0"),
                    other => sql.push(other),
                }
            }
            sql.push('\'');
        }
        Value::Bytes(bytes) => {
            sql.push_str("x'");
            bytes.iter().for_each(|byte| sql.push_str(&format!("{byte:02x}")));
            sql.push('\'');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_the_bytes_of_the_protocol() {
        let mut command = Vec::new();
        let values =
            [Value::Signed(-2), Value::Null, Value::Text("ann".to_owned()), Value::Unsigned(u64::MAX)];
        write_execute(&mut command, 7, &values);
        let head = [0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0];
        let types = [0b10, 1, 8, 0, 6, 0, 0xFD, 0, 8, 0x80];
        let expected = [&head[..], &types, &(-2i64).to_le_bytes(), b"\x03ann", &[0xff; 8]].concat();
        assert_eq!(command[packets::HEADER_BYTES..], expected);
        let mut long = Vec::new();
        write_bytes(&mut long, &[7; 300]);
        assert_eq!((&long[..3], long.len()), (&[0xFC, 44, 1][..], 303));
        long.clear();
        write_bytes(&mut long, &vec![7; 70_000]);
        assert_eq!((&long[..4], long.len()), (&[0xFD, 0x70, 0x11, 1][..], 70_004));
    }

    #[test]
    fn literals_end_where_they_should() {
        let written = |value| {
            let mut sql = String::new();
            write_literal(&mut sql, &value);
            sql
        };
        assert_eq!(written(Value::Text("it's a \\ 'x'".to_owned())), r"'it''s a \\ ''x'''");
        assert_eq!(written(Value::Bytes(vec![0, 255])), "x'00ff'");
        assert_eq!(written(Value::Signed(-5)), "-5");
        assert_eq!(written(Value::Null), "NULL");
    }
}
