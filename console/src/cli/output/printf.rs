//! `printf` of a template with Go's verbs; the template library knows neither widths nor quotes.

/// What a verb is applied to.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Real(f64),
}

impl Argument {
    fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
        }
    }

    /// By a verb; what does not fit it is shown as Go shows it.
    fn by(&self, verb: char, places: Option<usize>) -> String {
        match (verb, self) {
            ('s', Self::Text(text)) => match places {
                Some(places) => text.chars().take(places).collect(),
                None => text.clone(),
            },
            ('v' | 't', _) | ('d', Self::Whole(_)) => self.plain(),
            ('q', Self::Text(text)) => format!("{text:?}"),
            ('x', Self::Whole(number)) => format!("{number:x}"),
            ('x', Self::Text(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            ('f', Self::Real(number)) => format!("{number:.*}", places.unwrap_or(6)),
            (verb, Self::Text(text)) => format!("%!{verb}(string={text})"),
            (verb, Self::Whole(number)) => format!("%!{verb}(int={number})"),
            (verb, Self::Real(number)) => format!("%!{verb}(float64={number})"),
        }
    }
}

/// The text with each `%` and its verb replaced by an argument.
pub fn printf(format: &str, arguments: &[Argument]) -> String {
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    let mut arguments = arguments.iter();
    while let Some(letter) = rest.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = rest.next_if(|c| "-0+ #".contains(*c)) {
            flags.push(flag);
        }
        let width = number(&mut rest);
        let places = rest.next_if_eq(&'.').is_some().then(|| number(&mut rest));
        match rest.next() {
            Some('%') => out.push('%'),
            Some(verb) => match arguments.next() {
                Some(argument) => pad(&mut out, &argument.by(verb, places), width, &flags),
                None => out.push_str(&format!("%!{verb}(MISSING)")),
            },
            None => out.push_str("%!(NOVERB)"),
        }
    }
    out
}

/// The digits that come next, as a number.
fn number(rest: &mut std::iter::Peekable<std::str::Chars>) -> usize {
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    // Nobody pads further; a limit keeps a slip of the finger small.
    digits.parse().unwrap_or(0).min(4096)
}

fn pad(out: &mut String, text: &str, width: usize, flags: &str) {
    let missing = width.saturating_sub(text.chars().count());
    if flags.contains('-') {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
        return;
    }
    let zeros = flags.contains('0') && text.bytes().all(|byte| b"-.0123456789".contains(&byte));
    match (zeros, text.strip_prefix('-')) {
        (true, Some(rest)) => {
            out.push_str(&format!("-{}{rest}", "0".repeat(missing)));
        }
        (true, None) => out.push_str(&format!("{}{text}", "0".repeat(missing))),
        (false, _) => out.push_str(&format!("{}{text}", " ".repeat(missing))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_widths_and_slips() {
        let text = |text: &str| Argument::Text(text.into());
        for (format, arguments, said) in [
            (
                "%s-%5s|%-5s|%q",
                vec![text("a"), text("web"), text("web"), text("b\"")],
                "a-  web|web  |\"b\\\"\"",
            ),
            (
                "%05d %x %d%%",
                vec![Argument::Whole(-42), Argument::Whole(255), Argument::Whole(7)],
                "-0042 ff 7%",
            ),
            (
                "%.2f %v %.2s",
                vec![Argument::Real(1.5), Argument::Real(1.5), text("web")],
                "1.50 1.5 we",
            ),
            ("%d %s", vec![text("x")], "%!d(string=x) %!s(MISSING)"),
            ("%", Vec::new(), "%!(NOVERB)"),
        ] {
            assert_eq!(printf(format, &arguments), said, "{format}");
        }
    }
}
