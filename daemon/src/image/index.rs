//! Images, names and layers in memory: what every read is answered from. Pure; the store is elsewhere.

use super::Image;
use super::record::LayerRecord;
use shared::error::{Error, Result};
use shared::id::{Digest, ImageId};
use shared::reference::Reference;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The index.
#[derive(Default)]
pub struct Index {
    images: BTreeMap<ImageId, Arc<Image>>,
    names: BTreeMap<Reference, ImageId>,
    layers: HashMap<Digest, Arc<LayerRecord>>,
    /// Layers that only containers keep, and whose files are not what they were.
    damaged: HashSet<Digest>,
}

impl Index {
    /// All images in order of ids.
    pub fn images(&self) -> impl Iterator<Item = &Arc<Image>> {
        self.images.values()
    }

    /// One image.
    pub fn get(&self, id: &ImageId) -> Option<&Arc<Image>> {
        self.images.get(id)
    }

    /// What a name stands for.
    pub fn named(&self, name: &Reference) -> Option<&ImageId> {
        self.names.get(name)
    }

    /// One layer; none if it is damaged, so that it is brought in anew.
    pub fn layer(&self, diff_id: &Digest) -> Option<&Arc<LayerRecord>> {
        self.layers.get(diff_id).filter(|_| !self.damaged.contains(diff_id))
    }

    /// True if the layer is here, but no longer what it was.
    pub fn is_damaged(&self, diff_id: &Digest) -> bool {
        self.damaged.contains(diff_id)
    }

    /// Notes that a layer is not what it was.
    pub fn damage(&mut self, diff_id: &Digest) {
        self.damaged.insert(diff_id.clone());
    }

    /// All layers, damaged ones too.
    pub fn layers(&self) -> impl Iterator<Item = (&Digest, &Arc<LayerRecord>)> {
        self.layers.iter()
    }

    /// Adds a layer that is whole.
    pub fn add_layer(&mut self, diff_id: Digest, layer: LayerRecord) {
        self.damaged.remove(&diff_id);
        self.layers.insert(diff_id, Arc::new(layer));
    }

    /// Forgets a layer.
    pub fn remove_layer(&mut self, diff_id: &Digest) {
        self.layers.remove(diff_id);
        self.damaged.remove(diff_id);
    }

    /// Adds an image without names.
    pub fn add(&mut self, image: Image) {
        self.images.insert(image.id.clone(), Arc::new(image));
    }

    /// Forgets an image and its names.
    pub fn remove(&mut self, id: &ImageId) {
        self.images.remove(id);
        self.names.retain(|_, named| named != id);
    }

    /// Gives an image a name; whichever had it loses it.
    pub fn name(&mut self, name: Reference, id: &ImageId) {
        let before = self.names.insert(name, id.clone());
        for changed in before.iter().chain([id]) {
            self.renew(changed);
        }
    }

    /// Takes a name away.
    pub fn unname(&mut self, name: &Reference) {
        if let Some(id) = self.names.remove(name) {
            self.renew(&id);
        }
    }

    /// Writes an image's names into it.
    fn renew(&mut self, id: &ImageId) {
        let names = self.names.iter().filter(|(_, named)| *named == id);
        let names = names.map(|(name, _)| name.clone()).collect();
        if let Some(image) = self.images.get_mut(id) {
            *image = Arc::new(Image { names, ..Image::clone(image) });
        }
    }

    /// Finds an image by name, id, beginning of an id, or digest.
    pub fn resolve(&self, text: &str) -> Result<Arc<Image>> {
        if let Ok(id) = Digest::parse(text).or_else(|_| Digest::parse(&format!("sha256:{text}"))) {
            let found = self.images.get(&id).cloned();
            return found.ok_or_else(|| not_found(text));
        }
        let reference = Reference::parse(text).map(Reference::or_latest);
        if let Ok(reference) = &reference
            && let Some(id) = self.names.get(reference)
            && let Some(image) = self.images.get(id)
        {
            return Ok(image.clone());
        }
        if let Some(image) = self.by_prefix(text)? {
            return Ok(image);
        }
        // Only now may the text be judged: an id's beginning is no proper reference, and need not be.
        Err(not_found(&reference?.familiar()))
    }

    fn by_prefix(&self, text: &str) -> Result<Option<Arc<Image>>> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits.is_empty() || !is_hex {
            return Ok(None);
        }
        let mut found = self.images.values().filter(|i| i.id.digits().starts_with(digits));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                Err(Error::invalid(format!("Multiple IDs found with provided prefix: {text}")))
            }
            (found, _) => Ok(found.cloned()),
        }
    }

    /// True if other images were made from this one.
    pub fn has_children(&self, id: &ImageId) -> bool {
        self.images.values().any(|image| image.parent.as_ref() == Some(id))
    }

    /// How many images have each layer.
    pub fn shares(&self) -> HashMap<&Digest, u64> {
        let mut shares = HashMap::new();
        for image in self.images.values() {
            for layer in image.layers().iter().collect::<HashSet<_>>() {
                *shares.entry(layer).or_default() += 1;
            }
        }
        shares
    }
}

/// Docker's words.
pub fn not_found(name: &str) -> Error {
    Error::not_found(format!("No such image: {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::document::Document;

    fn image(digit: char) -> Image {
        let id = Digest::parse(&format!("sha256:{}", digit.to_string().repeat(64))).unwrap();
        Image::new(id, Document::default(), None, 0, 0)
    }

    #[test]
    fn finds_by_every_kind_of_name() {
        let mut index = Index::default();
        index.add(image('a'));
        index.add(image('b'));
        let name = |text| Reference::parse(text).unwrap().or_latest();
        index.name(name("busybox"), &image('a').id);
        for text in ["busybox", "busybox:latest", "docker.io/library/busybox", "aaaa", "sha256:aa"]
        {
            assert_eq!(index.resolve(text).unwrap().id, image('a').id, "{text}");
        }
        assert_eq!(index.resolve(&"b".repeat(64)).unwrap().id, image('b').id);
        for (text, message) in [
            ("nope", "No such image: nope:latest"),
            ("nope:1", "No such image: nope:1"),
            ("cccc", "No such image: cccc:latest"),
            ("UPPER", "invalid reference format: repository name must be lowercase"),
        ] {
            assert_eq!(index.resolve(text).unwrap_err().to_string(), message);
        }
        index.name(name("busybox"), &image('b').id);
        assert!(index.get(&image('a').id).unwrap().names.is_empty());
        assert_eq!(index.get(&image('b').id).unwrap().names.len(), 1);
        index.unname(&name("busybox"));
        assert!(index.resolve("busybox").is_err());
    }

    #[test]
    fn an_ambiguous_beginning_is_an_error() {
        let mut index = Index::default();
        index.add(image('a'));
        let other = Digest::parse(&format!("sha256:aa{}", "b".repeat(62))).unwrap();
        index.add(Image { id: other, ..image('a') });
        let error = index.resolve("aa").unwrap_err();
        assert_eq!(error.to_string(), "Multiple IDs found with provided prefix: aa");
    }
}
