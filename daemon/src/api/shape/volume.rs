//! Volumes as lists and inspect show them.

use super::time::moment;
use crate::volume::View;
use serde_json::{Value, json};

/// One volume; with its size in bytes where it was measured.
pub fn inspect(view: &View, size: Option<u64>) -> Value {
    let volume = &view.volume;
    let or_null = |map: &std::collections::BTreeMap<String, String>| match map.is_empty() {
        true => Value::Null,
        false => json!(map),
    };
    // Docker's volumes show whole seconds.
    let created = volume.created_at_nanos / 1_000_000_000 * 1_000_000_000;
    let mut object = json!({
        "CreatedAt": moment(created),
        "Driver": volume.driver,
        "Labels": or_null(&volume.labels),
        "Mountpoint": view.path.display().to_string(),
        "Name": volume.name,
        "Options": or_null(&volume.options),
        "Scope": "local",
    });
    if let Some(size) = size {
        object["UsageData"] = json!({ "Size": size, "RefCount": view.users.len() });
    }
    object
}
