//! Filling a JSON object with what was given.

use serde_json::{Map, Value, json};

/// A JSON object that is being filled.
pub type Object = Map<String, Value>;

/// Puts a value in unless it was not given.
pub fn set(object: &mut Object, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.into(), value.into());
    }
}

/// Puts a list in unless it is empty.
pub fn set_list(object: &mut Object, name: &str, values: &[String]) {
    if !values.is_empty() {
        object.insert(name.into(), json!(values));
    }
}

/// Puts a switch in when it is on.
pub fn set_flag(object: &mut Object, name: &str, on: bool) {
    if on {
        object.insert(name.into(), Value::Bool(true));
    }
}
