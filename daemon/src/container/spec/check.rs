//! Judges a create before anything is made: refuses in Docker's words what cannot be, and takes out
//! with a warning what this host lacks.
//!
//! Never changes anything but its arguments. Looks at the host's files only for sources of `--mount`.

use super::check_resource::{Occasion, check as check_resources};
use super::host::Host;
use super::point::{Point, PointKind};
use super::security::{Defaults, Own, Security, check_sysctls};
use super::{device, log, namespace, process, signal};
use shared::docker::{
    ContainerCreateBody, HealthConfig, HostConfig, RestartPolicy, RestartPolicyNameEnum,
};
use shared::error::{Error, Result};
use std::path::Path;

/// Nanoseconds of a millisecond: shorter health check times are refused.
const MILLISECOND: i64 = 1_000_000;

fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::invalid(text))
}

/// Judges `body`, which the image has completed already, and fits it to `host`. Returns the warnings of
/// the answer to a create.
///
/// # Errors
/// `Invalid`, in Docker's words.
pub fn create(
    body: &mut ContainerCreateBody,
    host: &Host,
    defaults: Defaults,
    log_default: &log::Choice,
) -> Result<Vec<String>> {
    program(body)?;
    let terminal_host = body.hostname.as_deref().is_some_and(|h| !h.is_empty());
    let asked = body.host_config.get_or_insert_with(HostConfig::default);
    let mut warnings = check_resources(asked, host, Occasion::Create)?;
    settings(asked)?;
    if asked.storage_opt.as_ref().is_some_and(|options| !options.is_empty()) {
        // Accepted and ignored it would be a limit that does not hold.
        return refuse(
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
        );
    }
    restart_policy(asked)?;
    log::Choice::decide(asked.log_config.as_ref(), log_default)?;
    process::check_ulimits(asked.ulimits.as_deref().unwrap_or_default())?;
    warnings.extend(Security::decide(asked, host, defaults)?.warnings);
    modes(asked, host, terminal_host, &mut warnings)?;
    for text in asked.device_cgroup_rules.iter().flatten() {
        device::check_rule(text)?;
    }
    Ok(warnings)
}

fn program(body: &ContainerCreateBody) -> Result<()> {
    let empty = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
    if empty(&body.entrypoint) && empty(&body.cmd) {
        return refuse("No command specified");
    }
    let folder = body.working_dir.as_deref().unwrap_or_default();
    if !folder.is_empty() && !folder.starts_with('/') {
        return refuse(format!(
            "the working directory '{folder}' is invalid, it needs to be an absolute path"
        ));
    }
    if let Some(name) = body.stop_signal.as_deref().filter(|s| !s.is_empty()) {
        signal::parse(name)?;
    }
    for entry in body.env.iter().flatten() {
        if process::variable(entry).is_empty() {
            return refuse(format!("invalid environment variable: {entry}"));
        }
    }
    let words = body.entrypoint.iter().flatten().chain(body.cmd.iter().flatten());
    if words.chain(body.env.iter().flatten()).any(|w| w.contains('\0')) {
        return refuse("a command or an environment variable holds a zero byte");
    }
    body.healthcheck.as_ref().map_or(Ok(()), health)
}

fn health(check: &HealthConfig) -> Result<()> {
    let times = [
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ];
    for (name, value) in times {
        if value.is_some_and(|v| v != 0 && v < MILLISECOND) {
            return refuse(format!("{name} in Healthcheck cannot be less than 1ms"));
        }
    }
    if check.retries.is_some_and(|r| r < 0) {
        return refuse("Retries in Healthcheck cannot be negative");
    }
    let first = check.test.as_deref().and_then(<[_]>::first).map(String::as_str);
    match first {
        None | Some("" | "NONE" | "CMD" | "CMD-SHELL") => Ok(()),
        Some(other) => refuse(format!("Unknown healthcheck type {other:?} (expected 'CMD')")),
    }
}

fn settings(asked: &HostConfig) -> Result<()> {
    if asked.shm_size.is_some_and(|s| s < 0) {
        return refuse("SHM size can not be less than 0");
    }
    if let Some(value) = asked.oom_score_adj.filter(|v| !(-1000..=1000).contains(v)) {
        return refuse(format!("Invalid value {value}, range for oom score adj is [-1000, 1000]"));
    }
    for entry in asked.extra_hosts.iter().flatten() {
        if !entry
            .split_once([':', '='])
            .is_some_and(|(name, address)| !name.is_empty() && !address.is_empty())
        {
            return refuse(format!("bad format for add-host: {entry:?}"));
        }
    }
    if asked.device_requests.as_ref().is_some_and(|r| !r.is_empty()) {
        return refuse("could not select device driver \"\" with capabilities: [[gpu]]");
    }
    if asked.userns_mode.as_deref().is_some_and(|m| !m.is_empty() && m != "host") {
        return refuse(format!(
            "invalid user namespace mode: {}",
            asked.userns_mode.clone().unwrap_or_default()
        ));
    }
    Ok(())
}

/// Judges a restart policy by itself, as an update does.
pub fn policy(policy: &RestartPolicy) -> Result<()> {
    let name = policy.name.unwrap_or(RestartPolicyNameEnum::EMPTY);
    let count = policy.maximum_retry_count.unwrap_or_default();
    if count < 0 {
        return refuse("maximum retry count cannot be negative");
    }
    let counts = matches!(name, RestartPolicyNameEnum::ON_FAILURE);
    if count != 0 && !counts && name != RestartPolicyNameEnum::EMPTY {
        return refuse(format!("maximum retry count cannot be used with restart policy '{name}'"));
    }
    Ok(())
}

