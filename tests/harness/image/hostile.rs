//! Archives that nobody should trust: each must be refused with a sentence, or be unpacked without
//! a byte outside of the image.

use super::{Image, Layer, digest, docker_archive};
use serde_json::json;

/// One hostile archive.
pub struct Hostile {
    /// What is wrong with it.
    pub name: &'static str,
    /// What is sent to `/images/load`.
    pub archive: Vec<u8>,
    /// It must be refused; otherwise it may also be taken, harmlessly.
    pub refused: bool,
}

fn taken(name: &'static str, layer: Layer) -> Hostile {
    let image = Image { tags: vec![], layers: vec![layer.finish()], config: json!({}) };
    Hostile { name, archive: docker_archive(&[image]), refused: false }
}

fn refused(name: &'static str, archive: Vec<u8>) -> Hostile {
    Hostile { name, archive, refused: true }
}

/// Every attack, aimed at `victim`: an absolute path outside of the engine's folders that must not
/// appear. `up` is a relative way to it from any depth.
pub fn hostile(victim: &str) -> Vec<Hostile> {
    let up = format!("{}{}", "../".repeat(24), victim.trim_start_matches('/'));
    let folder = victim.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let last = victim.rsplit('/').next().unwrap_or(victim);
    let image = Image::probe(&["hostile:latest"]);
    let good = image.docker_archive();
    let configuration = image.configuration();
    let manifest = |config: &str, layer: &str| {
        json!([{"Config": config, "RepoTags": ["hostile:latest"], "Layers": [layer]}]).to_string()
    };
    let mut wrong = configuration.clone();
    let text = String::from_utf8_lossy(&configuration).replace(
        &digest(&image.layers[0]),
        "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    );
    wrong.clear();
    wrong.extend_from_slice(text.as_bytes());
    let through = format!("link/{last}");
    vec![
        taken("a name that climbs", Layer::new().file(&up, b"x")),
        taken("an absolute name", Layer::new().file(victim, b"x")),
        taken(
            "through an absolute link",
            Layer::new().symlink("link", folder).file(&through, b"x"),
        ),
        taken(
            "through a climbing link",
            Layer::new()
                .symlink("link", &format!("{}{}", "../".repeat(24), folder.trim_start_matches('/')))
                .file(&through, b"x"),
        ),
        taken(
            "a hard link to outside",
            Layer::new().hardlink("passwd", "/etc/passwd").file("passwd", b"x"),
        ),
        taken("a climbing hard link", Layer::new().hardlink("x", &format!("{up}-source"))),
        taken("a whiteout that climbs", Layer::new().whiteout(&up)),
        taken("a whiteout of everything", Layer::new().file(".wh...", b"").file(".wh..", b"")),
        taken("a whiteout of nothing", Layer::new().file(".wh.", b"")),
        refused("not a tar at all", b"this is no archive".repeat(100)),
        refused("cut off in the middle", good[..good.len() / 2].to_vec()),
        refused("no manifest", Layer::new().file("x", b"x").finish()),
        refused("manifest is no JSON", Layer::new().file("manifest.json", b"{").finish()),
        refused(
            "a configuration outside",
            Layer::new()
                .file("manifest.json", manifest("../../../../etc/passwd", "x").as_bytes())
                .finish(),
        ),
        refused(
            "a layer that is a link to outside",
            Layer::new()
                .file("c.json", &configuration)
                .symlink("layer.tar", "/etc/passwd")
                .file("manifest.json", manifest("c.json", "layer.tar").as_bytes())
                .finish(),
        ),
        refused(
            "a layer with another digest",
            Layer::new()
                .file("c.json", &wrong)
                .file("layer.tar", &image.layers[0])
                .file("manifest.json", manifest("c.json", "layer.tar").as_bytes())
                .finish(),
        ),
        refused(
            "fewer layers than digests",
            Layer::new()
                .file("c.json", &configuration)
                .file(
                    "manifest.json",
                    json!([{"Config": "c.json", "RepoTags": [], "Layers": []}])
                        .to_string()
                        .as_bytes(),
                )
                .finish(),
        ),
    ]
}
