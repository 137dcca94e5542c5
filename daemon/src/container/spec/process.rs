//! The `process` section: program, environment, folder, user, limits of a container's first process
//! and of execs. Pure.

use super::security::Security;
use super::user::Identity;
use oci_spec::runtime::{
    BoxBuilder, PosixRlimit, PosixRlimitBuilder, PosixRlimitType, Process, User,
};
use shared::docker::ResourcesUlimits;
use shared::error::{Context, Error, Result};

/// Docker's search path for containers whose image sets none.
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where the init program of `--init` appears in the container.
pub const INIT_TARGET: &str = "/sbin/docker-init";

/// What is executed, and how.
#[derive(Clone, Debug, Default)]
pub struct Program<'a> {
    /// Program and arguments, never empty.
    pub args: Vec<String>,
    /// As configured, without defaults.
    pub env: &'a [String],
    /// Host name for `HOSTNAME`; empty leaves the variable out.
    pub hostname: &'a str,
    /// Working folder; empty means `/`.
    pub cwd: &'a str,
    /// With a terminal.
    pub terminal: bool,
    /// First size of the terminal: rows, columns.
    pub size: Option<(u16, u16)>,
}

/// The whole section.
pub fn process(
    program: &Program<'_>,
    identity: &Identity,
    security: &Security,
    ulimits: &[ResourcesUlimits],
    oom_score_adj: i32,
) -> Result<Process> {
    let size = program.size.filter(|_| program.terminal).map(|(rows, columns)| {
        BoxBuilder::default().height(rows).width(columns).build().context("describe a terminal")
    });
    let size = size.transpose()?;
    let mut user = User::default();
    user.set_uid(identity.uid).set_gid(identity.gid);
    user.set_additional_gids(Some(identity.groups.clone()).filter(|g| !g.is_empty()));
    let mut process = Process::default();
    process
        .set_terminal(Some(program.terminal))
        .set_console_size(size)
        .set_user(user)
        .set_args(Some(program.args.clone()))
        .set_env(Some(environment(program, &identity.home)))
        .set_cwd(if program.cwd.is_empty() { "/" } else { program.cwd }.into())
        .set_capabilities(Some(security.capabilities()))
        .set_rlimits(Some(rlimits(ulimits)?).filter(|l| !l.is_empty()))
        .set_no_new_privileges(Some(security.no_new_privileges))
        .set_oom_score_adj(Some(oom_score_adj))
        .set_apparmor_profile(security.apparmor.clone())
        .set_selinux_label(None);
    Ok(process)
}

/// The name of a variable: what stands before `=`.
pub fn variable(entry: &str) -> &str {
    entry.split_once('=').map_or(entry, |(name, _)| name)
}

/// Defaults (`PATH`, `HOSTNAME`, `TERM` with a terminal), what was asked over them, then `HOME`. An entry
/// without `=` takes a default away.
fn environment(program: &Program<'_>, home: &str) -> Vec<String> {
    let mut all = vec![PATH.to_owned()];
    if !program.hostname.is_empty() {
        all.push(format!("HOSTNAME={}", program.hostname));
    }
    if program.terminal {
        all.push("TERM=xterm".to_owned());
    }
    for entry in program.env {
        let name = variable(entry);
        match all.iter().position(|e| variable(e) == name) {
            Some(at) if entry.contains('=') => all[at].clone_from(entry),
            Some(at) => all[at].clear(),
            None if entry.contains('=') => all.push(entry.clone()),
            None => {}
        }
    }
    all.retain(|entry| !entry.is_empty());
    if !all.iter().any(|entry| variable(entry) == "HOME") {
        all.push(format!("HOME={home}"));
    }
    all
}

fn rlimits(ulimits: &[ResourcesUlimits]) -> Result<Vec<PosixRlimit>> {
    ulimits.iter().map(rlimit).collect()
}

/// One `--ulimit`; -1 is "unlimited".
fn rlimit(ulimit: &ResourcesUlimits) -> Result<PosixRlimit> {
    let name = ulimit.name.as_deref().unwrap_or_default();
    let kind: PosixRlimitType = format!("RLIMIT_{}", name.to_uppercase())
        .parse()
        .map_err(|_| Error::invalid(format!("invalid ulimit type: {name}")))?;
    let (soft, hard) = (ulimit.soft.unwrap_or_default(), ulimit.hard.unwrap_or_default());
    if hard != -1 && (soft > hard || soft == -1) {
        let text =
            format!("ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}");
        return Err(Error::invalid(text));
    }
    let limit = PosixRlimitBuilder::default().typ(kind).soft(soft as u64).hard(hard as u64);
    limit.build().context("describe a limit")
}

/// Refuses what Docker refuses of `ulimits` at create.
pub fn check_ulimits(ulimits: &[ResourcesUlimits]) -> Result<()> {
    rlimits(ulimits).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(asked: &[&str], terminal: bool) -> Vec<String> {
        let asked: Vec<String> = asked.iter().map(|e| (*e).to_owned()).collect();
        let program = Program { env: &asked, hostname: "box", terminal, ..Program::default() };
        environment(&program, "/root")
    }

    #[test]
    fn defaults_then_what_was_asked_then_home() {
        assert_eq!(env(&["A=1"], false), [PATH, "HOSTNAME=box", "A=1", "HOME=/root"]);
        assert_eq!(
            env(&["PATH=/bin", "TERM=dumb", "HOME=/x", "A=1", "A=2"], true),
            ["PATH=/bin", "HOSTNAME=box", "TERM=dumb", "HOME=/x", "A=2"]
        );
        assert_eq!(env(&["HOSTNAME", "B"], false), [PATH, "HOME=/root"]);
    }

    #[test]
    fn limits_are_named_and_ordered() {
        let ulimit = |name: &str, soft, hard| ResourcesUlimits {
            name: Some(name.into()),
            soft: Some(soft),
            hard: Some(hard),
        };
        let good = rlimit(&ulimit("nofile", 10, 20)).unwrap();
        assert_eq!((good.typ(), good.soft(), good.hard()), (PosixRlimitType::RlimitNofile, 10, 20));
        assert_eq!(rlimit(&ulimit("core", -1, -1)).unwrap().hard(), u64::MAX);
        let text = rlimit(&ulimit("foo", 1, 1)).unwrap_err();
        assert_eq!(text.message(), "invalid ulimit type: foo");
        assert!(rlimit(&ulimit("nofile", 30, 20)).is_err());
    }
}
