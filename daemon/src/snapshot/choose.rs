//! Which snapshotter a daemon uses: the one asked for, else the one that has data already, else the first
//! that works here. Another one's data is never silently left aside.

use super::{CopySnapshotter, Overlay, Snapshotter};
use shared::error::{Context, Error, Result};
use shared::paths::Paths;
use std::path::Path;

/// In order of preference.
const NAMES: [&str; 2] = [Overlay::NAME, CopySnapshotter::NAME];
/// Docker's name for the same thing.
const ALIASES: [(&str, &str); 3] = [
    ("overlay2", Overlay::NAME),
    ("native", CopySnapshotter::NAME),
    ("vfs", CopySnapshotter::NAME),
];

/// Opens a snapshotter. Blocking. An unknown name, one that does not work here, and one that would
/// leave another's snapshots behind are errors.
pub fn choose(asked: Option<&str>, paths: &Paths) -> Result<Box<dyn Snapshotter>> {
    let used = NAMES.into_iter().find(|name| has_data(&paths.snapshots().join(name)));
    let Some(asked) = asked.filter(|name| !name.is_empty()) else {
        if let Some(used) = used {
            return open(used, paths);
        }
        let mut reasons = Vec::new();
        for name in NAMES {
            match open(name, paths) {
                Ok(snapshotter) => return Ok(snapshotter),
                Err(error) => {
                    tracing::warn!(snapshotter = name, %error, "a snapshotter does not work here");
                    reasons.push(error.to_string());
                }
            }
        }
        let reasons = reasons.join("; ");
        return Err(Error::unavailable(format!("no snapshotter works here: {reasons}")));
    };
    let name = ALIASES.iter().find(|(alias, _)| *alias == asked).map_or(asked, |(_, name)| name);
    let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
        let known = NAMES.join(", ");
        return Err(Error::invalid(format!("unknown snapshotter {asked}: there are {known}")));
    };
    match used {
        Some(used) if used != name => Err(Error::conflict(format!(
            "{} has snapshots of {used}: use that snapshotter, or another data root, instead of {name}",
            paths.snapshots().display()
        ))),
        _ => open(name, paths),
    }
}

fn open(name: &str, paths: &Paths) -> Result<Box<dyn Snapshotter>> {
    let root = paths.snapshots().join(name);
    let opened: Result<Box<dyn Snapshotter>> = if name == Overlay::NAME {
        Overlay::open(root).map(|o| Box::new(o) as Box<dyn Snapshotter>)
    } else {
        CopySnapshotter::open(root).map(|c| Box::new(c) as Box<dyn Snapshotter>)
    };
    opened.with_context(|| format!("open snapshotter {name}"))
}

/// True if there is a folder with a number for a name.
fn has_data(root: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(root) else { return false };
    entries.any(|entry| {
        let is_number = |name: &str| name.parse::<u64>().is_ok();
        entry.is_ok_and(|e| e.file_name().to_str().is_some_and(is_number))
    })
}
