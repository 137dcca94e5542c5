//! `coffer-init -- PROGRAM ARGUMENT...`: process 1 of a container that was asked to have one. It starts the
//! program, passes signals on to it, reaps orphans, and ends with the program's status. It never ends
//! before the program does.

use nix::errno::Errno;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

/// `SI_KERNEL`: the terminal sent the signal to the whole foreground group, the program included.
const FROM_KERNEL: i32 = 0x80;

fn main() -> ExitCode {
    let mut arguments: Vec<CString> =
        std::env::args_os().skip(1).filter_map(|a| CString::new(a.into_vec()).ok()).collect();
    if arguments.first().is_some_and(|first| first.as_bytes() == b"--") {
        arguments.remove(0);
    }
    let Some(program) = arguments.first().cloned() else {
        eprintln!("coffer-init: name a program");
        return ExitCode::from(2);
    };
    let name = program.to_string_lossy().into_owned();
    match start(&program, &arguments) {
        Ok((signals, child)) => ExitCode::from(serve(&signals, child) as u8),
        Err(error) => {
            eprintln!("coffer-init: {name}: {}", error.desc());
            ExitCode::from(if error == Errno::ENOENT { 127 } else { 126 })
        }
    }
}

/// Blocks every signal here, so that they are read one by one; the program begins with none blocked.
fn start(program: &CString, arguments: &[CString]) -> nix::Result<(SignalFd, Pid)> {
    let all = SigSet::all();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None)?;
    let signals = SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC)?;
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
    attributes.set_sigmask(&SigSet::empty())?;
    let environment: Vec<CString> = std::env::vars_os()
        .filter_map(|(key, value)| {
            let pair = [key.into_vec(), value.into_vec()].join(&b'=');
            CString::new(pair).ok()
        })
        .collect();
    let actions = PosixSpawnFileActions::init()?;
    let child = posix_spawnp(program, &actions, &attributes, arguments, &environment)?;
    Ok((signals, child))
}

/// Until the program ends; its exit status, or 128 and the signal's number.
fn serve(signals: &SignalFd, child: Pid) -> i32 {
    loop {
        let Ok(Some(info)) = signals.read_signal() else { continue };
        match Signal::try_from(info.ssi_signo as i32) {
            Ok(Signal::SIGCHLD) => {
                if let Some(status) = reap(child) {
                    return status;
                }
            }
            Ok(_) if info.ssi_code == FROM_KERNEL => {}
            // It may have ended this very moment; then its SIGCHLD follows.
            Ok(signal) => drop(kill(child, signal)),
            // Signals from 32 on have no name here and are the C library's own.
            Err(_) => {}
        }
    }
}

/// Takes every process that has ended; the program's status when it was among them.
fn reap(child: Pid) -> Option<i32> {
    let mut ended = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => ended = Some(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                ended = Some(128 + signal as i32);
            }
            Ok(WaitStatus::StillAlive) | Err(_) => return ended,
            Ok(_) => {}
        }
    }
}
