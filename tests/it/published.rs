//! The published JSON Schemas, held against documents: as readers should use them, and with every
//! unknown field forbidden. Shared by the unit tests and the tests of the program.

use serde_json::{Map, Value};

/// The faults of a document, by the schema as it is published.
pub(crate) fn complaints(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The same, and every field that the schema does not know is wrong too: what the program writes is
/// published.
pub(crate) fn strict_complaints(schema: &Value, document: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    each_object(&mut schema, &mut |object| {
        if object.contains_key("properties") && !object.contains_key("additionalProperties") {
            object.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    });
    complaints(&schema, document)
}

/// Visits every object in a document.
pub(crate) fn each_object(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values_mut().for_each(|value| each_object(value, visit));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_object(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
