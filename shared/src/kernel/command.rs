//! Starts a program: `posix_spawn`, so that the cost does not grow with the caller's memory, no
//! inherited environment, no inherited descriptor, signals as at boot.
//!
//! Never runs code of ours between fork and exec, and never goes through a shell.
#![allow(unsafe_code)] // posix_spawn has no safe wrapper that can hand over descriptors

use super::process::Ending;
use crate::error::{Context, Error, Result};
use nix::fcntl::{FcntlArg, fcntl};
use std::ffi::{CString, OsStr, c_char};
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// A program that is about to be started. Standard streams are `/dev/null` until set.
#[derive(Debug)]
pub struct Command<'a> {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    descriptors: Vec<Option<BorrowedFd<'a>>>,
    folder: Option<CString>,
    file: Option<CString>,
    problem: Option<Error>,
}

/// A program that was started. Dropping it neither ends nor reaps the process.
#[derive(Debug)]
pub struct Child {
    pid: i32,
}

impl<'a> Command<'a> {
    /// `program` is an absolute path; it becomes argument 0 as well.
    pub fn new(program: &Path) -> Self {
        let descriptors = vec![None; 3];
        let (arguments, environment) = (Vec::new(), Vec::new());
        let (folder, file, problem) = (None, None, None);
        let mut new = Self { arguments, environment, descriptors, folder, file, problem };
        if !program.is_absolute() {
            let sentence = format!("program {} is not an absolute path", program.display());
            new.problem = Some(Error::invalid(sentence));
        }
        new.argument(program);
        new
    }

    /// What is executed, where that is another path than argument 0: such as a sealed program's. It is
    /// looked up by the child, which has none of our descriptors.
    pub fn by_way_of(&mut self, file: &Path) -> &mut Self {
        self.file = self.text(file.as_os_str().as_bytes().to_vec());
        self
    }

    /// Appends an argument.
    pub fn argument(&mut self, text: impl AsRef<OsStr>) -> &mut Self {
        if let Some(text) = self.text(text.as_ref().as_bytes().to_vec()) {
            self.arguments.push(text);
        }
        self
    }

    /// Appends arguments.
    pub fn arguments(&mut self, all: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        all.into_iter().for_each(|text| {
            self.argument(text);
        });
        self
    }

    /// Sets a variable of its environment.
    pub fn variable(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        let pair = [name.as_bytes(), b"=", value.as_ref().as_bytes()].concat();
        if let Some(pair) = self.text(pair) {
            self.environment.push(pair);
        }
        self
    }

    /// The folder in which it starts; the caller's otherwise.
    pub fn folder(&mut self, folder: &Path) -> &mut Self {
        self.folder = self.text(folder.as_os_str().as_bytes().to_vec());
        self
    }

    /// Its descriptor 0, 1 or 2.
    pub fn standard(&mut self, number: usize, fd: BorrowedFd<'a>) -> &mut Self {
        self.descriptors[number.min(2)] = Some(fd);
        self
    }

    /// Hands a further descriptor over; returns its number there: 3, then 4, ...
    pub fn descriptor(&mut self, fd: BorrowedFd<'a>) -> i32 {
        self.descriptors.push(Some(fd));
        self.descriptors.len() as i32 - 1
    }

    /// Starts it. What cannot be executed (missing, not permitted) is an error here, not an exit.
    pub fn spawn(&mut self) -> Result<Child> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let sentence = format!("start {}", self.arguments[0].to_string_lossy());
        self.spawn_now().map(|pid| Child { pid }).context(sentence)
    }

    fn text(&mut self, bytes: Vec<u8>) -> Option<CString> {
        match CString::new(bytes) {
            Ok(text) => Some(text),
            Err(_) => {
                self.problem.get_or_insert_with(|| Error::invalid("a zero byte in an argument"));
                None
            }
        }
    }

    /// Copies of all descriptors above every target number, so that no `dup2` overwrites a source.
    fn sources(&self) -> std::io::Result<Vec<OwnedFd>> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let above = self.descriptors.len() as i32;
        let copy = |fd: &Option<BorrowedFd<'_>>| {
            let raw = fd.as_ref().map_or(null.as_raw_fd(), AsRawFd::as_raw_fd);
            // SAFETY: either `null`, which lives here, or a borrowed descriptor, which lives longer.
            let fd = unsafe { BorrowedFd::borrow_raw(raw) };
            let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(above)).map_err(std::io::Error::from)?;
            // SAFETY: the descriptor was just made and nobody else has it.
            Ok(unsafe { OwnedFd::from_raw_fd(copy) })
        };
        self.descriptors.iter().map(copy).collect()
    }

    fn spawn_now(&self) -> std::io::Result<i32> {
        let sources = self.sources()?;
        let mut actions = Actions::new()?;
        for (number, source) in sources.iter().enumerate() {
            actions.duplicate(source.as_raw_fd(), number as i32)?;
        }
        actions.close_from(sources.len() as i32)?;
        if let Some(folder) = &self.folder {
            actions.enter(folder)?;
        }
        let attributes = Attributes::new()?;
        let pointers = |texts: &[CString]| -> Vec<*mut c_char> {
            let all = texts.iter().map(|text| text.as_ptr().cast_mut());
            all.chain([std::ptr::null_mut()]).collect()
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        let mut pid = 0;
        // SAFETY: both arrays are null-terminated and point to strings that `self` owns; actions and
        // attributes are initialised and live to the end of the call.
        check(unsafe {
            libc::posix_spawn(
                &mut pid,
                self.file.as_ref().unwrap_or(&self.arguments[0]).as_ptr(),
                &actions.0,
                &attributes.0,
                arguments.as_ptr(),
                environment.as_ptr(),
            )
        })?;
        Ok(pid)
    }
}

