//! Applets that use what a container is limited in: time, memory, processes, signals, privileges.
//! Signals are read from a descriptor, which works for process 1 too: a blocked signal is never dropped.

use crate::{Outcome, number, say};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `sleep SECONDS`
pub fn sleep(arguments: &[String]) -> Outcome {
    let seconds = match arguments.first().map(String::as_str) {
        Some("infinity") => f64::from(u32::MAX),
        _ => number(arguments, 0, None)?,
    };
    if !(0.0..=1e12).contains(&seconds) {
        return Err(format!("{seconds}: not a time"));
    }
    std::thread::sleep(Duration::from_secs_f64(seconds));
    Ok(0)
}

/// `exit STATUS`
pub fn exit(arguments: &[String]) -> Outcome {
    number(arguments, 0, Some(0))
}

/// `spin [SECONDS] [THREADS]`
pub fn spin(arguments: &[String]) -> Outcome {
    let seconds: f64 = number(arguments, 0, Some(1e9))?;
    let threads: usize = number(arguments, 1, Some(1))?;
    let end = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
    let work = move || {
        let mut value = 1u64;
        while Instant::now() < end {
            for _ in 0..10_000 {
                value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005) + 1);
            }
        }
    };
    let others: Vec<_> = (1..threads).map(|_| std::thread::spawn(work)).collect();
    work();
    for thread in others {
        thread.join().map_err(|_| "a thread panicked".to_owned())?;
    }
    Ok(0)
}

/// `alloc MIB [hold|MILLISECONDS]`: touches every page, MiB by MiB; then ends, or holds it.
pub fn alloc(arguments: &[String]) -> Outcome {
    let mebibytes: usize = number(arguments, 0, None)?;
    let how = arguments.get(1).map_or("0", String::as_str);
    let pause = Duration::from_millis(how.parse().unwrap_or(0));
    let mut kept = Vec::with_capacity(mebibytes);
    for count in 1..=mebibytes {
        let mut block = vec![0u8; 1 << 20];
        for page in block.chunks_mut(4096) {
            page[0] = count as u8;
        }
        kept.push(std::hint::black_box(block));
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    say(&format!("allocated {mebibytes} MiB"));
    match how {
        "hold" => hold(&[]),
        _ => Ok(0),
    }
}

fn again(arguments: &[&str]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments);
    command
}

/// `oomchild MIB`: a child takes the memory; how it ended is printed, then the parent holds.
pub fn oom_child(arguments: &[String]) -> Outcome {
    let mebibytes: u64 = number(arguments, 0, None)?;
    let status = again(&["alloc", &mebibytes.to_string()]).status().map_err(|e| e.to_string())?;
    say(&format!("child ended: {status}"));
    hold(&[])
}

/// `forks N`: starts up to N sleeping children and says how many could be started.
pub fn forks(arguments: &[String]) -> Outcome {
    let wanted: usize = number(arguments, 0, None)?;
    let mut children: Vec<Child> = Vec::new();
    let mut refused = None;
    while children.len() < wanted.min(100_000) {
        match again(&["sleep", "1000"]).stdin(Stdio::null()).spawn() {
            Ok(child) => children.push(child),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let tail = refused.map(|error| format!(", then: {error}")).unwrap_or_default();
    say(&format!("started {}{tail}", children.len()));
    for child in &mut children {
        child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
    }
    Ok(0)
}

/// `orphans N`: N grandchildren that outlive their parent by a moment; then holds. Who reaps them?
pub fn orphans(arguments: &[String]) -> Outcome {
    let wanted: usize = number(arguments, 0, None)?;
    for _ in 0..wanted {
        let script = "/proc/self/exe sleep 0.05 &";
        let status = again(&["sh", "-c", script]).status().map_err(|e| e.to_string())?;
        if !status.success() {
            return Err(format!("a child ended with {status}"));
        }
    }
    say(&format!("left {wanted}"));
    hold(&[])
}

fn signal(name: &str) -> Result<Signal, String> {
    let number = name.parse::<i32>().ok().and_then(|n| Signal::try_from(n).ok());
    let name = format!("SIG{}", name.trim_start_matches("SIG"));
    number.or_else(|| name.parse().ok()).ok_or_else(|| format!("{name}: unknown signal"))
}

fn listen(signals: &[Signal]) -> Result<SignalFd, String> {
    let set: SigSet = signals.iter().copied().collect();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None).map_err(|e| e.to_string())?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).map_err(|e| e.to_string())
}

fn next(signals: &SignalFd) -> Result<Signal, String> {
    loop {
        if let Some(info) = signals.read_signal().map_err(|e| e.to_string())? {
            return Signal::try_from(info.ssi_signo as i32).map_err(|e| e.to_string());
        }
    }
}

/// `hold`: until TERM or INT.
pub fn hold(_: &[String]) -> Outcome {
    next(&listen(&[Signal::SIGTERM, Signal::SIGINT])?)?;
    Ok(0)
}

/// `trap SIGNAL=STATUS|say ...`: prints `ready`; each signal is printed; one with a status ends it.
pub fn trap(arguments: &[String]) -> Outcome {
    let mut table = Vec::new();
    for pair in arguments {
        let (name, action) = pair.split_once('=').ok_or("SIGNAL=STATUS or SIGNAL=say")?;
        let status = match action {
            "say" => None,
            text => Some(text.parse::<i32>().map_err(|_| format!("{text}: not a status"))?),
        };
        table.push((signal(name)?, status));
    }
    let signals = listen(&table.iter().map(|(signal, _)| *signal).collect::<Vec<_>>())?;
    say("ready");
    loop {
        let signal = next(&signals)?;
        say(signal.as_str());
        if let Some((_, Some(status))) = table.iter().find(|(known, _)| *known == signal) {
            return Ok(*status);
        }
    }
}

/// `kill [-SIGNAL] PID...`
pub fn kill(arguments: &[String]) -> Outcome {
    let (which, pids) = match arguments.split_first() {
        Some((first, rest)) if first.starts_with('-') => (signal(&first[1..])?, rest),
        _ => (Signal::SIGTERM, arguments),
    };
    for (index, pid) in pids.iter().enumerate() {
        let id = nix::unistd::Pid::from_raw(number(pids, index, None)?);
        nix::sys::signal::kill(id, which).map_err(|e| format!("{pid}: {e}"))?;
    }
    Ok(0)
}

/// `try WHAT [PATH]`: attempts what a container may not; prints `ok` or the error's name.
pub fn attempt(arguments: &[String]) -> Outcome {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let what = arguments.first().ok_or("what to try")?;
    let path = arguments.get(1).map_or("/tmp/tried", String::as_str);
    let done = match what.as_str() {
        "mount" => {
            let flags = nix::mount::MsFlags::empty();
            nix::mount::mount(Some("none"), "/mnt", Some("tmpfs"), flags, None::<&str>)
        }
        "unshare" => nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER),
        "mknod" => mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), makedev(1, 3)),
        "chroot" => nix::unistd::chroot("/"),
        "sethostname" => nix::unistd::sethostname("tried"),
        "settime" => {
            let clock = nix::time::ClockId::CLOCK_REALTIME;
            nix::time::clock_gettime(clock).and_then(|now| nix::time::clock_settime(clock, now))
        }
        "write" => match std::fs::write(path, "tried\n") {
            Ok(()) => Ok(()),
            Err(error) => Err(nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0))),
        },
        other => return Err(format!("{other}: unknown attempt")),
    };
    match done {
        Ok(()) => say("ok"),
        Err(error) => say(&format!("{error:?}")),
    }
    Ok(i32::from(done.is_err()))
}
