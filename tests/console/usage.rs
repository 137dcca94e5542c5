//! Wrong usage, templates and exit codes: what Docker's client 28 prints for the same words, with the name
//! of the program changed. Recorded from it against one and the same daemon.

use super::fake::Fake;
use super::screen::command;
use std::process::Stdio;

/// The words, the exit code, and the whole of standard error but for the lines that [`said`] adds.
const WRONG: &[(&[&str], i32, &str)] = &[
    (&["ps", "--bogus"], 125, "unknown flag: --bogus|ps [OPTIONS]"),
    (&["ps", "-Z"], 125, "unknown shorthand flag: 'Z' in -Z|ps [OPTIONS]"),
    (&["ps", "--filter"], 125, "flag needs an argument: --filter|ps [OPTIONS]"),
    (
        &["ps", "--filter", "x"],
        125,
        "invalid argument \"x\" for \"-f, --filter\" flag: bad format of filter (expected name=value)|ps [OPTIONS]",
    ),
    (
        &["ps", "-n", "abc"],
        125,
        "invalid argument \"abc\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax|ps [OPTIONS]",
    ),
    (
        &["ps", "--no-trunc=maybe"],
        125,
        "invalid argument \"maybe\" for \"--no-trunc\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax|ps [OPTIONS]",
    ),
    (&["ps", "extra"], 1, "coffer: 'coffer ps' accepts no arguments|ps [OPTIONS]"),
    (
        &["run", "--bogus", "img"],
        125,
        "unknown flag: --bogus|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "-m"],
        125,
        "flag needs an argument: 'm' in -m|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "-m", "abc", "img"],
        125,
        "invalid argument \"abc\" for \"-m, --memory\" flag: invalid size: 'abc'|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "--cpus", "x", "img"],
        125,
        "invalid argument \"x\" for \"--cpus\" flag: failed to parse x as a rational number|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "--ulimit", "x", "img"],
        125,
        "invalid argument \"x\" for \"--ulimit\" flag: invalid ulimit argument: x|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "--attach", "bogus", "img"],
        125,
        "invalid argument \"bogus\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT and STDERR|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "--health-interval", "x", "img"],
        125,
        "invalid argument \"x\" for \"--health-interval\" flag: time: invalid duration \"x\"|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run", "--mount", "bogus", "img"],
        125,
        "invalid argument \"bogus\" for \"--mount\" flag: invalid field 'bogus' must be a key=value pair|run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["run"],
        1,
        "coffer: 'coffer run' requires at least 1 argument|run [OPTIONS] IMAGE [COMMAND] [ARG...]|See",
    ),
    (
        &["create", "--bogus"],
        125,
        "unknown flag: --bogus|create [OPTIONS] IMAGE [COMMAND] [ARG...]",
    ),
    (
        &["update", "-m", "abc", "x"],
        125,
        "invalid argument \"abc\" for \"-m, --memory\" flag: invalid size: 'abc'|update [OPTIONS] CONTAINER [CONTAINER...]",
    ),
    (
        &["stop", "-t", "abc", "x"],
        125,
        "invalid argument \"abc\" for \"-t, --timeout\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax|stop [OPTIONS] CONTAINER [CONTAINER...]",
    ),
    (
        &["exec", "x"],
        1,
        "coffer: 'coffer exec' requires at least 2 arguments|exec [OPTIONS] CONTAINER COMMAND [ARG...]|See",
    ),
    (
        &["port"],
        1,
        "coffer: 'coffer port' requires at least 1 and at most 2 arguments|port CONTAINER [PRIVATE_PORT[/PROTO]]",
    ),
    (
        &["tag", "a"],
        1,
        "coffer: 'coffer tag' requires 2 arguments|tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    ),
    (&["diff"], 1, "coffer: 'coffer diff' requires 1 argument|diff CONTAINER"),
    (
        &["images", "a", "b"],
        1,
        "coffer: 'coffer images' requires at most 1 argument|images [OPTIONS] [REPOSITORY[:TAG]]",
    ),
    (
        &["container", "rm"],
        1,
        "coffer: 'coffer container rm' requires at least 1 argument|container rm [OPTIONS] CONTAINER [CONTAINER...]|See",
    ),
    (&["volume", "bogus"], 1, "coffer: unknown command: coffer volume bogus|volume COMMAND"),
    (&["bogus"], 1, "coffer: unknown command: coffer bogus"),
    (&["--bogus", "ps"], 125, "unknown flag: --bogus|[OPTIONS] COMMAND [ARG...]"),
];

