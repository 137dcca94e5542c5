//! Go templates of `--format`, on the `gtmpl` crate with Docker's functions added.

use super::printf::{Argument, printf};
use gtmpl::{Context as Scope, Func, FuncError};
use gtmpl_value::Value as Go;
use serde_json::Value;
use shared::error::{Error, Result};
use std::collections::HashMap;

/// A parsed template.
pub struct Template {
    inner: gtmpl::Template,
    text: String,
    given: String,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}

/// Field under which a row carries its labels for `.Label "name"`.
pub const LABELS: &str = "\u{0}labels";

impl Template {
    /// Reads a template. `\t` and `\n` typed as two characters count, as for Docker.
    pub fn parse(text: &str) -> Result<Self> {
        let given = text.to_owned();
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        // gtmpl knows no methods with arguments: the one that Docker has becomes a function.
        let text = text.replace(".Label \"", "label . \"").replace(".Label `", "label . `");
        let text = shown(&text);
        let mut inner = gtmpl::Template::default();
        inner.add_funcs(FUNCTIONS);
        inner
            .parse(text.clone())
            .map_err(|error| Error::invalid(format!("failed to parse template: {error}")))?;
        Ok(Self { inner, text, given })
    }

    /// The template applied to a value.
    pub fn render(&self, value: &Value) -> Result<String> {
        self.inner
            .render(&Scope::from(go(value)))
            .map_err(|error| self.explain(value, &error.to_string()))
    }

    /// The template applied to headings: functions that change a value leave them alone where they can.
    pub fn render_heading(&self, value: &Value) -> Result<String> {
        let plain = self.text.replace("json ", "print ").replace(" | show ", "");
        let heading = Template::parse(&plain)?;
        heading.render(value)
    }

    fn explain(&self, value: &Value, said: &str) -> Error {
        let fields: Vec<&str> = match value {
            Value::Object(map) => map.keys().map(String::as_str).filter(|k| *k != LABELS).collect(),
            _ => Vec::new(),
        };
        // What follows is the whole value in Rust's notation.
        let said = said.split(" for {").next().unwrap_or(said);
        Error::invalid(format!(
            "failed to execute template {:?}: {said}; there are {}",
            self.given,
            fields.join(", ")
        ))
    }

    /// True when it may show this field: by its name, or with all others.
    pub fn mentions(&self, field: &str) -> bool {
        self.given.contains(&format!(".{field}")) || self.given.contains("json .}")
    }
}

/// Words that begin an action which prints nothing.
const SILENT: [&str; 9] =
    ["if", "else", "end", "range", "with", "define", "template", "block", "/*"];

/// Passes what an action prints through `show`: gtmpl prints lists and maps as Rust does, not as Go.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at + 2]);
        rest = &rest[at + 2..];
        let end = end_of_action(rest);
        let (inside, trim) = match rest[..end].strip_suffix('-') {
            Some(inside) => (inside, "-"),
            None => (&rest[..end], ""),
        };
        let bare = inside.trim_start_matches('-').trim();
        let first = bare.split_whitespace().next().unwrap_or_default();
        let silent = SILENT.contains(&first) || bare.starts_with("/*") || bare.contains(":=");
        out.push_str(inside);
        if !silent && end < rest.len() && !bare.is_empty() {
            out.push_str(" | show ");
        }
        out.push_str(trim);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Where an action ends: at `}}` outside of quotes, or at the end of the text.
fn end_of_action(text: &str) -> usize {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '`' => quote = Some(c),
            None if text[at..].starts_with("}}") => return at,
            None => {}
        }
    }
    text.len()
}

/// A value as Go prints it: `[a b]`, `map[k:v]`, `<nil>`.
fn printed(value: &Go) -> String {
    match value {
        Go::NoValue => "<no value>".into(),
        Go::Nil => "<nil>".into(),
        Go::Array(list) => {
            format!("[{}]", list.iter().map(printed).collect::<Vec<_>>().join(" "))
        }
        Go::Object(map) | Go::Map(map) => {
            let mut pairs: Vec<String> = map
                .iter()
                .filter(|(name, _)| *name != LABELS)
                .map(|(name, value)| format!("{name}:{}", printed(value)))
                .collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        }
        plain => plain.to_string(),
    }
}

fn show(args: &[Go]) -> Answer {
    Ok(Go::from(args.first().map(printed).unwrap_or_default()))
}

/// JSON as a Go value; an object is a struct, so that an unknown field is an error, not `<no value>`.
fn go(value: &Value) -> Go {
    match value {
        Value::Null => Go::Nil,
        Value::Bool(b) => Go::from(*b),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Go::from(n),
            (None, Some(n)) => Go::from(n),
            _ => Go::from(n.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Go::from(text.as_str()),
        Value::Array(list) => Go::Array(list.iter().map(go).collect()),
        Value::Object(map) => {
            Go::Object(map.iter().map(|(k, v)| (k.clone(), go(v))).collect::<HashMap<String, Go>>())
        }
    }
}

/// A Go value as JSON.
fn json_of(value: &Go) -> Value {
    match value {
        Go::NoValue | Go::Nil | Go::Function(_) => Value::Null,
        Go::Bool(b) => Value::Bool(*b),
        Go::String(text) => Value::String(text.clone()),
        Go::Array(list) => list.iter().map(json_of).collect(),
        Go::Object(map) | Go::Map(map) => {
            let shown = map
                .iter()
                .filter(|(name, value)| *name != LABELS && !matches!(value, Go::Function(_)));
            Value::Object(shown.map(|(name, value)| (name.clone(), json_of(value))).collect())
        }
        Go::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(n), ..) => Value::from(n),
            (_, Some(n), _) => Value::from(n),
            (.., Some(n)) => Value::from(n),
            _ => Value::Null,
        },
    }
}

