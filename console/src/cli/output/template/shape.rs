//! Go's structs in a world of JSON: the fields of Docker's types in their order, what a field is that
//! JSON leaves out, and how Go prints and encodes them. The types stand in `types.txt`.
//!
//! A struct is a map with one more entry, [`TYPE`], which no template can name.

use gotmpl::Value;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Field under which a row carries its labels for `.Label "name"`.
pub const LABELS: &str = "\u{0}labels";

/// Names the type of a struct; behind it the fields that are null in JSON.
const TYPE: &str = "\u{0}type";

const TYPES: &str = include_str!("types.txt");

/// A field as its line has it.
struct Field<'a> {
    name: &'a str,
    json: &'a str,
    kind: &'a str,
    /// Left out of JSON when it is empty.
    optional: bool,
}

/// The fields of a type; one that stands for a whole type begins with `+` and has no kind.
fn fields(of: &str) -> impl Iterator<Item = Field<'_>> {
    let line = TYPES.lines().find_map(|line| line.strip_prefix(of)?.strip_prefix(": "));
    line.unwrap_or_default().split_whitespace().map(|word| {
        let (names, kind) = word.split_once(':').unwrap_or((word, ""));
        let (name, json) = names.split_once('=').unwrap_or((names, names));
        let plain = kind.trim_end_matches('?');
        Field { name, json, kind: plain, optional: plain.len() < kind.len() }
    })
}

/// JSON as it is: maps and lists.
pub fn raw(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(on) => Value::Bool(*on),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Value::Int(n),
            (None, Some(n)) => Value::Uint(n),
            _ => Value::Float(n.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(list) => list.iter().map(raw).collect::<Vec<_>>().into_value(),
        Json::Object(map) => {
            Value::Map(Arc::new(map.iter().map(|(k, v)| (k.as_str().into(), raw(v))).collect()))
        }
    }
}

/// A list as a value.
trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for Vec<Value> {
    fn into_value(self) -> Value {
        Value::List(self.into())
    }
}

/// JSON as a struct of this type, with everything that JSON leaves out.
pub fn typed(json: &Json, of: &str) -> Value {
    let mut map = BTreeMap::new();
    let mut null = String::new();
    fill(json, of, &mut map, &mut null);
    map.insert(TYPE.into(), Value::String(format!("{of} {null}").into()));
    Value::Map(Arc::new(map))
}

fn fill(json: &Json, of: &str, map: &mut BTreeMap<Arc<str>, Value>, null: &mut String) {
    for field in fields(of) {
        if let Some(embedded) = field.name.strip_prefix('+') {
            fill(json, embedded, map, null);
            continue;
        }
        let given = json.get(field.json).unwrap_or(&Json::Null);
        if given.is_null() {
            null.push_str(field.json);
            null.push(' ');
        }
        let value = valued(given, field.kind);
        map.insert(field.name.into(), value);
    }
}

/// A value of a kind, or what Go has where there is none.
fn valued(json: &Json, kind: &str) -> Value {
    let inner =
        |open, close| kind.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    if let Some(of) = kind.strip_prefix('*') {
        return match json {
            Json::Null => Value::Nil,
            given => valued(given, of),
        };
    }
    if let Some(of) = inner('[', ']') {
        let all = json.as_array().into_iter().flatten();
        return all.map(|one| element(one, of)).collect::<Vec<_>>().into_value();
    }
    if let Some(of) = inner('{', '}') {
        let all = json.as_object().into_iter().flatten();
        let all = all.map(|(name, one)| (Arc::from(name.as_str()), element(one, of)));
        return Value::Map(Arc::new(all.collect()));
    }
    match (kind, json) {
        ("s", Json::Null) => Value::String("".into()),
        ("i", Json::Null) => Value::Int(0),
        ("b", Json::Null) => Value::Bool(false),
        ("s" | "i" | "b", given) => raw(given),
        (of, given) => typed(given, of),
    }
}

fn element(json: &Json, of: &str) -> Value {
    if of.is_empty() { raw(json) } else { typed(json, of) }
}

/// The type of a struct and its fields that are null in JSON.
fn type_of(map: &BTreeMap<Arc<str>, Value>) -> Option<(&str, BTreeSet<&str>)> {
    let mut words = map.get(TYPE)?.as_str()?.split_whitespace();
    Some((words.next()?, words.collect()))
}

/// The names in a map or struct that a template may use.
pub fn names(map: &BTreeMap<Arc<str>, Value>) -> impl Iterator<Item = &str> {
    map.keys().map(|name| &**name).filter(|name| !name.starts_with('\0'))
}

