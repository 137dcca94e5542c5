//! Archives that nobody should trust: each must be refused with a sentence, or be unpacked without
//! a byte outside of the image.

use super::{Image, Layer, digest, docker_archive};
use serde_json::json;

/// One hostile archive.
#[derive(Clone)]
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

/// A layer that must be refused, in an archive that is in order.
fn bad(name: &'static str, layer: Layer) -> Hostile {
    Hostile { refused: true, ..taken(name, layer) }
}

/// Every attack, aimed at `victim`: an absolute path outside of the engine's folders that must not
/// appear.
pub fn hostile(victim: &str) -> Vec<Hostile> {
    [paths(victim), between_layers(victim), numbers(), names(), tables()].concat()
}

/// Ways out of a layer.
fn paths(victim: &str) -> Vec<Hostile> {
    let up = format!("{}{}", "../".repeat(24), victim.trim_start_matches('/'));
    let folder = victim.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let last = victim.rsplit('/').next().unwrap_or(victim);
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
        taken(
            "a whiteout below a climbing link",
            Layer::new().symlink("link", folder).file(&format!("link/.wh.{last}"), b""),
        ),
        taken("a whiteout of the parent's parent", Layer::new().file("a/../../.wh.x", b"")),
        taken(
            "a hard link through a link",
            Layer::new().symlink("link", folder).hardlink("mine", &format!("link/{last}-source")),
        ),
        taken(
            "a hard link that is written to",
            Layer::new()
                .symlink("link", &format!("{victim}-source"))
                .hardlink("mine", "link")
                .file("mine", b"x"),
        ),
        taken(
            "a folder that becomes a link",
            Layer::new()
                .file("a/b/c", b"x")
                .symlink("a/b", folder)
                .file(&format!("a/b/{last}"), b"x"),
        ),
        taken(
            "a link that becomes a folder",
            Layer::new().symlink("a", folder).folder("a", 0o755).file(&format!("a/{last}"), b"x"),
        ),
        taken(
            "links in a circle",
            Layer::new().symlink("a", "b").symlink("b", "a").file("a/x", b"x"),
        ),
        taken("a link to itself by name", Layer::new().hardlink("x", "x")),
        taken("a device of the host's disk", Layer::new().device("disk", 8, 0).file("disk", b"x")),
        taken("a pipe that is written to", Layer::new().fifo("pipe").file("pipe", b"x")),
        taken(
            "orders to overlayfs",
            Layer::new()
                .attribute("x", "trusted.overlay.redirect", folder.as_bytes(), b"x")
                .attribute("y", "trusted.overlay.opaque", b"y", b"x"),
        ),
    ]
}

/// What one layer prepares and the next one uses.
fn between_layers(victim: &str) -> Vec<Hostile> {
    let folder = victim.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let last = victim.rsplit('/').next().unwrap_or(victim);
    let pair = |name, low: Layer, high: Layer| {
        let layers = vec![low.finish(), high.finish()];
        let image = Image { tags: vec![], layers, config: json!({}) };
        Hostile { name, archive: docker_archive(&[image]), refused: false }
    };
    let link = || Layer::new().symlink("link", folder);
    vec![
        pair(
            "a link of a lower layer, a file of a higher one",
            link(),
            Layer::new().file(&format!("link/{last}"), b"x"),
        ),
        pair(
            "a link of a lower layer, a whiteout of a higher one",
            link(),
            Layer::new().whiteout(&format!("link/{last}-source")),
        ),
        pair(
            "a link of a lower layer, an opaque folder of a higher one",
            link(),
            Layer::new().opaque("link"),
        ),
        pair(
            "a hard link to a lower layer's link",
            link(),
            Layer::new().hardlink("mine", &format!("link/{last}-source")).file("mine", b"x"),
        ),
    ]
}

/// Numbers that no file has.
fn numbers() -> Vec<Hostile> {
    let sized = |name, size: &str, data: &[u8]| {
        bad(name, Layer::new().extended_file("x", &[("size", size.as_bytes())], data))
    };
    let pax = |name, key: &str, value: &[u8]| Hostile {
        refused: true,
        ..taken(name, Layer::new().extended_file("x", &[(key, value)], b"x"))
    };
    vec![
        sized("a size of 16 EiB", "18446744073709551615", b"x"),
        sized("a size of 1 PiB", "1125899906842624", b"x"),
        sized("a size beyond all numbers", "99999999999999999999999", b"x"),
        sized("a negative size", "-1", b"x"),
        pax("the owner nobody can be", "uid", b"4294967295"),
        pax("an owner beyond 32 bits", "gid", b"4294967296"),
        pax("a time that is none", "mtime", b"soon"),
        pax("a sparse file", "GNU.sparse.major", b"1"),
        taken(
            "a time beyond all years",
            Layer::new().extended_file("x", &[("mtime", b"9223372036854775807")], b"x"),
        ),
        taken(
            "a time long before all years",
            Layer::new().extended_file("x", &[("mtime", b"-9223372036854775808.5")], b"x"),
        ),
        bad(
            "more than a tar extension may have",
            Layer::new().attribute("x", "user.a", &vec![b'a'; 2 << 20], b"x"),
        ),
    ]
}

