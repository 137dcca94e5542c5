//! Texts that are costly to make, kept as long as what they show: records and views never change, a
//! change makes new ones.

use super::shape;
use crate::container::record::Record;
use crate::container::state::View;
use bytes::Bytes;
use shared::error::Result;
use shared::id::ContainerId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Texts of containers that are gone, at most, before they are swept.
const SLACK: usize = 16;

/// The texts. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    listed: Table<Record>,
    inspected: Table<View>,
}

#[derive(Debug)]
struct Table<T> {
    entries: HashMap<ContainerId, (Weak<T>, Bytes)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<T> Table<T> {
    fn get(&self, id: &ContainerId, of: &Arc<T>) -> Option<Bytes> {
        let (kept_of, text) = self.entries.get(id)?;
        // What a weak reference stands for keeps its address.
        (kept_of.as_ptr() == Arc::as_ptr(of)).then(|| text.clone())
    }

    fn keep(&mut self, id: &ContainerId, of: &Arc<T>, text: Bytes) {
        self.entries.insert(id.clone(), (Arc::downgrade(of), text));
    }

    /// Of `living` containers so many texts at most are wanted; those of the dead go when there are more.
    fn sweep(&mut self, living: usize) {
        if self.entries.len() > living + SLACK {
            self.entries.retain(|_, (of, _)| of.strong_count() > 0);
            self.entries.shrink_to(living + SLACK);
        }
    }
}

impl Kept {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There are `living` containers now: forgets the texts of others.
    pub fn sweep(&self, living: usize) {
        let mut tables = self.tables();
        tables.listed.sweep(living);
        tables.inspected.sweep(living);
    }

    /// What lists show of a container's record: [`shape::container::fixed`].
    pub fn listed(&self, view: &View) -> Result<Bytes> {
        let (id, record) = (view.id(), &view.record);
        if let Some(text) = self.tables().listed.get(id, record) {
            return Ok(text);
        }
        let text = Bytes::from(shape::container::fixed(record)?);
        self.tables().listed.keep(id, record, text.clone());
        Ok(text)
    }

    /// What inspect shows of a container, made by `make` unless it is there.
    pub fn inspected<F>(&self, view: &Arc<View>, make: F) -> Result<Bytes>
    where
        F: FnOnce() -> Result<Vec<u8>>,
    {
        if let Some(text) = self.tables().inspected.get(view.id(), view) {
            return Ok(text);
        }
        let text = Bytes::from(make()?);
        self.tables().inspected.keep(view.id(), view, text.clone());
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_lives_as_long_as_what_it_shows() {
        let id = ContainerId::generate();
        let (first, second) = (Arc::new(1), Arc::new(1));
        let mut table = Table::default();
        table.keep(&id, &first, Bytes::from_static(b"first"));
        assert_eq!(table.get(&id, &first).as_deref(), Some(&b"first"[..]));
        assert_eq!(table.get(&id, &second), None, "equal is not the same");
        table.keep(&id, &second, Bytes::from_static(b"second"));
        assert_eq!(table.get(&id, &second).as_deref(), Some(&b"second"[..]));
    }

    #[test]
    fn the_dead_are_swept() {
        let mut table = Table::default();
        let living = Arc::new(0);
        let id = ContainerId::generate();
        table.keep(&id, &living, Bytes::new());
        for number in 0..SLACK * 8 {
            table.keep(&ContainerId::generate(), &Arc::new(number), Bytes::new());
        }
        table.sweep(1);
        assert_eq!(table.entries.len(), 1);
        assert!(table.get(&id, &living).is_some());
    }
}
