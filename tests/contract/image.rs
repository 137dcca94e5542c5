//! Images: load, list, inspect, tag, save, remove.

use crate::bench::Bench;
use harness::image::{Image, Layer, Packing, docker_archive};
use serde_json::{Value, json};

/// An image that no other test has: `probe` and a layer with the bench's tag.
fn unique(bench: &Bench, tag: &str) -> Image {
    Image::probe(&[tag]).with(Layer::new().file("tag", bench.tag().as_bytes()))
}

/// What the progress stream of an upload said last; an error in it is returned too.
fn load(bench: &Bench, archive: &[u8]) -> Result<Vec<Value>, String> {
    let answer = bench.client.upload("POST", "/images/load", archive);
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.text()));
    }
    let lines =
        answer.bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let lines: Vec<Value> = lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect();
    match lines.iter().find(|line| line.get("error").is_some()) {
        Some(line) => Err(line["error"].to_string()),
        None => Ok(lines),
    }
}

fn remove(bench: &Bench, tag: &str) {
    bench.client.delete(&format!("/images/{tag}?force=1"));
}

#[test]
fn loaded_inspected_tagged_removed() {
    let bench = Bench::new();
    let tag = format!("{}:1", bench.name("image"));
    let image = unique(&bench, &tag).set("Labels", json!({"k": "v"}));
    let said = load(&bench, &image.docker_archive()).expect("loaded");
    let last = said.last().expect("a line")["stream"].as_str().unwrap_or_default().to_owned();
    assert_eq!(last, format!("Loaded image: {tag}\n"));
    let seen = bench.client.get(&format!("/images/{tag}/json")).expect(200).json();
    assert_eq!(seen["Id"], image.id());
    assert_eq!(seen["RepoTags"], json!([tag]));
    assert_eq!(seen["RootFS"]["Layers"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen["Config"]["Labels"], json!({"k": "v"}));
    assert!(seen["Size"].as_u64() > Some(100_000));
    let other = format!("{}:2", bench.name("other"));
    let (repository, name) = other.split_once(':').expect("a tag");
    let path = format!("/images/{tag}/tag?repo={repository}&tag={name}");
    bench.client.post(&path).expect(201);
    let first = bench.client.delete(&format!("/images/{tag}")).expect(200).json();
    assert_eq!(first, json!([{"Untagged": tag}]));
    let second = bench.client.delete(&format!("/images/{other}")).expect(200).json();
    assert_eq!(second[0], json!({"Untagged": other}));
    assert_eq!(second[1], json!({"Deleted": image.id()}));
    bench.client.get(&format!("/images/{}/json", image.id())).expect(404);
}

#[test]
fn an_oci_layout_is_an_image_too() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        return harness::program::skip("dockerd 20.10 does not load OCI layouts");
    }
    for (index, packing) in [Packing::Plain, Packing::Gzip, Packing::Zstd].into_iter().enumerate() {
        let tag = format!("{}:{index}", bench.name("layout"));
        let image = unique(&bench, &tag).set("Labels", json!({"n": index.to_string()}));
        load(&bench, &image.oci_layout(packing)).unwrap_or_else(|e| panic!("{packing:?}: {e}"));
        let seen = bench.client.get(&format!("/images/{tag}/json")).expect(200).json();
        assert_eq!(seen["Id"], image.id(), "{packing:?}");
        assert_eq!(seen["RootFS"]["Layers"].as_array().map(Vec::len), Some(2), "{packing:?}");
    }
}

#[test]
fn saved_and_loaded_again() {
    let bench = Bench::new();
    let tag = format!("{}:1", bench.name("saved"));
    let image = unique(&bench, &tag);
    load(&bench, &image.docker_archive()).expect("loaded");
    let saved = bench.client.get(&format!("/images/{tag}/get")).expect(200).bytes;
    remove(&bench, &tag);
    bench.client.get(&format!("/images/{tag}/json")).expect(404);
    load(&bench, &saved).expect("loaded again");
    assert_eq!(
        bench.client.get(&format!("/images/{tag}/json")).expect(200).json()["Id"],
        image.id()
    );
    remove(&bench, &tag);
}