fn restart_policy(asked: &HostConfig) -> Result<()> {
    let Some(wanted) = &asked.restart_policy else { return Ok(()) };
    policy(wanted)?;
    let restarts = !matches!(
        wanted.name,
        None | Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO)
    );
    match restarts && asked.auto_remove.unwrap_or_default() {
        true => refuse("can't create 'AutoRemove' container with restart policy"),
        false => Ok(()),
    }
}

fn modes(
    asked: &mut HostConfig,
    host: &Host,
    named: bool,
    warnings: &mut Vec<String>,
) -> Result<()> {
    use namespace::Mode;
    let (net, uts, ipc) = (namespace::net(asked)?, namespace::uts(asked)?, namespace::ipc(asked)?);
    namespace::pid(asked)?;
    if named && uts == Mode::Host {
        return refuse("conflicting options: hostname and the UTS mode");
    }
    if net.container().is_some() {
        let some = |list: bool, what: &str| match list {
            true => refuse(format!("conflicting options: {what} and the network mode")),
            false => Ok(()),
        };
        some(named, "hostname")?;
        some(asked.dns.as_ref().is_some_and(|l| !l.is_empty()), "dns")?;
        some(
            asked.extra_hosts.as_ref().is_some_and(|l| !l.is_empty()),
            "custom host-to-IP mapping",
        )?;
        if asked.port_bindings.as_ref().is_some_and(|p| !p.is_empty()) {
            return refuse(
                "conflicting options: port publishing and the container type network mode",
            );
        }
    }
    let private = matches!(ipc, Mode::Private | Mode::Shareable | Mode::None);
    let own = Own { net: net == Mode::Private, ipc: private, uts: uts == Mode::Private };
    check_sysctls(&asked.sysctls.clone().unwrap_or_default(), own)?;
    let wants = asked.cgroupns_mode == Some(shared::docker::HostConfigCgroupnsModeEnum::PRIVATE);
    if wants && !host.cgroup_namespaces {
        warnings.push(
            "Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded."
                .to_owned(),
        );
    }
    Ok(())
}

/// Refuses sources of `--mount type=bind` that do not exist.
pub fn sources(points: &[Point]) -> Result<()> {
    for point in points {
        let must_exist = point.kind == PointKind::Bind && !point.create_source;
        if must_exist && !Path::new(&point.source).exists() {
            return refuse(format!(
                "invalid mount config for type \"bind\": bind source path does not exist: {}",
                point.source
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap};

    fn judge(
        host_config: HostConfig,
        change: impl Fn(&mut ContainerCreateBody),
    ) -> Result<Vec<String>> {
        let mut body = ContainerCreateBody {
            cmd: Some(vec!["true".into()]),
            host_config: Some(host_config),
            ..ContainerCreateBody::default()
        };
        change(&mut body);
        let log = log::Choice::daemon("", BTreeMap::new()).unwrap();
        create(&mut body, &Host::able(), Defaults::default(), &log)
    }

    #[test]
    fn a_plain_one_passes_without_a_word() {
        assert_eq!(judge(HostConfig::default(), |_| ()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn bodies_in_dockers_words() {
        let text = |change: &dyn Fn(&mut ContainerCreateBody)| {
            judge(HostConfig::default(), change).unwrap_err().message().to_owned()
        };
        assert_eq!(text(&|b| b.cmd = None), "No command specified");
        assert_eq!(
            text(&|b| b.working_dir = Some("rel".into())),
            "the working directory 'rel' is invalid, it needs to be an absolute path"
        );
        assert_eq!(text(&|b| b.stop_signal = Some("FOO".into())), "Invalid signal: FOO");
        assert_eq!(text(&|b| b.env = Some(vec!["=x".into()])), "invalid environment variable: =x");
        let short = HealthConfig { interval: Some(5), ..HealthConfig::default() };
        assert_eq!(
            text(&|b| b.healthcheck = Some(short.clone())),
            "Interval in Healthcheck cannot be less than 1ms"
        );
    }

    #[test]
    fn host_configs_in_dockers_words() {
        let none = HostConfig::default;
        let always = |max| RestartPolicy {
            name: Some(RestartPolicyNameEnum::ALWAYS),
            maximum_retry_count: max,
        };
        let rows = [
            (
                HostConfig { oom_score_adj: Some(2000), ..none() },
                "Invalid value 2000, range for oom score adj is [-1000, 1000]",
            ),
            (
                HostConfig {
                    restart_policy: Some(always(None)),
                    auto_remove: Some(true),
                    ..none()
                },
                "can't create 'AutoRemove' container with restart policy",
            ),
            (
                HostConfig { restart_policy: Some(always(Some(3))), ..none() },
                "maximum retry count cannot be used with restart policy 'always'",
            ),
            (
                HostConfig {
                    sysctls: Some(HashMap::from([("vm.swappiness".into(), "1".into())])),
                    ..none()
                },
                "sysctl \"vm.swappiness\" is not in a separate kernel namespace",
            ),
            (
                HostConfig { cap_add: Some(vec!["foo".into()]), ..none() },
                "invalid CapAdd: unknown capability: \"CAP_FOO\"",
            ),
        ];
        for (asked, want) in rows {
            assert_eq!(judge(asked, |_| ()).unwrap_err().message(), want);
        }
    }

    #[test]
    fn sources_of_mounts_must_exist() {
        let point = |create_source| Point {
            kind: PointKind::Bind,
            source: "/nope/x".into(),
            create_source,
            ..Point::default()
        };
        assert!(sources(&[point(true)]).is_ok());
        assert_eq!(
            sources(&[point(false)]).unwrap_err().message(),
            "invalid mount config for type \"bind\": bind source path does not exist: /nope/x"
        );
    }
}
