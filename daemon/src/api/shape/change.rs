//! How a container differs from its image, as `diff` shows it.

use crate::snapshot::Change;
use serde_json::{Value, json};

/// The list in the order given. 0 is changed, 1 added, 2 deleted.
pub fn list(changes: &[Change]) -> Vec<Value> {
    let entry = |change: &Change| json!({ "Path": change.path.display().to_string(), "Kind": change.kind as u8 });
    changes.iter().map(entry).collect()
}
