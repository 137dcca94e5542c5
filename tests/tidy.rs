//! The rules of the house that a compiler does not check: layers, forbidden neighbours, lengths, heads of
//! files, the top level. A rule that is broken names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// The daemon's modules by layer: a module imports from lower layers only, never from a sibling
/// (layer 0 excepted, whose modules are everybody's tools and each other's).
const LAYERS: &[&[&str]] = &[
    &["limits", "log", "task", "guest", "undo", "config", "probe", "plugin", "process", "trash"],
    &["store"],
    &["event", "hook"],
    &["content", "snapshot", "registry"],
    &["image", "volume", "network", "shim"],
    &["container"],
    &["build", "system"],
    &["engine"],
    &["api", "cri", "metrics"],
    &["builtin", "args", "boot", "main"],
];

/// The console's modules, in the same way.
const CONSOLE: &[&[&str]] = &[
    &["keys", "query", "rt", "signal", "text", "theme", "units", "args"],
    &["paint", "table", "usage"],
    &["fleet", "verb"],
    &["command", "message"],
    &["app"],
    &["layout"],
    &["overlay", "effect"],
    &["screen"],
    &["update"],
    &["cli"],
    &["terminal"],
    &["main"],
];

/// Words that only some files may contain: the word, the paths where it may stand, and why.
const NEIGHBOURS: &[(&str, &[&str], &str)] = &[
    ("surrealkv::", &["daemon/src/store/"], "only the store knows its engine"),
    (
        "async_std::task",
        &["daemon/src/task.rs", "shared/src/net/", "shared/src/client/rt.rs", "console/src/rt.rs"],
        "one file names the executor",
    ),
    ("tokio::", &["daemon/src/guest.rs", "daemon/src/store/"], "tokio runs for the store alone"),
    (
        "bollard_stubs",
        &["shared/src/docker.rs"],
        "shared::docker is the one place of the API's models",
    ),
    ("async_std::fs", &[], "files are blocking work: task::blocking"),
    ("http_types::auth", &[], "RUSTSEC-2026-0174"),
];

/// Folders and files that may hold `unsafe`, each for a reason written at the file's top.
const UNSAFE: &[&str] = &[
    "shared/src/kernel/",
    "shared/src/net/",
    "daemon/shim/src/",
    "daemon/shim/init/",
    "daemon/runtime/src/",
    "daemon/src/main.rs",
];

/// Lines of a file at most.
const LINES: usize = 400;

/// Marks of unfinished work, taken apart so that this file does not find itself.
const UNFINISHED: &[&[&str]] =
    &[&["to", "do!("], &["unimpl", "emented!("], &["TO", "DO"], &["FIX", "ME"], &["X", "XX"]];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

struct Source {
    /// Relative to the workspace, with `/`.
    path: String,
    text: String,
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("read a folder of the workspace") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        match path.is_dir() {
            true => walk(&path, found),
            false => found.push(path),
        }
    }
}

fn sources() -> Vec<Source> {
    let root = workspace();
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).expect("a source file is text"),
        path: path.strip_prefix(&root).expect("below the workspace").to_string_lossy().into_owned(),
    };
    paths.into_iter().map(read).collect()
}

/// Fails with all findings at once.
fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn layer(layers: &[&[&str]], module: &str) -> Option<usize> {
    layers.iter().position(|layer| layer.contains(&module))
}

/// First segments of every `crate::...` path on a line, grouped imports included.
fn imports(line: &str) -> Vec<String> {
    named_after(line, "crate::")
}

/// First segments of every path on a line that begins so.
fn named_after(line: &str, begin: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in line.split(begin).skip(1) {
        let names = match part.strip_prefix('{') {
            Some(group) => top_level_names(group),
            None => vec![part.to_owned()],
        };
        for name in names {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            found.push(name[..end].to_owned());
        }
    }
    found
}

/// `a::b, c::{d, e}, f}` gives the parts at the outermost level.
fn top_level_names(group: &str) -> Vec<String> {
    let (mut names, mut depth) = (vec![String::new()], 0);
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            other => names.last_mut().expect("never empty").push(other),
        }
    }
    names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[test]
fn imports_go_downwards() {
    let mut findings = Vec::new();
    for source in sources() {
        let daemon = source.path.strip_prefix("daemon/src/").map(|tail| (LAYERS, tail));
        let console = source.path.strip_prefix("console/src/").map(|tail| (CONSOLE, tail));
        let Some((layers, tail)) = daemon.or(console) else { continue };
        let own = tail.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        // A suite is compiled for tests only, which may build what they need from anywhere.
        if own == "lib" || tail.ends_with("/suite.rs") || tail.contains("/tests/") {
            continue;
        }
        let Some(level) = layer(layers, own) else {
            findings.push(format!("{}: module {own} is in no layer", source.path));
            continue;
        };
        let tests = source.text.find("#[cfg(test)]\nmod tests {").unwrap_or(source.text.len());
        for (number, line) in statements(&source.text[..tests]) {
            for import in imports(&line) {
                let Some(other) = layer(layers, &import) else { continue };
                let sibling =
                    other == level && import != own && level != 0 && level != layers.len() - 1;
                if other > level || sibling {
                    let path = &source.path;
                    findings.push(format!("{path}:{number}: {own} must not import {import}"));
                }
            }
        }
    }
    none(findings);
}

