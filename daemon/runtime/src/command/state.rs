//! `state`: OCI's state, with runc's additions.

use super::arguments::Named;
use super::container::{Folder, Record, Status, open};
use super::global::Global;
use serde::Serialize;
use shared::error::{Context, Result};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// As printed by `state` and `list --format json`: the order of fields is runc's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    oci_version: String,
    pub id: String,
    pub pid: i32,
    pub status: String,
    pub bundle: PathBuf,
    rootfs: PathBuf,
    pub created: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    pub owner: String,
}

impl State {
    /// Of a container, as it is now.
    pub fn of(folder: &Folder, record: &Record) -> Result<Self> {
        let status = record.status(folder)?;
        let owner = std::fs::metadata(folder.fifo().with_file_name("state.json"));
        Ok(Self {
            oci_version: record.spec.version().clone(),
            id: record.id.clone(),
            pid: if status == Status::Stopped { 0 } else { record.pid },
            status: status.to_string(),
            bundle: record.bundle.clone(),
            rootfs: record.rootfs.clone(),
            created: record.created.clone(),
            annotations: record
                .spec
                .annotations()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            owner: owner.map(|m| name_of(m.uid())).unwrap_or_default(),
        })
    }
}

fn name_of(uid: u32) -> String {
    match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("#{uid}"),
    }
}

/// Prints it.
pub fn run(global: &Global, args: &Named) -> Result<u8> {
    let (folder, record) = open(global, &args.id)?;
    let state = State::of(&folder, &record)?;
    println!("{}", serde_json::to_string_pretty(&state).context("encode the state")?);
    Ok(0)
}
