//! Loads a device program and attaches it to a group, replacing the one that is there: programs of
//! one group all have to agree, so a second one could only take devices away.
#![allow(unsafe_code)] // bpf(2) has no safe wrapper

use super::{DeviceRule, compile};
use crate::error::{Context, Result};
use std::fs::File;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

const PROGRAM_LOAD: i32 = 5;
const PROGRAM_ATTACH: i32 = 8;
const PROGRAM_BY_ID: i32 = 13;
const PROGRAM_QUERY: i32 = 16;
const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_DEVICE: u32 = 6;
const ALLOW_MULTIPLE: u32 = 2;
const REPLACE: u32 = 4;

#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    version: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
    replaced: u32,
}

#[repr(C)]
#[derive(Default)]
struct Query {
    target: u32,
    kind: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    reserved: u32,
}

#[repr(C)]
#[derive(Default)]
struct ById {
    id: u32,
    next: u32,
    flags: u32,
}

fn bpf<T>(command: i32, attribute: &mut T, sentence: &str) -> Result<i32> {
    let at: *mut T = attribute;
    // SAFETY: `at` is a live attribute of the given size; pointers in it are live in the callers.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, at, size_of::<T>()) };
    if result < 0 {
        return Err(std::io::Error::last_os_error()).context(sentence);
    }
    Ok(result as i32)
}

/// Puts the rules into force on the group.
pub(in super::super) fn attach(folder: &Path, rules: &[DeviceRule]) -> Result<()> {
    let group = File::open(folder).with_context(|| format!("open {}", folder.display()))?;
    let program = load(rules)?;
    let existing = attached(&group)?;
    let mut attribute = Attach {
        target: group.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        kind: ATTACH_DEVICE,
        flags: ALLOW_MULTIPLE,
        replaced: 0,
    };
    if let Some(old) = &existing {
        attribute.flags |= REPLACE;
        attribute.replaced = old.as_raw_fd() as u32;
    }
    bpf(PROGRAM_ATTACH, &mut attribute, "attach the device program")?;
    Ok(())
}

fn load(rules: &[DeviceRule]) -> Result<OwnedFd> {
    let program = compile(rules);
    let license = c"Apache-2.0";
    let mut attribute = Load {
        kind: TYPE_CGROUP_DEVICE,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        ..Load::default()
    };
    let fd = bpf(PROGRAM_LOAD, &mut attribute, "load the device program")?;
    // SAFETY: the kernel just made the descriptor (close-on-exec) for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The program that is attached to the group itself, if it is exactly one.
fn attached(group: &File) -> Result<Option<OwnedFd>> {
    let mut ids = [0u32; 64];
    let mut query = Query {
        target: group.as_raw_fd() as u32,
        kind: ATTACH_DEVICE,
        ids: ids.as_mut_ptr() as u64,
        count: ids.len() as u32,
        ..Query::default()
    };
    bpf(PROGRAM_QUERY, &mut query, "query the device programs")?;
    if query.count != 1 {
        return Ok(None);
    }
    let mut by_id = ById { id: ids[0], ..ById::default() };
    let fd = bpf(PROGRAM_BY_ID, &mut by_id, "open the device program")?;
    // SAFETY: the kernel just made the descriptor (close-on-exec) for us.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}
