//! Joins layers into one plain folder, lowest first: what overlayfs does in the kernel, done once by copying.

use super::Whiteouts;
use super::lower::{is_opaque, list, marked, stat};
use super::tree::Copier;
use crate::limits;
use shared::error::{Context, Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What is left to do: a folder's content, then its attributes.
enum Step {
    Fill(PathBuf, PathBuf, usize),
    Dress(PathBuf, PathBuf),
}

/// Applies layers, whose deletions are markers, to an empty folder.
pub fn merge(layers: &[PathBuf], target: &Path) -> Result<()> {
    for layer in layers {
        // Hard links never cross layers.
        let mut copier = Copier::default();
        // Not by recursion: strangers nest folders a thousand deep.
        let mut steps = vec![Step::Fill(layer.clone(), target.to_owned(), 0)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Fill(from, to, depth) => apply(&mut copier, from, to, depth, &mut steps)?,
                Step::Dress(from, to) => copier.attributes(&from, &to)?,
            }
        }
    }
    Ok(())
}

/// Applies what is directly in a folder; `steps` gets what is left to do.
fn apply(
    copier: &mut Copier,
    layer: PathBuf,
    target: PathBuf,
    depth: usize,
    steps: &mut Vec<Step>,
) -> Result<()> {
    if depth > limits::TREE_DEPTH {
        let limit = limits::TREE_DEPTH;
        return Err(Error::invalid(format!(
            "{} is more than {limit} folders deep",
            layer.display()
        )));
    }
    let names = list(&layer)?;
    if is_opaque(&layer, Whiteouts::Marker)? {
        for name in list(&target)? {
            remove(&target.join(name))?;
        }
    }
    for gone in names.iter().filter_map(|name| marked(name)) {
        remove(&target.join(gone))?;
    }
    // Behind everything below it, which changes its time.
    steps.push(Step::Dress(layer.clone(), target.clone()));
    for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".wh.")) {
        let (from, to) = (layer.join(name), target.join(name));
        let Some(metadata) = stat(&from)? else { continue };
        if !metadata.is_dir() {
            remove(&to)?;
            copier.leaf(&from, &to, &metadata)?;
            continue;
        }
        if !stat(&to)?.is_some_and(|m| m.is_dir()) {
            remove(&to)?;
            fs::create_dir(&to).with_context(|| format!("create {}", to.display()))?;
        }
        steps.push(Step::Fill(from, to, depth + 1));
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let sentence = || format!("remove {}", path.display());
    match stat(path)? {
        None => Ok(()),
        Some(metadata) if metadata.is_dir() => fs::remove_dir_all(path).with_context(sentence),
        Some(_) => fs::remove_file(path).with_context(sentence),
    }
}
