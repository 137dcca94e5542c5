//! Limits of a single process: resources, OOM score, scheduling, I/O priority. Raising one above
//! what the caller may is a warning: the container then runs with the caller's limit.
#![allow(unsafe_code)] // prlimit by number, ioprio_set, sched_setattr have no safe wrapper

use oci_spec::runtime::{
    IOPriorityClass, LinuxIOPriority, LinuxSchedulerPolicy, PosixRlimitType, Process, Scheduler,
};
use shared::error::{Context, Error, Kind, Result};

/// `oom_score_adj` is inherited by the clone, so the outer half sets it while it is privileged.
pub fn oom_score(process: &Process) -> Result<Vec<String>> {
    let Some(score) = process.oom_score_adj() else { return Ok(Vec::new()) };
    match std::fs::write("/proc/self/oom_score_adj", score.to_string()) {
        Ok(()) => Ok(Vec::new()),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EACCES | libc::EPERM)) => {
            Ok(vec![format!(
                "oom_score_adj {score} is below what this process may set (CAP_SYS_RESOURCE is missing), ignored"
            )])
        }
        Err(e) => Err(e).context_kind(Kind::Invalid, format!("set oom_score_adj to {score}")),
    }
}

/// What else the clone inherits.
pub fn early(process: &Process) -> Result<()> {
    if let Some(priority) = process.io_priority() {
        io_priority(priority)?;
    }
    match process.scheduler() {
        Some(wanted) => schedule(wanted),
        None => Ok(()),
    }
}

fn io_priority(priority: &LinuxIOPriority) -> Result<()> {
    let class = match priority.class() {
        IOPriorityClass::IoprioClassRt => 1,
        IOPriorityClass::IoprioClassBe => 2,
        IOPriorityClass::IoprioClassIdle => 3,
    };
    let level = priority.priority();
    if !(0..=7).contains(&level) {
        return Err(Error::invalid(format!("I/O priority {level} is not within 0 to 7")));
    }
    let value = class << 13 | level;
    // SAFETY: no pointers.
    if unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, value) } < 0 {
        return Err(std::io::Error::last_os_error()).context("set the I/O priority");
    }
    Ok(())
}

#[repr(C)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

fn schedule(wanted: &Scheduler) -> Result<()> {
    let policy = match wanted.policy() {
        LinuxSchedulerPolicy::SchedOther => 0,
        LinuxSchedulerPolicy::SchedFifo => 1,
        LinuxSchedulerPolicy::SchedRr => 2,
        LinuxSchedulerPolicy::SchedBatch => 3,
        LinuxSchedulerPolicy::SchedIso => 4,
        LinuxSchedulerPolicy::SchedIdle => 5,
        LinuxSchedulerPolicy::SchedDeadline => 6,
    };
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy,
        flags: 0,
        nice: wanted.nice().unwrap_or(0),
        priority: wanted.priority().unwrap_or(0) as u32,
        runtime: wanted.runtime().unwrap_or(0),
        deadline: wanted.deadline().unwrap_or(0),
        period: wanted.period().unwrap_or(0),
    };
    // SAFETY: `attributes` has the size that it says.
    if unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &attributes, 0) } < 0 {
        return Err(std::io::Error::last_os_error()).context("set the scheduler");
    }
    Ok(())
}

/// rlimits (getrlimit(2)).
pub fn resources(process: &Process) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for limit in process.rlimits().as_deref().unwrap_or_default() {
        let kind = number(limit.typ());
        let value = libc::rlimit { rlim_cur: limit.soft(), rlim_max: limit.hard() };
        // SAFETY: both pointers are live or null.
        let set = unsafe { libc::prlimit(0, kind, &value, std::ptr::null_mut()) };
        if set == 0 {
            continue;
        }
        let error = std::io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EPERM) {
            return Err(error).context_kind(Kind::Invalid, format!("set {}", limit.typ()));
        }
        warnings.push(format!(
            "{} {}:{} is above what this process may set (CAP_SYS_RESOURCE is missing), kept lower",
            limit.typ(),
            limit.soft(),
            limit.hard()
        ));
        lower(kind, limit.soft())?;
    }
    Ok(warnings)
}

/// As near as allowed: the hard limit stays, the soft one goes up to it.
fn lower(kind: libc::__rlimit_resource_t, soft: u64) -> Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is live.
    if unsafe { libc::prlimit(0, kind, std::ptr::null(), &mut now) } != 0 {
        return Err(std::io::Error::last_os_error()).context("read a resource limit");
    }
    now.rlim_cur = soft.min(now.rlim_max);
    // SAFETY: `now` is live.
    if unsafe { libc::prlimit(0, kind, &now, std::ptr::null_mut()) } != 0 {
        return Err(std::io::Error::last_os_error()).context("set a resource limit");
    }
    Ok(())
}

fn number(kind: PosixRlimitType) -> libc::__rlimit_resource_t {
    match kind {
        PosixRlimitType::RlimitCpu => libc::RLIMIT_CPU,
        PosixRlimitType::RlimitFsize => libc::RLIMIT_FSIZE,
        PosixRlimitType::RlimitData => libc::RLIMIT_DATA,
        PosixRlimitType::RlimitStack => libc::RLIMIT_STACK,
        PosixRlimitType::RlimitCore => libc::RLIMIT_CORE,
        PosixRlimitType::RlimitRss => libc::RLIMIT_RSS,
        PosixRlimitType::RlimitNproc => libc::RLIMIT_NPROC,
        PosixRlimitType::RlimitNofile => libc::RLIMIT_NOFILE,
        PosixRlimitType::RlimitMemlock => libc::RLIMIT_MEMLOCK,
        PosixRlimitType::RlimitAs => libc::RLIMIT_AS,
        PosixRlimitType::RlimitLocks => libc::RLIMIT_LOCKS,
        PosixRlimitType::RlimitSigpending => libc::RLIMIT_SIGPENDING,
        PosixRlimitType::RlimitMsgqueue => libc::RLIMIT_MSGQUEUE,
        PosixRlimitType::RlimitNice => libc::RLIMIT_NICE,
        PosixRlimitType::RlimitRtprio => libc::RLIMIT_RTPRIO,
        PosixRlimitType::RlimitRttime => libc::RLIMIT_RTTIME,
    }
}
