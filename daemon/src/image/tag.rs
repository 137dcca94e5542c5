//! Giving names.

use super::record::NameRecord;
use super::{Image, Images};
use crate::event;
use crate::store::{Durability, Tx};
use shared::error::Result;
use shared::reference::Reference;
use std::sync::Arc;

impl Images {
    /// Gives the image that `source` names the name `repository:tag` (an empty tag is `latest`); whichever
    /// image had it loses it.
    pub async fn tag(&self, source: &str, repository: &str, tag: &str) -> Result<Arc<Image>> {
        let name = Reference::from_parts(repository, tag)?;
        let _guard = self.0.lock.lock().await;
        let image = self.resolve(source)?;
        let record = NameRecord { image: image.id.clone(), tagged_nanos: event::now_nanos() };
        let key = name.canonical();
        let facts = vec![image.fact("tag", name.familiar())];
        let put = move |tx: &mut Tx<'_>| tx.put(&key, &record);
        self.0.journal.commit(Durability::Immediate, None, facts, put).await?;
        self.write().name(name, &image.id);
        self.get(&image.id)
    }
}
