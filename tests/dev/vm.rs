//! A named part of the suites inside a small virtual machine: Debian's cloud kernel, software emulation,
//! cgroup v2 alone and every capability. The machine lives in memory: an archive with busybox, our
//! programs and the tests, no disk, no network.

mod archive;
mod machine;

use crate::build::{self, Profile};
use crate::step;
use archive::Archive;
use harness::program;
use machine::{BEGIN, END, SUITE};
use shared::error::{Context, Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Suites and the tests of them that run in the machine: those that depend on the version of the control
/// groups or on capabilities.
const PARTS: [(&str, &[&str]); 3] = [
    (
        "engine",
        &[
            "exec::",
            "files::",
            "fuzz::",
            "host::",
            "io::",
            "lifecycle::",
            "limits::",
            "observe::",
            "oom::",
            "security::",
        ],
    ),
    ("runtime", &[]),
    ("crash", &["boot::", "point::", "survive::"]),
];
/// Programs of ours that the tests start.
const OURS: [&str; 6] =
    ["cofferd", "coffer", "coffer-shim", "coffer-init", "coffer-runtime", "probe"];
/// The host's, where busybox's own do not know what the tests ask of them; taken along if installed.
const FOREIGN: [&str; 3] = ["docker", "timeout", "unshare"];
/// Modules that the kernel has not built in.
const MODULES: [&str; 2] = ["loop", "overlay"];

/// The task.
pub fn run(arguments: &[String]) -> Result<()> {
    for (name, package) in
        [("qemu-system-x86_64", "qemu-system-x86"), ("busybox", "busybox-static")]
    {
        if program::foreign(name).is_none() {
            eprintln!("skipped: the virtual machine needs {name} (Debian: {package})");
            return Ok(());
        }
    }
    let Some(kernel) = kernel()? else {
        eprintln!(
            "skipped: the virtual machine needs Debian's linux-image-cloud-amd64, by apt-get"
        );
        return Ok(());
    };
    let profile = Profile::of(arguments, Profile::Debug);
    build::build(profile)?;
    let image = folder().join("initramfs");
    archive(&kernel, arguments)?.write(&image)?;
    machine::boot(&kernel.image, &image)
}

fn folder() -> PathBuf {
    step::target().join("vm")
}

/// An unpacked kernel package.
struct Kernel {
    image: PathBuf,
    modules: PathBuf,
}

/// The kernel, downloaded once; `None` where packages cannot be had.
fn kernel() -> Result<Option<Kernel>> {
    let (folder, root) = (folder(), folder().join("kernel"));
    if let Some(kernel) = find_kernel(&root)? {
        return Ok(Some(kernel));
    }
    if program::foreign("apt-get").is_none() {
        return Ok(None);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let depends = Command::new("apt-cache").args(["depends", "linux-image-cloud-amd64"]).output();
    let depends = depends.context("ask for the kernel package")?;
    let text = String::from_utf8_lossy(&depends.stdout).into_owned();
    let name =
        text.split_whitespace().find(|word| word.starts_with("linux-image-") && word.contains('.'));
    let Some(name) = name else { return Ok(None) };
    let mut download = Command::new("apt-get");
    download.args(["-q", "download", name]).current_dir(&folder);
    step::run(download)?;
    let package =
        entries(&folder)?.into_iter().find(|path| path.extension().is_some_and(|e| e == "deb"));
    let package =
        package.ok_or_else(|| Error::internal("the kernel package was not downloaded"))?;
    let mut unpack = Command::new("dpkg");
    unpack.arg("-x").arg(&package).arg(&root);
    step::run(unpack)?;
    find_kernel(&root)
}

fn find_kernel(root: &Path) -> Result<Option<Kernel>> {
    let images = entries(&root.join("boot"))?;
    let image = images.into_iter().find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
    });
    let modules = entries(&root.join("lib/modules"))?.into_iter().next();
    Ok(image.zip(modules).map(|(image, modules)| Kernel { image, modules }))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("read {}", folder.display())),
    }
}

