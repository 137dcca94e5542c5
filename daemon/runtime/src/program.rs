//! The program: looked up before the container is reported ready, so that "not found" is an error of
//! create; executed at the very end.
#![allow(unsafe_code)] // execve with vectors of our own, signal dispositions

use crate::setup::user::Identity;
use nix::unistd::{AccessFlags, access, execve};
use oci_spec::runtime::Process;
use shared::error::{Context, Error, Kind, Result};
use std::convert::Infallible;
use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Everything that `execve` wants.
#[derive(Debug)]
pub struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    name: String,
}

impl Program {
    /// Finds `args[0]`: as it is if it has a slash, else in the `PATH` of the process.
    pub fn find(process: &Process, user: &Identity) -> Result<Self> {
        let arguments = process.args().as_deref().unwrap_or_default();
        let name = arguments.first().ok_or_else(|| Error::invalid("args must not be empty"))?;
        let environment = environment(process, user);
        let path = look_up(name, &environment)?;
        refuse_ourselves(&path, name)?;
        Ok(Self {
            path: text(path.as_os_str().as_encoded_bytes())?,
            arguments: arguments.iter().map(|a| text(a.as_bytes())).collect::<Result<_>>()?,
            environment: environment.iter().map(|e| text(e.as_bytes())).collect::<Result<_>>()?,
            name: name.clone(),
        })
    }

    /// Returns only if the kernel refuses.
    pub fn execute(&self) -> Result<Infallible> {
        default_signals();
        match execve(&self.path, &self.arguments, &self.environment) {
            Ok(never) => Ok(never),
            Err(error) => Err(Error::invalid(format!("exec {}: {}", self.name, words(error)))),
        }
    }
}

fn text(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).context_kind(Kind::Invalid, "an argument or variable contains a zero byte")
}

/// The later of two variables of one name holds; `HOME` comes from the user's entry if it is missing.
fn environment(process: &Process, user: &Identity) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for variable in process.env().as_deref().unwrap_or_default() {
        let name = variable.split('=').next().unwrap_or_default();
        let same = |other: &String| other.split('=').next() == Some(name);
        match all.iter().position(same) {
            Some(at) => all[at].clone_from(variable),
            None => all.push(variable.clone()),
        }
    }
    if !all.iter().any(|v| v.strip_prefix("HOME=").is_some_and(|home| !home.is_empty())) {
        all.retain(|v| !v.starts_with("HOME="));
        all.push(format!("HOME={}", user.home));
    }
    all
}

/// Go's words, which runc's callers know: clients match on them.
fn look_up(name: &str, environment: &[String]) -> Result<PathBuf> {
    let refused = |why: &str| Error::invalid(format!("exec: {name:?}: {why}"));
    if name.contains('/') {
        return match executable(Path::new(name)) {
            Ok(()) => Ok(name.into()),
            Err(nix::errno::Errno::ENOENT) => {
                Err(refused(&format!("stat {name}: no such file or directory")))
            }
            Err(error) => Err(refused(&words(error))),
        };
    }
    let path = environment.iter().find_map(|v| v.strip_prefix("PATH=")).unwrap_or_default();
    let mut worst = None;
    for folder in path.split(':') {
        let folder = if folder.is_empty() { "." } else { folder };
        let candidate = Path::new(folder).join(name);
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(nix::errno::Errno::EACCES) => worst = Some(()),
            Err(_) => {}
        }
    }
    match worst {
        // A file of that name exists, but nobody may execute it: still "not found" for Go.
        Some(()) | None => Err(refused("executable file not found in $PATH")),
    }
}

fn executable(path: &Path) -> Result<(), nix::errno::Errno> {
    let found = std::fs::metadata(path).map_err(|e| errno(&e))?;
    if found.is_dir() {
        return Err(nix::errno::Errno::EISDIR);
    }
    if found.mode() & 0o111 == 0 {
        return Err(nix::errno::Errno::EACCES);
    }
    access(path, AccessFlags::X_OK)
}

