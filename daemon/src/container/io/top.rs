//! `docker top`: the processes of a container as `ps` of the host shows them.
//!
//! `-ef`, the default, is read from `/proc` directly; any other form is asked of the host's `ps`, whose
//! lines are kept for the container's processes alone. Blocking.

use shared::docker::ContainerTopResponse;
use shared::error::{Context, Error, Result};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::process::{Command, Stdio};

/// Kernel ticks of `/proc/<pid>/stat` per second: fixed in the kernel's interface (`USER_HZ`).
const TICKS: u64 = 100;
/// Processes shown at most: a fork bomb must not make an answer of a gigabyte.
const PROCESSES: usize = 10_000;
/// Bytes of a command line shown at most.
const COMMAND_BYTES: usize = 4096;

/// The processes `pids` (host's numbers) as `ps <arguments>` shows them.
///
/// # Errors
/// `Invalid` for arguments that `ps` refuses or that show no process ids.
pub fn top(pids: &[i32], arguments: &str) -> Result<ContainerTopResponse> {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    if arguments.is_empty() || arguments == ["-ef"] {
        return Ok(full(pids));
    }
    if let Some(bad) = arguments.iter().find(|a| renames_pid(a)) {
        return Err(Error::invalid(format!("specifying \"{bad}\" is not allowed")));
    }
    let output = Command::new("ps")
        .args(&arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .context_kind(shared::error::Kind::Unimplemented, "run the host's ps")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let first = text.trim().lines().next().unwrap_or("it failed without a word").to_owned();
        return Err(Error::invalid(format!("ps: {first}")));
    }
    select(&String::from_utf8_lossy(&output.stdout), pids)
}

/// A column heading of its own for the process id would hide which column it is.
fn renames_pid(argument: &str) -> bool {
    argument.split(',').any(|part| part.trim_start_matches("-o").starts_with("pid="))
}

/// The lines of ps for the processes in question, cut into fields.
fn select(text: &str, pids: &[i32]) -> Result<ContainerTopResponse> {
    let wanted: HashSet<i32> = pids.iter().copied().collect();
    let mut lines = text.lines();
    let titles: Vec<String> =
        lines.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let column = titles
        .iter()
        .position(|t| t == "PID")
        .ok_or_else(|| Error::invalid("Couldn't find PID field in ps output"))?;
    let mut processes = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let pid = fields.get(column).and_then(|f| f.parse::<i32>().ok());
        if pid.is_some_and(|pid| wanted.contains(&pid)) && processes.len() < PROCESSES {
            processes.push(cut(&fields, titles.len()));
        }
    }
    Ok(ContainerTopResponse { titles: Some(titles), processes: Some(processes) })
}

/// As many fields as titles: what is left over belongs to the last, the command.
fn cut(fields: &[&str], columns: usize) -> Vec<String> {
    let last = columns.saturating_sub(1).min(fields.len());
    let mut all: Vec<String> = fields[..last].iter().map(|f| (*f).to_owned()).collect();
    if last < fields.len() {
        all.push(fields[last..].join(" "));
    }
    all
}

/// `ps -ef` by our own reading.
fn full(pids: &[i32]) -> ContainerTopResponse {
    let titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
    let users = users(&fs::read_to_string("/etc/passwd").unwrap_or_default());
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let uptime =
        uptime.split_whitespace().next().and_then(|t| t.parse::<f64>().ok()).unwrap_or_default();
    let mut sorted = pids.to_vec();
    sorted.sort_unstable();
    sorted.truncate(PROCESSES);
    let processes = sorted.iter().filter_map(|pid| row(*pid, &users, uptime)).collect();
    ContainerTopResponse {
        titles: Some(titles.map(str::to_owned).to_vec()),
        processes: Some(processes),
    }
}

fn users(passwd: &str) -> HashMap<u32, String> {
    let mut users = HashMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(uid))) = (fields.next(), fields.nth(1).map(str::parse)) {
            users.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    users
}

/// One process; `None` once it is gone.
fn row(pid: i32, users: &HashMap<u32, String>, uptime: f64) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or_default();
    let (parent, terminal, ticks, begun) =
        (number(1), number(4), number(11) + number(12), number(19));
    let uid: u32 = status
        .lines()
        .find_map(|l| l.strip_prefix("Uid:"))?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    let age = (uptime - begun as f64 / TICKS as f64).max(0.0);
    let share = if age > 0.0 { ticks as f64 / TICKS as f64 * 100.0 / age } else { 0.0 };
    Some(vec![
        users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()),
        pid.to_string(),
        parent.to_string(),
        (share.min(99.0) as u64).to_string(),
        begin(age),
        device(terminal),
        duration(ticks / TICKS),
        words(&command, name),
    ])
}

/// Hour and minute of a start today, month and day of an earlier one, as ps shows it in UTC.
fn begin(age_seconds: f64) -> String {
    let now = time::OffsetDateTime::now_utc();
    let at = now - time::Duration::seconds_f64(age_seconds);
    match at.date() == now.date() {
        true => format!("{:02}:{:02}", at.hour(), at.minute()),
        false => format!("{}{:02}", &at.month().to_string()[..3], at.day()),
    }
}

fn duration(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The controlling terminal by its device number: pseudo terminals are majors 136 to 143.
fn device(number: u64) -> String {
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
    match major {
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        4 => format!("tty{minor}"),
        _ => "?".to_owned(),
    }
}

/// The command line, or the name in brackets when it has none.
fn words(command: &[u8], name: &str) -> String {
    let command = &command[..command.len().min(COMMAND_BYTES)];
    let text = String::from_utf8_lossy(command).trim_end_matches('\0').replace(['\0', '\n'], " ");
    if text.is_empty() { format!("[{name}]") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_shown() {
        let own = std::process::id() as i32;
        let got = top(&[own, i32::MAX], "").unwrap();
        let rows = got.processes.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].len(), rows[0][1].as_str()), (8, own.to_string().as_str()));
        assert_eq!(got.titles.unwrap()[7], "CMD");
    }

    #[test]
    fn other_forms_are_cut_by_the_titles() {
        let text = "USER       PID COMMAND\nroot         1 init -x  y\nweb         42 sh -c a\n";
        let got = select(text, &[42]).unwrap();
        assert_eq!(got.processes.unwrap(), [["web", "42", "sh -c a"]]);
        assert_eq!(
            select("A B\n", &[1]).unwrap_err().message(),
            "Couldn't find PID field in ps output"
        );
    }

    #[test]
    fn mistakes_are_told() {
        let error = top(&[1], "-o pid=x").unwrap_err();
        assert_eq!(error.message(), "specifying \"pid=x\" is not allowed");
    }

    #[test]
    fn fields_are_written_as_ps_does() {
        assert_eq!(duration(3_725), "01:02:05");
        assert_eq!((device(0x8802), device(0)), ("pts/2".to_owned(), "?".to_owned()));
        assert_eq!(
            (words(b"a\0b c\0", "x"), words(b"", "x")),
            ("a b c".to_owned(), "[x]".to_owned())
        );
    }
}