impl Child {
    /// One that another process made for us, by `CLONE_PARENT`.
    pub fn adopted(pid: i32) -> Self {
        Self { pid }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until it has ended, and reaps it.
    pub fn wait(&self) -> Result<Ending> {
        loop {
            if let Some((_, ended)) = reap(self.pid, 0)? {
                return Ok(ended);
            }
        }
    }

    /// Reaps it if it has ended.
    pub fn try_wait(&self) -> Result<Option<Ending>> {
        Ok(reap(self.pid, libc::WNOHANG)?.map(|(_, ended)| ended))
    }
}

/// Reaps any child that has ended: its process id and how. `None`: none has, or there are none.
pub fn reap_any() -> Result<Option<(i32, Ending)>> {
    reap(-1, libc::WNOHANG)
}

fn reap(pid: i32, flags: i32) -> Result<Option<(i32, Ending)>> {
    let mut status = 0;
    // SAFETY: the kernel writes one integer. (nix's `waitpid` reaps and then fails when the signal
    // was a real-time one.)
    let got = unsafe { libc::waitpid(pid, &mut status, flags) };
    if got < 0 {
        let error = std::io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::EINTR) => Ok(None),
            Some(libc::ECHILD) if pid < 0 => Ok(None),
            _ => Err(error).with_context(|| format!("wait for process {pid}")),
        };
    }
    let status = ExitStatus::from_raw(status);
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Code(code),
        (None, Some(signal)) => Ending::Signal(signal),
        (None, None) => return Ok(None),
    };
    Ok((got > 0).then_some((got, ended)))
}

fn check(code: i32) -> std::io::Result<()> {
    if code == 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(code)) }
}

struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    fn new() -> std::io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: init fills the whole object when it succeeds.
        check(unsafe { libc::posix_spawn_file_actions_init(raw.as_mut_ptr()) })?;
        // SAFETY: as above.
        Ok(Self(unsafe { raw.assume_init() }))
    }

    fn duplicate(&mut self, from: i32, to: i32) -> std::io::Result<()> {
        // SAFETY: the object is initialised.
        check(unsafe { libc::posix_spawn_file_actions_adddup2(&mut self.0, from, to) })
    }

    fn close_from(&mut self, from: i32) -> std::io::Result<()> {
        // SAFETY: the object is initialised.
        check(unsafe { libc::posix_spawn_file_actions_addclosefrom_np(&mut self.0, from) })
    }

    fn enter(&mut self, folder: &CString) -> std::io::Result<()> {
        // SAFETY: the object is initialised; the path is copied by the call.
        check(unsafe { libc::posix_spawn_file_actions_addchdir_np(&mut self.0, folder.as_ptr()) })
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: the object is initialised and not used afterwards.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut self.0) };
    }
}

struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    /// No signal blocked, every one at its default: the caller's choices are not the program's.
    fn new() -> std::io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: init fills the whole object when it succeeds.
        check(unsafe { libc::posix_spawnattr_init(raw.as_mut_ptr()) })?;
        // SAFETY: as above.
        let mut new = Self(unsafe { raw.assume_init() });
        let (mut none, mut all) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        // SAFETY: the two sets are filled before they are read; the object is initialised.
        unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigfillset(all.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(&mut new.0, none.as_ptr()))?;
            check(libc::posix_spawnattr_setsigdefault(&mut new.0, all.as_ptr()))?;
            check(libc::posix_spawnattr_setflags(&mut new.0, flags as libc::c_short))?;
        }
        Ok(new)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the object is initialised and not used afterwards.
        unsafe { libc::posix_spawnattr_destroy(&mut self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    fn shell(script: &str) -> Command<'static> {
        let mut command = Command::new(Path::new("/bin/sh"));
        command.argument("-c").argument(script);
        command
    }

    #[test]
    fn environment_descriptors_and_folder_are_what_was_asked() {
        let (mut read, write) = std::io::pipe().unwrap();
        let other = File::open("/proc/self/status").unwrap();
        let mut command = shell("env; pwd; ls /proc/self/fd; read a <&3; echo $a; grep SigBlk <&3");
        let command = command.variable("A", "b c").folder(Path::new("/proc"));
        assert_eq!(command.standard(1, write.as_fd()).descriptor(other.as_fd()), 3);
        let child = command.spawn().unwrap();
        drop(write);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        // 4 is what `ls` itself has open; PWD is the shell's own.
        assert!(text.starts_with("A=b c\nPWD=/proc\n/proc\n0\n1\n2\n3\n4\nName:"), "{text}");
    }

    #[test]
    fn an_end_is_code_or_signal() {
        assert_eq!(shell("exit 7").spawn().unwrap().wait().unwrap(), Ending::Code(7));
        assert_eq!(shell("kill -9 $$").spawn().unwrap().wait().unwrap(), Ending::Signal(9));
        assert_eq!(shell("kill -40 $$").spawn().unwrap().wait().unwrap(), Ending::Signal(40));
        let sleeper = shell("read x").spawn().unwrap();
        assert_eq!(sleeper.wait().unwrap(), Ending::Code(1), "stdin is /dev/null");
    }

    #[test]
    fn what_cannot_start_is_an_error() {
        let error = Command::new(Path::new("/nonexistent/program")).spawn().unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
        assert!(Command::new(Path::new("relative")).spawn().is_err());
        assert!(shell("a\0b").spawn().is_err());
    }
}
