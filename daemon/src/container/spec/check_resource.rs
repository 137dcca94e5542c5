//! Judges the resources of a create or an update: what cannot be is refused in Docker's words, what the
//! host lacks is taken out with a warning. Pure.

use super::host::{Host, members};
use shared::docker::HostConfig;
use shared::error::{Error, Result};

/// The least memory limit: below it not even a shell starts (Docker's figure).
const MEMORY_MIN: i64 = 6 << 20;

/// Whether a container is being made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A new container.
    Create,
    /// A change of an existing one: what is unset stays as it is.
    Update,
}

fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::invalid(text))
}

/// Takes a wish away and says so.
fn discard<T>(
    field: &mut Option<T>,
    asked: bool,
    able: bool,
    text: &str,
    warnings: &mut Vec<String>,
) {
    if asked && !able {
        warnings.push(text.to_owned());
        *field = None;
    }
}

fn set(field: Option<i64>) -> bool {
    field.is_some_and(|n| n != 0)
}

/// Checks `asked` and drops what `host` cannot do; returns the warnings.
pub fn check(asked: &mut HostConfig, host: &Host, occasion: Occasion) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    memory(asked, host, occasion, &mut warnings)?;
    oom(asked, host, &mut warnings);
    let limited = asked.pids_limit.is_some_and(|l| l > 0);
    let text = "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.";
    discard(&mut asked.pids_limit, limited, host.pids, text, &mut warnings);
    cpu(asked, host, &mut warnings)?;
    cpuset(asked, host, &mut warnings)?;
    block_io(asked, host, &mut warnings)?;
    Ok(warnings)
}

fn memory(
    asked: &mut HostConfig,
    host: &Host,
    occasion: Occasion,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let text = "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.";
    if set(asked.memory) && !host.memory {
        asked.memory_swap = None;
    }
    let limited = set(asked.memory);
    discard(&mut asked.memory, limited, host.memory, text, warnings);
    let memory = asked.memory.unwrap_or_default();
    if memory > 0 && asked.memory_swap != Some(-1) && !host.swap {
        warnings.push("Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.".to_owned());
        asked.memory_swap = Some(-1);
    }
    let swap = asked.memory_swap.unwrap_or_default();
    if memory != 0 && memory < MEMORY_MIN {
        return refuse("Minimum memory limit allowed is 6MB");
    }
    if memory > 0 && swap > 0 && swap < memory {
        return refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
    }
    if memory == 0 && swap > 0 && occasion == Occasion::Create {
        return refuse(
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        );
    }
    if asked.memory_swappiness == Some(-1) {
        asked.memory_swappiness = None;
    }
    let text = "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.";
    let given = asked.memory_swappiness.is_some();
    discard(&mut asked.memory_swappiness, given, host.swappiness, text, warnings);
    if let Some(value) = asked.memory_swappiness.filter(|v| !(0..=100).contains(v)) {
        return refuse(format!("Invalid value: {value}, valid memory swappiness range is 0-100"));
    }
    let text = "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.";
    let given = set(asked.memory_reservation);
    discard(&mut asked.memory_reservation, given, host.reservation, text, warnings);
    let reservation = asked.memory_reservation.unwrap_or_default();
    if reservation > 0 && reservation < MEMORY_MIN {
        return refuse("Minimum memory reservation allowed is 6MB");
    }
    if memory > 0 && reservation > 0 && memory < reservation {
        return refuse(
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        );
    }
    Ok(())
}

fn oom(asked: &mut HostConfig, host: &Host, warnings: &mut Vec<String>) {
    let disabled = asked.oom_kill_disable.unwrap_or_default();
    let text = "Your kernel does not support OomKillDisable. OomKillDisable discarded.";
    discard(&mut asked.oom_kill_disable, disabled, host.oom_kill_disable, text, warnings);
    if asked.oom_kill_disable == Some(true) && !set(asked.memory) {
        warnings.push("OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.".to_owned());
    }
}

