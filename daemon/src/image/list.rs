//! Lists: images with filters, the history of one, and what all of them take on disk.

use super::{Image, Images, glob, index};
use crate::event;
use shared::error::{Error, Result};
use shared::id::{Digest, ImageId};
use shared::reference::Reference;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Filters as Docker's API has them: names with lists of values.
pub type Filters = BTreeMap<String, Vec<String>>;

const KNOWN: [&str; 6] = ["dangling", "label", "before", "since", "reference", "until"];

/// One step of an image's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The image's id for the newest step, else unknown.
    pub id: Option<ImageId>,
    /// Seconds since 1970.
    pub created: i64,
    /// The command.
    pub created_by: String,
    /// A remark.
    pub comment: String,
    /// Names, for the newest step.
    pub tags: Vec<String>,
    /// Bytes of the layer that the step made.
    pub size: u64,
}

/// What images take on disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Content of all layers, in bytes.
    pub layers_bytes: u64,
    /// Content of layers that no container needs, in bytes.
    pub reclaimable_bytes: u64,
    /// Each image.
    pub images: Vec<DiskImage>,
}

/// What one image takes on disk.
#[derive(Clone, Debug)]
pub struct DiskImage {
    /// The image.
    pub image: Arc<Image>,
    /// Bytes of layers that other images have, too.
    pub shared_bytes: u64,
    /// Containers made of it.
    pub containers: u64,
}

/// Whether nameless images that others were made from are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intermediate {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

impl Images {
    /// Images that pass all filters, the newest first.
    pub fn list(&self, filters: &Filters, intermediate: Intermediate) -> Result<Vec<Arc<Image>>> {
        let filter = Filter::parse(filters, self)?;
        let index = self.read();
        let is_shown = |image: &&Arc<Image>| {
            let is_intermediate = image.names.is_empty() && index.has_children(&image.id);
            (intermediate == Intermediate::Shown || !is_intermediate)
                && filter.matches(image, index.has_children(&image.id))
        };
        let asked = |image: &Arc<Image>| only_asked(image, &filter.references);
        let mut images: Vec<Arc<Image>> = index.images().filter(is_shown).map(asked).collect();
        images.sort_by_key(|image| std::cmp::Reverse(image.created_nanos()));
        Ok(images)
    }

    /// How an image was made, the newest step first.
    pub fn history(&self, name: &str) -> Result<Vec<Step>> {
        let image = self.resolve(name)?;
        let index = self.read();
        let mut sizes =
            image.layers().iter().map(|d| index.layer(d).map_or(0, |l| l.content_bytes));
        let mut steps: Vec<Step> = Vec::new();
        for step in &image.document.history {
            let size = if step.empty_layer == Some(true) { 0 } else { sizes.next().unwrap_or(0) };
            steps.push(Step {
                id: None,
                created: super::document::nanos(step.created.as_deref()).div_euclid(1_000_000_000),
                created_by: step.created_by.clone().unwrap_or_default(),
                comment: step.comment.clone().unwrap_or_default(),
                tags: Vec::new(),
                size,
            });
        }
        if let Some(newest) = steps.last_mut() {
            newest.id = Some(image.id.clone());
            newest.tags = image.tags();
        }
        steps.reverse();
        Ok(steps)
    }

    /// What images take on disk.
    pub fn disk(&self) -> Disk {
        let mut used: HashMap<ImageId, u64> = HashMap::new();
        let index = self.read();
        let shares = index.shares();
        let mut disk = Disk::default();
        for image in index.images() {
            let containers = self.users(&image.id).len() as u64;
            used.insert(image.id.clone(), containers);
            let bytes = |digest: &Digest| index.layer(digest).map_or(0, |l| l.content_bytes);
            let is_shared = |digest: &&Digest| shares.get(digest).is_some_and(|count| *count > 1);
            let shared_bytes = image.layers().iter().filter(is_shared).map(bytes).sum();
            disk.images.push(DiskImage { image: image.clone(), shared_bytes, containers });
        }
        let needed = |digest: &Digest| {
            let mut images = index.images().filter(|image| image.layers().contains(digest));
            images.any(|image| used.get(&image.id).is_some_and(|count| *count > 0))
        };
        for (digest, layer) in index.layers() {
            disk.layers_bytes += layer.content_bytes;
            if !needed(digest) {
                disk.reclaimable_bytes += layer.content_bytes;
            }
        }
        disk
    }
}

/// Checked filters.
#[derive(Default)]
pub(super) struct Filter {
    dangling: Option<bool>,
    labels: Vec<(String, Option<String>)>,
    references: Vec<String>,
    before_nanos: Option<i64>,
    since_nanos: Option<i64>,
}

