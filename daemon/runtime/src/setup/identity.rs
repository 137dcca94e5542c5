//! Who this process is: user, groups, session keyring, ownership of its standard streams, and what
//! others may do to it meanwhile.
#![allow(unsafe_code)] // raw id calls: nothing may come between them and execve

use super::user::Identity;
use oci_spec::runtime::{Linux, LinuxPersonalityDomain, Process};
use shared::error::{Context, Error, Result};
use std::ffi::CString;

fn check(result: i64, sentence: &str) -> Result<()> {
    if result < 0 {
        return Err(std::io::Error::last_os_error()).context(sentence);
    }
    Ok(())
}

/// No process of the container may look into this one before `execve` (CVE-2016-9962).
pub fn undumpable() -> Result<()> {
    // SAFETY: no pointers.
    check(i64::from(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }), "become undumpable")
}

/// Which Linux the program takes this for (personality(2)).
pub fn personality(linux: &Linux) -> Result<()> {
    let Some(wanted) = linux.personality() else { return Ok(()) };
    if wanted.flags().as_deref().is_some_and(|flags| !flags.is_empty()) {
        return Err(Error::invalid("personality flags are not supported"));
    }
    // PER_LINUX, PER_LINUX32
    let domain: libc::c_ulong = match wanted.domain() {
        LinuxPersonalityDomain::PerLinux => 0,
        LinuxPersonalityDomain::PerLinux32 => 8,
    };
    // SAFETY: no pointers.
    check(i64::from(unsafe { libc::personality(domain) }), "set the personality")
}

/// A session keyring of the container's own. Where keyrings are missing or used up, none.
pub fn session_keyring(id: &str) -> Result<()> {
    const JOIN: i32 = 1;
    let name = CString::new(format!("_ses.{id}")).context("name the session keyring")?;
    // SAFETY: `name` outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_keyctl, JOIN, name.as_ptr()) };
    if result < 0 {
        let error = std::io::Error::last_os_error();
        let fine = [libc::ENOSYS, libc::EDQUOT, libc::EPERM];
        if !error.raw_os_error().is_some_and(|e| fine.contains(&e)) {
            return Err(error).context("join a session keyring");
        }
    }
    Ok(())
}

/// The program's user owns its pipes and terminal; a device such as `/dev/null` keeps its owner.
pub fn own_streams(user: &Identity) -> Result<()> {
    for fd in 0..3 {
        // SAFETY: all zeroes is a valid stat, and it is live.
        let mut found: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        if unsafe { libc::fstat(fd, &mut found) } < 0 {
            continue; // closed
        }
        let terminal = (136..=143).contains(&libc::major(found.st_rdev));
        let device = found.st_mode & libc::S_IFMT == libc::S_IFCHR;
        if found.st_uid == user.uid || device && !terminal {
            continue;
        }
        // SAFETY: no pointers.
        if unsafe { libc::fchown(fd, user.uid, found.st_gid) } < 0 {
            let error = std::io::Error::last_os_error();
            // Unmapped owners, read-only files: the stream stays as it is.
            let fine = [libc::EINVAL, libc::EPERM, libc::EROFS];
            if !error.raw_os_error().is_some_and(|e| fine.contains(&e)) {
                return Err(error).context("change the owner of a standard stream");
            }
        }
    }
    Ok(())
}

/// Groups, group, user, umask; capabilities survive it, so that they can be chosen afterwards.
pub fn become_user(user: &Identity, process: &Process) -> Result<()> {
    let umask = process.user().umask().unwrap_or(0o022);
    // SAFETY: the list is live; the rest has no pointers.
    unsafe {
        libc::umask(umask);
        check(i64::from(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0)), "keep capabilities")?;
        let denied =
            std::fs::read("/proc/self/setgroups").is_ok_and(|text| text.starts_with(b"deny"));
        if !denied {
            let (count, list) = (user.groups.len(), user.groups.as_ptr());
            check(libc::syscall(libc::SYS_setgroups, count, list), "set further groups")?;
        }
        check(libc::syscall(libc::SYS_setresgid, user.gid, user.gid, user.gid), "set the group")?;
        check(libc::syscall(libc::SYS_setresuid, user.uid, user.uid, user.uid), "set the user")?;
        check(
            i64::from(libc::prctl(libc::PR_SET_KEEPCAPS, 0, 0, 0, 0)),
            "stop keeping capabilities",
        )
    }
}

/// Neither set-user-id files nor file capabilities give anything from here on.
pub fn no_new_privileges() -> Result<()> {
    // SAFETY: no pointers.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    check(i64::from(result), "set no_new_privs")
}
