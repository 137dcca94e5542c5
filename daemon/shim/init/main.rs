//! `coffer-init -- PROGRAM ARGUMENT...`: process 1 of a container that was asked to have one. It starts the
//! program, passes signals on to it, reaps orphans, and ends with the program's status. It never ends
//! before the program does.
//!
//! The program leads a process group of its own, the terminal's foreground one where there is a terminal:
//! what it sends to its group does not come back to it by way of this process.
#![allow(unsafe_code)] // fork(2), signal(2)

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork, getpid, setpgid, tcsetpgrp};
use std::convert::Infallible;
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
    match start(&program, &arguments) {
        Ok((signals, child)) => ExitCode::from(serve(&signals, child) as u8),
        Err(error) => {
            eprintln!("coffer-init: {}", error.desc());
            ExitCode::from(126)
        }
    }
}

/// Blocks every signal here, so that they are read one by one; the program begins with none blocked.
fn start(program: &CString, arguments: &[CString]) -> nix::Result<(SignalFd, Pid)> {
    let all = SigSet::all();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None)?;
    let signals = SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC)?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok((signals, child)),
        ForkResult::Child => {
            let Err(error) = become_program(program, arguments);
            eprintln!("coffer-init: {}: {}", program.to_string_lossy(), error.desc());
            std::process::exit(if error == Errno::ENOENT { 127 } else { 126 })
        }
    }
}

/// In the child. Until the very end all signals are blocked, so that taking the terminal does not stop it.
fn become_program(program: &CString, arguments: &[CString]) -> nix::Result<Infallible> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    // Fails where there is no terminal to take.
    let _no_terminal = tcsetpgrp(std::io::stdin(), getpid());
    // SAFETY: no handler is installed. Rust ignores this one, and ignored signals survive execve(2).
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    execvp(program, arguments)
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
