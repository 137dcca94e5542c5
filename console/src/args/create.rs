//! Flags of `run` and `create`: Docker's names, merged with those of older engines where they do no harm.

use crate::units;
use clap::{ArgAction, Args};

/// `coffer run`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Run {
    /// Run in the background and print the id
    #[arg(short, long)]
    pub detach: bool,
    /// Pass signals on to the process
    #[arg(long, default_value = "true", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub sig_proxy: bool,
    /// Keys that detach, such as ctrl-p,ctrl-q
    #[arg(long)]
    pub detach_keys: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub create: Create,
}

/// `coffer create`.
#[derive(Debug, Default, Args)]
#[command(disable_help_flag = true)]
#[allow(missing_docs)] // each line's own help is its documentation
pub struct Create {
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    pub help: Option<bool>,
    /// Name of the container
    #[arg(long)]
    pub name: Option<String>,
    /// Keep standard input open
    #[arg(short, long)]
    pub interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Attach to stdin, stdout or stderr
    #[arg(short, long, value_name = "STREAM", value_parser = units::stream)]
    pub attach: Vec<String>,
    /// Remove it when it stops
    #[arg(long)]
    pub rm: bool,
    /// Environment: NAME=value, or NAME from here
    #[arg(short, long)]
    pub env: Vec<String>,
    /// Environment from a file
    #[arg(long)]
    pub env_file: Vec<String>,
    /// Label: name=value
    #[arg(short, long)]
    pub label: Vec<String>,
    /// Labels from a file
    #[arg(long)]
    pub label_file: Vec<String>,
    /// Write the id to this file
    #[arg(long)]
    pub cidfile: Option<String>,
    /// Working directory
    #[arg(short, long)]
    pub workdir: Option<String>,
    /// User[:group]
    #[arg(short, long)]
    pub user: Option<String>,
    /// More groups
    #[arg(long)]
    pub group_add: Vec<String>,
    /// Host name
    #[arg(short = 'h', long)]
    pub hostname: Option<String>,
    /// Domain name
    #[arg(long)]
    pub domainname: Option<String>,
    /// Program instead of the image's
    #[arg(long)]
    pub entrypoint: Option<String>,
    /// Volume: [source:]target[:options]
    #[arg(short, long)]
    pub volume: Vec<String>,
    /// Mount: type=bind,source=..,target=..
    #[arg(long, value_parser = units::mount)]
    pub mount: Vec<String>,
    /// Directory in memory: path[:options]
    #[arg(long)]
    pub tmpfs: Vec<String>,
    /// Volumes of other containers
    #[arg(long)]
    pub volumes_from: Vec<String>,
    /// Driver of volumes
    #[arg(long)]
    pub volume_driver: Option<String>,
    /// Root filesystem cannot be written
    #[arg(long)]
    pub read_only: bool,
    /// Size of /dev/shm
    #[arg(long, value_parser = units::size)]
    pub shm_size: Option<String>,
    /// Options of the storage
    #[arg(long)]
    pub storage_opt: Vec<String>,
    /// Network
    #[arg(long, visible_alias = "net")]
    pub network: Option<String>,
    /// Other names on the network
    #[arg(long, visible_alias = "net-alias")]
    pub network_alias: Vec<String>,
    /// Address
    #[arg(long)]
    pub ip: Option<String>,
    /// IPv6 address
    #[arg(long)]
    pub ip6: Option<String>,
    /// Link-local addresses
    #[arg(long)]
    pub link_local_ip: Vec<String>,
    /// Link to another container
    #[arg(long)]
    pub link: Vec<String>,
    /// MAC address
    #[arg(long)]
    pub mac_address: Option<String>,
    /// Publish a port: [address:][port:]port[/protocol]
    #[arg(short, long)]
    pub publish: Vec<String>,
    /// Publish all exposed ports
    #[arg(short = 'P', long)]
    pub publish_all: bool,
    /// Expose a port
    #[arg(long)]
    pub expose: Vec<String>,
    /// Name server
    #[arg(long, value_parser = units::address)]
    pub dns: Vec<String>,
    /// Resolver option
    #[arg(long, visible_alias = "dns-opt")]
    pub dns_option: Vec<String>,
    /// Search domain
    #[arg(long)]
    pub dns_search: Vec<String>,
    /// Line of /etc/hosts: name:address
    #[arg(long, value_parser = units::host)]
    pub add_host: Vec<String>,
    /// Restart policy: no, always, unless-stopped, on-failure[:n]
    #[arg(long)]
    pub restart: Option<String>,
    /// Signal that stops it
    #[arg(long)]
    pub stop_signal: Option<String>,
    /// Seconds between that signal and SIGKILL
    #[arg(long)]
    pub stop_timeout: Option<i64>,
    /// A small init as first process
    #[arg(long)]
    pub init: bool,
    /// OCI runtime
    #[arg(long)]
    pub runtime: Option<String>,
    /// Platform
    #[arg(long)]
    pub platform: Option<String>,
    /// When to pull: missing, always, never
    #[arg(long)]
    pub pull: Option<String>,
    /// Say nothing while pulling
    #[arg(short, long)]
    pub quiet: bool,
    /// Annotation: name=value
    #[arg(long)]
    pub annotation: Vec<String>,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub security: Security,
    #[command(flatten)]
    pub health: Health,
    /// Log driver
    #[arg(long)]
    pub log_driver: Option<String>,
    /// Option of the log driver
    #[arg(long)]
    pub log_opt: Vec<String>,
    /// Image, command and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "IMAGE [COMMAND] [ARG...]"
    )]
    pub image_and_command: Vec<String>,
}