/// Names that no file has, and more of them than any image.
fn names() -> Vec<Hostile> {
    let long = "n".repeat(256);
    let repeated = || {
        let many = Layer::new().file("same", b"0");
        (0..10_050).fold(many, |layer, number| layer.file("same", number.to_string().as_bytes()))
    };
    vec![
        bad("a name of 256 bytes", Layer::new().file(&long, b"x")),
        bad("a folder of 256 bytes", Layer::new().folder(&long, 0o755)),
        bad("a file below a name of 256 bytes", Layer::new().file(&format!("{long}/x"), b"x")),
        bad("a whiteout of 256 bytes", Layer::new().file(&format!(".wh.{long}"), b"")),
        bad("a link to a name of 5000 bytes", Layer::new().symlink("x", &"n/".repeat(2500))),
        bad("a link to nothing", Layer::new().symlink("x", "")),
        bad("a zero in a name", Layer::new().extended_file("x", &[("path", b"a\0b")], b"x")),
        bad(
            "deeper than 1024 folders",
            Layer::new().file(&format!("{}x", "d/".repeat(1500)), b"x"),
        ),
        bad(
            "deeper than a path may be",
            Layer::new().file(&format!("{}x", "d/".repeat(3000)), b"x"),
        ),
        bad("one name ten thousand times", repeated()),
        taken(
            "a thousand folders deep",
            Layer::new().file(&format!("{}x", "d/".repeat(1000)), b"x"),
        ),
    ]
}

/// Archives that are none, or whose tables of contents lie.
fn tables() -> Vec<Hostile> {
    let image = Image::probe(&["hostile:latest"]);
    let good = image.docker_archive();
    let configuration = image.configuration();
    let manifest = |config: &str, layer: &str| {
        json!([{"Config": config, "RepoTags": ["hostile:latest"], "Layers": [layer]}]).to_string()
    };
    let text = String::from_utf8_lossy(&configuration).replace(
        &digest(&image.layers[0]),
        "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    );
    let wrong = text.into_bytes();
    let named = |names: serde_json::Value| {
        let table = json!([{"Config": "c.json", "RepoTags": names, "Layers": ["layer.tar"]}]);
        Layer::new()
            .file("c.json", &configuration)
            .file("layer.tar", &image.layers[0])
            .file("manifest.json", table.to_string().as_bytes())
            .finish()
    };
    let layers = |count: usize| {
        let empty = Layer::new().finish();
        let mut parsed: serde_json::Value = serde_json::from_slice(&configuration).expect("JSON");
        parsed["rootfs"]["diff_ids"] = vec![digest(&empty); count].into();
        let table =
            json!([{"Config": "c.json", "RepoTags": [], "Layers": vec!["layer.tar"; count]}]);
        Layer::new()
            .file("c.json", parsed.to_string().as_bytes())
            .file("layer.tar", &empty)
            .file("manifest.json", table.to_string().as_bytes())
            .finish()
    };
    vec![
        refused("five thousand layers", layers(5_000)),
        refused(
            "a manifest of 9 MB",
            Layer::new().file("manifest.json", &vec![b' '; 9 << 20]).finish(),
        ),
        refused(
            "nine manifests of 8 MB",
            (0..9)
                .fold(Layer::new(), |layer, n| {
                    layer.file(&format!("{n}.json"), &vec![b' '; 8 << 20])
                })
                .finish(),
        ),
        refused(
            "a manifest of brackets",
            Layer::new().file("manifest.json", &vec![b'['; 1 << 20]).finish(),
        ),
        refused(
            "a configuration of brackets",
            Layer::new()
                .file("c.json", &vec![b'['; 1 << 20])
                .file("layer.tar", &image.layers[0])
                .file("manifest.json", manifest("c.json", "layer.tar").as_bytes())
                .finish(),
        ),
        refused("a name that climbs", named(json!(["../../etc/passwd:1"]))),
        refused("a name of a megabyte", named(json!(["n".repeat(1 << 20)]))),
        refused("names that are numbers", named(json!([1, 2, 3]))),
        refused(
            "links in a circle instead of a layer",
            Layer::new()
                .file("c.json", &configuration)
                .symlink("layer.tar", "other.tar")
                .symlink("other.tar", "layer.tar")
                .file("manifest.json", manifest("c.json", "layer.tar").as_bytes())
                .finish(),
        ),
        refused(
            "a layer that is its own configuration",
            Layer::new()
                .file("layer.tar", &image.layers[0])
                .file("manifest.json", manifest("layer.tar", "layer.tar").as_bytes())
                .finish(),
        ),
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