/// In the console a folder's `mod.rs` knows what is in the folder, never the other way round.
#[test]
fn children_do_not_know_their_parents() {
    let mut findings = Vec::new();
    let all = sources();
    let paths: std::collections::BTreeSet<&str> = all.iter().map(|s| s.path.as_str()).collect();
    for source in &all {
        let Some(tail) = source.path.strip_prefix("console/src/") else { continue };
        // What is `super` for a file: its folder, or for a `mod.rs` the folder above.
        let own = source.path.trim_end_matches("/mod.rs");
        let Some((above, _)) = own.rsplit_once('/').filter(|_| tail.contains('/')) else {
            continue;
        };
        if tail.contains("/tests") {
            continue;
        }
        let tests = source.text.find("#[cfg(test)]\nmod tests {").unwrap_or(source.text.len());
        for (number, line) in statements(&source.text[..tests]) {
            for name in named_after(&line, "super::") {
                let module = [format!("{above}/{name}.rs"), format!("{above}/{name}/mod.rs")];
                if name != "self" && !module.iter().any(|path| paths.contains(path.as_str())) {
                    let path = &source.path;
                    findings.push(format!("{path}:{number}: {name} belongs to {above}/mod.rs"));
                }
            }
        }
    }
    none(findings);
}

/// `use` statements joined to one line each, other lines as they are; with line numbers.
fn statements(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut open) = (Vec::new(), None::<(usize, String)>);
    for (index, line) in text.lines().enumerate() {
        let line = code(line);
        match open.take() {
            Some((number, mut statement)) => {
                statement += line.trim();
                match line.contains(';') {
                    true => found.push((number, statement)),
                    false => open = Some((number, statement)),
                }
            }
            None if line.trim_start().starts_with("use ") && !line.contains(';') => {
                open = Some((index + 1, line.trim().to_owned()));
            }
            None => found.push((index + 1, line.to_owned())),
        }
    }
    found
}

#[test]
fn neighbours_stay_apart() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path != "tests/tidy.rs") {
        for (number, line) in source.text.lines().enumerate() {
            for (word, allowed, why) in NEIGHBOURS {
                let may = allowed.iter().any(|path| source.path.starts_with(path));
                if code(line).contains(word) && !may {
                    findings.push(format!("{}:{}: `{word}`: {why}", source.path, number + 1));
                }
            }
        }
    }
    none(findings);
}

#[test]
fn unsafe_code_has_its_places() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path != "tests/tidy.rs") {
        let may = UNSAFE.iter().any(|path| source.path.starts_with(path));
        let lines: Vec<_> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let text = code(line);
            if text.contains("allow(unsafe_code)") && !may {
                findings.push(format!(
                    "{}:{}: unsafe code may not be here",
                    source.path,
                    index + 1
                ));
            }
            let block = text.contains("unsafe {") || text.contains("unsafe impl");
            let before = &lines[index.saturating_sub(8)..=index];
            if block && !before.iter().any(|line| line.contains("SAFETY")) {
                findings.push(format!("{}:{}: no SAFETY comment above", source.path, index + 1));
            }
        }
    }
    none(findings);
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LINES {
            findings.push(format!("{}: {lines} lines, at most {LINES}", source.path));
        }
        let first =
            source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
        if !first.unwrap_or_default().starts_with("//! ") {
            findings.push(format!("{}: does not begin with //!", source.path));
        }
        let name = source.path.rsplit('/').next().unwrap_or_default();
        if ["utils.rs", "helpers.rs", "common.rs", "types.rs", "misc.rs"].contains(&name) {
            findings.push(format!("{}: a name that says nothing", source.path));
        }
    }
    none(findings);
}

#[test]
fn nothing_is_half_done() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            for parts in UNFINISHED {
                let word = parts.concat();
                let alone = line.split(|c: char| !c.is_alphanumeric() && c != '!' && c != '(');
                if alone
                    .into_iter()
                    .any(|part| part == word || (word.ends_with('(') && part.contains(&word)))
                {
                    findings.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
        }
    }
    none(findings);
}

#[test]
fn the_top_level_stays_as_it_is() {
    let known = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "assets",
        "console",
        "daemon",
        "shared",
        "target",
        "tests",
    ];
    let mut findings = Vec::new();
    for entry in fs::read_dir(workspace()).expect("the workspace") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !known.contains(&name.as_str()) {
            findings.push(format!("{name}: not at the top level"));
        }
    }
    none(findings);
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    let mut paths = Vec::new();
    walk(&workspace(), &mut paths);
    let mut findings = Vec::new();
    for path in paths.iter().filter(|path| path.ends_with("Cargo.toml")) {
        if path.parent() == Some(&workspace()) {
            continue;
        }
        let text = fs::read_to_string(path).expect("a manifest is text");
        let mut dependencies = false;
        for line in text.lines() {
            if let Some(section) = line.strip_prefix('[') {
                dependencies = section.contains("dependencies");
            } else if dependencies && line.contains('=') && !line.contains("workspace") {
                findings.push(format!("{}: {line}: say workspace = true", path.display()));
            }
        }
    }
    none(findings);
}

#[test]
fn these_rules_can_be_broken() {
    assert_eq!(imports("use crate::{a::b, c::{d, e}, f};"), ["a", "c", "f"]);
    assert_eq!(imports("let x = crate::task::spawn(crate::limits::N);"), ["task", "limits"]);
    assert_eq!(statements("use crate::{\n    a,\n    b,\n};\nx").len(), 2);
    let layer = |module| layer(LAYERS, module);
    assert!(layer("store") < layer("event") && layer("container") < layer("api"));
    assert_eq!(code("let x = 1; // unsafe {"), "let x = 1; ");
}
