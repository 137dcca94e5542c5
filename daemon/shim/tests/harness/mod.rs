//! A tiny daemon for one shim: starts it, talks to it, finds leaks at the end.
#![allow(dead_code)] // not every suite uses all of it

use serde_json::{Value, json};
use shared::error::Result;
use shared::frame::{HEADER, Stream, parse};
use shared::kernel::command::{Child, Command};
use shared::kernel::socket::{self, memory_file};
use shared::kernel::wire::Client;
use shared::logline::{Step, next};
use shared::shim::{self, *};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Nothing here takes longer.
pub const LIMIT: Duration = Duration::from_secs(30);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Every runtime that this machine has.
pub fn runtimes() -> Vec<Runtime> {
    let program =
        |name: &str| Runtime::Program { path: Path::new("/usr/sbin").join(name), args: vec![] };
    let all = [Runtime::Embedded, program("runc"), program("crun")];
    let all = all.into_iter().map(|runtime| match runtime {
        Runtime::Program { path, args } if !path.exists() => {
            Runtime::Program { path: Path::new("/usr/bin").join(path.file_name().unwrap()), args }
        }
        other => other,
    });
    all.filter(possible).collect()
}

/// Whether a runtime can be tried; says so if not.
pub fn possible(runtime: &Runtime) -> bool {
    let missing = match runtime {
        _ if !nix::unistd::geteuid().is_root() => Some("root".to_owned()),
        _ if !Path::new("/bin/busybox").exists() => Some("/bin/busybox".to_owned()),
        Runtime::Program { path, .. } if !path.exists() => Some(path.display().to_string()),
        _ => None,
    };
    if let Some(missing) = &missing {
        eprintln!("skipped: needs {missing}");
    }
    missing.is_none()
}

/// A kind that no shim knows.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Unknown {}

impl Message for Unknown {
    const KIND: u16 = 999;
    type Answer = Done;
}

/// A shim and its container.
pub struct Shim {
    pub id: String,
    pub folder: PathBuf,
    pub child: Child,
    client: Option<Client>,
    runtime: Runtime,
    pub terminal: bool,
    pub memory_bytes: Option<i64>,
    pub log: Option<(LogFormat, u64, u32, Option<u64>)>,
    pid: i32,
    done: bool,
}

