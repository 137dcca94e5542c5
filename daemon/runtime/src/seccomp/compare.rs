//! The compiler against libseccomp itself, for every system call and a set of telling arguments. The
//! library is opened at run time; where it is missing the test says so and is skipped.
#![allow(unsafe_code)]

use super::machine::{Call, run};
use super::table::{Architecture, numbers};
use super::{AUDIT_I386, AUDIT_X86_64, X32_BIT, compile};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompArg};
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;

#[repr(C)]
#[derive(Clone, Copy)]
struct Compare {
    argument: c_uint,
    operator: c_int,
    first: u64,
    second: u64,
}

struct Library(*mut c_void);

impl Library {
    fn open() -> Option<Self> {
        // SAFETY: a plain library without initialisers that matter.
        let handle = unsafe { libc::dlopen(c"libseccomp.so.2".as_ptr(), libc::RTLD_NOW) };
        (!handle.is_null()).then_some(Self(handle))
    }

    /// SAFETY: `F` must be the function's type.
    unsafe fn function<F: Copy>(&self, name: &str) -> F {
        let name = CString::new(name).unwrap();
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!address.is_null(), "libseccomp lacks {name:?}");
        unsafe { std::mem::transmute_copy(&address) }
    }

    fn knows(&self, name: &str) -> bool {
        let name = CString::new(name).unwrap();
        // SAFETY: the function's type is as in its manual.
        let resolve: extern "C" fn(*const c_char) -> c_int =
            unsafe { self.function("seccomp_syscall_resolve_name") };
        resolve(name.as_ptr()) != -1
    }

    /// What libseccomp makes of a profile, used the way runc uses it.
    fn compile(&self, profile: &LinuxSeccomp) -> Vec<u8> {
        unsafe {
            let init: extern "C" fn(u32) -> *mut c_void = self.function("seccomp_init");
            let add_arch: extern "C" fn(*mut c_void, u32) -> c_int =
                self.function("seccomp_arch_add");
            let resolve: extern "C" fn(*const c_char) -> c_int =
                self.function("seccomp_syscall_resolve_name");
            let add: extern "C" fn(*mut c_void, u32, c_int, c_uint, *const Compare) -> c_int =
                self.function("seccomp_rule_add_array");
            let export: extern "C" fn(*mut c_void, c_int) -> c_int =
                self.function("seccomp_export_bpf");
            let release: extern "C" fn(*mut c_void) = self.function("seccomp_release");
            let default = super::rule::tests::action_of(profile);
            let context = init(default);
            for arch in profile.architectures().iter().flatten() {
                add_arch(context, *arch as u32);
            }
            for rule in profile.syscalls().iter().flatten() {
                let action = super::rule::tests::action_of_rule(rule);
                if action == default {
                    continue;
                }
                for name in rule.names() {
                    let name = CString::new(name.as_str()).unwrap();
                    let number = resolve(name.as_ptr());
                    if number == -1 {
                        continue;
                    }
                    for compares in alternatives(rule.args().as_deref().unwrap_or_default()) {
                        let count = compares.len() as c_uint;
                        add(context, action, number, count, compares.as_ptr());
                    }
                }
            }
            let flags = nix::sys::memfd::MFdFlags::MFD_CLOEXEC;
            let fd = nix::sys::memfd::memfd_create("filter", flags).unwrap();
            assert_eq!(export(context, fd.as_raw_fd()), 0);
            release(context);
            let mut file = std::fs::File::from(fd);
            file.rewind().unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            bytes
        }
    }
}

fn alternatives(args: &[LinuxSeccompArg]) -> Vec<Vec<Compare>> {
    let compare = |arg: &LinuxSeccompArg| Compare {
        argument: arg.index() as c_uint,
        operator: arg.op() as c_int,
        first: arg.value(),
        second: arg.value_two().unwrap_or(0),
    };
    let twice =
        args.iter().enumerate().any(|(at, a)| args[..at].iter().any(|b| b.index() == a.index()));
    if twice {
        return args.iter().map(|arg| vec![compare(arg)]).collect();
    }
    vec![args.iter().map(compare).collect()]
}

/// Each call with arguments on both sides of every value that the profile compares with.
fn calls(profile: &LinuxSeccomp) -> Vec<Call> {
    let mut values = vec![0, 1, 2, u64::MAX, 1 << 32, 0x7e02_0000];
    for arg in profile.syscalls().iter().flatten().flat_map(|rule| rule.args().iter().flatten()) {
        for value in [arg.value(), arg.value_two().unwrap_or(0)] {
            values.extend([value, value.wrapping_add(1), value.wrapping_sub(1), value | 1 << 32]);
        }
    }
    values.sort_unstable();
    values.dedup();
    let mut calls = Vec::new();
    for (audit, bit, wide) in [
        (AUDIT_X86_64, 0, true),
        (AUDIT_X86_64, X32_BIT, true),
        (AUDIT_I386, 0, false),
        (0x1234, 0, true),
    ] {
        for number in 0..560u32 {
            for value in &values {
                // A 32-bit program has no upper halves.
                let value = if wide { *value } else { *value & 0xffff_ffff };
                calls.push(Call { number: number | bit, audit, arguments: [value; 6] });
            }
        }
    }
    calls
}

