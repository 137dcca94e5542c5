//! Turns the failure of an OCI runtime into a sentence: what it logged last, judged by its words.

use serde_json::Value;
use shared::error::{Error, Kind};
use shared::kernel::process::Ending;

/// A sentence is cut above this.
const SENTENCE_MAX: usize = 4096;

/// `said` is its log, a JSON object a line.
pub fn failure(name: &str, ending: Ending, said: &[u8]) -> Error {
    let said = String::from_utf8_lossy(said);
    let message = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        let level = line["level"].as_str().unwrap_or("error").to_owned();
        line["msg"].as_str().map(|text| (level, text.trim().to_owned()))
    };
    let messages: Vec<_> = said.lines().filter_map(message).collect();
    let worst = messages.iter().rev().find(|(level, _)| level == "error" || level == "fatal");
    let mut text = match (worst, said.trim()) {
        (Some((_, text)), _) => text.clone(),
        (None, "") => match ending {
            Ending::Code(code) => format!("it ended with status {code} and said nothing"),
            Ending::Signal(signal) => format!("signal {signal} ended it"),
        },
        (None, plain) => plain.to_owned(),
    };
    let mut end = text.len().min(SENTENCE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    if let Some(sentence) = not_run(&text) {
        return Error::invalid(sentence);
    }
    let kind = kind(&text);
    Error::new(kind, format!("{name}: {text}"))
}

/// The program to run is to blame: one wording, runc's, whatever the runtime is, since clients derive
/// exit codes from it.
fn not_run(text: &str) -> Option<String> {
    if let Some((_, program)) = text.split_once("executable file `") {
        let (program, why) = program.split_once('`')?;
        let why = why.split(':').next().unwrap_or(why).trim();
        return Some(format!("exec: {program:?}: executable file {why}"));
    }
    text.find("exec: ").map(|place| text[place..].to_owned())
}

/// The request is to blame when the program to run is; the rest is the host's.
fn kind(text: &str) -> Kind {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["exec format error"]) {
        Kind::Invalid
    } else if has(&["does not exist", "container not found"]) {
        Kind::NotFound
    } else if has(&[
        "container not running",
        "is not running",
        "cannot exec",
        "process already finished",
    ]) {
        Kind::Conflict
    } else {
        Kind::Internal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_is_the_sentence() {
        let said = br#"{"level":"warning","msg":"w","time":"t"}
{"level":"error","msg":"exec: \"nope\": executable file not found in $PATH","time":"t"}
"#;
        let error = failure("runc", Ending::Code(1), said);
        assert_eq!(error.kind(), Kind::Invalid);
        let expected = "exec: \"nope\": executable file not found in $PATH";
        assert_eq!(error.to_string(), expected);
        let said = br#"{"msg":"executable file `nope` not found in $PATH: No such file or directory","level":"error"}"#;
        assert_eq!(failure("crun", Ending::Code(1), said).to_string(), expected);
        let error = failure("crun", Ending::Signal(9), b"");
        assert_eq!(error.to_string(), "crun: signal 9 ended it");
        let error = failure("x", Ending::Code(2), b"plain words\n");
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Internal, "x: plain words"));
    }
}
