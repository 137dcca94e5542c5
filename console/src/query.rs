//! The one filter language of `/` in every list: terms joined by blanks, all of which must hold.
//!
//! ```text
//! web              name, id or image contains "web"          !web         does not
//! state=running    equals     state!=exited  differs          name~^api    matches the expression
//! mem%>80 cpu<=5   compares a figure; 1.5g, 200m, 10k are powers of 1024
//! label=app:web    the label app is web                      label=app    has the label
//! ```
//!
//! Pure. What the fields are is the business of the [`Subject`].

use regex_lite::Regex;
use shared::error::{Error, Result};

/// A value that a term can look at.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Words.
    Text(&'a str),
    /// A figure.
    Number(f64),
}

/// Something that can be filtered.
pub trait Subject {
    /// The value of a field; `None` for an unknown field or one without a value.
    fn field(&self, name: &str) -> Option<Value<'_>>;
    /// The value of a label.
    fn label(&self, name: &str) -> Option<&str>;
    /// True when a bare word occurs in what names it; `needle` is lower case.
    fn mentions(&self, needle: &str) -> bool;
}

#[derive(Clone, Debug)]
enum Test {
    Mentions(String),
    Equals(String, String),
    Matches(String, Regex),
    Compares(String, Compare, f64),
    Label(String, Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Debug)]
struct Term {
    wanted: bool,
    test: Test,
}

/// A parsed filter.
#[derive(Clone, Debug, Default)]
pub struct Query {
    terms: Vec<Term>,
    text: String,
}