fn agree(json: &str) {
    let Some(library) = Library::open() else {
        eprintln!("SKIPPED: libseccomp.so.2 is not installed");
        return;
    };
    let profile: LinuxSeccomp = serde_json::from_str(json).unwrap();
    let (ours, theirs) = (compile(&profile).unwrap(), library.compile(&profile));
    let known = [Architecture::X86_64, Architecture::X32, Architecture::I386].map(numbers);
    let mut compared = 0;
    for call in calls(&profile) {
        let table = match (call.audit, call.number & X32_BIT) {
            (AUDIT_I386, _) => &known[2],
            (_, 0) => &known[0],
            _ => &known[1],
        };
        let name = table.iter().find(|(_, number)| **number == call.number).map(|(name, _)| *name);
        if name.is_some_and(|name| !library.knows(name)) {
            continue; // younger than the library
        }
        let (mine, other) = (run(&ours, &call), run(&theirs, &call));
        if mine == super::rule::tests::UNKNOWN && mine != other {
            continue; // above what the profile knows: ours on purpose
        }
        assert_eq!(mine, other, "{name:?} {call:x?}");
        compared += 1;
    }
    assert!(compared > 5_000, "only {compared} calls were compared");
}

#[test]
fn a_list_of_allowed_calls() {
    let names: Vec<&str> = super::table::numbers(Architecture::X86_64).into_keys().collect();
    let names: Vec<&str> =
        names.into_iter().filter(|n| !n.contains("mod") && !n.contains("key")).collect();
    let names = serde_json::to_string(&names).unwrap();
    agree(&format!(
        r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
        "architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
        "syscalls":[{{"names":{names},"action":"SCMP_ACT_ALLOW"}}]}}"#
    ));
}

#[test]
fn conditions_of_every_kind() {
    for (operator, value, second) in [
        ("EQ", 8u64, 0u64),
        ("NE", 40, 0),
        ("LT", 5, 0),
        ("LE", 5, 0),
        ("GE", 0x1_0000_0005, 0),
        ("GT", 5, 0),
        ("MASKED_EQ", 0x7e02_0000, 0),
        ("MASKED_EQ", 0xff, 0x10),
    ] {
        for architectures in [r#"["SCMP_ARCH_X86_64"]"#, r#"["SCMP_ARCH_X86_64","SCMP_ARCH_X32"]"#]
        {
            agree(&format!(
                r#"{{"defaultAction":"SCMP_ACT_ERRNO","architectures":{architectures},
                "syscalls":[{{"names":["read","write","openat"],"action":"SCMP_ACT_ALLOW"}},
                {{"names":["personality","clone"],"action":"SCMP_ACT_ALLOW","args":
                [{{"index":0,"value":{value},"valueTwo":{second},"op":"SCMP_CMP_{operator}"}}]}}]}}"#
            ));
        }
    }
}

#[test]
fn several_conditions_and_actions() {
    agree(
        r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],
        "syscalls":[
        {"names":["mkdir","nonsense"],"action":"SCMP_ACT_ERRNO","errnoRet":13},
        {"names":["kill"],"action":"SCMP_ACT_KILL_PROCESS"},
        {"names":["clock_settime"],"action":"SCMP_ACT_TRACE","errnoRet":7},
        {"names":["fchmod"],"action":"SCMP_ACT_LOG"},
        {"names":["ioctl"],"action":"SCMP_ACT_ERRNO","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_GE"}]},
        {"names":["prctl"],"action":"SCMP_ACT_ERRNO","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]},
        {"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
        {"names":["personality"],"action":"SCMP_ACT_ERRNO"}]}"#,
    );
}

#[test]
fn operations_of_one_call() {
    agree(
        r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],
        "syscalls":[{"names":["socket","connect","shmget","semop"],"action":"SCMP_ACT_ALLOW"}]}"#,
    );
}

/// The profile that containers get, as it is without further capabilities.
#[test]
fn the_default_profile() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/seccomp/default.json");
    let text = std::fs::read_to_string(path).unwrap();
    let mut profile: serde_json::Value = serde_json::from_str(&text).unwrap();
    let family = profile["archMap"][0].clone();
    let mut architectures = family["subArchitectures"].as_array().unwrap().clone();
    architectures.push(family["architecture"].clone());
    profile["architectures"] = architectures.into();
    let plain = |rule: &serde_json::Value| {
        let includes = &rule["includes"];
        let foreign = |list: &serde_json::Value| {
            list.as_array().is_some_and(|l| !l.contains(&"amd64".into()))
        };
        includes["caps"].is_null() && !foreign(&includes["arches"])
    };
    profile["syscalls"].as_array_mut().unwrap().retain(plain);
    let json = profile.to_string();
    let instructions = compile(&serde_json::from_str(&json).unwrap()).unwrap().len() / 8;
    assert!((100..2000).contains(&instructions), "{instructions} instructions");
    agree(&json);
}
