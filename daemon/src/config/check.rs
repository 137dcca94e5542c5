//! Judges a configuration before anything is touched.

use super::Config;
use shared::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};

const STORAGE_DRIVERS: [&str; 5] = ["", "overlayfs", "overlay2", "copy", "vfs"];

impl Config {
    /// [`shared::error::Kind::Invalid`], naming the key, when something cannot be.
    pub fn check(&self) -> Result<()> {
        self.check_roots()?;
        self.check_labels()?;
        self.check_hosts()?;
        one_of("storage-driver", &self.storage_driver, &STORAGE_DRIVERS)?;
        one_of("log-format", &self.log_format, &["text", "json"])?;
        if !(-1000..=1000).contains(&self.oom_score_adjust) {
            return Err(Error::invalid(format!(
                "invalid oom-score-adjust {}: the range is -1000 to 1000",
                self.oom_score_adjust
            )));
        }
        if !self.live_restore {
            return Err(Error::invalid(
                "live-restore cannot be false: containers always outlive the daemon",
            ));
        }
        if self.max_concurrent_starts == 0 || self.start_timeout == 0 {
            return Err(Error::invalid("max-concurrent-starts and start-timeout cannot be 0"));
        }
        self.check_runtimes()?;
        if let Some(id) = self.plugins.keys().next() {
            return Err(Error::invalid(format!("plugins: part {id} takes no settings")));
        }
        for (key, cgroup) in
            [("cgroup-parent", &self.cgroup_parent), ("daemon-cgroup", &self.daemon_cgroup)]
        {
            if cgroup.split('/').any(|part| part == "..") {
                return Err(Error::invalid(format!("{key} {cgroup:?} leaves its hierarchy")));
            }
        }
        Ok(())
    }

    fn check_roots(&self) -> Result<()> {
        for (key, path) in [("data-root", &self.data_root), ("exec-root", &self.exec_root)] {
            if !path.is_absolute() {
                return Err(Error::invalid(format!("{key} {:?} is not an absolute path", path)));
            }
        }
        if self.data_root == self.exec_root {
            return Err(Error::invalid("data-root and exec-root must differ"));
        }
        Ok(())
    }

    fn check_labels(&self) -> Result<()> {
        let mut seen = BTreeMap::new();
        for label in &self.labels {
            let (key, value) = label.split_once('=').unwrap_or((label, ""));
            if key.is_empty() || value.is_empty() {
                return Err(Error::invalid(format!(
                    "bad attribute format in labels: {label:?} must be in format of key=value"
                )));
            }
            if let Some(other) = seen.insert(key, value)
                && other != value
            {
                return Err(Error::invalid(format!(
                    "conflict labels for {key}={value} and {key}={other} in labels"
                )));
            }
        }
        Ok(())
    }

    fn check_hosts(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for host in self.listen()? {
            let text = host.to_string();
            if !seen.insert(host) {
                return Err(Error::invalid(format!("hosts names {text} twice")));
            }
        }
        Ok(())
    }

    fn check_runtimes(&self) -> Result<()> {
        for option in &self.exec_opts {
            match option.split_once('=') {
                Some(("native.cgroupdriver", "cgroupfs")) => {}
                Some(("native.cgroupdriver", "systemd")) => {
                    return Err(Error::invalid(
                        "native.cgroupdriver=systemd in exec-opts is not supported, use cgroupfs",
                    ));
                }
                _ => return Err(Error::invalid(format!("unknown option {option:?} in exec-opts"))),
            }
        }
        if self.default_runtime != "coffer" && !self.runtimes.contains_key(&self.default_runtime) {
            return Err(Error::invalid(format!(
                "specified default runtime '{}' does not exist",
                self.default_runtime
            )));
        }
        for (name, runtime) in &self.runtimes {
            if name == "coffer" {
                return Err(Error::invalid("runtime name 'coffer' is reserved"));
            }
            if runtime.path.as_os_str().is_empty() {
                return Err(Error::invalid(format!("runtimes: {name} has no path")));
            }
        }
        Ok(())
    }
}

fn one_of(key: &str, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().copied().filter(|word| !word.is_empty()).collect();
    Err(Error::invalid(format!("invalid {key} {value:?}: must be one of {}", allowed.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be() {
        let bad: [(&str, fn(&mut Config)); 7] = [
            ("must differ", |c| c.exec_root = c.data_root.clone()),
            ("key=value", |c| c.labels = vec!["x".into()]),
            ("expected PROTO://ADDR", |c| c.hosts = vec!["/x".into()]),
            ("twice", |c| c.hosts = vec!["unix:///x".into(), "unix:///x".into()]),
            ("range", |c| c.oom_score_adjust = 1001),
            ("default runtime 'runc'", |c| c.default_runtime = "runc".into()),
            ("cgroupfs", |c| c.exec_opts = vec!["native.cgroupdriver=systemd".into()]),
        ];
        for (sentence, spoil) in bad {
            let mut config = Config::default();
            config.check().unwrap();
            spoil(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(sentence), "{error}");
        }
    }
}
