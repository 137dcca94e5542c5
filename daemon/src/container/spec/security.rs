//! Security options: capabilities, seccomp choice, no-new-privileges, hidden paths, AppArmor, sysctls. Pure.

use super::capability::{self, Set};
use super::host::Host;
use super::seccomp::Profile;
use oci_spec::runtime::{Capabilities, LinuxCapabilities};
use shared::docker::HostConfig;
use shared::error::{Error, Result};
use std::collections::HashMap;

/// Hidden from containers (Docker's defaults): they tell about, or reach, the host.
const MASKED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// May be read but not written in containers (Docker's defaults).
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Which seccomp filter a container gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seccomp {
    /// The daemon's default profile.
    Default,
    /// None.
    Unconfined,
    /// This profile, in Docker's format.
    Custom(String),
}

/// What was decided for one container.
#[derive(Clone, Debug)]
pub struct Security {
    /// Privileged.
    pub privileged: bool,
    /// Its capabilities.
    pub set: Set,
    /// A program cannot gain privileges by execve.
    pub no_new_privileges: bool,
    /// Seccomp filter.
    pub seccomp: Seccomp,
    /// AppArmor profile, where the host has AppArmor.
    pub apparmor: Option<String>,
    /// Hidden paths.
    pub masked: Vec<String>,
    /// Paths that cannot be written.
    pub read_only: Vec<String>,
    /// What the host cannot do.
    pub warnings: Vec<String>,
}

/// Defaults of the daemon's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `--no-new-privileges`: for containers that do not say otherwise.
    pub no_new_privileges: bool,
}

/// Privileged or not, as asked.
pub fn is_privileged(host_config: &HostConfig) -> bool {
    host_config.privileged.unwrap_or_default()
}

impl Security {
    /// Decides from what was asked.
    ///
    /// # Errors
    /// `Invalid`, in Docker's words, for a capability, option or profile that cannot be.
    pub fn decide(asked: &HostConfig, host: &Host, defaults: Defaults) -> Result<Self> {
        let privileged = is_privileged(asked);
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let set = capability::resolve(
            host.capabilities,
            privileged,
            &list(&asked.cap_add),
            &list(&asked.cap_drop),
        )?;
        let hidden = |given: &Option<Vec<String>>, usual: &[&str]| match given {
            _ if privileged => Vec::new(),
            Some(paths) => paths.clone(),
            None => usual.iter().map(|p| (*p).to_owned()).collect(),
        };
        let mut security = Security {
            privileged,
            set,
            no_new_privileges: defaults.no_new_privileges,
            seccomp: if privileged { Seccomp::Unconfined } else { Seccomp::Default },
            apparmor: None,
            masked: hidden(&asked.masked_paths, &MASKED),
            read_only: hidden(&asked.readonly_paths, &READ_ONLY),
            warnings: Vec::new(),
        };
        for option in asked.security_opt.iter().flatten() {
            security.option(option, host)?;
        }
        security.fit(host);
        Ok(security)
    }

    fn option(&mut self, option: &str, host: &Host) -> Result<()> {
        if option == "no-new-privileges" {
            self.no_new_privileges = true;
            return Ok(());
        }
        if option == "disable" {
            return Ok(());
        }
        let (key, value) = option
            .split_once('=')
            .or_else(|| option.split_once(':'))
            .ok_or_else(|| Error::invalid(format!("invalid --security-opt 1: {option:?}")))?;
        match key {
            "no-new-privileges" => {
                self.no_new_privileges = value
                    .parse()
                    .map_err(|_| Error::invalid(format!("invalid --security-opt 2: {option:?}")))?;
            }
            "seccomp" => {
                self.seccomp = match value {
                    "unconfined" => Seccomp::Unconfined,
                    "builtin" => Seccomp::Default,
                    text => {
                        Profile::parse(text)?;
                        Seccomp::Custom(text.to_owned())
                    }
                };
            }
            "apparmor" if host.apparmor => {
                self.apparmor = Some(value.to_owned()).filter(|v| v != "unconfined");
            }
            "apparmor" if value != "unconfined" => self.warnings.push(
                "Your kernel does not support AppArmor or it is not enabled. AppArmor profile discarded."
                    .to_owned(),
            ),
            "label" if value != "disable" => self.warnings.push(
                "Your kernel does not support SELinux or it is not enabled. Label discarded.".to_owned(),
            ),
            "apparmor" | "label" => {}
            _ => return Err(Error::invalid(format!("invalid --security-opt 2: {option:?}"))),
        }
        Ok(())
    }

