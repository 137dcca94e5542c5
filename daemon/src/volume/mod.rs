//! Volumes: named folders that outlive containers, counted by who uses them.
//!
//! One async mutex is held for the short time of a change; readers look at an index in memory. Order of a
//! creation: folder, then record with its event. Of a removal: rename into the trash, then the record
//! goes. Whatever a kill leaves half-done, [`Volumes::open`] finishes.

pub mod filter;
pub mod local;
mod record;

pub use record::{ANONYMOUS, LOCAL, Volume};

use crate::event::{Fact, Journal, Type, now_nanos};
use crate::store::{Durability, Tx};
use crate::task;
use crate::trash::Trash;
pub use filter::Filter;
use record::Use;
use shared::error::{Context, Error, Result};
use shared::id::ContainerId;
use shared::paths::Paths;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// The manager of all volumes. Clones are handles to the same one.
#[derive(Clone)]
pub struct Volumes(Arc<Inner>);

struct Inner {
    journal: Journal,
    paths: Arc<Paths>,
    trash: Trash,
    change: task::Mutex<()>,
    index: Mutex<BTreeMap<String, View>>,
}

/// What everybody may see of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// As stored.
    pub volume: Arc<Volume>,
    /// Ids of the containers that use it.
    pub users: BTreeSet<String>,
    /// Where its files are.
    pub path: PathBuf,
}

/// A volume that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Its name; empty makes one up and marks the volume as anonymous.
    pub name: String,
    /// Its driver; empty means `local`.
    pub driver: String,
    /// Options for the driver.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Volumes that were pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Their names.
    pub names: Vec<String>,
    /// Bytes that they held.
    pub bytes: u64,
}

impl Volumes {
    /// Loads all volumes. A record that cannot be read is reported and skipped.
    pub async fn open(journal: Journal, paths: Arc<Paths>, trash: Trash) -> Result<Self> {
        let store = journal.store().clone();
        let (stored, uses) = (store.all::<Volume>().await?, store.all::<Use>().await?);
        let mut index = BTreeMap::new();
        for (name, volume) in stored {
            match volume {
                Ok(volume) => {
                    let path = local::data(&paths.volume(&name), &volume.options);
                    let view = View { volume: Arc::new(volume), users: BTreeSet::new(), path };
                    index.insert(name, view);
                }
                Err(error) => tracing::error!(volume = name, %error, "skipping a broken record"),
            }
        }
        for (key, _) in uses {
            let Some((volume, container)) = key.split_once('/') else { continue };
            if let Some(view) = index.get_mut(volume) {
                view.users.insert(container.to_owned());
            }
        }
        let inner =
            Inner { journal, paths, trash, change: task::Mutex::new(()), index: Mutex::new(index) };
        let volumes = Self(Arc::new(inner));
        volumes.repair().await?;
        Ok(volumes)
    }

    /// Finishes what a kill interrupted: a folder without a record was being created, a record without a
    /// folder was being removed. A folder with files in it is never thrown away.
    async fn repair(&self) -> Result<()> {
        let inner = self.0.clone();
        let folders =
            task::blocking("look at the volumes", move || list_folders(&inner.paths)).await?;
        let known: BTreeSet<String> = self.0.index().keys().cloned().collect();
        for name in folders.difference(&known) {
            let folder = self.0.paths.volume(name);
            let removed = std::fs::remove_dir(folder.join(local::DATA))
                .and_then(|()| std::fs::remove_dir(&folder));
            match removed {
                Ok(()) => tracing::info!(volume = %name, "removed a volume that was half created"),
                Err(_) => {
                    tracing::warn!(volume = %name, "took in a folder with files that no record names");
                    let wish = Wish { name: name.clone(), ..Wish::default() };
                    self.insert(wish, None).await?;
                }
            }
        }
        let views: Vec<View> = self.0.index().values().cloned().collect();
        for view in views {
            let name = &view.volume.name;
            if view.users.is_empty() && view.volume.options.is_empty() && !folders.contains(name) {
                tracing::warn!(volume = %name, "finishing a removal");
                self.erase(name).await?;
            }
        }
        Ok(())
    }

