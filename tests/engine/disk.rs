//! A disk that is really full: what needs room is refused with a sentence, what does not goes on, nothing
//! half done stays, and with room again everything works as before.

use harness::engine::Engine;
use harness::http::Whole;
use harness::image::{Image, Layer, Packing};
use harness::{leak, program, wait};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A small filesystem in memory over the engine's data root.
struct Disk(PathBuf);

impl Disk {
    fn new(folder: &Path) -> Self {
        let size = Some("size=128m,mode=0711");
        mount(Some("disk"), folder, Some("tmpfs"), MsFlags::empty(), size).expect("a tmpfs");
        Self(folder.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes the last byte.
    fn fill(&self) {
        let file = File::options().create(true).append(true).open(self.filler());
        let mut file = file.expect("a file to fill the disk with");
        for size in [1 << 20, 4096, 1] {
            let bytes = vec![0; size];
            let error = loop {
                if let Err(error) = file.write_all(&bytes) {
                    break error;
                }
            };
            assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("remove the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Detached: after a failed assertion the daemon still has files open there.
        umount2(&self.0, MntFlags::MNT_DETACH).expect("unmount the disk");
    }
}

/// What a request that needs room must be answered; one line of a stream counts like a whole answer.
#[track_caller]
fn refused(what: &str, answer: &Whole) {
    let said = answer.text();
    let is_refused = answer.status >= 500 || said.contains("errorDetail");
    assert!(is_refused, "{what}: {} {said}", answer.status);
    let names_it = ["no space left on device", "disk is full"];
    let said = said.to_lowercase();
    assert!(names_it.iter().any(|words| said.contains(words)), "{what}: {said}");
}

fn layers(engine: &Engine) -> BTreeSet<PathBuf> {
    let folder = engine.data_root().join("snapshots/overlayfs");
    let entries = std::fs::read_dir(folder).expect("the folder of snapshots");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn running(engine: &Engine, name: &str) {
    let body = json!({
        "Image": "probe", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none"},
    });
    engine.client().post_json(&format!("/containers/create?name={name}"), &body).expect(201);
    engine.client().post(&format!("/containers/{name}/start")).expect(204);
}

#[test]
fn full_and_with_room_again() {
    if !program::is_root() {
        return program::skip("needs root");
    }
    let Some(mut engine) = Engine::real() else { return };
    if engine.is_docker() {
        return program::skip("the data root of a shared engine cannot be filled");
    }
    engine.stop();
    let disk = Disk::new(&engine.data_root());
    engine.launch();
    engine.load_probe();
    running(&engine, "witness");
    running(&engine, "name0");
    let client = engine.client();
    let image = Image::probe(&["big:1"]).with(Layer::new().file("big", &vec![7; 8 << 20]));
    let archive = image.docker_archive();
    let cargo = Layer::new().file("cargo", &vec![7; 8 << 20]).finish();
    let change = Layer::new().file("change", &vec![7; 1 << 20]).finish();
    client.upload("PUT", "/containers/witness/archive?path=/tmp", &change).expect(200);
    let before = layers(&engine);

    let zeros = Layer::new().file("zeros", &vec![0; 200 << 20]);
    let bomb = Image::probe(&["bomb:1"]).with(zeros).oci_layout(Packing::Gzip);
    refused("a bomb", &client.upload("POST", "/images/load", &bomb));
    let trash = engine.data_root().join("trash");
    let is_clean = || {
        layers(&engine) == before
            && std::fs::read_dir(&trash).is_ok_and(|mut all| all.next().is_none())
    };
    wait::until_true("the bomb is gone", is_clean);

    disk.fill();
    refused("load", &client.upload("POST", "/images/load", &archive));
    wait::until_true("the load is gone", is_clean);
    disk.fill();
    refused("cp", &client.upload("PUT", "/containers/witness/archive?path=/tmp", &cargo));
    refused("commit", &client.post("/commit?container=witness&repo=made"));
    refused("rename", &store_write(&engine, &disk));
    works_on(&engine);
    wait::until_true("nothing half done is left", is_clean);

    disk.make_room();
    wait::until_true("the store writes again", || {
        client.post_json("/volumes/create", &json!({"Name": "again"})).status == 201
    });
    engine.load(&archive);
    client.upload("PUT", "/containers/witness/archive?path=/tmp", &cargo).expect(200);
    client.post("/commit?container=witness&repo=made").expect(201);
    running(&engine, "second");
    works_on(&engine);
    engine.remove_containers();
    assert!(engine.stop().success());
    let is_empty = || leak::processes(engine.sandbox().name()).is_empty();
    wait::until_true("every process has ended", is_empty);
}

/// Writes to the store until the room in its last page is used up, and gives the refusal.
fn store_write(engine: &Engine, disk: &Disk) -> Whole {
    for number in 0..200 {
        disk.fill();
        let path = format!("/containers/name{number}/rename?name=name{}", number + 1);
        let answer = engine.client().post(&path);
        if answer.status != 204 {
            return answer;
        }
    }
    panic!("200 writes to a store on a full disk were taken");
}

/// What needs no room is answered, and the container knows nothing of it all.
fn works_on(engine: &Engine) {
    let client = engine.client();
    client.get("/_ping").expect(200);
    let seen = client.get("/containers/witness/json").expect(200).json();
    assert_eq!(seen["State"]["Running"], Value::from(true));
    let images = client.get("/images/json").expect(200).json();
    let names = images.as_array().expect("a list").iter().map(|image| image["RepoTags"][0].clone());
    assert!(names.into_iter().any(|name| name == "probe:latest"));
    // Its bookkeeping the daemon can do on a full disk, too: room for it is kept, and given up by now.
    let exec = json!({"Cmd": ["true"], "AttachStdout": true});
    let made = wait::until("an exec is taken", Duration::from_secs(5), || {
        let answer = client.post_json("/containers/witness/exec", &exec);
        (answer.status == 201).then(|| answer.json())
    });
    let id = made["Id"].as_str().expect("an id");
    client.post_json(&format!("/exec/{id}/start"), &json!({"Detach": true})).expect(200);
    wait::until_true("the exec ends", || {
        let exec = client.get(&format!("/exec/{id}/json")).expect(200).json();
        exec["Running"] == false && exec["ExitCode"] == 0
    });
}
