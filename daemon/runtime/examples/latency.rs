//! Measures create, start and exit of a program with the embedded runtime: `latency <rootfs folder>
//! <rounds> <program> [argument...]`, with all namespaces, default mounts, masks, capabilities, a
//! filter and a cgroup. Prints the median and the minimum in microseconds. Needs root.

use runtime::embed::{self, CreateArgs, Io, Stdio};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

fn memfd(bytes: &[u8]) -> OwnedFd {
    let flags = nix::sys::memfd::MFdFlags::MFD_CLOEXEC;
    let fd = nix::sys::memfd::memfd_create("spec", flags).expect("memfd");
    let mut file = File::from(fd);
    file.write_all(bytes).expect("write the memfd");
    file.into()
}

fn spec(arguments: &[String]) -> Value {
    let tmpfs = |at: &str, options: &[&str]| json!({"destination": at, "type": "tmpfs", "source": "tmpfs", "options": options});
    let capabilities =
        ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE"];
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "hostname": "latency",
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": arguments, "env": ["PATH=/bin:/sbin"],
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            tmpfs("/dev", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid", "noexec", "nodev"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            tmpfs("/dev/shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
        ],
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}, {"type": "cgroup"}],
            "resources": {"memory": {"limit": 268435456}, "devices": [{"allow": false, "access": "rwm"}]},
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                "syscalls": [{"names": ["add_key", "keyctl", "bpf", "reboot"], "action": "SCMP_ACT_ERRNO"}]},
        },
    })
}

fn round(bundle: &Path, cgroup: &str, spec: &[u8], filter: &[u8]) -> (Duration, Duration, i32) {
    let null = || File::options().read(true).write(true).open("/dev/null").expect("null");
    let stdout = std::io::stdout();
    let out = std::os::fd::AsFd::as_fd(&stdout).try_clone_to_owned().expect("stdout");
    let stdio = Stdio { stdin: null().into(), stdout: out, stderr: null().into() };
    let begin = Instant::now();
    let created = embed::create(CreateArgs {
        id: "latency",
        bundle,
        spec: memfd(spec),
        rootfs: &[],
        seccomp: Some(memfd(filter)),
        netns: None,
        cgroup,
        io: Io::Pipes(stdio),
        timeout: Duration::from_secs(10),
    })
    .expect("create");
    created.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    embed::start(created.start).expect("start");
    let started = begin.elapsed();
    let process = shared::kernel::process::Process::open(created.pid).expect("open");
    let ending = process.wait().expect("wait");
    let ended = begin.elapsed();
    embed::delete(cgroup).expect("delete");
    (started, ended, ending.code())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rootfs = arguments.next().expect("a root filesystem");
    let rounds: usize = arguments.next().expect("a number of rounds").parse().expect("a number");
    let arguments: Vec<String> = arguments.collect();
    let bundle = std::env::temp_dir().join(format!("coffer-latency-{}", std::process::id()));
    std::fs::create_dir_all(&bundle).expect("bundle");
    std::os::unix::fs::symlink(rootfs, bundle.join("rootfs")).expect("rootfs");
    let spec = spec(&arguments);
    let seccomp = serde_json::from_value(spec["linux"]["seccomp"].clone()).expect("seccomp");
    let filter = runtime::seccomp::compile(&seccomp).expect("filter");
    let spec = serde_json::to_vec(&spec).expect("spec");
    let cgroup = format!("/coffer-latency-{}", std::process::id());
    let mut times: Vec<_> = (0..rounds).map(|_| round(&bundle, &cgroup, &spec, &filter)).collect();
    std::fs::remove_dir_all(&bundle).expect("clean up");
    let parent = runtime_folder(&cgroup);
    times.sort();
    let (median, least) = (times[rounds / 2], times[0]);
    println!("started: median {} us, least {} us", median.0.as_micros(), least.0.as_micros());
    println!("ended: median {} us, exit code {}{parent}", median.1.as_micros(), median.2);
}

fn runtime_folder(cgroup: &str) -> String {
    let group = shared::kernel::cgroup::open(cgroup).expect("cgroup");
    let left = group.folders().into_iter().filter(|(_, folder)| folder.exists()).count();
    if left == 0 { String::new() } else { format!(", {left} cgroups left behind") }
}
