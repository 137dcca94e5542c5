//! How a container differs from its image, as `diff` shows it.

use crate::snapshot::{Change, ChangeKind};
use serde_json::{Value, json};

/// One entry: 0 is changed, 1 added, 2 deleted.
pub fn entry(change: &Change) -> Value {
    let kind = match change.kind {
        ChangeKind::Modified => 0,
        ChangeKind::Added => 1,
        ChangeKind::Deleted => 2,
    };
    json!({ "Path": change.path.display().to_string(), "Kind": kind })
}