impl Filter {
    fn parse(filters: &Filters, images: &Images) -> Result<Self> {
        let mut filter = Self::default();
        for (name, values) in filters {
            if !KNOWN.contains(&name.as_str()) {
                return Err(Error::invalid(format!("Invalid filter '{name}'")));
            }
            for value in values {
                filter.set(name, value, images)?;
            }
        }
        Ok(filter)
    }

    fn set(&mut self, name: &str, value: &str, images: &Images) -> Result<()> {
        let created = || images.resolve(value).map(|image| image.created_nanos());
        match name {
            "dangling" => self.dangling = Some(boolean(name, value)?),
            "label" => self.labels.push(label(value)),
            "before" => self.bound_before(created()?),
            "until" => self.bound_before(until(value)?),
            "since" => self.since_nanos = self.since_nanos.max(Some(created()?)),
            _ => self.references.push(value.to_owned()),
        }
        Ok(())
    }

    fn bound_before(&mut self, nanos: i64) {
        self.before_nanos = Some(self.before_nanos.map_or(nanos, |before| before.min(nanos)));
    }

    fn matches(&self, image: &Image, has_children: bool) -> bool {
        let is_dangling = image.names.is_empty() && !has_children;
        let created = image.created_nanos();
        self.dangling.is_none_or(|wanted| wanted == is_dangling)
            && self.before_nanos.is_none_or(|before| created < before)
            && self.since_nanos.is_none_or(|since| created > since)
            && self.labels.iter().all(|label| has_label(image, label))
            && (self.references.is_empty() || self.references.iter().any(|p| is_named(image, p)))
    }
}

fn is_named(image: &Image, pattern: &str) -> bool {
    image.names.iter().any(|name| fits(name, pattern))
}

fn fits(name: &Reference, pattern: &str) -> bool {
    glob::matches(pattern, &name.familiar()) || glob::matches(pattern, &name.repository())
}

/// An image with those of its names alone that a list by `reference` asked for, as Docker shows it.
fn only_asked(image: &Arc<Image>, patterns: &[String]) -> Arc<Image> {
    if patterns.is_empty() {
        return image.clone();
    }
    let mut shown = Image::clone(image);
    shown.names.retain(|name| patterns.iter().any(|pattern| fits(name, pattern)));
    Arc::new(shown)
}

/// `key` or `key=value`.
pub(super) fn label(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

pub(super) fn has_label(image: &Image, (key, value): &(String, Option<String>)) -> bool {
    let found = image.config().labels.as_ref().and_then(|labels| labels.get(key));
    found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
}

pub(super) fn boolean(name: &str, value: &str) -> Result<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Error::invalid(format!("Invalid filter '{name}={value}'"))),
    }
}

/// A moment: RFC 3339, also its date alone or without a zone (taken as UTC), seconds since 1970, or a time before now such as `24h` or `1h30m`.
pub(super) fn until(text: &str) -> Result<i64> {
    let invalid = || Error::invalid(format!("Invalid filter 'until={text}'"));
    if let Some(ago) = duration(text) {
        return Ok(event::now_nanos() - ago.as_nanos() as i64);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1_000_000_000).ok_or_else(invalid);
    }
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    match super::document::nanos(Some(&full)) {
        0 => Err(invalid()),
        nanos => Ok(nanos),
    }
}

/// Go's durations, such as `1h30m`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit() || c == '.');
        let unit_end = unit_end.map_or(rest.len(), |end| digits + end);
        let seconds = match &rest[digits..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        total += number * seconds;
        rest = &rest[unit_end..];
    }
    (!text.is_empty() && total < 1e9).then(|| Duration::from_secs_f64(total))
}

/// Docker's words, for callers that look up a name on their own.
pub fn not_found(name: &str) -> Error {
    index::not_found(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_labels() {
        assert_eq!(until("1000").unwrap(), 1_000_000_000_000);
        assert!(until("soon").is_err());
        let hour = event::now_nanos() - until("1h30m").unwrap();
        assert!((hour - 5_400_000_000_000).abs() < 10_000_000_000);
        for text in
            ["2020-01-01T00:00:00Z", "2020-01-01", "2020-01-01T00:00", "2020-01-01T00:00:00"]
        {
            assert_eq!(until(text).unwrap(), 1_577_836_800_000_000_000, "{text}");
        }
        assert_eq!(label("a=b=c"), ("a".to_owned(), Some("b=c".to_owned())));
    }
}
