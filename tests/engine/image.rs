//! Images by the docker client, layers with everything a tar can hold, and hostile archives.

use crate::scene::{Scene, Verdict};
use harness::image::{Image, Layer, hostile};
use harness::wait;
use std::time::Duration;

fn load(scene: &Scene, archive: &[u8]) -> harness::docker::Output {
    scene.with_input(&["load"], archive)
}

#[test]
fn layers_are_unpacked_as_they_are() {
    let Some(scene) = Scene::new() else { return };
    let tag = format!("{}:1", scene.name("layers"));
    let lower = Layer::new()
        .folder("data", 0o755)
        .file("data/kept", b"kept")
        .file("data/gone", b"gone")
        .folder("data/opaque", 0o755)
        .file("data/opaque/hidden", b"hidden")
        .file("data/one", b"same")
        .hardlink("data/two", "data/one")
        .file_mode("data/setuid", 0o4755, b"x")
        .owned_folder("data/owned", 0o700, 1000)
        .attribute("data/attribute", "user.colour", b"red", b"x")
        .device("data/null", 1, 3)
        .fifo("data/pipe")
        .file(&format!("data/{}", "long".repeat(60)), b"long");
    let upper = Layer::new()
        .whiteout("data/gone")
        .opaque("data/opaque")
        .file("data/opaque/shown", b"shown")
        .symlink("data/link", "kept");
    let image = Image::probe(&[&tag]).with(lower).with(upper);
    load(&scene, &image.docker_archive()).good();
    let run = |command: &[&str]| {
        let words = [&["run", "--rm", "--network", "none", &tag], command].concat();
        scene.ok(&words)
    };
    let listed = run(&["ls", "/data"]);
    let names: Vec<_> = listed.lines().collect();
    assert!(names.contains(&"kept") && !names.contains(&"gone"), "{names:?}");
    assert!(names.contains(&&"long".repeat(60)[..]), "{names:?}");
    assert_eq!(run(&["ls", "/data/opaque"]), "shown");
    assert_eq!(run(&["cat", "/data/link"]), "kept");
    assert_eq!(
        run(&["stat", "/data/one", "/data/setuid", "/data/owned", "/data/null", "/data/pipe"]),
        "- 0644 0:0 4 2 /data/one\n- 4755 0:0 1 1 /data/setuid\nd 0700 1000:1000 4096 2 /data/owned\nc 0666 0:0 1,3 1 /data/null\np 0644 0:0 0 1 /data/pipe"
    );
    scene.ok(&["rmi", &tag]);
}

#[test]
fn hostile_archives_do_no_harm() {
    let Some(scene) = Scene::new() else { return };
    let folder = scene.engine.sandbox().join("victim");
    std::fs::create_dir(&folder).expect("a folder");
    let victim = folder.join("written");
    std::fs::write(folder.join("written-source"), b"mine").expect("a file");
    for attack in hostile(&victim.to_string_lossy()) {
        let output = load(&scene, &attack.archive);
        let said = format!("{}{}", output.out, output.err);
        if attack.refused && !scene.engine.is_docker() {
            assert_ne!(output.status, 0, "{}: was taken: {said}", attack.name);
            assert!(!said.trim().is_empty(), "{}: refused without a word", attack.name);
        }
        assert!(!victim.exists(), "{}: wrote outside", attack.name);
        let source = std::fs::metadata(folder.join("written-source")).expect("it is there");
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&source), 1, "{}: linked", attack.name);
        assert_eq!(scene.client.get("/_ping").status, 200, "{}: the daemon is gone", attack.name);
    }
    if !scene.engine.is_docker() {
        let log = scene.engine.log();
        assert!(!log.contains("panicked"), "{log}");
    }
    assert_eq!(scene.run(&[], &["echo", "well"]).good(), "well\n");
    // Some were taken, harmlessly: images without a name.
    scene.docker.run(&["rmi", "hostile:latest"]);
    if !scene.engine.is_docker() {
        scene.ok(&["image", "prune", "-f"]);
        // Tens of thousands of files, removed behind everybody else's work.
        let trash = scene.engine.data_root().join("trash");
        wait::until("the trash is emptied", Duration::from_secs(120), || {
            std::fs::read_dir(&trash).is_ok_and(|mut all| all.next().is_none()).then_some(())
        });
    }
}

