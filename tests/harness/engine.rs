//! An engine for one test: `cofferd`, or a real dockerd to test the tests with. It has its own roots,
//! socket, pid file and cgroup, and goes with everything it started when it leaves the scope. Its log
//! is printed when the test fails.

use crate::docker::Docker;
use crate::http::Client;
use crate::remains::{self, Remains, signal};
use crate::sandbox::Sandbox;
use crate::{image, program, wait};
use nix::sys::signal::Signal;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Names the socket of a running dockerd that the contract suite is compared with.
pub const PEER: &str = "COFFER_TEST_PEER";

/// How containers are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// cofferd with the real shim: needs root.
    Real,
    /// cofferd with the fake shim and plain copies: needs nothing.
    Fake,
    /// dockerd with its own containerd.
    Dockerd,
    /// A dockerd that somebody else started.
    Peer,
}

/// How the daemon's process is begun, where a test is about that.
#[derive(Default)]
pub struct Launch {
    /// A program and its first words; it gets the daemon's command as further ones, and becomes it by
    /// `exec`.
    pub before: Vec<String>,
    /// Further flags.
    pub arguments: Vec<String>,
    /// Further variables.
    pub environment: Vec<(String, String)>,
    /// What `before` finds as descriptors 0 and 1.
    pub handed: Option<[OwnedFd; 2]>,
}

impl Launch {
    fn command(&self, usual: Command) -> Command {
        let mut command = match self.before.split_first() {
            None => usual,
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(usual.get_program()).args(usual.get_args());
                command
            }
        };
        command.args(&self.arguments).envs(self.environment.iter().map(|(k, v)| (k, v)));
        command
    }
}

/// A running engine.
pub struct Engine {
    flavour: Flavour,
    sandbox: Sandbox,
    socket: PathBuf,
    child: Option<Child>,
    arguments: Vec<String>,
}

impl Engine {
    /// cofferd with the real shim, and the image of `probe` in it; a visible skip without root.
    pub fn real() -> Option<Self> {
        Self::real_with(&[])
    }

    /// [`Engine::real`] with more flags; a peer is taken as it is.
    pub fn real_with(arguments: &[&str]) -> Option<Self> {
        if let Some(peer) = Self::peer() {
            return Some(peer);
        }
        if !program::is_root() {
            program::skip("needs root");
            return None;
        }
        let engine = Self::start(Flavour::Real, arguments);
        engine.load_probe();
        Some(engine)
    }

    /// For the contract suite: cofferd without any privilege, or the dockerd named by [`PEER`].
    pub fn contract() -> Self {
        if let Some(peer) = Self::peer() {
            return peer;
        }
        let engine = Self::start(Flavour::Fake, &[]);
        engine.load_probe();
        engine
    }

    fn peer() -> Option<Self> {
        let socket = PathBuf::from(std::env::var_os(PEER)?);
        let (sandbox, arguments) = (Sandbox::new("peer"), Vec::new());
        Some(Self { flavour: Flavour::Peer, sandbox, socket, child: None, arguments })
    }

    /// A dockerd of its own with the image of `probe`; `None` where there is none.
    pub fn dockerd() -> Option<Self> {
        if program::foreign("dockerd").is_none() || !program::is_root() {
            program::skip("dockerd is not installed, or this is not root");
            return None;
        }
        // Whether a foreign daemon runs here is not what is tested.
        let started = std::panic::catch_unwind(|| Self::start(Flavour::Dockerd, &[]));
        let Ok(engine) = started else {
            program::skip("dockerd does not start here");
            return None;
        };
        engine.load_probe();
        Some(engine)
    }

    /// Starts an engine without images and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer; its log is printed.
    pub fn start(flavour: Flavour, arguments: &[&str]) -> Self {
        let sandbox = Sandbox::new("t");
        let socket = sandbox.join("s.sock");
        let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        let mut engine = Self { flavour, sandbox, socket, child: None, arguments };
        engine.launch();
        engine
    }

    /// Starts the program again on the same roots, after [`Engine::kill`] or [`Engine::stop`].
    pub fn launch(&mut self) {
        self.launch_as(Launch::default());
    }