    /// A volume by its exact name.
    pub fn get(&self, name: &str) -> Result<View> {
        let view = self.0.index().get(name).cloned();
        view.ok_or_else(|| Error::not_found(format!("get {name}: no such volume")))
    }

    /// All volumes that pass, by name.
    pub fn list(&self, filter: &Filter) -> Vec<View> {
        self.0.index().values().filter(|view| filter.matches(view)).cloned().collect()
    }

    /// Makes a volume. One of the same name, driver and options is returned as it is.
    pub async fn create(&self, wish: Wish) -> Result<View> {
        self.make(wish, None).await
    }

    /// Makes a volume unless it exists, and notes that a container uses it. Returns where its files are.
    pub async fn acquire(&self, wish: &Wish, container: &ContainerId) -> Result<PathBuf> {
        Ok(self.make(wish.clone(), Some(container)).await?.path)
    }

    async fn make(&self, mut wish: Wish, user: Option<&ContainerId>) -> Result<View> {
        if !matches!(wish.driver.as_str(), "" | LOCAL | "default") {
            let Wish { name, driver, .. } = &wish;
            return Err(Error::not_found(format!(
                "create {name}: error looking up volume plugin {driver}: plugin {driver:?} not found"
            )));
        }
        if wish.name.is_empty() {
            wish.name = shared::id::hex(&shared::id::random::<32>());
            wish.labels.insert(ANONYMOUS.to_owned(), String::new());
        }
        local::check_name(&wish.name)?;
        local::check_options(&wish.name, &wish.options)?;
        let _one = self.0.change.lock().await;
        let existing = self.0.index().get(&wish.name).cloned();
        match existing {
            Some(view) => {
                if !wish.options.is_empty() && wish.options != view.volume.options {
                    return Err(Error::conflict(format!(
                        "a volume named {} exists with other options. Choose a different volume name",
                        wish.name
                    )));
                }
                match user {
                    Some(user) => self.note_use(&wish.name, user).await,
                    None => Ok(view),
                }
            }
            None => self.insert(wish, user).await,
        }
    }