#[test]
fn several_in_one_archive() {
    let bench = Bench::new();
    let tags = ["a", "b"].map(|name| format!("{}:1", bench.name(name)));
    let images = [unique(&bench, &tags[0]), unique(&bench, &tags[1]).set("User", json!("guest"))];
    load(&bench, &docker_archive(&images)).expect("loaded");
    for (tag, image) in tags.iter().zip(&images) {
        let seen = bench.client.get(&format!("/images/{tag}/json")).expect(200).json();
        assert_eq!(seen["Id"], image.id());
        remove(&bench, tag);
    }
}

#[test]
fn the_list_and_its_filters() {
    let bench = Bench::new();
    let tag = format!("{}:1", bench.name("listed"));
    let image = unique(&bench, &tag).set("Labels", json!({"only": bench.tag()}));
    load(&bench, &image.docker_archive()).expect("loaded");
    let ask = |filters: Value| {
        let filters = harness::http::encode(&filters.to_string());
        bench.client.get(&format!("/images/json?filters={filters}")).expect(200).json()
    };
    let found = ask(json!({"reference": [tag]}));
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found[0]["Id"], image.id());
    assert_eq!(found[0]["RepoTags"], json!([tag]));
    let found = ask(json!({"label": [format!("only={}", bench.tag())]}));
    assert_eq!(found[0]["Id"], image.id());
    let found = ask(json!({"dangling": ["true"], "label": [format!("only={}", bench.tag())]}));
    assert_eq!(found, json!([]));
    remove(&bench, &tag);
}

#[test]
fn history_tells_the_layers() {
    let bench = Bench::new();
    let tag = format!("{}:1", bench.name("history"));
    load(&bench, &unique(&bench, &tag).docker_archive()).expect("loaded");
    let history = bench.client.get(&format!("/images/{tag}/history")).expect(200).json();
    assert_eq!(history.as_array().map(Vec::len), Some(2));
    assert_eq!(history[0]["Tags"], json!([tag]));
    assert_eq!(history[0]["CreatedBy"], "cargo dev");
    remove(&bench, &tag);
}

#[test]
fn a_pull_says_that_it_cannot() {
    let bench = Bench::new();
    if bench.engine.is_docker() {
        return harness::program::skip("dockerd would go to the network");
    }
    let answer = bench.client.post("/images/create?fromImage=busybox&tag=latest");
    assert!(answer.status >= 400 || answer.text().contains("\"error\""), "{}", answer.text());
    assert!(answer.status < 500 || answer.status == 501, "{} {}", answer.status, answer.text());
}

#[test]
fn commit_makes_an_image() {
    let bench = Bench::new();
    // The fake shim's program has no root filesystem of its own: what a layer holds is the engine suite's.
    let id = bench.run("commit", &["true"], json!({}));
    bench.wait(&id);
    let repository = bench.name("committed");
    let path = format!("/commit?container={id}&repo={repository}&tag=1&comment=why&author=me");
    let change = json!({"Cmd": ["echo", "made"], "Labels": {"c": "1"}});
    let made = bench.client.post_json(&path, &change).expect(201).json();
    let seen = bench.client.get(&format!("/images/{repository}:1/json")).expect(200).json();
    assert_eq!(seen["Id"], made["Id"]);
    assert_eq!((&seen["Comment"], &seen["Author"]), (&json!("why"), &json!("me")));
    let more = json!({"Image": format!("{repository}:1"), "Cmd": null});
    let id = bench.run("from-commit", &[], more);
    assert_eq!(bench.wait(&id), 0);
    assert_eq!(bench.logs(&id, "").0, "made\n");
}
