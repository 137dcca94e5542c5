//! `$name` in Dockerfile instructions (Dockerfile reference, "Environment replacement"). Pure.

use shared::error::{Error, Result};
use std::iter::Peekable;
use std::str::Chars;

/// What stands for the variable whose `$` was just read: `$name`, `${name}`, `${name:-word}`,
/// `${name:+word}`. An unknown one is empty, a lone `$` is itself.
pub fn after_dollar(rest: &mut Peekable<Chars<'_>>, env: &[String]) -> Result<String> {
    if rest.peek() == Some(&'{') {
        rest.next();
        return braced(rest, env);
    }
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    if name.is_empty() {
        return Ok("$".to_owned());
    }
    Ok(value(&name, env).unwrap_or_default().to_owned())
}

/// A text in which quotes mean nothing.
pub fn expand(text: &str, env: &[String]) -> Result<String> {
    let (mut expanded, mut rest) = (String::new(), text.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.peek() == Some(&'$') => expanded.extend(rest.next()),
            '$' => expanded.push_str(&after_dollar(&mut rest, env)?),
            c => expanded.push(c),
        }
    }
    Ok(expanded)
}

fn braced(rest: &mut Peekable<Chars<'_>>, env: &[String]) -> Result<String> {
    let mut inner = String::new();
    loop {
        match rest.next() {
            Some('}') => break,
            Some(c) => inner.push(c),
            None => return Err(Error::invalid("syntax error: missing '}'")),
        }
    }
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, modifier) = inner.split_at(end);
    let found = value(name, env);
    let is_set = found.is_some_and(|found| !found.is_empty());
    match (modifier.get(..2), is_set) {
        (None, _) if modifier.is_empty() && !name.is_empty() => {
            Ok(found.unwrap_or_default().to_owned())
        }
        (Some(":-"), true) => Ok(found.unwrap_or_default().to_owned()),
        (Some(":-"), false) | (Some(":+"), true) => expand(&modifier[2..], env),
        (Some(":+"), false) => Ok(String::new()),
        _ => Err(Error::invalid(format!("unsupported modifier in \"${{{inner}}}\""))),
    }
}

fn value<'a>(name: &str, env: &'a [String]) -> Option<&'a str> {
    env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_reference_says() {
        let env = ["PATH=/bin".to_owned(), "EMPTY=".to_owned()];
        for (text, wanted) in [
            ("/usr/bin:$PATH", "/usr/bin:/bin"),
            ("${PATH}s", "/bins"),
            ("$NONE|${NONE:-a $PATH}|${PATH:+set}|${EMPTY:-x}|${EMPTY:+y}", "|a /bin|set|x|"),
            ("5$ and \\$PATH", "5$ and $PATH"),
        ] {
            assert_eq!(expand(text, &env).unwrap(), wanted);
        }
        assert!(expand("${PATH", &env).is_err());
        assert!(expand("${PATH%x}", &env).is_err());
    }
}