#[test]
fn save_load_tag_rmi() {
    let Some(scene) = Scene::new() else { return };
    let tag = format!("{}:1", scene.name("saved"));
    scene.ok(&["tag", "probe", &tag]);
    let file = scene.engine.sandbox().join("saved.tar");
    let file = file.to_string_lossy();
    scene.ok(&["save", "-o", &file, &tag]);
    assert!(scene.ok(&["rmi", &tag]).contains("Untagged"));
    assert!(scene.ok(&["load", "-i", &file]).contains(&format!("Loaded image: {tag}")));
    let listed = scene.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert!(listed.lines().any(|line| line == tag), "{listed}");
    assert!(scene.ok(&["history", &tag]).contains("cargo dev"));
    scene.ok(&["rmi", &tag]);
}

#[test]
fn commit_and_run() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("commit", &[], &["sh", "-c", "echo made >/made; rm /etc/group"]);
    scene.ok(&["wait", &id]);
    let tag = format!("{}:1", scene.name("committed"));
    scene.ok(&["commit", "-m", "a change", "-c", "ENV X=y", &id, &tag]);
    let words =
        ["run", "--rm", "--network", "none", &tag, "sh", "-c", "cat /made; echo $X; ls /etc"];
    let out = scene.ok(&words);
    assert!(out.starts_with("made\ny\n") && !out.contains("group\n"), "{out}");
    scene.ok(&["rm", &id]);
    scene.ok(&["rmi", &tag]);
}

#[test]
fn an_image_in_use_stays() {
    let Some(scene) = Scene::new() else { return };
    let tag = format!("{}:1", scene.name("used"));
    let image = Image::probe(&[&tag]).with(Layer::new().file("mark", tag.as_bytes()));
    load(&scene, &image.docker_archive()).good();
    let name = scene.name("user");
    scene.ok(&["run", "-d", "--network", "none", "--name", &name, &tag, "sleep", "1000"]);
    let said = scene.docker.run(&["rmi", &tag]).ended(1);
    assert!(said.contains("must force") || said.contains("is being used"), "{said}");
    scene.ok(&["rm", "-f", &name]);
    scene.ok(&["rmi", &tag]);
}

#[test]
fn prune_removes_what_nobody_names() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return harness::program::skip("prune would reach other tests' images on a shared engine");
    }
    let tag = format!("{}:1", scene.name("dangling"));
    let first = Image::probe(&[&tag]).with(Layer::new().file("a", b"1"));
    let second = Image::probe(&[&tag]).with(Layer::new().file("a", b"2"));
    load(&scene, &first.docker_archive()).good();
    load(&scene, &second.docker_archive()).good();
    let dangling = scene.ok(&["images", "-q", "--no-trunc", "--filter", "dangling=true"]);
    assert_eq!(dangling, first.id());
    let said = scene.ok(&["image", "prune", "-f"]);
    assert!(said.contains(&first.id()) && said.contains("Total reclaimed space"), "{said}");
    let id = scene.start("ended", &[], &["true"]);
    scene.ok(&["wait", &id]);
    assert!(scene.ok(&["container", "prune", "-f"]).contains(&id));
    // Everything at once: also networks and the build cache, of which there may be nothing.
    let id = scene.ok(&["create", "--network", "none", "probe", "true"]).trim().to_owned();
    let said = scene.ok(&["system", "prune", "-f"]);
    assert!(said.contains(&id) && said.contains("Total reclaimed space"), "{said}");
    scene.ok(&["rmi", &tag]);
}