type Answer = std::result::Result<Go, FuncError>;

static FUNCTIONS: &[(&str, Func)] = &[
    ("json", json),
    ("join", join),
    ("split", split),
    ("upper", upper),
    ("lower", lower),
    ("title", title),
    ("truncate", truncate),
    ("pad", pad),
    ("label", label),
    ("show", show),
    ("printf", formatted),
];

fn text(args: &[Go], at: usize, name: &str) -> std::result::Result<String, FuncError> {
    match args.get(at) {
        Some(Go::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(FuncError::AtLeastXArgs(name.into(), at + 1)),
    }
}

fn number(args: &[Go], at: usize, name: &str) -> std::result::Result<usize, FuncError> {
    match args.get(at) {
        Some(Go::Number(n)) => {
            Ok(n.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(4096))
        }
        _ => Err(FuncError::Generic(format!("{name} wants a number"))),
    }
}

fn json(args: &[Go]) -> Answer {
    let value = args.first().ok_or_else(|| FuncError::ExactlyXArgs("json".into(), 1))?;
    Ok(Go::from(json_of(value).to_string()))
}

fn join(args: &[Go]) -> Answer {
    let Some(Go::Array(list)) = args.first() else {
        return Err(FuncError::Generic("join wants a list".into()));
    };
    let parts: Vec<String> = list.iter().map(ToString::to_string).collect();
    Ok(Go::from(parts.join(&text(args, 1, "join")?)))
}

fn split(args: &[Go]) -> Answer {
    let (whole, by) = (text(args, 0, "split")?, text(args, 1, "split")?);
    if by.is_empty() {
        return Ok(Go::Array(whole.chars().map(|c| Go::from(c.to_string())).collect()));
    }
    Ok(Go::Array(whole.split(by.as_str()).map(Go::from).collect()))
}

fn formatted(args: &[Go]) -> Answer {
    let format = text(args, 0, "printf")?;
    let one = |value: &Go| match value {
        Go::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => Argument::Whole(n),
            (None, n) => Argument::Real(n.unwrap_or_default()),
        },
        other => Argument::Text(printed(other)),
    };
    let arguments: Vec<Argument> = args.iter().skip(1).map(one).collect();
    Ok(Go::from(printf(&format, &arguments)))
}

fn upper(args: &[Go]) -> Answer {
    Ok(Go::from(text(args, 0, "upper")?.to_uppercase()))
}

fn lower(args: &[Go]) -> Answer {
    Ok(Go::from(text(args, 0, "lower")?.to_lowercase()))
}

fn title(args: &[Go]) -> Answer {
    let whole = text(args, 0, "title")?;
    let mut letters = whole.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    Ok(Go::from(first + letters.as_str()))
}

fn truncate(args: &[Go]) -> Answer {
    let whole = text(args, 0, "truncate")?;
    Ok(Go::from(whole.chars().take(number(args, 1, "truncate")?).collect::<String>()))
}

fn pad(args: &[Go]) -> Answer {
    let whole = text(args, 0, "pad")?;
    let (before, after) = (number(args, 1, "pad")?, number(args, 2, "pad")?);
    Ok(Go::from(format!("{}{whole}{}", " ".repeat(before), " ".repeat(after))))
}

/// `.Label "name"` of a row, as `label . "name"`.
fn label(args: &[Go]) -> Answer {
    let (row, name) = (args.first(), text(args, 1, "Label")?);
    let Some(Go::Object(row)) = row else { return Ok(Go::from("")) };
    match row.get(LABELS) {
        Some(Go::Object(labels)) => Ok(labels.get(&name).cloned().unwrap_or_else(|| Go::from(""))),
        _ => Ok(Go::from("")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_functions() {
        let value = serde_json::json!({
            "Name": "web", "State": {"Running": true, "Pid": 42, "Error": ""}, "Cmd": ["a", "b"],
            LABELS: {"app": "shop"}, "Ports": {"80/tcp": [{"HostPort": "8080"}]},
        });
        for (template, said) in [
            ("{{.Name}}", "web"),
            ("{{.State.Pid}}", "42"),
            ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
            ("{{range .Cmd}}<{{.}}>{{end}}", "<a><b>"),
            ("{{join .Cmd \" \"}}", "a b"),
            ("{{json .Cmd}}", "[\"a\",\"b\"]"),
            ("{{upper .Name}}{{lower \"X\"}}{{title .Name}}", "WEBxWeb"),
            ("{{.Label \"app\"}}", "shop"),
            ("{{index .Cmd 1}}", "b"),
            ("{{len .Cmd}} {{eq .Name \"web\"}} {{not .State.Running}}", "2 true false"),
            ("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080"),
            ("{{range $p, $b := .Ports}}{{$p}}{{end}}", "80/tcp"),
            (
                "{{truncate .Name 2}}|{{pad .Name 1 2}}|{{printf \"%s-%d\" .Name 3}}",
                "we| web  |web-3",
            ),
            (
                "{{.Cmd}} {{ .Ports }} {{- .Name -}} {{\"}}\"}}",
                "[a b] map[80/tcp:[map[HostPort:8080]]]web}}",
            ),
            (
                "{{join (split .Name \"\") \"-\"}} {{printf \"%-4s|%q\" .Name .Name}}",
                "w-e-b web |\"web\"",
            ),
            ("{{with .State}}{{.Pid}}{{end}}{{println .Name}}", "42web\n"),
        ] {
            assert_eq!(
                Template::parse(template).unwrap().render(&value).unwrap(),
                said,
                "{template}"
            );
        }
    }
}