    /// Gives up, with a warning, what this host cannot give.
    fn fit(&mut self, host: &Host) {
        let lacking: Vec<String> =
            self.set.iter().filter(|c| !host.capabilities.has(*c)).map(capability::name).collect();
        for name in lacking {
            self.warnings.push(format!("The daemon itself lacks {name}. Capability discarded."));
        }
        self.set = self.set.common(host.capabilities);
        if !host.seccomp && self.seccomp != Seccomp::Unconfined {
            self.warnings.push(
                "Your kernel does not support seccomp filters. Seccomp profile discarded."
                    .to_owned(),
            );
            self.seccomp = Seccomp::Unconfined;
        }
    }

    /// The OCI section: nothing ambient, nothing inheritable (what Docker gives since CVE-2022-24769).
    pub fn capabilities(&self) -> LinuxCapabilities {
        let set: Capabilities = self.set.iter().collect();
        let mut section = LinuxCapabilities::default();
        section
            .set_bounding(Some(set.clone()))
            .set_permitted(Some(set.clone()))
            .set_effective(Some(set))
            .set_inheritable(None)
            .set_ambient(None);
        section
    }
}

/// The namespaces that a container has for itself, as sysctls care.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// Network.
    pub net: bool,
    /// Inter-process communication.
    pub ipc: bool,
    /// Host name.
    pub uts: bool,
}

/// Refuses a sysctl that would change the host, in runc's words.
pub fn check_sysctls(sysctls: &HashMap<String, String>, own: Own) -> Result<()> {
    const IPC: [&str; 9] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
        "kernel.shm_next_id",
    ];
    for key in sysctls.keys() {
        let dotted = if key.contains('/') && !key.contains('.') {
            key.replace('/', ".")
        } else {
            key.clone()
        };
        let fits = if IPC.contains(&dotted.as_str()) || dotted.starts_with("fs.mqueue.") {
            own.ipc
        } else if dotted.starts_with("net.") {
            if !own.net {
                return Err(Error::invalid(format!(
                    "sysctl {key:?} not allowed in host network namespace"
                )));
            }
            true
        } else {
            matches!(dotted.as_str(), "kernel.domainname" | "kernel.hostname") && own.uts
        };
        if !fits {
            return Err(Error::invalid(format!(
                "sysctl {key:?} is not in a separate kernel namespace"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(options: &[&str], privileged: bool) -> Result<Security> {
        let asked = HostConfig {
            privileged: Some(privileged),
            security_opt: Some(options.iter().map(|o| (*o).to_owned()).collect()),
            ..HostConfig::default()
        };
        Security::decide(&asked, &Host::able(), Defaults::default())
    }

    #[test]
    fn options_are_understood() {
        let plain = decide(&[], false).unwrap();
        assert_eq!((plain.seccomp, plain.no_new_privileges), (Seccomp::Default, false));
        assert!(plain.masked.contains(&"/proc/kcore".to_owned()));
        assert!(decide(&["no-new-privileges"], false).unwrap().no_new_privileges);
        assert!(!decide(&["no-new-privileges:false"], false).unwrap().no_new_privileges);
        assert_eq!(decide(&["seccomp=unconfined"], false).unwrap().seccomp, Seccomp::Unconfined);
        let privileged = decide(&["label=disable"], true).unwrap();
        assert!(privileged.masked.is_empty() && privileged.read_only.is_empty());
        assert_eq!((privileged.seccomp, privileged.set), (Seccomp::Unconfined, Set::all()));
    }

    #[test]
    fn nonsense_is_refused() {
        let text = |option| decide(&[option], false).unwrap_err().message().to_owned();
        assert_eq!(text("foo"), "invalid --security-opt 1: \"foo\"");
        assert_eq!(text("foo=bar"), "invalid --security-opt 2: \"foo=bar\"");
        assert!(text("seccomp={").starts_with("Decoding seccomp profile failed"));
    }

    #[test]
    fn a_poor_host_gives_less_and_says_so() {
        let mut host = Host::able();
        host.seccomp = false;
        host.capabilities = Set::all().without(oci_spec::runtime::Capability::Chown);
        let got = Security::decide(&HostConfig::default(), &host, Defaults::default()).unwrap();
        assert_eq!(got.warnings.len(), 2);
        assert_eq!(got.seccomp, Seccomp::Unconfined);
    }

    #[test]
    fn sysctls_stay_in_the_container() {
        let check =
            |key: &str, own| check_sysctls(&HashMap::from([(key.to_owned(), "1".into())]), own);
        let own = Own { net: true, ipc: true, uts: true };
        let host = Own { net: false, ipc: false, uts: false };
        for key in
            ["net.ipv4.ip_forward", "kernel.shmmax", "fs.mqueue.msg_max", "net/core/somaxconn"]
        {
            assert!(check(key, own).is_ok(), "{key}");
            assert!(check(key, host).is_err(), "{key}");
        }
        assert!(check("vm.swappiness", own).is_err());
    }
}
