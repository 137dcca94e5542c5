//! The real docker client, and ours with the same flags, as a user calls them.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Seconds that one call may take; then the test fails.
const LIMIT: &str = "90";

/// A client program and the engine that it talks to.
#[derive(Clone, Debug)]
pub struct Docker {
    program: PathBuf,
    socket: PathBuf,
}

/// What a call left.
#[derive(Clone, Debug)]
pub struct Output {
    /// Exit status.
    pub status: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Docker {
    /// `program` against the engine at `socket`.
    pub fn new(program: impl Into<PathBuf>, socket: &Path) -> Self {
        Self { program: program.into(), socket: socket.to_owned() }
    }

    /// The call as a command of its own: environment, host and arguments are set.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "--kill-after=5", LIMIT]).arg(&self.program);
        command.arg("-H").arg(format!("unix://{}", self.socket.display())).args(arguments);
        // A user's own configuration must not change what is tested.
        command.env("DOCKER_CONFIG", "/nonexistent").env_remove("DOCKER_HOST");
        command.env_remove("COFFER_HOST").env("DOCKER_CLI_HINTS", "false");
        command
    }

    /// Runs a call with nothing on its standard input.
    ///
    /// # Panics
    /// When it takes longer than the limit, or cannot be started.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.with_input(arguments, b"")
    }

    /// Runs a call that must succeed; standard output without the line end is returned.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status, 0, "{arguments:?}: {}{}", output.out, output.err);
        output.out.trim_end().to_owned()
    }

    /// Runs a call with `input` piped in.
    #[track_caller]
    pub fn with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.spawn(arguments);
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let (out, err) = std::thread::scope(|scope| {
            let out = scope.spawn(|| read(stdout.as_mut()));
            let err = scope.spawn(|| read(stderr.as_mut()));
            // The program may end without reading everything.
            let _ = stdin.write_all(input);
            drop(stdin);
            (out.join().expect("reader"), err.join().expect("reader"))
        });
        let status = child.wait().expect("wait for the client").code().unwrap_or(-1);
        assert_ne!(status, 124, "{arguments:?} took longer than {LIMIT} s: {out}{err}");
        Output { status, out, err }
    }

    /// Starts a call and leaves it running, all three streams as pipes.
    #[track_caller]
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.program.display()))
    }
}

fn read(from: Option<&mut impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.read_to_end(&mut bytes).expect("read the client's output");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
