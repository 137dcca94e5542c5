//! An object as a tree that can be folded.

use crate::text;
use serde_json::Value;
use std::collections::HashSet;

/// One visible line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the object, as a JSON pointer.
    pub pointer: String,
    /// How deep.
    pub depth: usize,
    /// Name of the field, or number in the list.
    pub key: String,
    /// The value, or how many it holds.
    pub value: String,
    /// Whether it has lines below it.
    pub branch: Branch,
}

/// Whether a line has lines below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// It is a value.
    Leaf,
    /// They are hidden.
    Folded,
    /// They are shown.
    Unfolded,
}

/// The object and how it is being looked at.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    value: Option<Value>,
    folded: HashSet<String>,
    /// Only lines with these words, and those above them.
    pub words: String,
    lines: Vec<Line>,
    /// Selected line.
    pub index: usize,
    /// First line shown.
    pub offset: usize,
}

impl Tree {
    /// The visible lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// True when there is an object.
    pub fn is_loaded(&self) -> bool {
        self.value.is_some()
    }

    /// Another object; what was folded stays folded.
    pub fn set(&mut self, value: Option<Value>) {
        self.value = value;
        self.rebuild();
    }

    /// Works the lines out anew.
    pub fn rebuild(&mut self) {
        self.lines.clear();
        if let Some(value) = &self.value {
            children(value, "", 0, &self.folded, &mut self.lines);
        }
        let needle = self.words.to_lowercase();
        if !needle.is_empty() {
            let hit = |l: &Line| {
                l.key.to_lowercase().contains(&needle) || l.value.to_lowercase().contains(&needle)
            };
            let hits: Vec<String> =
                self.lines.iter().filter(|l| hit(l)).map(|l| l.pointer.clone()).collect();
            self.lines.retain(|l| {
                hits.iter().any(|p| *p == l.pointer || p.starts_with(&format!("{}/", l.pointer)))
            });
        }
        self.index = self.index.min(self.lines.len().saturating_sub(1));
    }

    /// Folds or unfolds the selected line.
    pub fn toggle(&mut self) {
        let Some(line) = self.lines.get(self.index).filter(|l| l.branch != Branch::Leaf) else {
            return;
        };
        let pointer = line.pointer.clone();
        if !self.folded.remove(&pointer) {
            self.folded.insert(pointer);
        }
        self.rebuild();
    }

    /// Folds every branch of the first level.
    pub fn fold_all(&mut self) {
        self.folded.clear();
        self.rebuild();
        let branches = self.lines.iter().filter(|l| l.branch != Branch::Leaf);
        self.folded = branches.map(|l| l.pointer.clone()).collect();
        self.rebuild();
    }

    /// Unfolds everything.
    pub fn unfold_all(&mut self) {
        self.folded.clear();
        self.rebuild();
    }

    /// Moves the cursor and keeps it on the `height` visible lines.
    pub fn step(&mut self, lines: isize, height: usize) {
        let last = self.lines.len().saturating_sub(1);
        self.index = self.index.saturating_add_signed(lines).min(last);
        let height = height.max(1);
        self.offset = self.offset.min(self.index).max((self.index + 1).saturating_sub(height));
    }
}

fn children(
    value: &Value,
    pointer: &str,
    depth: usize,
    folded: &HashSet<String>,
    out: &mut Vec<Line>,
) {
    let mut add = |key: String, value: &Value| {
        let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let (said, branch) = match value {
            Value::Object(map) if !map.is_empty() => {
                (format!("{{{}}}", map.len()), folded.contains(&pointer))
            }
            Value::Array(list) if !list.is_empty() => {
                (format!("[{}]", list.len()), folded.contains(&pointer))
            }
            leaf => {
                let said = match leaf {
                    Value::String(text) => text::clean(text).into_owned(),
                    other => other.to_string(),
                };
                let key = text::clean(&key).into_owned();
                out.push(Line { pointer, depth, key, value: said, branch: Branch::Leaf });
                return;
            }
        };
        let key = text::clean(&key).into_owned();
        let state = if branch { Branch::Folded } else { Branch::Unfolded };
        out.push(Line { pointer: pointer.clone(), depth, key, value: said, branch: state });
        if state == Branch::Unfolded {
            children(value, &pointer, depth + 1, folded, out);
        }
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| add(key.clone(), value)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, value)| add(n.to_string(), value))
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_and_searches() {
        let mut tree = Tree::default();
        tree.set(Some(serde_json::json!({"a": {"b": 1, "c": [true]}, "d": "x\u{1b}[2J"})));
        let keys = |t: &Tree| t.lines.iter().map(|l| l.key.clone()).collect::<String>();
        assert_eq!(keys(&tree), "abc0d");
        assert_eq!(tree.lines[4].value, "x");
        tree.toggle();
        assert_eq!(keys(&tree), "ad");
        tree.unfold_all();
        tree.words = "true".into();
        tree.rebuild();
        assert_eq!(keys(&tree), "ac0");
        tree.words.clear();
        tree.fold_all();
        tree.step(9, 1);
        assert_eq!((keys(&tree).as_str(), tree.index, tree.offset), ("ad", 1, 1));
    }
}