/// Everything that the machine needs.
fn archive(kernel: &Kernel, arguments: &[String]) -> Result<Archive> {
    let profile = Profile::of(arguments, Profile::Debug);
    let mut archive = Archive::default();
    for folder in ["new", "proc", "sys", "dev", "tmp", "run", "var/lib", "root", "etc"] {
        archive.folder(folder);
    }
    let busybox = program::foreign("busybox").unwrap_or_default();
    archive.program(&busybox, "bin/busybox")?;
    for module in MODULES {
        let name = format!("{module}.ko");
        let file = find(&kernel.modules, &name)?;
        archive.file(&file, &format!("modules/{name}"))?;
    }
    for name in OURS {
        archive.program(&lean(&profile.folder().join(name))?, &format!("coffer/{name}"))?;
    }
    for name in FOREIGN {
        match program::foreign(name) {
            Some(path) => archive.program(&path, &format!("coffer/{name}"))?,
            None => eprintln!("skipped: {name} is not installed, tests that need it will say so"),
        }
    }
    for (suite, _) in PARTS {
        archive
            .program(&lean(&suite_program(suite, profile)?)?, &format!("coffer/deps/{suite}"))?;
    }
    archive.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644);
    archive.text("init", INIT, 0o755);
    archive.text("tests", &script(arguments), 0o755);
    Ok(archive)
}

/// A copy without what only a debugger needs, which is most of a program and would fill the machine's
/// memory; the program itself where there is no `strip`.
fn lean(program: &Path) -> Result<PathBuf> {
    let Some(strip) = program::foreign("strip") else { return Ok(program.to_owned()) };
    let folder = folder().join("lean");
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let to = folder.join(program.file_name().unwrap_or_default());
    let mut command = Command::new(strip);
    command.arg("-o").arg(&to).arg(program);
    step::run(command)?;
    Ok(to)
}

fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return Ok(path);
            }
        }
    }
    Err(Error::not_found(format!("the kernel package has no {name}")))
}

/// The program of a suite, built but not run.
fn suite_program(suite: &str, profile: Profile) -> Result<PathBuf> {
    let mut command = step::cargo(&["test", "--locked", "--no-run", "--message-format=json"]);
    command.args(["--package", "tests", "--test", suite]).args(profile.flags());
    let output = command.stderr(Stdio::inherit()).output().context("build a suite")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = text.lines().flat_map(serde_json::from_str::<serde_json::Value>);
    let mut programs = messages.filter_map(|message| {
        let own = message["target"]["name"] == suite;
        message["executable"].as_str().filter(|_| own).map(PathBuf::from)
    });
    programs.next().ok_or_else(|| Error::internal(format!("the suite {suite} was not built")))
}

/// A root that containers can be pivoted out of: the first one of a kernel cannot.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t tmpfs -o size=80% none /new
/bin/busybox cp -a /bin /coffer /modules /etc /root /var /run /tests /new/
[ -d /lib64 ] && /bin/busybox cp -a /lib64 /new/
[ -d /lib ] && /bin/busybox cp -a /lib /new/
[ -d /usr ] && /bin/busybox cp -a /usr /new/
/bin/busybox mkdir -p /new/proc /new/sys /new/dev /new/tmp
/bin/busybox mount -t devtmpfs none /new/dev
/bin/busybox mount -t proc none /new/proc
/bin/busybox mount -t sysfs none /new/sys
/bin/busybox chmod 1777 /new/tmp
exec /bin/busybox switch_root /new /bin/busybox sh /tests
";

/// What the machine does: every part, or the tests that the arguments name.
fn script(arguments: &[String]) -> String {
    let names: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|name| !name.starts_with("--")).collect();
    let mut script = String::from(
        "export PATH=/coffer:/bin RUST_BACKTRACE=0
/bin/busybox --install -s /bin
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
for module in /modules/*; do insmod $module; done
ip link set lo up
echo \"{BEGIN}$(uname -r), cgroup2 with $(cat /sys/fs/cgroup/cgroup.controllers)\"
status=0
",
    );
    for (suite, filters) in PARTS {
        let filters = if names.is_empty() { filters } else { &names[..] }.join(" ");
        script.push_str(&format!(
            "echo \"{SUITE}{suite}\"\n\
             /coffer/deps/{suite} --test-threads=1 --show-output {filters} 2>&1 || status=1\n"
        ));
    }
    script.push_str(&format!("echo \"{END}$status\"\npoweroff -f\n"));
    script.replace("{BEGIN}", BEGIN)
}
