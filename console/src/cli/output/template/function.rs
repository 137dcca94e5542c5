//! Docker's functions in templates; Go's own come with the library.

use super::shape::{LABELS, escaped, is_struct, json, names, printed};
use gotmpl::{FuncMap, TemplateError, Value};
use std::sync::Arc;

type Answer = gotmpl::Result<Value>;
type Function = fn(&[Value]) -> Answer;

/// Functions of values.
const VALUES: &[(&str, Function)] = &[
    ("json", |args| Ok(text(json(first(args, "json")?)))),
    ("join", join),
    ("split", split),
    ("upper", |args| Ok(text(given(args, 0, "upper")?.to_uppercase()))),
    ("lower", |args| Ok(text(given(args, 0, "lower")?.to_lowercase()))),
    ("title", title),
    ("truncate", truncate),
    ("pad", pad),
    ("label", label),
    ("show", |args| Ok(shown(first(args, "show")?))),
    ("each", each),
    ("field", |args| field(args, Missing::Signal)),
    ("index", index),
    ("println", |args| Ok(text(words(args, Gap::Always) + "\n"))),
    ("print", |args| Ok(text(words(args, Gap::BetweenOthers)))),
];

/// What differs where a map may miss a key, which is shown as `<no value>`.
const LENIENT: &[(&str, Function)] = &[
    ("field", |args| field(args, Missing::Nothing)),
    ("show", |args| match first(args, "show")? {
        Value::Nil => Ok(Value::Nil),
        other => Ok(shown(other)),
    }),
];

/// What differs for JSON as it is.
const RAW: &[(&str, Function)] = &[("field", |args| field(args, Missing::Error))];

/// What differs for rows: Docker's own encoder of them escapes.
const ROWS: &[(&str, Function)] = &[
    ("field", |args| field(args, Missing::Error)),
    ("json", |args| match first(args, "json")? {
        row @ Value::Map(_) => Ok(text(escaped(&json(row)))),
        other => Ok(text(json(other))),
    }),
];

/// Functions that leave a heading as it is.
const HEADINGS: &[(&str, Function)] = &[
    ("json", same),
    ("join", same),
    ("split", same),
    ("upper", same),
    ("lower", same),
    ("title", same),
    ("truncate", same),
    ("label", |args| args.get(1).cloned().ok_or_else(|| missing("Label", 2))),
];

/// For whom the functions are.
#[derive(Clone, Copy, Debug)]
pub enum For {
    /// A struct; a key that a map misses is [`TemplateError::MissingKey`].
    Struct,
    /// A struct, where a map may miss a key.
    StructAgain,
    /// JSON as it is.
    Json,
    /// A row of a list.
    Row,
    /// The headings of a list.
    Headings,
}

/// All functions that are ours.
pub fn all(whom: For) -> FuncMap {
    let (others, more): (&[_], &[_]) = match whom {
        For::Struct => (&[], &[]),
        For::StructAgain => (LENIENT, &[]),
        For::Json => (RAW, &[]),
        For::Row => (ROWS, &[]),
        For::Headings => (ROWS, HEADINGS),
    };
    let all = VALUES.iter().chain(others).chain(more);
    all.map(|(name, function)| (name.to_string(), Arc::new(*function) as _)).collect()
}

/// Go's own functions, which the library brings.
const GO: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "js", "le", "len", "lt", "ne", "not", "or", "printf",
    "slice", "urlquery",
];

/// True for a function that a template may call.
pub fn known(name: &str) -> bool {
    let hidden = matches!(name, "show" | "each" | "field");
    GO.contains(&name) || !hidden && VALUES.iter().any(|(own, _)| *own == name)
}

fn text(text: String) -> Value {
    Value::String(text.into())
}

fn missing(name: &str, expected: usize) -> TemplateError {
    TemplateError::ArgCount { name: name.into(), expected, got: 0 }
}

fn wrong(words: String) -> TemplateError {
    TemplateError::Exec(words)
}

fn first<'a>(args: &'a [Value], name: &str) -> gotmpl::Result<&'a Value> {
    args.first().ok_or_else(|| missing(name, 1))
}

fn same(args: &[Value]) -> Answer {
    first(args, "a function").cloned()
}

/// Text, or what else it is as text.
fn given(args: &[Value], at: usize, name: &str) -> gotmpl::Result<String> {
    args.get(at).map(printed).ok_or_else(|| missing(name, at + 1))
}

fn number(args: &[Value], at: usize, name: &str) -> gotmpl::Result<usize> {
    match args.get(at) {
        // Nobody pads further; a limit keeps a slip of the finger small.
        Some(Value::Int(n)) => Ok(usize::try_from(*n).unwrap_or(0).min(4096)),
        _ => Err(wrong(format!("{name} wants a number"))),
    }
}

/// Structs, and what holds some, as Go prints them; nothing stays nothing, for the library to name.
fn shown(value: &Value) -> Value {
    match value {
        Value::List(_) | Value::Map(_) => text(printed(value)),
        Value::Nil => text("<nil>".into()),
        plain => plain.clone(),
    }
}

