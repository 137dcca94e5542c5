//! Patterns of names as Go's `path.Match` has them: `*` and `?` stop at slashes, `[a-z]` and `[^a]` are
//! sets, a backslash takes the next character as it is.

/// True if the whole of `text` matches; a malformed pattern matches nothing.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    here(&pattern, &text)
}

fn here(mut pattern: &[char], mut text: &[char]) -> bool {
    // The last star and the text that it was tried with: on a mismatch it takes one character more.
    let mut retry: Option<(&[char], &[char])> = None;
    loop {
        if let [star, rest @ ..] = pattern
            && *star == '*'
        {
            retry = Some((rest, text));
            pattern = rest;
            continue;
        }
        match (pattern.is_empty(), text) {
            (true, []) => return true,
            (false, [first, rest @ ..]) => {
                if let Some(next) = one(pattern, *first) {
                    (pattern, text) = (next, rest);
                    continue;
                }
            }
            _ => {}
        }
        match retry {
            Some((after, [skipped, rest @ ..])) if *skipped != '/' => {
                retry = Some((after, rest));
                (pattern, text) = (after, rest);
            }
            _ => return false,
        }
    }
}

/// What is left of the pattern if its beginning takes `c`.
fn one(pattern: &[char], c: char) -> Option<&[char]> {
    match pattern {
        ['?', rest @ ..] => (c != '/').then_some(rest),
        ['\\', escaped, rest @ ..] => (*escaped == c).then_some(rest),
        ['[', rest @ ..] => set(rest, c),
        [first, rest @ ..] => (*first == c).then_some(rest),
        [] => None,
    }
}

fn set(mut pattern: &[char], c: char) -> Option<&[char]> {
    let negated = pattern.first() == Some(&'^');
    if negated {
        pattern = &pattern[1..];
    }
    let mut found = false;
    loop {
        let (low, rest) = literal(pattern)?;
        let (high, rest) = match rest {
            ['-', rest @ ..] => literal(rest)?,
            _ => (low, rest),
        };
        found |= (low..=high).contains(&c);
        if let [']', rest @ ..] = rest {
            return (found != negated).then_some(rest);
        }
        pattern = rest;
    }
}

fn literal(pattern: &[char]) -> Option<(char, &[char])> {
    match pattern {
        ['\\', c, rest @ ..] => Some((*c, rest)),
        ['\\' | ']' | '-', ..] | [] => None,
        [c, rest @ ..] => Some((*c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_matches() {
        for (pattern, text) in [
            ("busybox*", "busybox:latest"),
            ("*:latest", "busybox:latest"),
            ("*/*", "a/b"),
            ("b?sybox", "busybox"),
            ("[a-c]*x", "busybox"),
            ("[^a]usybox", "busybox"),
            ("a\\*", "a*"),
            ("*a*b*", "xxaxxbxx"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("*", "a/b"), ("busybox", "busybox:latest"), ("[", "["), ("a?b", "a/b"), ("", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
