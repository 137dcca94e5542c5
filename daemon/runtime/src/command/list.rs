//! `list`: every container below the root.

use super::arguments::List;
use super::container::Folder;
use super::global::Global;
use super::log;
use super::state::State;
use shared::error::{Context, Error, Result};

/// Prints a table, names alone, or JSON.
pub fn run(global: &Global, args: &List) -> Result<u8> {
    let states = all(global)?;
    if args.quiet {
        states.iter().for_each(|state| println!("{}", state.id));
        return Ok(0);
    }
    match args.format.as_str() {
        "table" => table(&states),
        "json" => println!("{}", serde_json::to_string(&states).context("encode the list")?),
        other => return Err(Error::invalid(format!("invalid format option {other:?}"))),
    }
    Ok(0)
}

fn all(global: &Global) -> Result<Vec<State>> {
    let entries = match std::fs::read_dir(&global.root) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("list {}", global.root.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("list {}", global.root.display()))?;
        if entry.path().join("state.json").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let mut states = Vec::new();
    for name in names {
        let folder = Folder::of(global, &name)?;
        // One that goes away meanwhile, or is broken, must not hide the others.
        match folder.load().and_then(|record| State::of(&folder, &record)) {
            Ok(state) => states.push(state),
            Err(error) => log::warn(&format!("load container {name}: {error}")),
        }
    }
    Ok(states)
}

fn table(states: &[State]) {
    let head = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
    let row = |s: &State| {
        let bundle = s.bundle.display().to_string();
        [
            s.id.clone(),
            s.pid.to_string(),
            s.status.clone(),
            bundle,
            s.created.clone(),
            s.owner.clone(),
        ]
    };
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(states.iter().map(row)).collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0).max(10) + 2;
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in &rows {
        let cells: String =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.trim_end());
    }
}
