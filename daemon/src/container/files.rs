//! Files of a container: its bundle below the exec root while it runs, its folder below the data root
//! while it exists.

use crate::network::{Dns, Mode, name};
use crate::task;
use shared::error::{Context, Result};
use shared::id::ContainerId;
use shared::paths::Paths;
use shared::shim::Exited;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Makes the bundle with its mount point and the folder of exit records. Three cheap calls.
pub fn make_bundle(paths: &Paths, id: &ContainerId) -> Result<()> {
    let bundle = paths.bundle(id);
    for folder in [bundle.clone(), bundle.join("rootfs"), paths.exits(id)] {
        make_folder(&folder)?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("create {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the bundle; one that is gone is fine.
pub async fn remove_bundle(paths: &Paths, id: &ContainerId) -> Result<()> {
    remove_tree("remove a bundle", paths.bundle(id)).await
}

/// Makes the container's own folder.
pub fn make_home(paths: &Paths, id: &ContainerId) -> Result<()> {
    make_folder(&paths.container(id))
}

/// Removes the container's own folder with its logs; one that is gone is fine.
pub async fn remove_home(paths: &Paths, id: &ContainerId) -> Result<()> {
    remove_tree("remove a container's folder", paths.container(id)).await
}

async fn remove_tree(what: &'static str, path: PathBuf) -> Result<()> {
    task::blocking(what, move || match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    })
    .await
}

/// What the network files are made from.
#[derive(Debug)]
pub struct Network<'a> {
    /// Host name inside.
    pub hostname: &'a str,
    /// `name:address`.
    pub extra_hosts: &'a [String],
    /// Name servers and the like.
    pub dns: &'a Dns,
    /// Whose network.
    pub mode: &'a Mode,
}

/// Writes `hostname`, `hosts` and `resolv.conf`; target in the container and file on the host. They
/// belong to the container: a program may write them.
pub fn write_network(home: &Path, network: &Network<'_>) -> Result<Vec<(&'static str, PathBuf)>> {
    let hosts = match network.mode {
        Mode::Host => name::host_file("/etc/hosts"),
        _ => String::new(),
    };
    let resolv = name::host_file("/etc/resolv.conf");
    let texts = [
        ("/etc/hostname", "hostname", format!("{}\n", network.hostname)),
        ("/etc/hosts", "hosts", name::hosts(&hosts, network.extra_hosts, network.mode)),
        ("/etc/resolv.conf", "resolv.conf", name::resolv_conf(&resolv, network.dns, network.mode)),
    ];
    let mut files = Vec::with_capacity(texts.len());
    for (target, file, text) in texts {
        let path = home.join(file);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        files.push((target, path));
    }
    Ok(files)
}

/// The exit record of a process, if the shim wrote one.
pub async fn exit_record(paths: &Paths, id: &ContainerId, process: &str) -> Result<Option<Exited>> {
    let path = paths.exits(id).join(process);
    task::blocking("read an exit record", move || match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("decode {}", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    })
    .await
}
