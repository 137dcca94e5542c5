//! The watch stream, `GET /coffer/v1/watch`: NDJSON, one [`Frame`] a line.
//!
//! `?after=<cursor>` resumes, `?types=container,event,sample` narrows (samples come with containers). First `hello`, then
//! `snapshot`, `end`; afterwards `put`, `del`, `event`, `gap` with strictly increasing `seq`, and
//! `sample` without a number: samples may be conflated, facts never. Whole objects, no field patches.
//! `PUT /coffer/v1/watch/{id}/interest` with an [`Interest`] says which containers are sampled at 1 Hz.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Frame {
    /// The first line.
    Hello {
        /// Who is talking.
        hello: Hello,
    },
    /// The whole state, in one or several lines.
    Snapshot {
        /// Whole objects.
        snapshot: Vec<Object>,
    },
    /// The snapshot is complete; deltas follow after `seq`.
    End {
        /// Always true.
        end: bool,
        /// The number of the last fact that the snapshot includes.
        seq: u64,
    },
    /// An object is new or has changed.
    Put {
        /// The whole object.
        put: Object,
        /// Number of the fact.
        seq: u64,
    },
    /// An object is gone.
    Del {
        /// Which.
        del: Key,
        /// Number of the fact.
        seq: u64,
    },
    /// A fact of the journal.
    Event {
        /// The fact.
        event: Event,
        /// Its number.
        seq: u64,
    },
    /// Facts that cannot be delivered any more.
    Gap {
        /// First and last number missed.
        gap: Gap,
    },
    /// Resource figures.
    Sample {
        /// One or several containers.
        sample: Vec<Sample>,
    },
}

/// Who is talking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Names this stream in `PUT /coffer/v1/watch/{id}/interest`.
    pub id: String,
    /// Store id: the first half of a cursor `<store>-<seq>`.
    pub store: String,
    /// Version of the daemon.
    pub version: String,
    /// Host name.
    pub host: String,
    /// Number of processors.
    pub cpus: u32,
    /// Memory of the host in bytes.
    pub memory_bytes: u64,
    /// Nanoseconds since 1970 at which the daemon started.
    pub started_at_nanos: i64,
    /// Running containers that the daemon took over when it started.
    pub adopted: u32,
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// `container`, `image`, `volume`, `network`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id, or a volume's name.
    pub id: String,
}

/// A whole object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Object {
    /// A container.
    Container(Box<Container>),
    /// An image.
    Image(Box<Image>),
}

/// A container as lists show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// As the user named it.
    pub image: String,
    /// Digest of the image's configuration.
    pub image_id: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    pub state: String,
    /// `starting`, `healthy`, `unhealthy`, or empty without a health check.
    pub health: String,
    /// Why it is not running, in words, or empty.
    pub reason: String,
    /// Exit code of the last run.
    pub exit_code: i32,
    /// The kernel's OOM killer struck during the last run.
    pub oom_killed: bool,
    /// OOM kills since it was created.
    pub oom_kills: u64,
    /// Process id of the first process, 0 when not running.
    pub pid: i32,
    /// Nanoseconds since 1970; 0 means never.
    pub created_at_nanos: i64,
    /// Nanoseconds since 1970; 0 means never.
    pub started_at_nanos: i64,
    /// Nanoseconds since 1970; 0 means never.
    pub finished_at_nanos: i64,
    /// Restarts by policy since it was last started by hand.
    pub restarts: u32,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub restart_policy: String,
    /// Limit of `on-failure`, 0 without.
    pub restart_max: u32,
    /// Memory limit in bytes, 0 without.
    pub memory_limit_bytes: u64,
    /// CPU limit in billionths of a CPU, 0 without.
    pub nano_cpus: i64,
    /// Limit of processes, 0 without.
    pub pids_limit: i64,
    /// As asked at create.
    pub oom_score_adj: i32,
    /// It has a terminal.
    pub terminal: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Name of the network mode.
    pub network_mode: String,
    /// Published ports in words, such as `0.0.0.0:8080->80/tcp`.
    pub ports: Vec<String>,
    /// Mounts in words, such as `data:/var/lib/x`.
    pub mounts: Vec<String>,
}

