//! An image's configuration document (OCI image specification, "Image Configuration", with Docker's
//! additions): what the image's id is the digest of.

use serde::{Deserialize, Serialize};
use shared::docker::ImageConfig;
use shared::error::{Context, Error, Kind, Result};
use shared::id::Digest;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The document. What it has beyond these fields stays in its blob alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// When the image was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Processor, in Go's words: `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Variant of the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// Defaults for containers.
    #[serde(default)]
    pub config: Option<ImageConfig>,
    /// Its layers.
    #[serde(default)]
    pub rootfs: RootFs,
    /// How it was made, step by step, the oldest first.
    #[serde(default)]
    pub history: Vec<History>,
    /// Version of the engine that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_version: Option<String>,
    /// What its maker said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The layers of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the layers' tar streams, the lowest first.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self { kind: "layers".to_owned(), diff_ids: Vec::new() }
    }
}

/// One step in the making of an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By which command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// True if the step made no layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_layer: Option<bool>,
}

impl Document {
    /// Reads a document; [`Kind::Invalid`] if it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let document: Self = serde_json::from_slice(bytes)
            .context_kind(Kind::Invalid, "invalid image configuration")?;
        if document.rootfs.kind != "layers" {
            let kind = &document.rootfs.kind;
            return Err(Error::invalid(format!(
                "invalid image configuration: rootfs type {kind:?}"
            )));
        }
        let layers = document.history.iter().filter(|h| h.empty_layer != Some(true)).count();
        if !document.history.is_empty() && layers > document.rootfs.diff_ids.len() {
            return Err(Error::invalid("invalid image configuration: more history than layers"));
        }
        Ok(document)
    }

    /// A document for this machine, made now.
    pub fn now() -> Self {
        Self {
            created: Some(text(OffsetDateTime::now_utc())),
            architecture: architecture().to_owned(),
            os: "linux".to_owned(),
            config: Some(ImageConfig::default()),
            ..Self::default()
        }
    }

    /// Nanoseconds since 1970 of its making; 0 if it does not say.
    pub fn created_nanos(&self) -> i64 {
        nanos(self.created.as_deref())
    }
}

/// Nanoseconds since 1970 of an RFC 3339 time; 0 if it is none.
pub fn nanos(text: Option<&str>) -> i64 {
    let time = text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    time.and_then(|t| i64::try_from(t.unix_timestamp_nanos()).ok()).unwrap_or(0)
}

/// RFC 3339.
pub fn text(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

/// This machine's processor in Go's words.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