fn errno(error: &std::io::Error) -> nix::errno::Errno {
    nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// Lower case, as Go's.
fn words(error: nix::errno::Errno) -> String {
    error.desc().to_lowercase()
}

/// A container that could execute the runtime's own file could also try to overwrite it (as
/// CVE-2019-5736 did): refused.
fn refuse_ourselves(path: &Path, name: &str) -> Result<()> {
    let (Ok(program), Ok(own)) = (std::fs::metadata(path), std::fs::metadata("/proc/self/exe"))
    else {
        return Ok(());
    };
    if (program.dev(), program.ino()) == (own.dev(), own.ino()) {
        return Err(Error::invalid(format!("exec: {name:?}: the runtime itself is not a program")));
    }
    Ok(())
}

/// Into `process.cwd`, still privileged. False: perhaps only the user may.
pub fn enter_directory(process: &Process) -> Result<bool> {
    match nix::unistd::chdir(process.cwd()) {
        Ok(()) => Ok(true),
        Err(nix::errno::Errno::EACCES) => Ok(false),
        Err(error) => Err(refused(process, error)),
    }
}

fn refused(process: &Process, error: nix::errno::Errno) -> Error {
    let folder = process.cwd();
    Error::invalid(format!("chdir to cwd ({folder:?}) set in config.json failed: {}", words(error)))
}

/// The same as the user, if it is not done yet; and a check that it is inside the container.
pub fn change_directory(process: &Process, entered: bool) -> Result<()> {
    if !entered {
        nix::unistd::chdir(process.cwd()).map_err(|error| refused(process, error))?;
    }
    // A folder outside the container's root would show as gone, or as an "(unreachable)" path. That a
    // filter forbids the question says nothing.
    let outside = match nix::unistd::getcwd() {
        Ok(now) => !now.is_absolute(),
        Err(error) => error == nix::errno::Errno::ENOENT,
    };
    if outside {
        return Err(Error::invalid(
            "current working directory is outside of container mount namespace root -- possible container breakout detected",
        ));
    }
    Ok(())
}

/// Rust ignores SIGPIPE, callers may block or ignore others: a container starts with none of that. By the
/// bare call, since C libraries keep the first real-time signals to themselves and refuse to touch them.
fn default_signals() {
    // SAFETY: plain data in and out; all zeroes is the default action (rt_sigaction(2)), and no handler
    // of ours exists after execve. SIGKILL and SIGSTOP are refused, as they should be.
    unsafe {
        let default = [0u64; 4];
        for signal in 1..=64 {
            let none = std::ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, 8usize);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_words() {
        let path = vec!["PATH=/nowhere:/bin".to_owned()];
        assert!(look_up("sh", &path).is_ok());
        let error = look_up("nope", &path).unwrap_err();
        assert_eq!(error.to_string(), r#"exec: "nope": executable file not found in $PATH"#);
        let error = look_up("/etc/passwd", &path).unwrap_err();
        assert_eq!(error.to_string(), r#"exec: "/etc/passwd": permission denied"#);
        let error = look_up("/nope", &path).unwrap_err();
        assert_eq!(error.to_string(), r#"exec: "/nope": stat /nope: no such file or directory"#);
        let error = look_up("/etc", &path).unwrap_err();
        assert_eq!(error.to_string(), r#"exec: "/etc": is a directory"#);
        assert_eq!(error.kind(), Kind::Invalid);
    }

    #[test]
    fn a_home_and_no_twins() {
        let json = r#"{"user":{},"cwd":"/","env":["A=1","B=2","A=3","HOME="]}"#;
        let process: Process = serde_json::from_str(json).unwrap();
        let user = Identity { home: "/root".to_owned(), ..Identity::default() };
        assert_eq!(environment(&process, &user), ["A=3", "B=2", "HOME=/root"]);
    }
}
