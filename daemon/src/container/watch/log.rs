//! What an owner has done with its container's log: forwarding, compressing.

use super::pack::Job;
use crate::container::io::logs::{Forward, Place};
use crate::container::owner::Owner;
use crate::container::prepare;
use crate::container::spec::log::{Choice, Driver};
use crate::container::spec::syslog::Target;
use shared::error::Result;

/// What is to be forwarded, if the container's driver says so.
fn job(owner: &Owner) -> Result<Option<Forward>> {
    let record = &owner.record;
    let choice = Choice::daemon(&record.decided.log_driver, record.decided.log_options.clone())?;
    if choice.driver != Driver::Syslog {
        return Ok(None);
    }
    let choice = choice.tagged(&prepare::tag_info(record))?;
    let paths = &owner.inner.parts.paths;
    let Some(log) = choice.shim(paths.log(&owner.id), None)? else { return Ok(None) };
    Ok(Some(Forward {
        place: Place { path: log.path, format: log.format, files: log.max_files },
        target: Target::parse(&choice.options)?,
        tag: choice.tag().to_owned(),
        cursor: paths.container(&owner.id).join("syslog.cursor"),
    }))
}

impl Owner {
    /// A run has begun, or was found running.
    pub(in crate::container) fn begin_forwarding(&mut self) {
        match job(self) {
            Ok(job) => self.forwarding.begin(job),
            Err(error) => tracing::error!(container = %self.id, %error, "cannot forward a log"),
        }
    }

    /// What is to be compressed, if the container's options say so.
    fn pack_job(&self) -> Result<Option<Job>> {
        let decided = &self.record.decided;
        let choice = Choice::daemon(&decided.log_driver, decided.log_options.clone())?;
        if !choice.compress()? {
            return Ok(None);
        }
        let log = choice.shim(self.inner.parts.paths.log(&self.id), None)?;
        Ok(log.map(|log| Job { path: log.path, files: log.max_files }))
    }

    /// A run has begun, was found, or is over: then there is no shim.
    pub(in crate::container) async fn begin_packing(&mut self) {
        match self.pack_job() {
            Ok(Some(job)) => {
                let gate = self.inner.packers.clone();
                self.packing.begin(job, self.shim.clone(), gate).await;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(container = %self.id, %error, "cannot compress a log"),
        }
    }
}
