//! Applets that show what a container looks like from inside.

use crate::{Outcome, say};
use std::fs;
use std::io::IsTerminal;

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}

/// `env`
pub fn env(_: &[String]) -> Outcome {
    for (key, value) in std::env::vars_os() {
        say(&format!("{}={}", key.to_string_lossy(), value.to_string_lossy()));
    }
    Ok(0)
}

/// `hostname`
pub fn hostname(_: &[String]) -> Outcome {
    say(read("/proc/sys/kernel/hostname")?.trim_end());
    Ok(0)
}

/// Second field of the first line of `file` whose third is `number`.
fn named(file: &str, number: u32) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.split(':').nth(2) == Some(&number.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

fn label(file: &str, number: u32) -> String {
    named(file, number).map_or(number.to_string(), |name| format!("{number}({name})"))
}

/// `id`
pub fn id(_: &[String]) -> Outcome {
    let user = label("/etc/passwd", nix::unistd::geteuid().as_raw());
    let group = label("/etc/group", nix::unistd::getegid().as_raw());
    let groups = nix::unistd::getgroups().map_err(|e| e.to_string())?;
    let groups: Vec<_> = groups.iter().map(|g| label("/etc/group", g.as_raw())).collect();
    let tail =
        if groups.is_empty() { String::new() } else { format!(" groups={}", groups.join(",")) };
    say(&format!("uid={user} gid={group}{tail}"));
    Ok(0)
}

/// `whoami`
pub fn whoami(_: &[String]) -> Outcome {
    let user = nix::unistd::geteuid().as_raw();
    say(&named("/etc/passwd", user).unwrap_or(user.to_string()));
    Ok(0)
}

/// `caps`: the lines of `/proc/self/status` about privileges.
pub fn caps(_: &[String]) -> Outcome {
    let wanted = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"];
    for line in read("/proc/self/status")?.lines() {
        if line.split(':').next().is_some_and(|name| wanted.contains(&name)) {
            say(&line.replace('\t', " "));
        }
    }
    Ok(0)
}

/// `limits`
pub fn limits(_: &[String]) -> Outcome {
    say(read("/proc/self/limits")?.trim_end());
    Ok(0)
}

/// `mounts`: mount point, type, options, one a line.
pub fn mounts(_: &[String]) -> Outcome {
    for line in read("/proc/self/mounts")?.lines() {
        let mut fields = line.split(' ').skip(1);
        let (point, kind, options) = (fields.next(), fields.next(), fields.next());
        say(&[point, kind, options].map(Option::unwrap_or_default).join(" "));
    }
    Ok(0)
}

/// `interfaces`
pub fn interfaces(_: &[String]) -> Outcome {
    for line in read("/proc/net/dev")?.lines().skip(2) {
        say(line.split(':').next().unwrap_or_default().trim());
    }
    Ok(0)
}

/// `sysctl NAME`
pub fn sysctl(arguments: &[String]) -> Outcome {
    for name in arguments {
        say(read(&format!("/proc/sys/{}", name.replace('.', "/")))?.trim_end());
    }
    Ok(0)
}

/// `ps`: process id, parent, user, state, command.
pub fn processes(_: &[String]) -> Outcome {
    say("  PID  PPID  UID S COMMAND");
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .map_err(|e| format!("/proc: {e}"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    for pid in pids {
        // A process may end while it is being listed.
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).unwrap_or("?").to_owned()
        };
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let command = match command.trim_end() {
            "" => format!("[{}]", field("Name:")),
            text => text.to_owned(),
        };
        let (parent, user, state) = (field("PPid:"), field("Uid:"), field("State:"));
        say(&format!("{pid:5} {parent:>5} {user:>4} {state} {command}"));
    }
    Ok(0)
}

/// `stty size`
pub fn stty(arguments: &[String]) -> Outcome {
    match arguments.first().map(String::as_str) {
        Some("size") | None => {}
        Some(other) => return Err(format!("{other}: only size is known")),
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdin()).map_err(|e| e.to_string())?;
    say(&format!("{} {}", size.ws_row, size.ws_col));
    Ok(0)
}

/// `tty`
pub fn tty(_: &[String]) -> Outcome {
    let (input, output) = (std::io::stdin().is_terminal(), std::io::stdout().is_terminal());
    match fs::read_link("/proc/self/fd/0") {
        Ok(path) if input => say(&path.to_string_lossy()),
        _ => say("not a tty"),
    }
    Ok(if input && output { 0 } else { 1 })
}
