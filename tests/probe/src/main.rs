//! A static multi-call program, the whole content of the built-in image: what a newcomer looks around
//! with, and what the suites observe a container with. It is called by the name of its link
//! (`/bin/ls`) or by its first argument (`probe ls`). It must never need a file beside itself.

mod file;
mod process;
mod serve;
mod shell;
mod show;
mod text;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// What an applet returns: its exit status, or a sentence for standard error (exit status 1).
type Outcome = Result<i32, String>;

/// One program of the image.
struct Applet {
    /// Its name in `/bin`.
    name: &'static str,
    /// Its arguments, for `probe help`.
    usage: &'static str,
    /// Arguments without the name.
    run: fn(&[String]) -> Outcome,
}

/// Every applet; the image has a link for each.
const APPLETS: &[Applet] = &[
    Applet {
        name: "alloc",
        usage: "MIB [hold|step-ms]   touch memory, then wait",
        run: process::alloc,
    },
    Applet {
        name: "caps",
        usage: "capability sets and seccomp mode of this process",
        run: show::caps,
    },
    Applet { name: "cat", usage: "[FILE]...", run: file::cat },
    Applet { name: "chmod", usage: "OCTAL FILE...", run: file::chmod },
    Applet { name: "chown", usage: "UID:GID FILE...", run: file::chown },
    Applet { name: "echo", usage: "[-n] [WORD]...", run: text::echo },
    Applet { name: "env", usage: "print the environment", run: show::env },
    Applet { name: "exit", usage: "STATUS", run: process::exit },
    Applet { name: "false", usage: "exit with 1", run: |_| Ok(1) },
    Applet {
        name: "forks",
        usage: "N                     start up to N children, say how many",
        run: process::forks,
    },
    Applet { name: "help", usage: "this list", run: help },
    Applet { name: "hold", usage: "wait until TERM or INT, then exit with 0", run: process::hold },
    Applet { name: "hostname", usage: "print the host name", run: show::hostname },
    Applet { name: "http", usage: "PORT [TEXT]           answer every request", run: serve::http },
    Applet { name: "id", usage: "user, group and further groups", run: show::id },
    Applet { name: "interfaces", usage: "names of the network interfaces", run: show::interfaces },
    Applet { name: "kill", usage: "[-SIGNAL] PID...", run: process::kill },
    Applet { name: "limits", usage: "resource limits of this process", run: show::limits },
    Applet { name: "ln", usage: "[-s] TARGET LINK", run: file::link },
    Applet {
        name: "log",
        usage: "LINES [BYTES] [LINES-PER-SECOND] [out|err|both]",
        run: text::log,
    },
    Applet { name: "ls", usage: "[-l] [-a] [PATH]...", run: file::list },
    Applet { name: "mkdir", usage: "[-p] PATH...", run: file::mkdir },
    Applet { name: "mounts", usage: "mount points, types and options", run: show::mounts },
    Applet {
        name: "oomchild",
        usage: "MIB                   a child takes memory, the parent lives on",
        run: process::oom_child,
    },
    Applet {
        name: "orphans",
        usage: "N                     leave N orphans that end at once, then hold",
        run: process::orphans,
    },
    Applet { name: "ps", usage: "processes in this namespace", run: show::processes },
    Applet { name: "pwd", usage: "print the working directory", run: file::pwd },
    Applet { name: "readlink", usage: "PATH...", run: file::readlink },
    Applet { name: "rm", usage: "[-r] PATH...", run: file::remove },
    Applet { name: "seq", usage: "FIRST LAST", run: text::seq },
    Applet { name: "sh", usage: "[-c COMMANDS]         a small shell", run: shell::main },
    Applet { name: "sleep", usage: "SECONDS", run: process::sleep },
    Applet { name: "spin", usage: "[SECONDS] [THREADS]   use the processor", run: process::spin },
    Applet {
        name: "stat",
        usage: "PATH...               type, mode, owner, size, links",
        run: file::stat,
    },
    Applet {
        name: "stty",
        usage: "size                  rows and columns of the terminal",
        run: show::stty,
    },
    Applet { name: "sysctl", usage: "NAME", run: show::sysctl },
    Applet { name: "top", usage: "the same as ps", run: show::processes },
    Applet { name: "touch", usage: "PATH...", run: file::touch },
    Applet {
        name: "trap",
        usage: "SIGNAL=STATUS|say ...  wait; exit with the status or print the name",
        run: process::trap,
    },
    Applet { name: "true", usage: "exit with 0", run: |_| Ok(0) },
    Applet {
        name: "try",
        usage: "mount|unshare|mknod|chroot|sethostname|settime|write PATH",
        run: process::attempt,
    },
    Applet { name: "tty", usage: "is standard input a terminal", run: show::tty },
    Applet { name: "wc", usage: "lines and bytes of standard input", run: text::count },
    Applet { name: "whoami", usage: "name of the user", run: show::whoami },
    Applet { name: "write", usage: "PATH BYTES            a file of that size", run: file::write },
    Applet {
        name: "yes",
        usage: "[WORD]                print it until the reader goes",
        run: text::yes,
    },
];

fn main() -> ExitCode {
    let mut arguments: Vec<String> =
        std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let called = arguments.first().map(|a| base(a).to_owned()).unwrap_or_default();
    if !arguments.is_empty() {
        arguments.remove(0);
    }
    let name = if find(&called).is_none() && !arguments.is_empty() {
        arguments.remove(0)
    } else if called == "probe" || called.is_empty() {
        "help".to_owned()
    } else {
        called
    };
    ExitCode::from(run(&name, &arguments) as u8)
}

/// Runs one applet, prints its failure, returns its exit status: 127 for an unknown one.
fn run(name: &str, arguments: &[String]) -> i32 {
    let Some(applet) = find(name) else {
        complain(&format!("{name}: not found; `probe help` lists what there is"));
        return 127;
    };
    let status = match (applet.run)(arguments) {
        Ok(status) => status,
        Err(sentence) => {
            complain(&format!("{name}: {sentence}"));
            1
        }
    };
    // A reader that went away is no failure of the program.
    let _ = std::io::stdout().flush();
    status
}

fn find(name: &str) -> Option<&'static Applet> {
    APPLETS.iter().find(|applet| applet.name == name)
}

fn base(path: &str) -> &str {
    Path::new(path.trim_start_matches('-')).file_name().and_then(|n| n.to_str()).unwrap_or(path)
}

fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}

/// Prints a line; a closed standard output ends the program as SIGPIPE would.
fn say(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(141);
    }
}

fn help(arguments: &[String]) -> Outcome {
    let names_only = arguments.first().is_some_and(|a| a == "--names");
    for applet in APPLETS {
        match names_only {
            true => say(applet.name),
            false => say(&format!("{:10} {}", applet.name, applet.usage)),
        }
    }
    Ok(0)
}

/// The argument at `index`, parsed; `otherwise` when it is absent.
fn number<T: std::str::FromStr>(
    arguments: &[String],
    index: usize,
    otherwise: Option<T>,
) -> Result<T, String> {
    match (arguments.get(index), otherwise) {
        (Some(text), _) => text.parse().map_err(|_| format!("{text}: not a number")),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(format!("argument {} is missing", index + 1)),
    }
}