/// Limits of resources.
#[derive(Debug, Default, Args)]
#[allow(missing_docs)]
pub struct Limits {
    /// Memory: 512m, 2g
    #[arg(short, long, value_parser = units::size)]
    pub memory: Option<String>,
    /// Memory that is kept under pressure
    #[arg(long, value_parser = units::size)]
    pub memory_reservation: Option<String>,
    /// Memory and swap together; -1 without limit
    #[arg(long, allow_hyphen_values = true, value_parser = units::size)]
    pub memory_swap: Option<String>,
    /// 0 to 100
    #[arg(long, allow_hyphen_values = true)]
    pub memory_swappiness: Option<i64>,
    /// Number of CPUs: 1.5
    #[arg(long, value_parser = units::cpus)]
    pub cpus: Option<f64>,
    /// Relative weight
    #[arg(short, long)]
    pub cpu_shares: Option<i64>,
    /// Microseconds
    #[arg(long)]
    pub cpu_period: Option<i64>,
    /// Microseconds
    #[arg(long, allow_hyphen_values = true)]
    pub cpu_quota: Option<i64>,
    /// Microseconds
    #[arg(long)]
    pub cpu_rt_period: Option<i64>,
    /// Microseconds
    #[arg(long)]
    pub cpu_rt_runtime: Option<i64>,
    /// CPUs that may be used: 0-3, 0,1
    #[arg(long)]
    pub cpuset_cpus: Option<String>,
    /// Memory nodes that may be used
    #[arg(long)]
    pub cpuset_mems: Option<String>,
    /// Processes; -1 without limit
    #[arg(long, allow_hyphen_values = true)]
    pub pids_limit: Option<i64>,
    /// 10 to 1000
    #[arg(long)]
    pub blkio_weight: Option<u16>,
    /// device:weight
    #[arg(long)]
    pub blkio_weight_device: Vec<String>,
    /// device:bytes
    #[arg(long)]
    pub device_read_bps: Vec<String>,
    /// device:bytes
    #[arg(long)]
    pub device_write_bps: Vec<String>,
    /// device:operations
    #[arg(long)]
    pub device_read_iops: Vec<String>,
    /// device:operations
    #[arg(long)]
    pub device_write_iops: Vec<String>,
    /// name=soft[:hard]
    #[arg(long, value_parser = units::ulimit)]
    pub ulimit: Vec<(String, i64, i64)>,
    /// name=value
    #[arg(long)]
    pub sysctl: Vec<String>,
    /// Never kill for memory
    #[arg(long)]
    pub oom_kill_disable: bool,
    /// -1000 to 1000
    #[arg(long, allow_hyphen_values = true)]
    pub oom_score_adj: Option<i64>,
    /// Parent control group
    #[arg(long)]
    pub cgroup_parent: Option<String>,
}

/// What the container may do.
#[derive(Debug, Default, Args)]
#[allow(missing_docs)]
pub struct Security {
    /// All rights of the host
    #[arg(long)]
    pub privileged: bool,
    /// Add a capability
    #[arg(long)]
    pub cap_add: Vec<String>,
    /// Drop a capability
    #[arg(long)]
    pub cap_drop: Vec<String>,
    /// seccomp=.., apparmor=.., no-new-privileges
    #[arg(long)]
    pub security_opt: Vec<String>,
    /// Device: host[:container[:rwm]]
    #[arg(long)]
    pub device: Vec<String>,
    /// Rule for devices
    #[arg(long)]
    pub device_cgroup_rule: Vec<String>,
    /// GPUs
    #[arg(long)]
    pub gpus: Option<String>,
    /// PID namespace: host, container:id
    #[arg(long)]
    pub pid: Option<String>,
    /// IPC namespace
    #[arg(long)]
    pub ipc: Option<String>,
    /// UTS namespace
    #[arg(long)]
    pub uts: Option<String>,
    /// User namespace
    #[arg(long)]
    pub userns: Option<String>,
    /// Control group namespace: host, private
    #[arg(long)]
    pub cgroupns: Option<String>,
}

/// How its health is checked.
#[derive(Debug, Default, Args)]
#[allow(missing_docs)]
pub struct Health {
    /// Command that checks
    #[arg(long)]
    pub health_cmd: Option<String>,
    /// Between two checks: 30s
    #[arg(long, value_parser = units::span)]
    pub health_interval: Option<String>,
    /// Longest check
    #[arg(long, value_parser = units::span)]
    pub health_timeout: Option<String>,
    /// Failures until it is unhealthy
    #[arg(long)]
    pub health_retries: Option<i64>,
    /// Time at the start in which failures do not count
    #[arg(long, value_parser = units::span)]
    pub health_start_period: Option<String>,
    /// Between checks in that time
    #[arg(long, value_parser = units::span)]
    pub health_start_interval: Option<String>,
    /// No check, whatever the image says
    #[arg(long)]
    pub no_healthcheck: bool,
}
