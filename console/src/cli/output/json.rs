//! JSON as the daemon wrote it, with other blanks: the order of the fields is the daemon's.

/// With four blanks a level, as Docker prints what it inspects. The text must be JSON.
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut text, mut escaped) = (0usize, false, false);
    let mut rest = json.chars().filter(|c| !c.is_control()).peekable();
    while let Some(letter) = rest.next() {
        if text {
            out.push(letter);
            text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => {
                text = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while rest.next_if_eq(&' ').is_some() {}
                match rest.next_if(|next| matches!(next, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' => {}
            other => out.push(other),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_what_stands_in_quotes_stay() {
        let text = r#"[{"b": {}, "a":[1, "x\"{,: y"],"c":[ ]}]"#;
        let wanted = "[\n    {\n        \"b\": {},\n        \"a\": [\n            1,\n            \"x\\\"{,: y\"\n        ],\n        \"c\": []\n    }\n]";
        assert_eq!(indented(text), wanted);
    }
}
