//! Names and ids to handles: unique names, reserved before anything is stored, and unique id prefixes.
//!
//! A plain value behind the manager's lock; the lock is never held across an await.

use super::handle::Handle;
use shared::error::{Error, Kind, Result};
use shared::id::ContainerId;
use std::collections::{BTreeMap, HashMap};

/// The index.
#[derive(Debug, Default)]
pub struct Index {
    handles: BTreeMap<String, Handle>,
    names: HashMap<String, ContainerId>,
}

impl Index {
    /// Takes a name for a container. Taken already: Docker's sentence, which names the other one.
    pub fn reserve(&mut self, name: &str, id: &ContainerId) -> Result<()> {
        match self.names.get(name) {
            Some(other) if other != id => Err(Error::new(
                Kind::Conflict,
                format!(
                    "Conflict. The container name \"/{name}\" is already in use by container \"{other}\". \
                     You have to remove (or rename) that container to be able to reuse that name."
                ),
            )),
            _ => {
                self.names.insert(name.to_owned(), id.clone());
                Ok(())
            }
        }
    }

    /// Gives a name back, if it is this container's.
    pub fn release(&mut self, name: &str, id: &ContainerId) {
        if self.names.get(name) == Some(id) {
            self.names.remove(name);
        }
    }

    /// Adds a container whose name was reserved.
    pub fn insert(&mut self, handle: Handle) {
        self.handles.insert(handle.id().as_str().to_owned(), handle);
    }

    /// Forgets a container and all names that lead to it.
    pub fn remove(&mut self, id: &ContainerId) {
        self.handles.remove(id.as_str());
        self.names.retain(|_, other| other != id);
    }

    /// Full id, then exact name, then unique id prefix.
    pub fn find(&self, reference: &str) -> Result<Handle> {
        if let Some(handle) = self.handles.get(reference) {
            return Ok(handle.clone());
        }
        let name = reference.strip_prefix('/').unwrap_or(reference);
        if let Some(handle) = self.names.get(name).and_then(|id| self.handles.get(id.as_str())) {
            return Ok(handle.clone());
        }
        let none = || Error::not_found(format!("No such container: {reference}"));
        if reference.is_empty() {
            return Err(none());
        }
        let mut fits = self
            .handles
            .range(reference.to_owned()..)
            .take_while(|(id, _)| id.starts_with(reference));
        match (fits.next(), fits.next()) {
            (Some((_, handle)), None) => Ok(handle.clone()),
            (Some(_), Some(_)) => {
                Err(Error::invalid(format!("Multiple IDs found with provided prefix: {reference}")))
            }
            (None, _) => Err(none()),
        }
    }

    /// Every handle, by id.
    pub fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.handles.values()
    }

    /// Number of containers.
    pub fn count(&self) -> usize {
        self.handles.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Decided, Record};
    use super::super::state::{State, View};
    use super::*;
    use std::sync::Arc;

    fn handle(id: &str, name: &str) -> Handle {
        let id = ContainerId::parse(&format!("{id:0<64}")).unwrap();
        let asked = serde_json::value::RawValue::from_string("{}".into()).unwrap();
        let decided = Decided { name: name.into(), ..Decided::default() };
        let record = Arc::new(Record::new(id, asked, decided).unwrap());
        let view = View {
            record,
            state: State::default(),
            health: None,
            execs: Arc::default(),
            log_lost: 0,
        };
        Handle::new(view).0
    }

    fn index() -> Index {
        let mut index = Index::default();
        for (id, name) in [("abc1", "web"), ("abd2", "abc1"), ("ff", "db")] {
            let handle = handle(id, name);
            index.reserve(name, handle.id()).unwrap();
            index.insert(handle);
        }
        index
    }

    #[test]
    fn id_then_name_then_prefix() {
        let index = index();
        let found = |reference: &str| match index.find(reference) {
            Ok(handle) => handle.view().name().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found("web"), "web");
        assert_eq!(found("/web"), "web");
        assert_eq!(found("abc1"), "abc1", "a name goes before a prefix");
        assert_eq!(found("abc10"), "web");
        assert_eq!(found("f"), "db");
        assert_eq!(found("ab"), "Multiple IDs found with provided prefix: ab");
        for none in ["", "nope", "/"] {
            assert_eq!(found(none), format!("No such container: {none}"));
        }
    }

    #[test]
    fn a_name_belongs_to_one() {
        let mut index = index();
        let other = ContainerId::generate();
        let error = index.reserve("web", &other).unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.to_string().starts_with("Conflict. The container name \"/web\" is already"));
        let web = index.find("web").unwrap().id().clone();
        index.release("web", &other);
        assert!(index.find("web").is_ok());
        index.remove(&web);
        assert!(index.reserve("web", &other).is_ok());
    }
}