    /// [`Engine::launch`] in circumstances of the test's own.
    pub fn launch_as(&mut self, launch: Launch) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path());
        let log = log.expect("the daemon's log");
        let mut command = launch.command(self.command());
        // Own process group: a ctrl-c at the terminal is for the test, which then ends the daemon.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let (stdin, stdout): (Stdio, Stdio) = match launch.handed {
            Some([first, second]) => (first.into(), second.into()),
            None => (Stdio::null(), log.try_clone().expect("the daemon's log").into()),
        };
        command.stdin(stdin).stdout(stdout).stderr(log);
        self.child = Some(command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}")));
        wait::until_true("the engine answers", || {
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                panic!("the engine ended with {status}");
            }
            self.client().try_call("GET", "/_ping", None).is_ok_and(|answer| answer.status == 200)
        });
    }

    /// Runs the program with further words to its end, with a file as its input. No daemon may run.
    pub fn once(&self, words: &[&str], input: Option<&Path>) -> Output {
        assert!(self.child.is_none(), "it runs");
        let input = input.unwrap_or(Path::new("/dev/null"));
        let input = std::fs::File::open(input).expect("the input");
        let mut command = self.command();
        let output = command.args(words).stdin(input).output();
        output.unwrap_or_else(|e| panic!("{command:?}: {e}"))
    }

    fn command(&self) -> Command {
        let mut command = match self.flavour {
            Flavour::Real | Flavour::Fake => Command::new(program::built("cofferd")),
            Flavour::Dockerd | Flavour::Peer => {
                let mut command = Command::new(program::foreign("dockerd").expect("dockerd"));
                let quiet = ["--bridge=none", "--iptables=false", "--ip-forward=false"];
                command.args(quiet).args(["--ip-masq=false", "--storage-driver=overlay2"]);
                command
            }
        };
        command.arg("--data-root").arg(self.data_root()).arg("--exec-root").arg(self.exec_root());
        command.arg("--pidfile").arg(self.sandbox.join("pid"));
        command.arg("-H").arg(format!("unix://{}", self.socket.display()));
        match self.flavour {
            Flavour::Fake => {
                command.arg("--shim").arg(program::built("fake-shim"));
                command.args(["--storage-driver", "copy"]);
            }
            Flavour::Real => {
                command.arg("--shim").arg(program::built("coffer-shim"));
                command.arg("--init-path").arg(program::built("coffer-init"));
                command.arg("--cgroup-parent").arg(format!("/{}", self.sandbox.name()));
            }
            _ => {
                command.arg("--cgroup-parent").arg(format!("/{}", self.sandbox.name()));
            }
        }
        command.args(&self.arguments);
        command
    }

    /// True for a real dockerd: some assertions know its version's words.
    pub fn is_docker(&self) -> bool {
        matches!(self.flavour, Flavour::Dockerd | Flavour::Peer)
    }

    /// True where containers are real ones.
    pub fn is_real(&self) -> bool {
        self.flavour != Flavour::Fake
    }

    /// The first value for cofferd, the second for a dockerd of Debian's version.
    pub fn either<T>(&self, coffer: T, docker: T) -> T {
        if self.is_docker() { docker } else { coffer }
    }

    /// A client of its HTTP interface, unversioned.
    pub fn client(&self) -> Client {
        Client::new(&self.socket)
    }

    /// The real docker client; a visible skip where it is not installed.
    pub fn docker(&self) -> Option<Docker> {
        let Some(path) = program::foreign("docker") else {
            program::skip("the docker client is not installed");
            return None;
        };
        Some(Docker::new(path, &self.socket))
    }

    /// Our own command line.
    pub fn coffer(&self) -> Docker {
        Docker::new(program::built("coffer"), &self.socket)
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its folder: roots, socket, pid file, log.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// What survives a reboot.
    pub fn data_root(&self) -> PathBuf {
        self.sandbox.join("data")
    }

    /// What does not.
    pub fn exec_root(&self) -> PathBuf {
        self.sandbox.join("exec")
    }

    fn log_path(&self) -> PathBuf {
        self.sandbox.join("log")
    }

    /// What the daemon has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Process id of the daemon; `None` when it was stopped or is somebody else's.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Loads the image of `probe`.
    pub fn load_probe(&self) {
        self.load(&image::probe().docker_archive());
    }

    /// Loads an archive that must be accepted.
    #[track_caller]
    pub fn load(&self, archive: &[u8]) {
        let answer = self.client().upload("POST", "/images/load?quiet=1", archive).expect(200);
        assert!(!answer.text().contains("\"error\""), "load: {}", answer.text());
    }

    /// Kills the daemon at once (`SIGKILL`); what it started lives on.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill the daemon");
            child.wait().expect("wait for the daemon");
        }
    }

    /// Asks the daemon to end (`SIGTERM`) and waits for it.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut child = self.child.take().expect("a running daemon");
        signal(child.id(), Signal::SIGTERM);
        wait::until("the daemon ends on SIGTERM", Duration::from_secs(40), || {
            child.try_wait().expect("wait for the daemon")
        })
    }

    /// Removes every container, running or not.
    pub fn remove_containers(&self) {
        remains::remove_containers(&self.client());
    }

    /// What has to be cleaned up when this engine's owner is gone.
    pub fn remains(&self) -> Remains {
        Remains {
            folder: self.sandbox.path().to_owned(),
            socket: self.socket.clone(),
            daemon: self.pid(),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.flavour == Flavour::Peer {
            return;
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("--- the daemon's log, last lines ---\n{tail}\n---");
        }
        self.remains().clean();
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}