/// An image as lists show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// Digest of its configuration.
    pub id: String,
    /// `repository:tag`, several or none.
    pub tags: Vec<String>,
    /// Bytes of its layers, unpacked.
    pub size_bytes: u64,
    /// Nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// Containers that use it.
    pub containers: u32,
}

/// A fact: what changed, on which object, with Docker's attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Strictly increasing, never used twice.
    pub seq: u64,
    /// Nanoseconds since 1970.
    pub time_nanos: i64,
    /// Docker's type: `container`, `image`, `volume`, `network`, `daemon`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Docker's action: `start`, `die`, `oom`, ...
    pub action: String,
    /// Id of the object.
    pub id: String,
    /// Docker's attributes: `name`, `image`, `exitCode`, labels, ...
    pub attributes: BTreeMap<String, String>,
}

/// Facts that were lost to this reader, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First number missed.
    pub from: u64,
    /// Last number missed.
    pub to: u64,
}

/// Resource figures of one container at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Container.
    pub id: String,
    /// Nanoseconds since 1970.
    pub time_nanos: i64,
    /// Per cent of one CPU since the sample before; above 100 on several.
    pub cpu_percent: f64,
    /// CPU time used so far.
    pub cpu_nanos: u64,
    /// Memory charged to the container, page cache included.
    pub memory_bytes: u64,
    /// Without inactive page cache: what `docker stats` shows.
    pub working_set_bytes: u64,
    /// Limit, 0 without.
    pub memory_limit_bytes: u64,
    /// Number of processes and threads.
    pub pids: u64,
    /// Highest `oom_score` among the container's processes.
    pub oom_score: i32,
    /// `oom_score_adj` of the first process.
    pub oom_score_adj: i32,
    /// OOM kills since it was started.
    pub oom_kills: u64,
    /// Bytes read from block devices so far.
    pub io_read_bytes: u64,
    /// Bytes written to block devices so far.
    pub io_write_bytes: u64,
    /// Bytes received so far.
    pub net_rx_bytes: u64,
    /// Bytes sent so far.
    pub net_tx_bytes: u64,
    /// CFS periods in which the container wanted more than its quota, so far.
    pub throttled_periods: u64,
    /// CFS periods so far.
    pub periods: u64,
}

/// What the daemon remembers of one container's figures, `GET /coffer/v1/containers/{id}/history`: about
/// an hour, every second while somebody looked at it and every ten seconds otherwise. `?since=` (seconds
/// since 1970) leaves out what is older. It ends with the container's last run and goes with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// Container.
    pub id: String,
    /// Oldest first.
    pub readings: Vec<Reading>,
}

/// Figures of one moment of the past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Nanoseconds since 1970.
    pub time_nanos: i64,
    /// Per cent of one CPU since the reading before; above 100 on several.
    pub cpu_percent: f64,
    /// Memory charged to the container, page cache included.
    pub memory_bytes: u64,
    /// Without inactive page cache.
    pub working_set_bytes: u64,
    /// Number of processes and threads.
    pub pids: u64,
    /// Bytes read from and written to block devices so far.
    pub io_bytes: u64,
}

/// What a subscriber looks at: these containers are sampled every second, others more rarely.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interest {
    /// Ids of containers.
    pub containers: Vec<String>,
    /// All of them.
    pub all: bool,
}

/// [`Container::reason`] of one that was stopped on request: its exit code is no failure.
pub const STOPPED_BY_HAND: &str = "stopped by hand";

/// Path of the stream.
pub const PATH: &str = "/coffer/v1/watch";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_reads_back() {
        let container = Container { id: "a".into(), ..Container::default() };
        let frames = [
            Frame::Snapshot { snapshot: vec![Object::Container(Box::new(container))] },
            Frame::End { end: true, seq: 7 },
            Frame::Del { del: Key { kind: "container".into(), id: "a".into() }, seq: 8 },
            Frame::Event { event: Event { seq: 9, ..Event::default() }, seq: 9 },
            Frame::Gap { gap: Gap { from: 1, to: 4 } },
            Frame::Sample { sample: vec![Sample::default()] },
        ];
        for frame in frames {
            let line = serde_json::to_string(&frame).unwrap();
            assert_eq!(serde_json::from_str::<Frame>(&line).unwrap(), frame, "{line}");
        }
    }
}
