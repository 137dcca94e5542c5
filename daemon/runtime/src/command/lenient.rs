//! What callers of runc write and a strict reader would refuse: a process without a user, capabilities
//! that nobody knows (OCI's config.md: a warning, not an error).

use super::log;
use oci_spec::runtime::{Capabilities, Process, Spec};
use serde_json::{Value, json};

/// A whole spec.
pub fn spec(text: &[u8]) -> Result<Spec, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(text)?;
    if let Some(process) = value.get_mut("process").filter(|process| process.is_object()) {
        mend(process);
    }
    serde_json::from_value(value)
}

/// A process alone.
pub fn process(text: &[u8]) -> Result<Process, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(text)?;
    mend(&mut value);
    serde_json::from_value(value)
}

fn mend(process: &mut Value) {
    if let Some(process) = process.as_object_mut() {
        process.entry("user").or_insert_with(|| json!({}));
    }
    let sets = process.get_mut("capabilities").and_then(Value::as_object_mut);
    for set in sets.into_iter().flat_map(|sets| sets.values_mut()) {
        if let Some(names) = set.as_array_mut() {
            names.retain(known);
        }
    }
}

fn known(name: &Value) -> bool {
    let known = serde_json::from_value::<Capabilities>(json!([name])).is_ok();
    if !known {
        log::warn(&format!("ignoring unknown capability {name}"));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_capabilities_and_no_user() {
        let text = br#"{"ociVersion":"1.0.2","process":{"cwd":"/","args":["x"],
            "capabilities":{"bounding":["CAP_KILL","CAP_TEST"]}}}"#;
        let spec = spec(text).unwrap();
        let process = spec.process().as_ref().unwrap();
        let bounding = process.capabilities().as_ref().unwrap().bounding().clone().unwrap();
        assert_eq!((bounding.len(), process.user().uid()), (1, 0));
    }
}
