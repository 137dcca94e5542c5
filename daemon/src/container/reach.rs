//! A container's filesystem for cp and export: of a running one through its first process, of a stopped
//! one as a mount that is attached nowhere, while its owner keeps it from being started.

use super::handle::{Held, Message, Turn};
use super::io::archive::{Boundary, stopped};
use super::io::root::Root;
use super::owner;
use super::spec::point::PointKind;
use super::state::{Status, View};
use super::{Containers, account};
use crate::{limits, task};
use shared::error::{Context, Error, Result};
use shared::id;
use shared::kernel::detached::Graft;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A filesystem within reach. Dropping it lets a stopped container be started again.
#[derive(Debug)]
pub struct Reached {
    /// The root folder.
    pub root: Root,
    view: Arc<View>,
    points: Vec<PathBuf>,
    _kept: Option<Kept>,
}

/// What is given back with a mounted root, which goes first.
#[derive(Debug)]
struct Kept {
    _scratch: Scratch,
    _turn: Turn,
    _held: Held,
}

/// An empty folder that goes with its owner.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "cannot remove a scratch folder");
        }
    }
}

impl Reached {
    /// Where an export ends: at what is mounted into the container.
    pub fn boundary(&self) -> Result<Boundary> {
        match self.view.status().is_alive() {
            true => Boundary::of_process(self.view.state.pid),
            false => Ok(Boundary::Mounts(self.points.iter().cloned().collect())),
        }
    }

    /// The numbers of the user that the container runs as, from its own files. Blocking.
    pub fn user(&self) -> Result<(u32, u32)> {
        let asked = self.view.record.body.user.as_deref().unwrap_or_default();
        let identity = account::of_root(&self.root, asked, &[])?;
        Ok((identity.uid, identity.gid))
    }

    /// `Forbidden`, in Docker's words, for a container with a read-only root.
    pub fn check_writable(&self) -> Result<()> {
        let host = self.view.record.host_config();
        match host.and_then(|host| host.readonly_rootfs).unwrap_or(false) {
            true => Err(Error::forbidden("container rootfs is marked read-only")),
            false => Ok(()),
        }
    }
}

impl Containers {
    /// Reaches a container's filesystem.
    pub async fn reach(&self, reference: &str) -> Result<Reached> {
        let handle = self.find(reference)?;
        if handle.view().status().is_alive() {
            return running(handle.view()).await;
        }
        let turn = task::timeout(limits::HOLD, "others who reach its files", handle.turn());
        let turn = turn.await??;
        let held = handle.ask(Message::Hold).await?;
        let view = handle.view();
        if view.status().is_alive() {
            // It was started while we waited.
            return running(view).await;
        }
        let rootfs = self.0.parts.images.rootfs(view.id())?;
        let grafts = grafts(&view);
        let points = grafts.iter().map(|graft| graft.target.clone()).collect();
        let scratch = self.0.parts.paths.temporary().join(id::hex(&id::random::<8>()));
        let mounted = task::blocking("mount a container's root", move || {
            std::fs::create_dir(&scratch)
                .with_context(|| format!("create {}", scratch.display()))?;
            let scratch = Scratch(scratch);
            let root = stopped(&rootfs, &grafts, &scratch.0)?;
            Ok::<_, Error>((root, scratch))
        })
        .await;
        let (root, scratch) = match mounted {
            Ok(mounted) => mounted,
            Err(error) => return Err(self.removed_meanwhile(&view).unwrap_or(error)),
        };
        let kept = Kept { _scratch: scratch, _turn: turn, _held: held };
        Ok(Reached { root, view, points, _kept: Some(kept) })
    }

    /// What a failure means when the container's files went away beneath it.
    fn removed_meanwhile(&self, view: &View) -> Option<Error> {
        match self.view(view.id().as_str()) {
            Err(error) => Some(error),
            Ok(now) if now.status() == Status::Removing => Some(Error::conflict(format!(
                "removal of container {} is already in progress",
                view.id()
            ))),
            Ok(_) => None,
        }
    }

    /// Records that something was done to a container that does not change it.
    pub async fn record(&self, reference: &str, action: &str) -> Result<()> {
        let view = self.view(reference)?;
        let fact = owner::fact(&view.record, action, &[]);
        self.0.parts.journal.record(vec![fact]).await
    }
}

async fn running(view: Arc<View>) -> Result<Reached> {
    let pid = view.state.pid;
    let root = task::blocking("open a container's root", move || Root::of_process(pid)).await?;
    Ok(Reached { root, view, points: Vec::new(), _kept: None })
}

/// Volumes and binds of a container, outer ones first.
fn grafts(view: &View) -> Vec<Graft> {
    let points = view.record.decided.mounts.iter();
    let mut grafts: Vec<Graft> = points
        .filter(|point| point.kind != PointKind::Tmpfs && Path::new(&point.source).exists())
        .map(|point| Graft {
            source: point.source.clone().into(),
            target: point.target.clone().into(),
            read_only: point.read_only,
        })
        .collect();
    grafts.sort_by(|a, b| a.target.cmp(&b.target));
    grafts
}