impl Query {
    /// Reads a filter; `fields` are the names that may be compared.
    pub fn parse(text: &str, fields: &[&str]) -> Result<Self> {
        let terms =
            text.split_whitespace().map(|word| term(word, fields)).collect::<Result<_>>()?;
        Ok(Self { terms, text: text.trim().to_string() })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when it keeps everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when every term holds.
    pub fn keeps(&self, subject: &impl Subject) -> bool {
        self.terms.iter().all(|term| term.test.holds(subject) == term.wanted)
    }
}

fn term(word: &str, fields: &[&str]) -> Result<Term> {
    let (wanted, rest) = match word.strip_prefix('!') {
        Some(rest) if !rest.is_empty() => (false, rest),
        _ => (true, word),
    };
    let Some(at) = rest.find(['=', '~', '<', '>', '!']).filter(|at| *at > 0) else {
        return Ok(Term { wanted, test: Test::Mentions(rest.to_lowercase()) });
    };
    let (name, tail) = rest.split_at(at);
    let name = name.to_lowercase();
    let (operator, value) = match tail {
        t if t.starts_with("!=") || t.starts_with("<=") || t.starts_with(">=") => t.split_at(2),
        t if t.starts_with('!') => {
            return Ok(Term { wanted, test: Test::Mentions(rest.to_lowercase()) });
        }
        t => t.split_at(1),
    };
    if name == "label" && operator == "=" {
        let (label, is) = match value.split_once([':', '=']) {
            Some((label, is)) => (label, Some(is.to_string())),
            None => (value, None),
        };
        return Ok(Term { wanted, test: Test::Label(label.to_string(), is) });
    }
    if !fields.contains(&name.as_str()) {
        return Err(Error::invalid(format!("no field {name:?}; there are {}", fields.join(", "))));
    }
    let compare = |how| Ok::<_, Error>(Test::Compares(name.clone(), how, number(value)?));
    let (wanted, test) = match operator {
        "=" => (wanted, Test::Equals(name.clone(), value.to_lowercase())),
        "!=" => (!wanted, Test::Equals(name.clone(), value.to_lowercase())),
        "~" => {
            let regex = Regex::new(&format!("(?i){value}")).map_err(|error| {
                Error::invalid(format!("{value:?} is no regular expression: {error}"))
            })?;
            (wanted, Test::Matches(name.clone(), regex))
        }
        "<" => (wanted, compare(Compare::Less)?),
        "<=" => (wanted, compare(Compare::LessEqual)?),
        ">" => (wanted, compare(Compare::Greater)?),
        _ => (wanted, compare(Compare::GreaterEqual)?),
    };
    Ok(Term { wanted, test })
}

/// A number, with `k`, `m`, `g`, `t` as powers of 1024 and an optional `%` or `b` behind.
fn number(text: &str) -> Result<f64> {
    let lower = text.to_lowercase();
    let bare = lower.trim_end_matches(['%', 'b']);
    let (digits, factor) = match bare.char_indices().last() {
        Some((at, 'k')) => (&bare[..at], 1024.0),
        Some((at, 'm')) => (&bare[..at], 1024.0 * 1024.0),
        Some((at, 'g')) => (&bare[..at], 1024.0 * 1024.0 * 1024.0),
        Some((at, 't')) => (&bare[..at], 1024.0 * 1024.0 * 1024.0 * 1024.0),
        _ => (bare, 1.0),
    };
    let value: f64 =
        digits.parse().map_err(|_| Error::invalid(format!("{text:?} is no number")))?;
    Ok(value * factor)
}

impl Test {
    fn holds(&self, subject: &impl Subject) -> bool {
        match self {
            Test::Mentions(needle) => subject.mentions(needle),
            Test::Label(name, None) => subject.label(name).is_some(),
            Test::Label(name, Some(value)) => subject.label(name) == Some(value),
            Test::Equals(name, value) => match subject.field(name) {
                Some(Value::Text(text)) => text.to_lowercase() == *value,
                Some(Value::Number(figure)) => number(value).is_ok_and(|v| v == figure),
                None => value.is_empty(),
            },
            Test::Matches(name, regex) => match subject.field(name) {
                Some(Value::Text(text)) => regex.is_match(text),
                Some(Value::Number(figure)) => regex.is_match(&figure.to_string()),
                None => false,
            },
            Test::Compares(name, how, bound) => match (subject.field(name), how) {
                (Some(Value::Number(figure)), Compare::Less) => figure < *bound,
                (Some(Value::Number(figure)), Compare::LessEqual) => figure <= *bound,
                (Some(Value::Number(figure)), Compare::Greater) => figure > *bound,
                (Some(Value::Number(figure)), Compare::GreaterEqual) => figure >= *bound,
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Web;

    impl Subject for Web {
        fn field(&self, name: &str) -> Option<Value<'_>> {
            match name {
                "name" => Some(Value::Text("web-1")),
                "state" => Some(Value::Text("running")),
                "mem" => Some(Value::Number(300.0 * 1024.0 * 1024.0)),
                _ => None,
            }
        }
        fn label(&self, name: &str) -> Option<&str> {
            (name == "app").then_some("shop")
        }
        fn mentions(&self, needle: &str) -> bool {
            "web-1".contains(needle)
        }
    }

    fn keeps(text: &str) -> bool {
        Query::parse(text, &["name", "state", "mem"]).unwrap().keeps(&Web)
    }

    #[test]
    fn every_kind_of_term() {
        for text in [
            "",
            "web",
            "!api",
            "state=running",
            "state!=exited",
            "!state=exited",
            "name~^WEB-\\d$",
            "mem>200m",
            "mem<=300m",
            "mem<1g",
            "label=app:shop",
            "label=app",
            "!label=x",
            "web mem>1k",
        ] {
            assert!(keeps(text), "{text}");
        }
        for text in ["api", "!web", "state=exited", "name~^api", "mem>1g", "label=app:x", "web api"]
        {
            assert!(!keeps(text), "{text}");
        }
    }

    #[test]
    fn mistakes_are_said() {
        let said = |t| Query::parse(t, &["name", "mem"]).unwrap_err().to_string();
        assert_eq!(said("nmae=x"), "no field \"nmae\"; there are name, mem");
        assert_eq!(said("mem>lots"), "\"lots\" is no number");
        assert!(said("name~[").contains("no regular expression"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            let _ = Query::parse(&text, &["name", "mem"]).map(|q| q.keeps(&Web));
        }
    }
}
