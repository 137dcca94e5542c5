//! Images between engines: what this one saves a real dockerd loads, and the other way round, through
//! skopeo's hands too. Ids and digests stay the same, and the images run on both.

use harness::engine::Engine;
use harness::http::Whole;
use harness::image::{Image, Layer};
use harness::program;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Ours and a real dockerd.
fn engines() -> Option<[Engine; 2]> {
    let ours = Engine::real()?;
    if ours.is_docker() {
        program::skip("the engine under test is a dockerd itself");
        return None;
    }
    Some([ours, Engine::dockerd()?])
}

/// Two layers with all that makes streams differ between writers of tar.
fn image(tag: &str) -> Image {
    let lower = Layer::new()
        .folder("data", 0o755)
        .file("data/kept", tag.as_bytes())
        .file("data/gone", b"gone")
        .file(&format!("data/{}", "long".repeat(60)), b"long")
        .file_mode("data/setuid", 0o4755, b"x")
        .owned_folder("data/owned", 0o700, 1000)
        .attribute("data/attribute", "user.colour", b"red", b"x")
        .fifo("data/pipe")
        .hardlink("data/two", "data/kept");
    let upper = Layer::new().whiteout("data/gone").symlink("data/link", "kept");
    Image::probe(&[tag]).with(lower).with(upper)
}

/// Id and layers as inspect tells them.
#[track_caller]
fn identity(engine: &Engine, name: &str) -> (String, Vec<String>) {
    let seen = engine.client().get(&format!("/images/{name}/json")).expect(200).json();
    let layers = seen["RootFS"]["Layers"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&seen["Id"]), layers.iter().map(text).collect())
}

#[track_caller]
fn save(engine: &Engine, name: &str) -> Vec<u8> {
    let answer: Whole = engine.client().get(&format!("/images/{name}/get"));
    answer.expect(200).bytes
}

#[track_caller]
fn remove(engine: &Engine, name: &str) {
    engine.client().delete(&format!("/images/{name}?force=1")).expect(200);
}

/// The image runs, and has what its layers say.
#[track_caller]
fn runs(engine: &Engine, name: &str) {
    let client = engine.client();
    let command = ["sh", "-c", "cat /data/link; ls /data"];
    let body = json!({"Image": name, "Cmd": command, "HostConfig": {"NetworkMode": "none"}});
    let made = client.post_json("/containers/create", &body).expect(201).json();
    let id = made["Id"].as_str().expect("an id").to_owned();
    client.post(&format!("/containers/{id}/start")).expect(204);
    let ended = client.post(&format!("/containers/{id}/wait")).expect(200).json();
    let logs = client.get(&format!("/containers/{id}/logs?stdout=1&stderr=1")).expect(200);
    let (out, errors) = harness::http::demultiplex(&logs.bytes);
    let out = String::from_utf8_lossy(&[out, errors].concat()).into_owned();
    client.delete(&format!("/containers/{id}?force=1")).expect(204);
    assert_eq!(ended["StatusCode"], 0, "{out}");
    assert!(out.contains("setuid") && !out.contains("gone"), "{out}");
}

#[test]
fn save_and_load_between_engines() {
    let Some([ours, theirs]) = engines() else { return };
    for (from, to, tag) in [(&theirs, &ours, "swap:1"), (&ours, &theirs, "swap:2")] {
        let made = image(tag);
        from.load(&made.docker_archive());
        let before = identity(from, tag);
        assert_eq!(before.0, made.id());
        let saved = save(from, tag);
        to.load(&saved);
        assert_eq!(identity(to, tag), before);
        runs(from, tag);
        runs(to, tag);
        // And back again, into an engine that has forgotten it.
        remove(from, tag);
        from.load(&save(to, tag));
        assert_eq!(identity(from, tag), before);
        runs(from, tag);
    }
}

#[test]
fn commits_travel() {
    let Some([ours, theirs]) = engines() else { return };
    for (from, to, tag) in [(&theirs, &ours, "made:1"), (&ours, &theirs, "made:2")] {
        from.load(&image("base:1").docker_archive());
        let client = from.client();
        let command = ["sh", "-c", "rm /data/kept; mkdir -p /new/folder; echo x >/new/folder/file"];
        let body = json!({
            "Image": "base:1", "Cmd": command, "HostConfig": {"NetworkMode": "none"},
        });
        client.post_json("/containers/create?name=maker", &body).expect(201);
        client.post("/containers/maker/start").expect(204);
        let ended = client.post("/containers/maker/wait").expect(200).json();
        assert_eq!(ended["StatusCode"], 0);
        let (name, number) = tag.split_once(':').expect("a tag");
        client.post(&format!("/commit?container=maker&repo={name}&tag={number}")).expect(201);
        client.delete("/containers/maker").expect(204);
        to.load(&save(from, tag));
        assert_eq!(identity(to, tag), identity(from, tag));
    }
}

fn skopeo(from: &str, to: &str) {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "copy", "--quiet", from, to]);
    let output = command.output().expect("skopeo");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

#[test]
fn skopeo_carries_images_both_ways() {
    if program::foreign("skopeo").is_none() {
        return program::skip("skopeo is not installed");
    }
    let Some([ours, theirs]) = engines() else { return };
    let folder = ours.sandbox().path();
    for (from, to, tag) in [(&theirs, &ours, "carried:1"), (&ours, &theirs, "carried:2")] {
        from.load(&image(tag).docker_archive());
        let before = identity(from, tag);
        let saved = path(folder, "saved.tar");
        std::fs::write(&saved, save(from, tag)).expect("a file");
        // Docker's form to Docker's form: nothing changes.
        let again = path(folder, "again.tar");
        skopeo(&format!("docker-archive:{saved}"), &format!("docker-archive:{again}:{tag}"));
        to.load(&std::fs::read(&again).expect("skopeo's archive"));
        assert_eq!(identity(to, tag), before);
        runs(to, tag);
        // By way of an OCI layout: skopeo writes the configuration anew, the layers stay.
        let layout = path(folder, "layout.tar");
        skopeo(&format!("docker-archive:{saved}"), &format!("oci-archive:{layout}:{tag}"));
        remove(&ours, tag);
        ours.load(&std::fs::read(&layout).expect("skopeo's layout"));
        let back = path(folder, "back.tar");
        skopeo(&format!("oci-archive:{layout}"), &format!("docker-archive:{back}:back:1"));
        let back = std::fs::read(&back).expect("skopeo's archive");
        for engine in [&ours, &theirs] {
            engine.load(&back);
            assert_eq!(identity(engine, "back:1").1, before.1);
            runs(engine, "back:1");
        }
        assert_eq!(identity(&ours, "back:1"), identity(&theirs, "back:1"));
        for engine in [&ours, &theirs] {
            remove(engine, "back:1");
        }
        for file in ["saved.tar", "again.tar", "layout.tar", "back.tar"] {
            std::fs::remove_file(folder.join(file)).expect("remove a file");
        }
    }
}
