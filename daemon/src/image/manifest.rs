//! The tables of contents of image archives: docker's `manifest.json`, and the index and manifests of an
//! OCI layout (OCI image specification, "Image Layout"). Pure.

use super::document::architecture;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::error::{Context, Error, Kind, Result};
use shared::id::Digest;
use std::collections::BTreeMap;

/// One image of a docker archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DockerEntry {
    /// Path of the configuration.
    pub config: String,
    /// Names; missing, null or empty for an image without one.
    #[serde(default)]
    pub repo_tags: Option<Vec<String>>,
    /// Paths of the layers' archives, the lowest first.
    #[serde(default)]
    pub layers: Option<Vec<String>>,
}

/// What an image of an archive consists of, by paths in the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The configuration.
    pub config: String,
    /// Names as written.
    pub names: Vec<String>,
    /// The layers, the lowest first.
    pub layers: Vec<String>,
}

/// Points to a blob (OCI image specification, "Content Descriptors").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// What it is for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// On which machines it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// A kind of machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Processor.
    #[serde(default)]
    pub architecture: String,
    /// Operating system.
    #[serde(default)]
    pub os: String,
}

/// A list of manifests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
}

/// An image's manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of a configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of an uncompressed layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Annotation with an image's whole name, as containerd and BuildKit write it.
pub const NAME: &str = "io.containerd.image.name";
/// Annotation with a tag, or by other tools a whole name (OCI image specification, "Annotations").
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// How deep an index may lie in an index.
const NESTING: u32 = 4;

/// Path of a blob in a layout.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.digits())
}

/// The images of an archive; `documents` are its small files by path.
pub fn entries(documents: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Entry>> {
    if let Some(bytes) = documents.get("manifest.json") {
        let entries: Vec<DockerEntry> = parse(bytes, "manifest.json")?;
        let entry = |entry: DockerEntry| Entry {
            config: entry.config,
            names: entry.repo_tags.unwrap_or_default(),
            layers: entry.layers.unwrap_or_default(),
        };
        return Ok(entries.into_iter().map(entry).collect());
    }
    let Some(bytes) = documents.get("index.json") else {
        return Err(Error::invalid(
            "invalid archive: does not contain a manifest.json or an index.json",
        ));
    };
    let index: Index = parse(bytes, "index.json")?;
    let mut entries = Vec::new();
    for descriptor in &index.manifests {
        if let Some(mut entry) = resolve(descriptor, documents, 0)? {
            entry.names = names(descriptor);
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        let processor = architecture();
        return Err(Error::invalid(format!("the archive has no image for linux/{processor}")));
    }
    Ok(entries)
}

fn names(descriptor: &Descriptor) -> Vec<String> {
    let annotations = &descriptor.annotations;
    if let Some(name) = annotations.get(NAME) {
        return vec![name.clone()];
    }
    // A bare tag names nothing; tools that mean a name write one with a slash or a colon.
    let is_name = |name: &&String| name.contains([':', '/']);
    annotations.get(REF_NAME).filter(is_name).cloned().into_iter().collect()
}

fn resolve(
    descriptor: &Descriptor,
    documents: &BTreeMap<String, Vec<u8>>,
    depth: u32,
) -> Result<Option<Entry>> {
    if depth > NESTING {
        return Err(Error::invalid("the archive's indexes are nested too deep"));
    }
    if descriptor.platform.as_ref().is_some_and(|platform| !fits(platform)) {
        return Ok(None);
    }
    let path = blob_path(&descriptor.digest);
    let Some(bytes) = documents.get(&path) else {
        return Err(Error::invalid(format!("the archive lacks {path}")));
    };
    let value: serde_json::Value = parse(bytes, &path)?;
    if value.get("manifests").is_some() {
        let index: Index = parse(bytes, &path)?;
        for inner in &index.manifests {
            if let Some(entry) = resolve(inner, documents, depth + 1)? {
                return Ok(Some(entry));
            }
        }
        return Ok(None);
    }
    let manifest: Manifest = parse(bytes, &path)?;
    Ok(Some(Entry {
        config: blob_path(&manifest.config.digest),
        names: Vec::new(),
        layers: manifest.layers.iter().map(|layer| blob_path(&layer.digest)).collect(),
    }))
}

/// Attestations lie beside images under an unknown platform.
fn fits(platform: &Platform) -> bool {
    platform.os == "linux" && platform.architecture == architecture()
}

fn parse<T: DeserializeOwned>(bytes: &[u8], path: &str) -> Result<T> {
    serde_json::from_slice(bytes).context_kind(Kind::Invalid, format!("invalid {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dockers_table() {
        let table = br#"[{"Config":"a.json","RepoTags":["x:1"],"Layers":["l/layer.tar"]},
            {"Config":"b.json","RepoTags":null,"Layers":null}]"#;
        let documents = BTreeMap::from([("manifest.json".to_owned(), table.to_vec())]);
        let entries = entries(&documents).unwrap();
        assert_eq!((entries[0].names[0].as_str(), entries[0].layers.len()), ("x:1", 1));
        assert!(entries[1].names.is_empty() && entries[1].layers.is_empty());
    }

    #[test]
    fn finds_this_machines_image_in_an_index() {
        let digest = |c: char| format!("sha256:{}", c.to_string().repeat(64));
        let processor = architecture();
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","annotations":{{"{NAME}":"docker.io/library/x:2"}}}}]}}"#,
            digest('a')
        );
        let inner = format!(
            r#"{{"schemaVersion":2,"manifests":[
            {{"digest":"{}","platform":{{"os":"unknown","architecture":"unknown"}}}},
            {{"digest":"{}","platform":{{"os":"linux","architecture":"{processor}"}}}}]}}"#,
            digest('b'),
            digest('c')
        );
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"{}"}},"layers":[{{"digest":"{}"}}]}}"#,
            digest('d'),
            digest('e')
        );
        let path = |c: char| format!("blobs/sha256/{}", c.to_string().repeat(64));
        let documents = BTreeMap::from([
            ("index.json".to_owned(), index.into_bytes()),
            (path('a'), inner.into_bytes()),
            (path('c'), manifest.into_bytes()),
        ]);
        let found = entries(&documents).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].names, ["docker.io/library/x:2"]);
        assert_eq!((&found[0].config, &found[0].layers[0]), (&path('d'), &path('e')));
    }

    #[test]
    fn an_archive_without_a_table_is_refused() {
        let error = entries(&BTreeMap::new()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        let bad = BTreeMap::from([("manifest.json".to_owned(), b"{".to_vec())]);
        assert!(entries(&bad).unwrap_err().to_string().starts_with("invalid manifest.json"));
    }
}
