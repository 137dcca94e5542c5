//! OCI hooks (runtime-spec's config.md, "POSIX-platform Hooks"): programs that are given the
//! container's state on standard input. A failing one ends the create; the callers of later ones decide.
#![allow(unsafe_code)] // strsignal(3)

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use oci_spec::runtime::{Hook, Spec};
use serde::Serialize;
use shared::error::{Context, Error, Result};
use shared::kernel::cgroup::Layout;
use shared::kernel::namespace::Namespace;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// OCI's state (runtime-spec's runtime.md, "State").
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    oci_version: String,
    id: String,
    status: String,
    pid: i32,
    bundle: PathBuf,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl State {
    /// Of a container at some point of its life.
    pub fn new(spec: &Spec, id: &str, bundle: &Path, pid: i32, status: &str) -> Self {
        Self {
            oci_version: spec.version().clone(),
            id: id.to_owned(),
            status: status.to_owned(),
            pid,
            bundle: bundle.to_owned(),
            annotations: spec.annotations().clone().unwrap_or_default().into_iter().collect(),
        }
    }

    /// Of the specification.
    pub fn version(&self) -> &str {
        &self.oci_version
    }

    /// The first process speaks of itself: its number as it sees it.
    pub fn inside(mut self) -> Self {
        self.pid = std::process::id() as i32;
        self
    }
}

fn list(hooks: &Option<Vec<Hook>>) -> &[Hook] {
    hooks.as_deref().unwrap_or_default()
}

/// In the container's namespaces, before `/` changes.
pub fn of_create_container(spec: &Spec) -> &[Hook] {
    spec.hooks().as_ref().map_or(&[], |hooks| list(hooks.create_container()))
}

/// In the container, right before the program.
pub fn of_start(spec: &Spec) -> &[Hook] {
    spec.hooks().as_ref().map_or(&[], |hooks| list(hooks.start_container()))
}

/// In the runtime's namespaces, after the program has begun.
pub fn of_poststart(spec: &Spec) -> &[Hook] {
    spec.hooks().as_ref().map_or(&[], |hooks| list(hooks.poststart()))
}

/// In the runtime's namespaces, after the container is gone.
pub fn of_poststop(spec: &Spec) -> &[Hook] {
    spec.hooks().as_ref().map_or(&[], |hooks| list(hooks.poststop()))
}

/// The hooks that run in the runtime's namespaces during create.
pub struct Runtime<'a> {
    prestart: &'a [Hook],
    create: &'a [Hook],
}

impl<'a> Runtime<'a> {
    /// `None` if there are none: the outer half need not stay.
    #[allow(deprecated)] // prestart is deprecated, and in use everywhere
    pub fn of(spec: &'a Spec) -> Option<Self> {
        let hooks = spec.hooks().as_ref()?;
        let (prestart, create) = (list(hooks.prestart()), list(hooks.create_runtime()));
        (!prestart.is_empty() || !create.is_empty()).then_some(Self { prestart, create })
    }

    /// Runs both kinds.
    pub fn run(&self, state: &State) -> Result<()> {
        run(self.prestart, "prestart", || state.clone())?;
        run(self.create, "createRuntime", || state.clone())
    }
}

/// Runs hooks in order, until one fails.
pub fn run(hooks: &[Hook], kind: &str, state: impl Fn() -> State) -> Result<()> {
    if hooks.is_empty() {
        return Ok(());
    }
    let state = serde_json::to_vec(&state()).context("encode the container's state")?;
    for (number, hook) in hooks.iter().enumerate() {
        one(hook, &state).with_context(|| format!("error running hook #{number} ({kind})"))?;
    }
    Ok(())
}

/// Runs all of them whatever some say (runtime-spec's runtime.md: a failure of these is a warning);
/// returns what went wrong.
pub fn run_all(hooks: &[Hook], kind: &str, state: impl Fn() -> State) -> Vec<Error> {
    let run = |hook| run(std::slice::from_ref(hook), kind, &state).err();
    hooks.iter().filter_map(run).collect()
}

fn one(hook: &Hook, state: &[u8]) -> Result<()> {
    let path = hook.path();
    if !path.is_absolute() {
        return Err(Error::invalid(format!("hook {} is not an absolute path", path.display())));
    }
    let mut command = Command::new(path);
    let arguments = hook.args().as_deref().unwrap_or_default();
    if let Some((name, rest)) = arguments.split_first() {
        command.arg0(name).args(rest);
    }
    command.env_clear();
    for variable in hook.env().as_deref().unwrap_or_default() {
        if let Some((name, value)) = variable.split_once('=') {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().with_context(|| format!("start {}", path.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A hook need not read its state.
        let _unread = stdin.write_all(state);
    }
    let group = Pid::from_raw(-(child.id() as i32));
    let end =
        hook.timeout().filter(|t| *t > 0).map(|t| Instant::now() + Duration::from_secs(t as u64));
    let status = loop {
        if let Some(status) = child.try_wait().context("wait for the hook")? {
            break status;
        }
        if end.is_some_and(|end| Instant::now() > end) {
            let _gone = kill(group, Signal::SIGKILL);
            child.wait().context("wait for the hook")?;
            return Err(Error::timeout(format!(
                "hook ran past specified timeout: {}",
                path.display()
            )));
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    if status.success() {
        return Ok(());
    }
    let (mut out, mut err) = (String::new(), String::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = |from: Option<&mut dyn Read>, into: &mut String| {
        from.map(|from| from.take(4096).read_to_string(into)).transpose()
    };
    let mut stdout = stdout;
    let mut stderr = stderr;
    let _partial = read(stdout.as_mut().map(|s| s as &mut dyn Read), &mut out);
    let _partial = read(stderr.as_mut().map(|s| s as &mut dyn Read), &mut err);
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal: {}", words(signal)),
        (None, None) => status.to_string(),
    };
    Err(Error::internal(format!("{how}, stdout: {out}, stderr: {err}")))
}

/// A signal in Go's words, which callers of runc know: `bad system call`.
fn words(signal: i32) -> String {
    // SAFETY: the result is a static text, or null.
    let text = unsafe { libc::strsignal(signal) };
    if text.is_null() {
        return signal.to_string();
    }
    // SAFETY: not null, and ends with a zero byte.
    unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().to_lowercase()
}

/// Where the outer half was before it joined what the container joins: hooks of the runtime run there.
pub struct Home {
    namespaces: Vec<(Namespace, OwnedFd)>,
    membership: String,
}

impl Home {
    /// Before anything is joined.
    pub fn remember() -> Result<Self> {
        let me = std::process::id() as i32;
        let kinds = [
            Namespace::Ipc,
            Namespace::Uts,
            Namespace::Network,
            Namespace::Pid,
            Namespace::Cgroup,
            Namespace::Mount,
        ];
        let namespaces =
            kinds.into_iter().map(|kind| Ok((kind, kind.of(me)?))).collect::<Result<_>>()?;
        let membership =
            std::fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
        Ok(Self { namespaces, membership })
    }

    /// Back there. A joined user namespace cannot be left; then hooks run in it.
    pub fn return_to(self) -> Result<()> {
        let me = std::process::id() as i32;
        for (kind, fd) in &self.namespaces {
            let now = kind.identity(me)?;
            let then = nix::sys::stat::fstat(fd).context("look at a namespace")?.st_ino;
            if now != then || *kind == Namespace::Pid {
                kind.enter(fd)?;
            }
        }
        if let Ok(layout) = Layout::detect() {
            layout.group_below(&self.membership, "")?.enter()?;
        }
        Ok(())
    }
}
