//! The runtime that is linked in. Quick enough to be waited for.

use super::{Engine, Frost, Joining, Made, Making, Removal, Step};
use crate::stdio::Io;
use runtime::embed;
use shared::error::{Context, Error, Result};
use shared::kernel::process::Process;
use shared::shim::Create;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The embedded runtime, for one container.
#[derive(Debug)]
pub struct Embedded {
    cgroup: String,
    gate: Option<OwnedFd>,
}

impl Embedded {
    /// For what `create` says.
    pub fn new(create: &Create) -> Self {
        Self { cgroup: create.cgroup.clone(), gate: None }
    }
}

impl Engine for Embedded {
    fn create(&mut self, making: Making<'_>) -> Result<Step<Made>> {
        let netns = making.netns.map(OwnedFd::try_clone).transpose();
        let created = embed::create(embed::CreateArgs {
            id: making.id,
            bundle: &making.create.bundle,
            spec: making.spec,
            rootfs: &making.create.rootfs,
            seccomp: making.seccomp,
            netns: netns.context("hold the network namespace")?,
            cgroup: &self.cgroup,
            io: io(making.io),
            timeout: Duration::from_millis(making.create.timeout_ms),
        })?;
        created.warnings.iter().for_each(|warning| crate::warn(warning));
        self.gate = Some(created.start);
        Ok(Step::Done(Made { pid: created.pid, terminal: created.terminal }))
    }

    fn start(&mut self) -> Result<Step<()>> {
        let gate = self.gate.take();
        let gate = gate.ok_or_else(|| Error::conflict("the container was started before"))?;
        embed::start(gate).map(Step::Done)
    }

    fn exec(&mut self, joining: Joining<'_>) -> Result<Step<Made>> {
        let execed = embed::exec(embed::ExecArgs {
            init: joining.init,
            process: joining.process,
            seccomp: joining.seccomp,
            cgroup: &self.cgroup,
            io: io(joining.io),
            timeout: joining.limit,
        })?;
        execed.warnings.iter().for_each(|warning| crate::warn(warning));
        Ok(Step::Done(Made { pid: execed.pid, terminal: execed.terminal }))
    }

    fn kill(&mut self, init: i32, signal: i32) -> Result<Step<()>> {
        Process::open(init)?.signal(signal).map(Step::Done)
    }

    fn kill_all(&mut self, signal: i32) -> Result<Step<()>> {
        embed::kill_all(&self.cgroup, signal).map(Step::Done)
    }

    fn frost(&mut self, to: Frost) -> Result<Step<()>> {
        match to {
            Frost::Freeze => embed::pause(&self.cgroup),
            Frost::Thaw => embed::resume(&self.cgroup),
        }
        .map(Step::Done)
    }

    fn update(&mut self, resources: OwnedFd) -> Result<Step<()>> {
        let warnings = embed::update(&self.cgroup, resources)?;
        warnings.iter().for_each(|warning| crate::warn(warning));
        Ok(Step::Done(()))
    }

    fn delete(&mut self, _: Removal) -> Result<Step<()>> {
        self.gate = None; // a container that was never started ends
        embed::delete(&self.cgroup).map(Step::Done)
    }
}

fn io(io: Io) -> embed::Io {
    match io {
        Io::Pipes { stdin, stdout, stderr } => {
            embed::Io::Pipes(embed::Stdio { stdin, stdout, stderr })
        }
        Io::Terminal { rows, columns } => embed::Io::Terminal { rows, columns },
    }
}
