//! The machine: booted, listened to, killed when it hangs, and at the end summed up.

use shared::error::{Context, Error, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Printed by the machine before everything else: what it is.
pub const BEGIN: &str = "VM-BEGIN ";
/// Printed before each suite: its name.
pub const SUITE: &str = "VM-SUITE ";
/// Printed when the tests are over: their status.
pub const END: &str = "VM-EXIT ";

/// The whole run: a machine that hangs is killed. Emulation is some twenty times slower than hardware.
const LIMIT: Duration = Duration::from_secs(1800);

/// Boots, shows what the machine prints, and judges by its last line.
pub fn boot(kernel: &Path, image: &Path) -> Result<()> {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3G"]);
    command.args(["-nographic", "-no-reboot"]);
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(image);
    command.args(["-append", "console=ttyS0 quiet panic=-1"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let begin = Instant::now();
    let mut machine = command.spawn().context("start the virtual machine")?;
    let pid = nix::unistd::Pid::from_raw(machine.id().cast_signed());
    let (done, waiting) = channel::<()>();
    let guard = std::thread::spawn(move || {
        if waiting.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            eprintln!("the virtual machine is killed after {LIMIT:?}");
            if let Err(error) = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL) {
                eprintln!("cannot kill it: {error}");
            }
        }
    });
    let mut seen = Summary::default();
    if let Some(output) = machine.stdout.take() {
        for line in BufReader::new(output).split(b'\n').map_while(std::result::Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            println!("vm| {line}");
            seen.line(&line);
        }
    }
    machine.wait().context("wait for the virtual machine")?;
    drop(done);
    let _joined = guard.join();
    print!("{}", seen.text());
    println!("the machine ran for {} s", begin.elapsed().as_secs());
    match seen.status {
        Some(0) => Ok(()),
        Some(_) => Err(Error::internal("tests in the virtual machine failed")),
        None => Err(Error::internal("the virtual machine ended without a result")),
    }
}

/// What the lines of a run say.
#[derive(Default)]
struct Summary {
    machine: String,
    suites: Vec<Suite>,
    status: Option<i32>,
}

#[derive(Default)]
struct Suite {
    name: String,
    passed: u32,
    failed: Vec<String>,
    /// Test and reason.
    skipped: Vec<(String, String)>,
    /// Whose output is being printed.
    speaker: String,
}

impl Summary {
    fn line(&mut self, line: &str) {
        if let Some((_, machine)) = line.split_once(BEGIN) {
            self.machine = machine.to_owned();
        } else if let Some((_, name)) = line.split_once(SUITE) {
            self.suites.push(Suite { name: name.to_owned(), ..Suite::default() });
        } else if let Some((_, status)) = line.split_once(END) {
            self.status = status.trim().parse().ok();
        } else if let Some(suite) = self.suites.last_mut() {
            suite.line(line);
        }
    }

    fn text(&self) -> String {
        let mut text = format!("virtual machine: Linux {}\n", self.machine);
        for suite in &self.suites {
            let Suite { name, passed, failed, skipped, .. } = suite;
            let ran = passed.saturating_sub(skipped.len() as u32);
            text += &format!(
                "  {name}: {ran} passed, {} failed, {} skipped\n",
                failed.len(),
                skipped.len()
            );
            failed.iter().for_each(|test| text += &format!("    FAILED {test}\n"));
            skipped.iter().for_each(|(test, why)| text += &format!("    skipped {test}: {why}\n"));
        }
        text
    }
}

impl Suite {
    /// A line of the test program. A skipped test passes, and says why it was skipped.
    fn line(&mut self, line: &str) {
        let test = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "));
        match test {
            Some((_, "ok")) => self.passed += 1,
            Some((name, "FAILED")) => self.failed.push(name.to_owned()),
            _ => {}
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----"))
        {
            self.speaker = name.to_owned();
        }
        if let Some(why) = line.strip_prefix("skipped: ")
            && self.skipped.last().is_none_or(|(test, _)| *test != self.speaker)
        {
            self.skipped.push((self.speaker.clone(), why.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_summed_up() {
        let mut seen = Summary::default();
        let text = "[ 1.0] VM-BEGIN 6.1, cgroup2 with cpu\nVM-SUITE engine\ntest a::b ... ok\n\
                    test a::c ... FAILED\ntest a::d ... ok\nsuccesses:\n---- a::d stdout ----\n\
                    skipped: no docker\n\nVM-EXIT 1";
        text.lines().for_each(|line| seen.line(line));
        assert_eq!(seen.status, Some(1));
        assert_eq!(
            seen.text(),
            "virtual machine: Linux 6.1, cgroup2 with cpu\n  engine: 1 passed, 1 failed, 1 skipped\n    \
             FAILED a::c\n    skipped a::d: no docker\n"
        );
    }
}