    async fn insert(&self, wish: Wish, user: Option<&ContainerId>) -> Result<View> {
        let Wish { name, options, labels, .. } = wish;
        let folder = self.0.paths.volume(&name);
        task::blocking("make a volume", {
            let folder = folder.clone();
            move || local::make(&folder)
        })
        .await?;
        let path = local::data(&folder, &options);
        let created_at_nanos = now_nanos();
        let driver = LOCAL.to_owned();
        let volume = Volume { name: name.clone(), driver, options, labels, created_at_nanos };
        let user = user.map(ContainerId::to_string);
        // With a container behind it, the container's own durable commit follows at once.
        let durability = if user.is_some() { Durability::Eventual } else { Durability::Immediate };
        let (row, user_key) = (volume.clone(), user.as_ref().map(|user| format!("{name}/{user}")));
        let fact = Fact::new(Type::Volume, "create", &name).with("driver", LOCAL);
        let work = move |tx: &mut Tx<'_>| {
            tx.put(&row.name, &row)?;
            user_key.as_ref().map_or(Ok(()), |key| tx.put(key, &Use {}))
        };
        self.0.journal.commit(durability, None, vec![fact], work).await?;
        let view = View { volume: Arc::new(volume), users: user.into_iter().collect(), path };
        self.0.index().insert(name, view.clone());
        Ok(view)
    }

    async fn note_use(&self, name: &str, user: &ContainerId) -> Result<View> {
        let key = format!("{name}/{user}");
        let work = move |tx: &mut Tx<'_>| tx.put(&key, &Use {});
        self.0.journal.store().commit(Durability::Eventual, None, work).await?;
        let mut index = self.0.index();
        let gone = || Error::not_found(format!("get {name}: no such volume"));
        let view = index.get_mut(name).ok_or_else(gone)?;
        view.users.insert(user.to_string());
        Ok(view.clone())
    }

    /// What a container mounts in place of the folder, if the volume is a filesystem of its own.
    pub async fn mount(&self, name: &str) -> Result<Option<shared::shim::Mount>> {
        let options = self.get(name)?.volume.options.clone();
        task::blocking("resolve a volume", move || local::mount(&options)).await
    }

    /// A container does not use a volume any more. Neither of them needs to exist.
    pub async fn release(&self, name: &str, container: &ContainerId) -> Result<()> {
        let _one = self.0.change.lock().await;
        let key = format!("{name}/{container}");
        let work = move |tx: &mut Tx<'_>| tx.delete::<Use>(&key);
        self.0.journal.store().commit(Durability::Eventual, None, work).await?;
        if let Some(view) = self.0.index().get_mut(name) {
            view.users.remove(container.as_str());
        }
        Ok(())
    }

    /// Drops the uses of containers that do not exist: a kill may have left some.
    pub async fn retain_users(&self, exists: impl Fn(&str) -> bool) -> Result<()> {
        for view in self.list(&Filter::default()) {
            for user in view.users.iter().filter(|user| !exists(user)) {
                let id = ContainerId::parse(user)?;
                tracing::info!(volume = %view.volume.name, container = %id, "dropping a stale use");
                self.release(&view.volume.name, &id).await?;
            }
        }
        Ok(())
    }

    /// Removes a volume that nobody uses.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let _one = self.0.change.lock().await;
        let view = self.get(name)?;
        if !view.users.is_empty() {
            let users: Vec<&str> = view.users.iter().map(String::as_str).collect();
            return Err(Error::conflict(format!(
                "remove {name}: volume is in use - [{}]",
                users.join(", ")
            )));
        }
        self.erase(name).await
    }

    async fn erase(&self, name: &str) -> Result<()> {
        let (trash, folder) = (self.0.trash.clone(), self.0.paths.volume(name));
        task::blocking("trash a volume", move || trash.take(&folder)).await?;
        let fact = Fact::new(Type::Volume, "destroy", name).with("driver", LOCAL);
        let key = name.to_owned();
        let work = move |tx: &mut Tx<'_>| tx.delete::<Volume>(&key);
        self.0.journal.commit(Durability::Immediate, None, vec![fact], work).await?;
        self.0.index().remove(name);
        Ok(())
    }

    /// Removes what nobody uses: anonymous ones, or with `all` the named ones too.
    pub async fn prune(&self, filter: &Filter, all: bool) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        for view in self.list(filter) {
            if !view.users.is_empty() || !(all || view.volume.is_anonymous()) {
                continue;
            }
            let bytes = self.size(&view).await.unwrap_or(0);
            match self.remove(&view.volume.name).await {
                Ok(()) => {
                    pruned.names.push(view.volume.name.clone());
                    pruned.bytes += bytes;
                }
                // Somebody took it into use meanwhile.
                Err(error) if error.kind() == shared::error::Kind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        let reclaimed = pruned.bytes.to_string();
        let fact = Fact::new(Type::Volume, "prune", "").with("reclaimed", reclaimed);
        self.0.journal.record(vec![fact]).await?;
        Ok(pruned)
    }

    /// Bytes that a volume's files take on disk.
    pub async fn size(&self, view: &View) -> Result<u64> {
        let path = view.path.clone();
        task::blocking("measure a volume", move || local::size(&path)).await
    }
}

impl Inner {
    fn index(&self) -> MutexGuard<'_, BTreeMap<String, View>> {
        self.index.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn list_folders(paths: &Paths) -> Result<BTreeSet<String>> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = paths.volumes();
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o701);
    builder.create(&folder).with_context(|| format!("create {}", folder.display()))?;
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("read {}", folder.display()))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let (true, Ok(name)) = (is_folder, entry.file_name().into_string()) {
            names.insert(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
