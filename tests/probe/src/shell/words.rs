//! The shell's words: from text to tokens, and the expansion of variables. Pure; runs nothing.

use std::collections::{BTreeMap, VecDeque};

/// What a line of shell consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Text, expanded later.
    Word(String),
    /// `;`, newline, `&`, `&&`, `||`, `|`
    Operator(&'static str),
    /// Descriptor, `<`, `>`, `>>` or `>&`; the target is the next word.
    Redirect(u8, &'static str),
}

/// Marks in words while they are tokens: a dollar sign in single quotes is not expanded.
const LITERAL_DOLLAR: char = '\u{1}';

/// Replaces `$NAME`, `${NAME}`, `$?` and `$$`; the shell's own variables come first.
pub fn expand(word: &str, status: i32, variables: &BTreeMap<String, String>) -> String {
    let (mut text, mut rest) = (String::new(), word);
    while let Some(index) = rest.find('$') {
        text += &rest[..index];
        rest = &rest[index + 1..];
        if let Some(after) = rest.strip_prefix('?') {
            text += &status.to_string();
            rest = after;
        } else if let Some(after) = rest.strip_prefix('$') {
            text += &std::process::id().to_string();
            rest = after;
        } else {
            let braced = rest.strip_prefix('{').and_then(|r| r.split_once('}'));
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let plain = rest.split_at(length.unwrap_or(rest.len()));
            let (name, after) = braced.unwrap_or(plain);
            match name {
                "" => text.push('$'),
                _ => match variables.get(name) {
                    Some(value) => text += value,
                    None => text += &std::env::var(name).unwrap_or_default(),
                },
            }
            rest = after;
        }
    }
    (text + rest).replace(LITERAL_DOLLAR, "$")
}

/// `NAME=value`, taken apart.
pub fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()))
        .then_some((name, value))
}

/// Takes a text apart; an open quote is an error.
pub fn tokens(text: &str) -> Result<VecDeque<Token>, String> {
    let (mut tokens, mut word) = (VecDeque::new(), None::<String>);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let mut take = |wanted: char| characters.next_if_eq(&wanted).is_some();
        let operator = match character {
            ' ' | '\t' | '\r' => None,
            ';' | '\n' => Some(Token::Operator(";")),
            '&' if take('&') => Some(Token::Operator("&&")),
            '&' => Some(Token::Operator("&")),
            '|' if take('|') => Some(Token::Operator("||")),
            '|' => Some(Token::Operator("|")),
            '<' => Some(Token::Redirect(0, "<")),
            '>' => {
                let fd = match word.as_deref() {
                    Some(number @ ("1" | "2")) => u8::from(number == "2") + 1,
                    _ => 1,
                };
                if matches!(word.as_deref(), Some("1" | "2")) {
                    word = None;
                }
                let operator = if take('>') {
                    ">>"
                } else if take('&') {
                    ">&"
                } else {
                    ">"
                };
                Some(Token::Redirect(fd, operator))
            }
            '#' if word.is_none() => {
                while characters.next_if(|c| *c != '\n').is_some() {}
                None
            }
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return Err(format!("a closing {character} is missing")),
                        Some(end) if end == character => break,
                        Some('$') if character == '\'' => word.push(LITERAL_DOLLAR),
                        Some('\\') if character == '"' => word.extend(characters.next()),
                        Some(other) => word.push(other),
                    }
                }
                continue;
            }
            '\\' => {
                let next = characters.next().map(|c| if c == '$' { LITERAL_DOLLAR } else { c });
                word.get_or_insert_default().extend(next);
                continue;
            }
            other => {
                word.get_or_insert_default().push(other);
                continue;
            }
        };
        tokens.extend(word.take().map(Token::Word));
        tokens.extend(operator);
    }
    tokens.extend(word.map(Token::Word));
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_operators() {
        let read: Vec<_> = tokens("echo 'a $b' \"c d\"&& x 2>&1|y >f # z").unwrap().into();
        let word = |text: &str| Token::Word(text.replace("'$", "\u{1}"));
        let wanted = vec![
            word("echo"),
            word("a '$b"),
            word("c d"),
            Token::Operator("&&"),
            word("x"),
            Token::Redirect(2, ">&"),
            word("1"),
            Token::Operator("|"),
            word("y"),
            Token::Redirect(1, ">"),
            word("f"),
        ];
        assert_eq!(read, wanted);
        assert!(tokens("echo 'a").is_err());
    }

    #[test]
    fn variables_are_expanded_but_not_in_single_quotes() {
        let own = BTreeMap::from([("OWN".to_owned(), "1".to_owned())]);
        assert_eq!(expand("a$?b", 3, &own), "a3b");
        assert_eq!(expand("${NO_SUCH_NAME}x$", 0, &own), "x$");
        assert_eq!(expand("$OWN.", 0, &own), "1.");
        assert_eq!(expand("\u{1}?", 3, &own), "$?");
    }
}