/// The sentence, how the verb is used, and where to read more.
fn said(words: &str, verb: &[&str]) -> String {
    let mut parts = words.split('|');
    let mut out = format!("{}\n\n", parts.next().unwrap_or_default());
    let usage = parts.next();
    if let Some(usage) = usage {
        out.push_str(&format!("Usage:  coffer {usage}\n\n"));
    }
    let depth = match (usage, verb.first()) {
        (None, _) | (_, Some(&"--bogus")) => 0,
        (_, Some(&"container")) => 2,
        _ => 1,
    };
    let path = [&["coffer"], &verb[..depth]].concat().join(" ");
    out + &format!("{} '{path} --help' for more information\n", parts.next().unwrap_or("Run"))
}

fn run(fake: &Fake, words: &[&str]) -> (Option<i32>, String, String) {
    let done = command(fake).args(words).stdin(Stdio::null()).output().expect("run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn wrong_usage_is_told_in_dockers_words() {
    let fake = Fake::start(1);
    for (words, code, wanted) in WRONG {
        let (status, out, err) = run(&fake, words);
        assert_eq!(
            (status, err.as_str()),
            (Some(*code), said(wanted, words).as_str()),
            "{words:?}"
        );
        assert!(out.is_empty(), "{words:?}: {out}");
    }
}

#[test]
fn switches_take_a_value_and_the_last_flag_counts() {
    let fake = Fake::start(2);
    let (status, out, _) = run(&fake, &["ps", "-q=true", "--no-trunc=true", "--no-trunc=false"]);
    assert_eq!((status, out.lines().map(str::len).collect::<Vec<_>>()), (Some(0), vec![12, 12]));
    let (status, out, _) =
        run(&fake, &["ps", "-aq=false", "--format", "x", "--format", "{{.Names}}"]);
    assert_eq!((status, out.as_str()), (Some(0), "svc-0000\nsvc-0001\n"));
    let (status, out, err) = run(&fake, &["ps", "-q", "--format", "{{.Names}}"]);
    assert_eq!((status, out.lines().count()), (Some(0), 2));
    assert!(err.contains("both --format and --quiet are set"), "{err}");
}

#[test]
fn what_is_refused_before_the_daemon_is_asked() {
    let fake = Fake::start(1);
    let more = "\n\nRun 'coffer run --help' for more information\n";
    for (words, code, wanted) in [
        (
            &["run", "--env-file", "/nonexistent", "img"][..],
            125,
            format!("coffer: open /nonexistent: no such file or directory{more}"),
        ),
        (
            &["run", "--rm", "--restart", "always", "img"],
            125,
            format!("coffer: conflicting options: cannot specify both --restart and --rm{more}"),
        ),
        (&["run", "-it", "img"], 1, "the input device is not a TTY\n".into()),
        (
            &["run", "-d", "-a", "stdout", "img"],
            1,
            "conflicting options: cannot specify both --attach and --detach\n".into(),
        ),
        (&["load", "-i", "/nonexistent"], 1, "open /nonexistent: no such file or directory\n".into()),
        (
            &["inspect", "-f", "{{nope .Name}}", "x"],
            64,
            "template parsing error: template: :1: function \"nope\" not defined\n".into(),
        ),
        (
            &["-H", "unix:///nonexistent/x", "ps"],
            3,
            "cannot connect to the daemon at unix:///nonexistent/x: no such file or directory; is cofferd running?\n".into(),
        ),
    ] {
        let (status, _, err) = run(&fake, words);
        assert_eq!((status, err), (Some(code), wanted), "{words:?}");
    }
}

#[test]
fn each_shell_gets_its_completion() {
    let fake = Fake::start(1);
    for (shell, word) in
        [("bash", "complete -F"), ("zsh", "#compdef coffer"), ("fish", "complete -c coffer")]
    {
        let (status, out, err) = run(&fake, &["completion", shell]);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        assert!(out.contains(word), "{shell}: {out}");
    }
}