impl Shim {
    /// Starts one, greeted.
    pub fn start(name: &str, runtime: &Runtime) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("coffershim{name}{}x{number}", std::process::id());
        let folder = std::env::temp_dir().join(&id);
        let bundle = folder.join("bundle");
        std::fs::create_dir_all(bundle.join("rootfs")).unwrap();
        for part in ["bin", "proc", "dev", "sys", "tmp"] {
            std::fs::create_dir_all(folder.join("image").join(part)).unwrap();
        }
        let (ours, theirs) = socket::pair().unwrap();
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_coffer-shim")));
        command.argument("--id").argument(&id).argument("--bundle").argument(&bundle);
        command.argument("--incarnation").argument("3");
        let log = File::options().create(true).append(true).open(folder.join("shim.log")).unwrap();
        command.standard(2, log.as_fd()).descriptor(theirs.as_fd());
        let child = command.spawn().unwrap();
        let mut new = Self {
            id,
            folder,
            child,
            client: Some(Client::new(ours)),
            runtime: runtime.clone(),
            terminal: false,
            memory_bytes: None,
            log: Some((LogFormat::JsonFile, 0, 1, None)),
            pid: 0,
            done: false,
        };
        new.greet();
        new
    }

    fn greet(&mut self) {
        let hello = Hello {
            min: 1,
            max: PROTOCOL,
            build: "test".into(),
            container: self.id.clone(),
            boot_id: String::new(),
            incarnation: 3,
            pid: std::process::id() as i32,
        };
        let (theirs, _) = self.call(&hello);
        assert_eq!((theirs.incarnation, theirs.pid), (3, self.child.pid()));
    }

    pub fn bundle(&self) -> PathBuf {
        self.folder.join("bundle")
    }

    pub fn cgroup(&self) -> String {
        format!("/{}", self.id)
    }

    pub fn connect(&self) -> OwnedFd {
        socket::connect(&self.bundle(), shared::paths::SHIM_SOCKET).unwrap()
    }

    pub fn disconnect(&mut self) {
        self.client = None;
    }

    pub fn reconnect(&mut self) {
        self.client = Some(Client::new(self.connect()));
        self.greet();
    }

    pub fn try_call<M: Message>(
        &mut self,
        message: &M,
        fds: Vec<OwnedFd>,
    ) -> Result<(M::Answer, Vec<OwnedFd>)> {
        self.client.as_mut().unwrap().call(message, fds, LIMIT)
    }

    pub fn call<M: Message>(&mut self, message: &M) -> (M::Answer, Vec<OwnedFd>) {
        match self.try_call(message, vec![]) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}\n{}", self.said()),
        }
    }

    pub fn notice<M: Message>(&mut self) -> M {
        match self.client.as_mut().unwrap().notice(LIMIT) {
            Ok(notice) => notice,
            Err(error) => panic!("{error}\n{}", self.said()),
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("shim.log")).unwrap_or_default()
    }

    fn stdio(&self, stdin: Stdin) -> Stdio {
        Stdio { terminal: self.terminal, stdin, rows: 24, columns: 80 }
    }

    /// Always the same operation: a second call is a repeat.
    pub fn create(&mut self, args: &[&str], stdin: Stdin) -> Result<Created> {
        let spec = self.spec(args).to_string();
        let bundle = self.bundle();
        let log = self.log.map(|(format, max_bytes, max_files, ring_bytes)| Log {
            format,
            path: self.folder.join("c.log"),
            max_bytes,
            max_files,
            ring_bytes,
            attrs: None,
        });
        let mount = |kind: &str, source: &Path, options: &[&str]| shim::Mount {
            kind: kind.into(),
            source: source.display().to_string(),
            options: options.iter().map(|o| (*o).to_owned()).collect(),
        };
        let create = Create {
            operation: "create".into(),
            bundle: bundle.clone(),
            rootfs: vec![mount("bind", &self.folder.join("image"), &["rbind", "rw"])],
            runtime: self.runtime.clone(),
            runtime_root: self.folder.join("runtime"),
            stdio: self.stdio(stdin),
            log,
            cgroup: self.cgroup(),
            exits: bundle.join("exit"),
            seccomp: false,
            netns: false,
            timeout_ms: 20_000,
        };
        let spec = memory_file("spec", spec.as_bytes()).unwrap();
        let (created, _) = self.try_call(&create, vec![spec])?;
        self.pid = created.pid;
        Ok(created)
    }

    fn spec(&self, args: &[&str]) -> Value {
        let image = self.folder.join("image/bin");
        if !image.join("busybox").exists() {
            std::fs::copy("/bin/busybox", image.join("busybox")).unwrap();
            for name in ["sh", "sleep", "cat", "true", "stty", "tail", "dd", "yes", "head"] {
                std::os::unix::fs::symlink("busybox", image.join(name)).unwrap();
            }
        }
        let memory = self.memory_bytes.map(|limit| json!({"limit": limit}));
        json!({
            "ociVersion": "1.0.2",
            "process": self.process(args),
            "root": {"path": "rootfs"},
            "hostname": "c",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                 "options": ["newinstance", "ptmxmode=0666"]},
            ],
            "linux": {
                "cgroupsPath": self.cgroup(),
                "resources": {"memory": memory.unwrap_or(json!({}))},
                "namespaces": [
                    {"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "ipc"}, {"type": "network"},
                ],
            },
        })
    }

    fn process(&self, args: &[&str]) -> Value {
        json!({
            "terminal": self.terminal, "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": args,
            "env": ["PATH=/bin"], "capabilities": {"bounding": ["CAP_KILL"]},
        })
    }

    pub fn begin(&mut self) -> Result<Started> {
        Ok(self.try_call(&Start { operation: "start".into() }, vec![])?.0)
    }

    pub fn exec(
        &mut self,
        name: &str,
        args: &[&str],
        attach: Option<Streams>,
    ) -> Result<(Started, Option<File>)> {
        let stdin =
            if attach.is_some_and(|streams| streams.stdin) { Stdin::Once } else { Stdin::Closed };
        let exec = Exec {
            operation: format!("exec {name}"),
            process: name.into(),
            stdio: self.stdio(stdin),
            attach,
            seccomp: false,
        };
        let process = memory_file("process", self.process(args).to_string().as_bytes()).unwrap();
        let (started, mut fds) = self.try_call(&exec, vec![process])?;
        Ok((started, fds.pop().map(File::from)))
    }

    pub fn update(&mut self, resources: &[u8]) -> Result<Done> {
        let fd = memory_file("resources", resources).unwrap();
        Ok(self.try_call(&Update {}, vec![fd])?.0)
    }

    pub fn memory_limit(&self) -> u64 {
        let group = shared::kernel::cgroup::open(&self.cgroup()).unwrap();
        let folder = group.folder("memory").unwrap();
        let text = ["memory.limit_in_bytes", "memory.max"]
            .iter()
            .find_map(|name| std::fs::read_to_string(folder.join(name)).ok());
        text.unwrap().trim().parse().unwrap()
    }

    pub fn init(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.pid)
    }

    pub fn recorded(&self, process: &str) -> bool {
        self.bundle().join("exit").join(process).exists()
    }

    pub fn record(&self, process: &str) -> Exited {
        let bytes = std::fs::read(self.bundle().join("exit").join(process)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Lines of the current log file.
    pub fn log(&self) -> Vec<(Stream, String)> {
        let bytes = std::fs::read(self.folder.join("c.log")).unwrap_or_default();
        let format = self.log.unwrap().0;
        let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
        while let Step::Line(line, used) = next(format, rest) {
            let mut text = Vec::new();
            line.append_text(&mut text);
            all.push((line.stream, String::from_utf8(text).unwrap()));
            rest = &rest[used..];
        }
        all
    }

    pub fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !condition(self) {
            assert!(Instant::now() < deadline, "never happened: {what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn alive(&self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// After init has exited: removes everything and checks that the shim goes.
    pub fn finish(mut self) {
        self.call(&Delete { force: true });
        self.call(&Acknowledge { process: "init".into() });
        let (status, _) =
            self.try_call(&Query {}, vec![]).map_or((None, ()), |(s, _)| (Some(s), ()));
        for process in status.into_iter().flat_map(|status| status.processes) {
            self.call(&Acknowledge { process: process.process });
        }
        self.ended();
    }

    /// The shim has ended by itself, with success, and nothing is left of it.
    pub fn ended(mut self) {
        let deadline = Instant::now() + LIMIT;
        let ending = loop {
            if let Some(ending) = self.child.try_wait().unwrap() {
                break ending;
            }
            assert!(Instant::now() < deadline, "the shim stays\n{}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        };
        self.done = true;
        assert_eq!(ending, shared::kernel::process::Ending::Code(0), "{}", self.said());
        assert!(!self.bundle().join(shared::paths::SHIM_SOCKET).exists());
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&self.id), "mounts are left on the host");
        for (_, folder) in shared::kernel::cgroup::open(&self.cgroup()).unwrap().folders() {
            assert!(!folder.exists(), "a cgroup is left: {}", folder.display());
        }
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        if !self.done {
            eprintln!("{}", self.said());
            if let Ok(group) = shared::kernel::cgroup::open(&self.cgroup()) {
                let _best_effort = group.kill(9);
                let _best_effort = group.remove();
            }
            let pid = nix::unistd::Pid::from_raw(self.child.pid());
            let _best_effort = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            let _best_effort = self.child.wait();
        }
        let _best_effort = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn end_writing(stream: &File) {
    nix::sys::socket::shutdown(stream.as_raw_fd(), nix::sys::socket::Shutdown::Write).unwrap();
}

/// Everything up to the end, by stream.
pub fn frames(stream: &mut File) -> HashMap<Stream, Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let (mut rest, mut all) = (bytes.as_slice(), HashMap::new());
    while let Some((header, tail)) = rest.split_first_chunk::<HEADER>() {
        let (stream, length) = parse(header).unwrap();
        all.entry(stream).or_insert_with(Vec::new).extend_from_slice(&tail[..length]);
        rest = &tail[length..];
    }
    assert!(rest.is_empty());
    all
}