/// True for a struct: nothing that a template may go through.
pub fn is_struct(value: &Value) -> bool {
    matches!(value, Value::Map(map) if map.contains_key(TYPE))
}

/// A value as Go prints it: `[a b]`, `map[k:v]`, `{a b}`, `<nil>`.
pub fn printed(value: &Value) -> String {
    match value {
        Value::List(list) => {
            format!("[{}]", list.iter().map(printed).collect::<Vec<_>>().join(" "))
        }
        Value::Map(map) => match type_of(map) {
            Some((of, _)) => print_struct(map, of),
            None => {
                let all = names(map).map(|name| format!("{name}:{}", printed(&map[name])));
                format!("map[{}]", all.collect::<Vec<_>>().join(" "))
            }
        },
        plain => plain.to_string(),
    }
}

fn print_struct(map: &BTreeMap<Arc<str>, Value>, of: &str) -> String {
    let all = fields(of).map(|field| match field.name.strip_prefix('+') {
        Some(embedded) => print_struct(map, embedded),
        None => map.get(field.name).map(printed).unwrap_or_default(),
    });
    format!("{{{}}}", all.collect::<Vec<_>>().join(" "))
}

/// A value as Go encodes it: the fields of a struct in their order, a map by its names.
pub fn json(value: &Value) -> String {
    match value {
        Value::Nil | Value::Function(_) => "null".into(),
        Value::Bool(on) => on.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Float(n) => Json::from(*n).to_string(),
        Value::String(text) => quoted(text),
        Value::List(list) => format!("[{}]", list.iter().map(json).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let mut pairs = Vec::new();
            match type_of(map) {
                Some((of, null)) => json_fields(map, of, &null, &mut pairs),
                None => {
                    pairs.extend(names(map).map(|n| format!("{}:{}", quoted(n), json(&map[n]))))
                }
            }
            format!("{{{}}}", pairs.join(","))
        }
    }
}

fn json_fields(
    map: &BTreeMap<Arc<str>, Value>,
    of: &str,
    null: &BTreeSet<&str>,
    pairs: &mut Vec<String>,
) {
    for field in fields(of) {
        if let Some(embedded) = field.name.strip_prefix('+') {
            json_fields(map, embedded, null, pairs);
            continue;
        }
        let Some(value) = map.get(field.name) else { continue };
        let pointer = field.kind.starts_with('*') && !matches!(value, Value::Nil);
        if field.optional && !pointer && !value.is_truthy() {
            continue;
        }
        let list = matches!(value, Value::List(_) | Value::Map(_)) && !is_struct(value);
        let text = if list && null.contains(field.json) { "null".into() } else { json(value) };
        pairs.push(format!("{}:{text}", quoted(field.json)));
    }
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// JSON text with what a browser could take for markup as numbers, as Go's encoder has it.
pub fn escaped(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn every_type_that_is_named_is_there() {
        let known: BTreeSet<&str> = TYPES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(": ").map(|(name, _)| name))
            .collect();
        for of in &known {
            for field in fields(of) {
                let named = field.name.strip_prefix('+').unwrap_or(field.kind);
                let named = named.trim_matches(|c: char| "*[]{}".contains(c));
                assert!(
                    matches!(named, "" | "s" | "i" | "b") || known.contains(named),
                    "{of}.{} is a {named}",
                    field.name
                );
            }
        }
    }

    #[test]
    fn structs_print_and_encode_as_in_go() {
        let state = typed(&value!({"Status": "running", "Running": true, "Pid": 42}), "State");
        assert_eq!(printed(&state), "{running true false false false false 42 0    <nil>}");
        assert!(json(&state).starts_with(r#"{"Status":"running","Running":true,"Paused":false"#));
        assert!(json(&state).ends_with(r#""FinishedAt":""}"#), "no Health when there is none");
        let config = typed(&value!({"Cmd": ["a<b"], "Labels": null, "StopTimeout": 0}), "Config");
        let said = json(&config);
        assert!(said.contains(r#""Cmd":["a<b"]"#) && said.contains(r#""Labels":null"#), "{said}");
        assert!(said.contains(r#""StopTimeout":0"#) && !said.contains("Healthcheck"), "{said}");
        let host = typed(&value!({"CpuShares": 7, "Memory": 1}), "HostConfig");
        let Value::Map(map) = &host else { panic!() };
        assert_eq!((map["CPUShares"].as_int(), map.get("CpuShares")), (Some(7), None));
        assert!(printed(&host).contains("{7 1 0  0 []"), "{}", printed(&host));
    }
}
