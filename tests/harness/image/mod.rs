//! Images made on the spot: layers, configurations and the archives that `docker load` takes, in
//! Docker's form and as an OCI layout. The built-in image holds nothing but `probe` and its links.

mod hostile;
mod layer;

pub use hostile::{Hostile, hostile};
pub use layer::Layer;

use crate::program;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::Write;

/// The tag of the image that the suites run.
pub const PROBE: &str = "probe:latest";

/// How a layer is packed in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard (OCI layouts only).
    Zstd,
}

/// What an archive is made of.
#[derive(Clone, Debug)]
pub struct Image {
    /// Names with tags; may be empty.
    pub tags: Vec<String>,
    /// Bottom first, each an unpacked tar.
    pub layers: Vec<Vec<u8>>,
    /// The `config` object of the image's configuration.
    pub config: Value,
}

/// `sha256:<hex>` of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", shared::id::hex(&Sha256::digest(bytes)))
}

/// The built-in image under the name [`PROBE`].
///
/// # Panics
/// When `probe` was not built.
pub fn probe() -> Image {
    Image::probe(&[PROBE])
}

impl Image {
    /// The image of `probe` with other names.
    pub fn probe(tags: &[&str]) -> Self {
        Self {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            layers: vec![base()],
            config: json!({
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Cmd": ["sh"],
                "WorkingDir": "/",
            }),
        }
    }

    /// The same with one layer more.
    pub fn with(mut self, layer: Layer) -> Self {
        self.layers.push(layer.finish());
        self
    }

    /// The same with a key of the configuration set.
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// The whole configuration, whose digest is the image's id.
    pub fn configuration(&self) -> Vec<u8> {
        let diffs: Vec<_> = self.layers.iter().map(|layer| digest(layer)).collect();
        let history: Vec<_> = self
            .layers
            .iter()
            .map(|_| json!({"created": CREATED, "created_by": "cargo dev"}))
            .collect();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        json!({
            "architecture": architecture,
            "os": "linux",
            "created": CREATED,
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": diffs},
            "history": history,
        })
        .to_string()
        .into_bytes()
    }

    /// `sha256:<hex>`, as inspect shows it.
    pub fn id(&self) -> String {
        digest(&self.configuration())
    }

    /// An archive in Docker's form: manifest.json, configuration, layers.
    pub fn docker_archive(&self) -> Vec<u8> {
        docker_archive(std::slice::from_ref(self))
    }

    /// An OCI layout: oci-layout, index.json, blobs.
    pub fn oci_layout(&self, packing: Packing) -> Vec<u8> {
        let mut archive = Layer::new();
        let configuration = self.configuration();
        let mut layers = Vec::new();
        for layer in &self.layers {
            let (bytes, suffix) = pack(layer, packing);
            let media = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
            layers.push(descriptor(&media, &bytes));
            archive = archive.file(&blob(&bytes), &bytes);
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &configuration),
            "layers": layers,
        });
        let manifest = manifest.to_string().into_bytes();
        let mut manifests = Vec::new();
        for tag in &self.tags {
            let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
            let name = tag.rsplit(':').next().unwrap_or(tag);
            entry["annotations"] = json!({
                "org.opencontainers.image.ref.name": name,
                "io.containerd.image.name": format!("docker.io/library/{tag}"),
            });
            manifests.push(entry);
        }
        let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
        archive
            .file(&blob(&configuration), &configuration)
            .file(&blob(&manifest), &manifest)
            .file("index.json", index.as_bytes())
            .file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
            .finish()
    }
}

/// Several images in one archive of Docker's form; a layer that two of them share is in it once.
pub fn docker_archive(images: &[Image]) -> Vec<u8> {
    let (mut archive, mut entries, mut seen) = (Layer::new(), Vec::new(), Vec::new());
    for image in images {
        let mut names = Vec::new();
        for layer in &image.layers {
            let name = format!("{}/layer.tar", &digest(layer)[7..]);
            if !seen.contains(&name) {
                archive = archive.file(&name, layer);
                seen.push(name.clone());
            }
            names.push(name);
        }
        let configuration = image.configuration();
        let name = format!("{}.json", &digest(&configuration)[7..]);
        archive = archive.file(&name, &configuration);
        entries.push(json!({"Config": name, "RepoTags": image.tags, "Layers": names}));
    }
    archive.file("manifest.json", Value::from(entries).to_string().as_bytes()).finish()
}

const CREATED: &str = "2026-01-01T00:00:00Z";

fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", &digest(bytes)[7..])
}

fn descriptor(media: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media, "digest": digest(bytes), "size": bytes.len()})
}

fn pack(bytes: &[u8], packing: Packing) -> (Vec<u8>, &'static str) {
    match packing {
        Packing::Plain => (bytes.to_vec(), ""),
        Packing::Gzip => {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            to.write_all(bytes).expect("writing to memory");
            (to.finish().expect("writing to memory"), "+gzip")
        }
        Packing::Zstd => (zstd::encode_all(bytes, 1).expect("writing to memory"), "+zstd"),
    }
}

/// The lowest layer: `probe`, a link for each applet, and the few files that every image has.
fn base() -> Vec<u8> {
    let path = program::built("probe");
    let program = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let names = std::process::Command::new(&path).args(["help", "--names"]).output();
    let names = names.unwrap_or_else(|e| panic!("{}: {e}", path.display())).stdout;
    let mut layer = Layer::new().folder("bin", 0o755).executable("bin/probe", &program);
    for name in String::from_utf8_lossy(&names).lines() {
        layer = layer.symlink(&format!("bin/{name}"), "probe");
    }
    let users = b"root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home/guest:/bin/sh\n";
    let groups = b"root:x:0:\nguest:x:1000:\nstaff:x:50:guest\n";
    layer
        .folder("etc", 0o755)
        .file("etc/passwd", users)
        .file("etc/group", groups)
        .folder("home", 0o755)
        .owned_folder("home/guest", 0o755, 1000)
        .folder("mnt", 0o755)
        .folder("proc", 0o555)
        .folder("root", 0o700)
        .folder("sys", 0o555)
        .folder("tmp", 0o1777)
        .folder("var", 0o755)
        .finish()
}
