//! Who looks at which containers: decides who is read every second, and hands the samples over. A slow
//! reader misses samples, never the newest.

use crate::task;
use shared::error::{Error, Result};
use shared::id::ContainerId;
use shared::watch::{Interest, Sample};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// All who look.
#[derive(Default)]
pub struct Watches(Mutex<Vec<Weak<Watched>>>);

/// What all of them together look at.
#[derive(Default)]
pub struct Looks {
    /// Everything.
    pub all: bool,
    ids: HashSet<String>,
}

impl Looks {
    /// Somebody looks at it.
    pub fn covers(&self, id: &ContainerId) -> bool {
        self.all || self.ids.contains(id.as_str())
    }
}

impl Watches {
    fn list(&self) -> MutexGuard<'_, Vec<Weak<Watched>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, who looks at nothing yet.
    pub fn begin(&self) -> Watch {
        let id = shared::id::hex(&shared::id::random::<8>());
        let watched = Arc::new(Watched { id, ..Watched::default() });
        let mut list = self.list();
        list.retain(|watch| watch.strong_count() > 0);
        list.push(Arc::downgrade(&watched));
        drop(list);
        Watch { watched }
    }

    /// Changes what the watch of this name looks at. `NotFound` once it is gone.
    pub fn look_at(&self, watch: &str, interest: Interest) -> Result<()> {
        let found = self.list().iter().filter_map(Weak::upgrade).find(|w| w.id == watch);
        let watched = found.ok_or_else(|| Error::not_found(format!("no such watch: {watch}")))?;
        *watched.interest() = interest;
        Ok(())
    }

    /// What they look at; those who are gone are forgotten.
    pub fn interest(&self) -> Looks {
        let mut looks = Looks::default();
        self.list().retain(|watch| {
            let Some(watch) = watch.upgrade() else { return false };
            let interest = watch.interest();
            looks.all |= interest.all;
            looks.ids.extend(interest.containers.iter().cloned());
            true
        });
        looks
    }

    /// Hands samples to all of them.
    pub fn publish(&self, samples: &[Sample]) {
        if samples.is_empty() {
            return;
        }
        for watch in self.list().iter().filter_map(Weak::upgrade) {
            let newest = samples.iter().map(|sample| (sample.id.clone(), sample.clone()));
            watch.waiting().extend(newest);
            watch.bell.notify(usize::MAX);
        }
    }

    /// Nobody is known of.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
}

#[derive(Default)]
struct Watched {
    id: String,
    interest: Mutex<Interest>,
    waiting: Mutex<BTreeMap<String, Sample>>,
    bell: task::Bell,
}

impl Watched {
    fn interest(&self) -> MutexGuard<'_, Interest> {
        self.interest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<String, Sample>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who looks. Dropping it ends the interest.
pub struct Watch {
    watched: Arc<Watched>,
}

impl Watch {
    /// Its name, by which [`Watches::look_at`] finds it.
    pub fn id(&self) -> &str {
        &self.watched.id
    }

    /// The newest samples since the last call, one per container; waits for some.
    pub async fn next(&self) -> Vec<Sample> {
        loop {
            let listener = self.watched.bell.listen();
            let waiting = std::mem::take(&mut *self.watched.waiting());
            if !waiting.is_empty() {
                return waiting.into_values().collect();
            }
            listener.await;
        }
    }
}
