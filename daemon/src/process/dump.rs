//! What goes on in this process right now, as text: tasks, and every thread with what the kernel
//! knows of it. Written on SIGUSR1.

use crate::task;
use shared::error::{Context, Result};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Writes a file into `folder` and gives its path. Takes `sampled` to see where threads spend time.
pub fn write(folder: &Path, sampled: Duration) -> Result<PathBuf> {
    let text = format!(
        "{}\n{}\n{}",
        tasks(),
        threads()?,
        super::profile::sample(sampled, super::profile::FREQUENCY)?
    );
    let name = format!("dump-{}.txt", shared::id::hex(&shared::id::random::<6>()));
    let path = folder.join(name);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("create {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

fn tasks() -> String {
    let list = task::list();
    let mut text = format!("# {} tasks, oldest first\n", list.len());
    for (name, age) in list {
        let _ = writeln!(text, "{:>12.3}s  {name}", age.as_secs_f64());
    }
    text
}

fn threads() -> Result<String> {
    let mut text = String::from("# threads: state, where it waits, system call, kernel stack\n");
    for entry in std::fs::read_dir("/proc/self/task").context("list the threads")? {
        let folder = entry.context("list the threads")?.path();
        let read = |name: &str| {
            let content = std::fs::read_to_string(folder.join(name));
            content.map_or_else(|_| "-".into(), |text| text.trim_end().to_owned())
        };
        let status = read("status");
        let state = status.lines().find_map(|line| line.strip_prefix("State:")).unwrap_or("-");
        let _ = writeln!(
            text,
            "{} {} {} in {} syscall {}\n{}",
            folder.file_name().unwrap_or_default().display(),
            read("comm"),
            state.trim(),
            read("wchan"),
            read("syscall"),
            read("stack"),
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tasks_and_threads() {
        let folder = std::env::temp_dir();
        let path = task::block_on(async {
            let held = task::spawn("a held task", std::future::pending::<()>());
            let path = write(&folder, Duration::from_millis(20)).unwrap();
            held.cancel().await;
            path
        });
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(text.contains("a held task"), "{text}");
        assert!(text.contains("# threads"), "{text}");
    }
}