fn each(args: &[Value]) -> Answer {
    let value = first(args, "range")?;
    if is_struct(value) {
        return Err(TemplateError::NotIterable(printed(value)));
    }
    Ok(value.clone())
}

/// What a map does that has no such key.
#[derive(Clone, Copy)]
enum Missing {
    Signal,
    Nothing,
    Error,
}

/// A chain of fields, as the tree asks for it: the value, `line column before`, the names.
fn field(args: &[Value], missing: Missing) -> Answer {
    let place = given(args, 1, "field")?;
    let mut place = place.splitn(3, ' ');
    let line = place.next().unwrap_or_default();
    let mut column = place.next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let before = place.next().unwrap_or_default();
    let names_asked: Vec<&str> = args.iter().skip(2).filter_map(Value::as_str).collect();
    let mut value = first(args, "field")?.clone();
    for (at, name) in names_asked.iter().enumerate() {
        let wrong = |said: String| {
            let chain = names_asked[..=at].join(".");
            wrong(format!(":{line}:{column}: executing \"\" at <{before}.{chain}>: {said}"))
        };
        value = match (value.field(name), &value) {
            (Some(found), _) => found.clone(),
            (None, Value::Map(map)) if is_struct(&value) || matches!(missing, Missing::Error) => {
                let there = names(map).collect::<Vec<_>>().join(", ");
                let said = format!("map has no entry for key {name:?}");
                return Err(wrong(if there.is_empty() {
                    said
                } else {
                    format!("{said}; there are {there}")
                }));
            }
            (None, Value::Map(_)) => match missing {
                Missing::Signal => return Err(TemplateError::MissingKey { key: (*name).into() }),
                Missing::Nothing | Missing::Error => Value::Nil,
            },
            (None, Value::Nil) => {
                return Err(wrong(format!("nil pointer evaluating interface {{}}.{name}")));
            }
            (None, other) => {
                let kind = other.type_name();
                return Err(wrong(format!("can't evaluate field {name} in type {kind}")));
            }
        };
        column += name.len() + 1;
    }
    Ok(value)
}

/// An element of a list or a map; of a map of texts one that is not there is empty.
fn index(args: &[Value]) -> Answer {
    let mut value = first(args, "index")?.clone();
    for key in &args[1..] {
        value = match (&value, key) {
            (Value::Map(map), Value::String(name)) if !is_struct(&value) => {
                map.get(name).cloned().unwrap_or_else(|| text(String::new()))
            }
            (other, key) => {
                other.index(key).map_err(|error| wrong(format!("error calling index: {error}")))?
            }
        };
    }
    Ok(value)
}

/// Where `print` and its like put blanks.
#[derive(PartialEq)]
enum Gap {
    Always,
    /// Between two of which neither is text.
    BetweenOthers,
}

fn words(args: &[Value], gap: Gap) -> String {
    let mut out = String::new();
    for (at, value) in args.iter().enumerate() {
        let texts = [at.checked_sub(1).and_then(|before| args.get(before)), Some(value)];
        let texts = texts.iter().flatten().any(|v| matches!(v, Value::String(_)));
        if at > 0 && (gap == Gap::Always || !texts) {
            out.push(' ');
        }
        out.push_str(&printed(value));
    }
    out
}

fn join(args: &[Value]) -> Answer {
    match first(args, "join")? {
        Value::List(list) => {
            let parts: Vec<String> = list.iter().map(printed).collect();
            Ok(text(parts.join(&given(args, 1, "join")?)))
        }
        other => Err(wrong(format!("join wants a list, not {}", other.type_name()))),
    }
}

fn split(args: &[Value]) -> Answer {
    let (whole, by) = (given(args, 0, "split")?, given(args, 1, "split")?);
    let parts: Vec<Value> = match by.is_empty() {
        true => whole.chars().map(|c| text(c.to_string())).collect(),
        false => whole.split(by.as_str()).map(|part| text(part.into())).collect(),
    };
    Ok(Value::List(parts.into()))
}

/// The first letter of each word large, as Go's `strings.Title`.
fn title(args: &[Value]) -> Answer {
    let mut out = String::new();
    let mut inside = false;
    for letter in given(args, 0, "title")?.chars() {
        if inside {
            out.push(letter);
        } else {
            out.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric() || matches!(letter, '_' | '\'');
    }
    Ok(text(out))
}

fn truncate(args: &[Value]) -> Answer {
    let whole = given(args, 0, "truncate")?;
    Ok(text(whole.chars().take(number(args, 1, "truncate")?).collect()))
}

fn pad(args: &[Value]) -> Answer {
    let whole = given(args, 0, "pad")?;
    if whole.is_empty() {
        return Ok(text(whole));
    }
    let (before, after) = (number(args, 1, "pad")?, number(args, 2, "pad")?);
    Ok(text(format!("{}{whole}{}", " ".repeat(before), " ".repeat(after))))
}

/// `.Label "name"` of a row.
fn label(args: &[Value]) -> Answer {
    let name = given(args, 1, "Label")?;
    let labels = first(args, "Label")?.field(LABELS);
    let found = labels.and_then(|labels| labels.field(&name)).cloned();
    Ok(found.unwrap_or_else(|| text(String::new())))
}
