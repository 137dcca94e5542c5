//! Compiled seccomp filters, kept: compiling costs more than all the rest of making a specification, and
//! nearly every container has the same profile and capabilities.

use super::spec::seccomp::{Profile, Target};
use super::spec::security::Seccomp;
use oci_spec::runtime::LinuxSeccomp;
use shared::error::Result;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Filters kept at most (some 8 kB each). A host uses one or two; a hostile client makes many.
const KEPT: usize = 32;

/// What a filter is made from: the text of an own profile, or none for the default.
type Key = (Option<String>, u64);

/// A compiled filter.
#[derive(Debug, PartialEq)]
pub struct Filter {
    /// An array of `struct sock_filter`.
    pub bytes: Vec<u8>,
    /// The section of the specification without its rules, when the profile has flags to load with.
    pub flags: Option<LinuxSeccomp>,
}

/// The filters of this daemon.
#[derive(Debug)]
pub struct Filters {
    default: Option<Arc<Profile>>,
    kept: Mutex<HashMap<Key, Arc<Filter>>>,
}

impl Filters {
    /// With the daemon's default profile, or none; nothing is compiled yet.
    pub fn new(default: Option<Arc<Profile>>) -> Self {
        Self { default, kept: Mutex::default() }
    }

    /// The section for a runtime that compiles by itself; `None` when the container is unconfined.
    ///
    /// # Errors
    /// `Invalid` for a text that is no profile.
    pub fn section(&self, choice: &Seccomp, target: Target) -> Result<Option<LinuxSeccomp>> {
        Ok(self.profile(choice)?.map(|profile| profile.resolve(target)))
    }

    fn profile(&self, choice: &Seccomp) -> Result<Option<Arc<Profile>>> {
        match choice {
            Seccomp::Unconfined => Ok(None),
            Seccomp::Default => Ok(self.default.clone()),
            Seccomp::Custom(text) => Profile::parse(text).map(|own| Some(Arc::new(own))),
        }
    }

    /// The filter of a container; `None` when it is unconfined. Blocking.
    ///
    /// # Errors
    /// `Invalid` for a profile that is none or too big.
    pub fn get(&self, choice: &Seccomp, target: Target) -> Result<Option<Arc<Filter>>> {
        let text = match choice {
            Seccomp::Custom(text) => Some(text.clone()),
            Seccomp::Default | Seccomp::Unconfined => None,
        };
        let key = (text, target.capabilities.0);
        if *choice != Seccomp::Unconfined
            && let Some(filter) = self.kept().get(&key)
        {
            return Ok(Some(filter.clone()));
        }
        let Some(mut section) = self.section(choice, target)? else { return Ok(None) };
        let bytes = runtime::seccomp::compile(&section)?;
        section.set_syscalls(None);
        let flags = section.flags().is_some().then_some(section);
        let filter = Arc::new(Filter { bytes, flags });
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, filter.clone());
        Ok(Some(filter))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Filter>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::capability::Set;
    use super::super::spec::seccomp::DEFAULT;
    use super::*;

    fn filters() -> Filters {
        Filters::new(Some(Arc::new(Profile::parse(DEFAULT).unwrap())))
    }

    #[test]
    fn a_filter_is_compiled_once() {
        let filters = filters();
        let target = Target { capabilities: Set::docker(), kernel: (6, 1) };
        let first = filters.get(&Seccomp::Default, target).unwrap().unwrap();
        let again = filters.get(&Seccomp::Default, target).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!((first.bytes.len() % 8, &first.flags), (0, &None));
        let all = Target { capabilities: Set::all(), ..target };
        assert_ne!(first, filters.get(&Seccomp::Default, all).unwrap().unwrap());
        assert_eq!(filters.get(&Seccomp::Unconfined, target).unwrap(), None);
    }

    #[test]
    fn own_profiles_are_bounded() {
        let filters = filters();
        let target = Target { capabilities: Set(0), kernel: (6, 1) };
        for number in 0..100 {
            let text = format!(
                r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"name":"read","action":"SCMP_ACT_ERRNO","errnoRet":{number}}}]}}"#
            );
            filters.get(&Seccomp::Custom(text), target).unwrap();
        }
        assert!(filters.kept().len() <= KEPT);
        assert!(filters.get(&Seccomp::Custom("{".into()), target).is_err());
    }
}
