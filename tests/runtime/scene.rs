//! One container's world: a bundle with `probe` in it, a state root and control groups of its own, all
//! looked for again at the end.

use harness::sandbox::Sandbox;
use harness::{leak, program, wait};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The variable that names another runtime.
const OTHER: &str = "COFFER_TEST_RUNTIME";

/// A bundle, and the runtime that runs it. Dropping it deletes the container and looks for leaks.
pub struct Scene {
    sandbox: Sandbox,
    runtime: PathBuf,
    /// What the next create reads as `config.json`.
    pub spec: Value,
}

impl Scene {
    /// `None` without root. The container runs `arguments`.
    pub fn new(arguments: &[&str]) -> Option<Self> {
        if !program::is_root() {
            program::skip("the runtime suite needs root");
            return None;
        }
        let runtime = match std::env::var_os(OTHER) {
            Some(path) => path.into(),
            None => program::built("coffer-runtime"),
        };
        let sandbox = Sandbox::new("oci");
        let scene = Self { spec: spec(arguments, sandbox.name()), runtime, sandbox };
        scene.root();
        Some(scene)
    }

    /// `probe` under all of its names, and what a root needs to be mounted on.
    fn root(&self) {
        for folder in ["bin", "proc", "dev", "sys", "tmp", "etc"] {
            std::fs::create_dir_all(self.path("rootfs").join(folder)).expect("make the root");
        }
        let probe = program::built("probe");
        let inside = self.path("rootfs/bin/probe");
        std::fs::copy(&probe, &inside).expect("copy probe");
        let names = Command::new(&probe).args(["help", "--names"]).output().expect("run probe");
        for name in String::from_utf8_lossy(&names.stdout).split_whitespace() {
            symlink("probe", self.path("rootfs/bin").join(name)).expect("link an applet");
        }
        std::fs::write(self.path("rootfs/etc/passwd"), "web:x:33:34::/srv:/bin/sh\n")
            .expect("passwd");
    }

    /// A path in the bundle.
    pub fn path(&self, tail: &str) -> PathBuf {
        self.sandbox.join(tail)
    }

    /// The container's name, its cgroup's too.
    pub fn id(&self) -> &str {
        self.sandbox.name()
    }

    /// The command with its root, nothing on standard input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.runtime);
        command.arg("--root").arg(self.path("state")).args(arguments);
        command.current_dir(self.sandbox.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end. Output goes through files: a container that stays must not hold a
    /// pipe of ours.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let file = |name: &str| std::fs::File::create(self.path(name)).expect("make a file");
        let mut command = self.command(arguments);
        command.stdout(file("out")).stderr(file("err"));
        let status = command.status().expect("run the runtime");
        let read = |name: &str| std::fs::read(self.path(name)).expect("read a file");
        Output { status, stdout: read("out"), stderr: read("err") }
    }

    /// The same, which has to succeed; standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same, which has to fail; what it said.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Writes `config.json`.
    pub fn write(&self) {
        std::fs::write(self.path("config.json"), self.spec.to_string()).expect("write config.json");
    }

    /// Runs the container in the foreground: exit status, standard output.
    pub fn foreground(&self) -> (i32, String) {
        self.write();
        let output = self.run(&["run", self.id()]);
        let error = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap_or_else(|| panic!("killed: {error}"));
        if code != 0 {
            eprintln!("{error}");
        }
        (code, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Creates the container.
    pub fn create(&self) {
        self.write();
        self.ok(&["create", self.id()]);
    }

    /// Creates and starts it.
    pub fn start(&self) {
        self.create();
        self.ok(&["start", self.id()]);
    }

    /// A field of `state`.
    pub fn state(&self, field: &str) -> Value {
        let state: Value = serde_json::from_str(&self.ok(&["state", self.id()])).expect("a state");
        state[field].clone()
    }

    /// Waits until the first process has ended.
    pub fn wait_until_stopped(&self) {
        wait::until_true("the container stops", || self.state("status") == "stopped");
    }

    /// A file of the container's cgroup: of the controller under version 1, or the version 2 name.
    pub fn cgroup(&self, controller: &str, first: &str, second: &str) -> String {
        let one = PathBuf::from(format!("/sys/fs/cgroup/{controller}/{}/{first}", self.id()));
        let two = PathBuf::from(format!("/sys/fs/cgroup/{}/{second}", self.id()));
        let path = if one.exists() { one } else { two };
        std::fs::read_to_string(&path)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            .trim()
            .to_owned()
    }

    /// Mounts, processes and cgroups that have to do with this scene.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        left.extend(mounts.lines().filter(|l| l.contains(self.id())).map(str::to_owned));
        left.extend(
            leak::processes(self.id()).into_iter().map(|(pid, line)| format!("{pid} {line}")),
        );
        let hierarchies = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        let groups = hierarchies.map(|h| h.path().join(self.id()));
        let groups = groups.chain([PathBuf::from("/sys/fs/cgroup").join(self.id())]);
        left.extend(groups.filter(|g| g.exists()).map(|g| g.display().to_string()));
        let states = std::fs::read_dir(self.path("state")).into_iter().flatten().flatten();
        left.extend(states.map(|entry| entry.path().display().to_string()));
        left
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let deleted = self.run(&["delete", "--force", self.id()]);
        if std::thread::panicking() {
            return;
        }
        let error = String::from_utf8_lossy(&deleted.stderr);
        assert!(deleted.status.success(), "delete --force: {error}");
        let mut left = Vec::new();
        let begin = std::time::Instant::now();
        wait::until("nothing is left behind", wait::LIMIT, || {
            left = self.left();
            assert!(begin.elapsed().as_secs() < 10 || left.is_empty(), "left behind: {left:#?}");
            left.is_empty().then_some(())
        });
    }
}

fn spec(arguments: &[&str], id: &str) -> Value {
    let tmpfs = json!(["nosuid", "mode=755", "size=65536k"]);
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "hostname": "scene",
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": arguments, "env": ["PATH=/bin"],
            "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
            "noNewPrivileges": true,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": tmpfs},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["newinstance", "ptmxmode=0666", "mode=0620"]},
        ],
        "linux": {
            "cgroupsPath": format!("/{id}"),
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
            ],
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "maskedPaths": ["/proc/timer_list", "/proc/scsi", "/proc/nothing"],
            "readonlyPaths": ["/proc/sys"],
        },
    })
}