fn cpu(asked: &mut HostConfig, host: &Host, warnings: &mut Vec<String>) -> Result<()> {
    if let Some(nanos) = asked.nano_cpus.filter(|n| *n != 0) {
        if nanos > 0 && set(asked.cpu_period) {
            return refuse("Conflicting options: Nano CPUs and CPU Period cannot both be set.");
        }
        if nanos > 0 && set(asked.cpu_quota) {
            return refuse("Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
        }
        if !host.cpu_cfs {
            return refuse(
                "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
            );
        }
        if nanos < 0 || nanos > i64::from(host.cpus) * 1_000_000_000 {
            let cpus = host.cpus;
            return refuse(format!(
                "Range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available"
            ));
        }
    }
    let text =
        "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.";
    let given = set(asked.cpu_shares);
    discard(&mut asked.cpu_shares, given, host.cpu_shares, text, warnings);
    let text = "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.";
    if (set(asked.cpu_period) || set(asked.cpu_quota)) && !host.cpu_cfs {
        warnings.push(text.to_owned());
        (asked.cpu_period, asked.cpu_quota) = (None, None);
    }
    if asked.cpu_period.is_some_and(|p| p != 0 && !(1000..=1_000_000).contains(&p)) {
        return refuse(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        );
    }
    if asked.cpu_quota.is_some_and(|q| q > 0 && q < 1000) {
        return refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
    }
    if (set(asked.cpu_realtime_period) || set(asked.cpu_realtime_runtime)) && !host.cpu_realtime {
        return refuse("Your kernel does not support CPU real-time scheduler");
    }
    let (period, runtime) = (asked.cpu_realtime_period, asked.cpu_realtime_runtime);
    if set(period) && runtime > period {
        return refuse("cpu real-time runtime cannot be higher than cpu real-time period");
    }
    if asked.cpu_percent.is_some_and(|p| p > 0) {
        warnings.push("linux does not support CPU percent. Percent discarded.".to_owned());
        asked.cpu_percent = None;
    }
    Ok(())
}

fn cpuset(asked: &mut HostConfig, host: &Host, warnings: &mut Vec<String>) -> Result<()> {
    let given = |field: &Option<String>| field.as_deref().is_some_and(|t| !t.is_empty());
    if (given(&asked.cpuset_cpus) || given(&asked.cpuset_mems)) && !host.cpuset {
        warnings.push(
            "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."
                .to_owned(),
        );
        (asked.cpuset_cpus, asked.cpuset_mems) = (None, None);
    }
    let inside = |asked: &str, available: &str, field: &str, things: &str| {
        let Some(wanted) = members(asked) else {
            return refuse(format!("Invalid value {asked} for cpuset {field}"));
        };
        let have = members(available).unwrap_or_default();
        match wanted.iter().all(|n| have.contains(n)) {
            true => Ok(()),
            false => refuse(format!(
                "Requested {things} are not available - requested {asked}, available: {available}"
            )),
        }
    };
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    inside(&text(&asked.cpuset_cpus), &host.cpuset_cpus, "cpus", "CPUs")?;
    inside(&text(&asked.cpuset_mems), &host.cpuset_mems, "mems", "memory nodes")
}

fn block_io(asked: &mut HostConfig, host: &Host, warnings: &mut Vec<String>) -> Result<()> {
    let given = asked.blkio_weight.is_some_and(|w| w > 0);
    let text = "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.";
    discard(&mut asked.blkio_weight, given, host.blkio_weight, text, warnings);
    if asked.blkio_weight.is_some_and(|w| w != 0 && !(10..=1000).contains(&w)) {
        return refuse("Range of blkio weight is from 10 to 1000");
    }
    if set(asked.io_maximum_bandwidth) || set(asked.io_maximum_iops) {
        return refuse(
            "Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps",
        );
    }
    for device in asked.blkio_weight_device.iter().flatten() {
        if !device.weight.is_some_and(|w| w == 0 || (10..=1000).contains(&w)) {
            return refuse("Range of blkio weight is from 10 to 1000");
        }
    }
    let some = |list: usize| list > 0;
    let given = some(asked.blkio_weight_device.as_ref().map_or(0, Vec::len));
    let text = "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.";
    discard(&mut asked.blkio_weight_device, given, host.blkio_weight_device, text, warnings);
    let throttles = [
        (&mut asked.blkio_device_read_bps, "BPS Block I/O read limit", "Block I/O BPS read limit"),
        (
            &mut asked.blkio_device_write_bps,
            "BPS Block I/O write limit",
            "Block I/O BPS write limit",
        ),
        (&mut asked.blkio_device_read_iops, "IOPS Block read limit", "Block I/O IOPS read limit"),
        (
            &mut asked.blkio_device_write_iops,
            "IOPS Block write limit",
            "Block I/O IOPS write limit",
        ),
    ];
    for (field, lacking, discarded) in throttles {
        let given = some(field.as_ref().map_or(0, Vec::len));
        let text = format!(
            "Your kernel does not support {lacking} or the cgroup is not mounted. {discarded} discarded."
        );
        discard(field, given, host.blkio_throttle, &text, warnings);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(asked: HostConfig) -> String {
        let mut asked = asked;
        check(&mut asked, &Host::able(), Occasion::Create).unwrap_err().message().to_owned()
    }

    #[test]
    fn mistakes_in_dockers_words() {
        let none = HostConfig::default;
        let rows = [
            (HostConfig { memory: Some(1 << 20), ..none() }, "Minimum memory limit allowed is 6MB"),
            (
                HostConfig { memory: Some(9 << 20), memory_swap: Some(8 << 20), ..none() },
                "Minimum memoryswap limit should be larger than memory limit, see usage",
            ),
            (
                HostConfig { nano_cpus: Some(9_000_000_000), ..none() },
                "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
            ),
            (
                HostConfig { cpuset_cpus: Some("7".into()), ..none() },
                "Requested CPUs are not available - requested 7, available: 0-1",
            ),
            (
                HostConfig { cpuset_cpus: Some("x".into()), ..none() },
                "Invalid value x for cpuset cpus",
            ),
            (
                HostConfig { blkio_weight: Some(5), ..none() },
                "Range of blkio weight is from 10 to 1000",
            ),
            (
                HostConfig { memory_swappiness: Some(101), ..none() },
                "Invalid value: 101, valid memory swappiness range is 0-100",
            ),
        ];
        for (asked, want) in rows {
            assert_eq!(text(asked), want);
        }
    }

    #[test]
    fn what_the_host_lacks_is_discarded_with_a_warning() {
        let mut host = Host::able();
        (host.swap, host.pids, host.cpuset, host.blkio_throttle) = (false, false, false, false);
        let mut asked = HostConfig {
            memory: Some(64 << 20),
            pids_limit: Some(5),
            cpuset_cpus: Some("0".into()),
            ..HostConfig::default()
        };
        let warnings = check(&mut asked, &host, Occasion::Create).unwrap();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert_eq!(
            (asked.pids_limit, asked.cpuset_cpus, asked.memory_swap),
            (None, None, Some(-1))
        );
    }

    #[test]
    fn an_update_may_change_swap_alone() {
        let asked = HostConfig { memory_swap: Some(9 << 20), ..HostConfig::default() };
        assert!(check(&mut asked.clone(), &Host::able(), Occasion::Update).is_ok());
        assert!(check(&mut asked.clone(), &Host::able(), Occasion::Create).is_err());
    }
}
