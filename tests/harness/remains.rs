//! What an engine leaves when its owner is gone, and how to end it without being its parent.

use crate::http::Client;
use crate::leak;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::time::Duration;

/// Sends a signal to a process of ours; one that is gone is no failure.
pub fn signal(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

/// Removes every container that a daemon has; says which it could not.
pub fn remove_containers(client: &Client) {
    let Ok(list) = client.try_call("GET", "/containers/json?all=1", None) else { return };
    if list.status != 200 {
        eprintln!("list containers: {}", list.text());
        return;
    }
    for container in list.json().as_array().into_iter().flatten() {
        let id = container["Id"].as_str().unwrap_or_default();
        let path = format!("/containers/{id}?force=1&v=1");
        if let Err(error) = client.try_call("DELETE", &path, None) {
            eprintln!("remove {id}: {error}");
        }
    }
}

/// Enough to end an engine and everything that it started, without being its parent.
#[derive(Clone, Debug)]
pub struct Remains {
    /// The sandbox's folder, whose name is the cgroup's too.
    pub folder: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
    /// The daemon, when it may still run.
    pub daemon: Option<u32>,
}

impl Remains {
    /// Removes the containers, ends the daemon, kills what is left, removes cgroups. The folder stays
    /// for its [`Sandbox`](crate::sandbox::Sandbox). What had to be killed is named on standard error.
    pub fn clean(&self) {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(pid) = self.daemon {
            remove_containers(&Client::new(&self.socket));
            signal(pid, Signal::SIGTERM);
            let begin = std::time::Instant::now();
            while leak::runs(pid) && begin.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        // What ends with the daemon needs a moment; a console that is asked to end gives its terminal back.
        for (stop, patience) in [(None, 300), (Some(Signal::SIGTERM), 2_000)] {
            let left = leak::processes(&name);
            for (pid, _) in &left {
                stop.into_iter().for_each(|stop| signal(*pid, stop));
            }
            let begin = std::time::Instant::now();
            let patience = Duration::from_millis(patience);
            while left.iter().any(|(pid, _)| leak::runs(*pid)) && begin.elapsed() < patience {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        for (pid, command) in leak::processes(&name) {
            if leak::runs(pid) {
                // A zygote keeps room for names behind its own.
                let words = command.trim_end_matches(['.', ' ']);
                eprintln!("killing what is left: {pid} {words}");
                signal(pid, Signal::SIGKILL);
            }
        }
        leak::thaw(&name);
        leak::remove_cgroups(&name);
    }
}
