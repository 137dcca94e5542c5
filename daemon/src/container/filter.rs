//! Compiled seccomp filters, kept: compiling costs more than all the rest of making a specification, and
//! nearly every container has the same profile and capabilities.

use super::spec::seccomp::{Profile, Target};
use super::spec::security::Seccomp;
use shared::error::Result;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Filters kept at most (some 8 kB each). A host uses one or two; a hostile client makes many.
const KEPT: usize = 32;

/// What a filter is made from: the text of an own profile, or none for the default.
type Key = (Option<String>, u64);

/// The filters of this daemon.
#[derive(Debug)]
pub struct Filters {
    default: Arc<Profile>,
    kept: Mutex<HashMap<Key, Arc<Vec<u8>>>>,
}

impl Filters {
    /// With the daemon's default profile; nothing is compiled yet.
    pub fn new(default: Arc<Profile>) -> Self {
        Self { default, kept: Mutex::default() }
    }

    /// The filter of a container as bytes for the kernel; `None` when it is unconfined. Blocking.
    ///
    /// # Errors
    /// `Invalid` for a profile that is none or too big.
    pub fn get(&self, choice: &Seccomp, target: Target) -> Result<Option<Arc<Vec<u8>>>> {
        let text = match choice {
            Seccomp::Unconfined => return Ok(None),
            Seccomp::Default => None,
            Seccomp::Custom(text) => Some(text.clone()),
        };
        let key = (text, target.capabilities.0);
        if let Some(filter) = self.kept().get(&key) {
            return Ok(Some(filter.clone()));
        }
        let own = key.0.as_deref().map(Profile::parse).transpose()?;
        let profile = own.as_ref().unwrap_or(&self.default);
        let filter = Arc::new(runtime::seccomp::compile(&profile.resolve(target))?);
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, filter.clone());
        Ok(Some(filter))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Vec<u8>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::capability::Set;
    use super::super::spec::seccomp::DEFAULT;
    use super::*;

    fn filters() -> Filters {
        Filters::new(Arc::new(Profile::parse(DEFAULT).unwrap()))
    }

    #[test]
    fn a_filter_is_compiled_once() {
        let filters = filters();
        let target = Target { capabilities: Set::docker(), kernel: (6, 1) };
        let first = filters.get(&Seccomp::Default, target).unwrap().unwrap();
        let again = filters.get(&Seccomp::Default, target).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(first.len() % 8, 0);
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
