//! Shapes that are costly to make, kept as long as the record that they show: a record never changes, a
//! change makes a new one.

use super::shape::inspect::Fixed;
use crate::container::record::Record;
use crate::container::spec::host::Host;
use shared::error::Result;
use shared::id::ContainerId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Entries beyond twice the living ones before the dead are swept.
const SLACK: usize = 64;

/// The shapes. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<ContainerId, (Weak<Record>, Arc<Fixed>)>,
    sweep_at: usize,
}

impl Kept {
    /// The shape of this record.
    pub fn fixed(&self, record: &Arc<Record>, machine: &Host) -> Result<Arc<Fixed>> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, fixed)) = table.entries.get(&record.id) {
            if of.as_ptr() == Arc::as_ptr(record) {
                return Ok(fixed.clone());
            }
        }
        let fixed = Arc::new(Fixed::new(record, machine)?);
        if table.entries.len() >= table.sweep_at {
            table.entries.retain(|_, (of, _)| of.strong_count() > 0);
            table.sweep_at = table.entries.len() * 2 + SLACK;
        }
        table.entries.insert(record.id.clone(), (Arc::downgrade(record), fixed.clone()));
        Ok(fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::record::Decided;
    use serde_json::value::RawValue;

    #[test]
    fn a_shape_lives_as_long_as_its_record() {
        let asked = RawValue::from_string(r#"{"Image":"probe"}"#.to_owned()).unwrap();
        let record = Record::new(ContainerId::generate(), asked, Decided::default()).unwrap();
        let renamed = Decided { name: "other".into(), ..Decided::default() };
        let (first, second) = (Arc::new(record.clone()), Arc::new(record.with(renamed).unwrap()));
        let kept = Kept::default();
        let host = Host::able();
        let shape = kept.fixed(&first, &host).unwrap();
        assert!(Arc::ptr_eq(&shape, &kept.fixed(&first, &host).unwrap()));
        assert!(!Arc::ptr_eq(&shape, &kept.fixed(&second, &host).unwrap()));
    }
}
