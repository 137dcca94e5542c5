//! cp, diff, export, volumes, mounts.

use crate::scene::{Scene, Verdict};
use std::os::unix::fs::PermissionsExt;

#[test]
fn cp_in_and_out() {
    let Some(scene) = Scene::new() else { return };
    let folder = scene.engine.sandbox().join("cp");
    std::fs::create_dir_all(folder.join("deep")).expect("a folder");
    std::fs::write(folder.join("deep/file"), b"content\n").expect("a file");
    std::fs::set_permissions(folder.join("deep/file"), PermissionsExt::from_mode(0o750))
        .expect("a mode");
    std::os::unix::fs::symlink("deep/file", folder.join("link")).expect("a link");
    let path = |tail: &str| folder.join(tail).to_string_lossy().into_owned();
    for running in [true, false] {
        let id = scene.start(if running { "running" } else { "stopped" }, &[], &["sleep", "1000"]);
        if !running {
            scene.ok(&["kill", &id]);
            scene.ok(&["wait", &id]);
        }
        scene.ok(&["cp", &path(""), &format!("{id}:/tmp/in")]);
        scene.ok(&["cp", &format!("{id}:/tmp/in"), &path("out")]);
        let back = folder.join("out");
        assert_eq!(std::fs::read(back.join("deep/file")).expect("it came back"), b"content\n");
        let mode =
            std::fs::metadata(back.join("deep/file")).expect("it came back").permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(
            std::fs::read_link(back.join("link")).expect("a link").to_string_lossy(),
            "deep/file"
        );
        std::fs::remove_dir_all(&back).expect("remove");
        let archive = scene.docker.run(&["cp", &format!("{id}:/tmp/in/deep/file"), "-"]);
        assert!(archive.out.contains("content"), "a tar on standard output");
        let missing = scene.docker.run(&["cp", &format!("{id}:/nope"), &path("x")]).ended(1);
        assert!(missing.contains("Could not find the file /nope"), "{missing}");
        // With -a the archive's owners are replaced by the container's user, read from its own files.
        scene.ok(&["cp", "-a", &path("deep"), &format!("{id}:/tmp/owned")]);
        scene.ok(&["cp", &format!("{id}:/tmp/owned/file"), &path("owned")]);
        assert_eq!(std::fs::read(path("owned")).expect("it came back"), b"content\n");
        scene.ok(&["rm", "-f", &id]);
    }
}

#[test]
fn cp_does_not_leave_the_root() {
    let Some(scene) = Scene::new() else { return };
    let victim = scene.engine.sandbox().join("victim");
    std::fs::create_dir(&victim).expect("a folder");
    let source = scene.engine.sandbox().join("source");
    std::fs::write(&source, b"x").expect("a file");
    let link = format!(
        "ln -s {} /tmp/link; ln -s /../../../../../../etc/hostname /tmp/up; echo ready; sleep 1000",
        victim.display()
    );
    let id = scene.start("escape", &[], &["sh", "-c", &link]);
    scene.said(&id, "ready");
    let _ = scene.docker.run(&["cp", &source.to_string_lossy(), &format!("{id}:/tmp/link/x")]);
    assert_eq!(std::fs::read_dir(&victim).expect("the folder").count(), 0, "it wrote outside");
    let out = scene.docker.run(&["cp", "-L", &format!("{id}:/tmp/up"), "-"]);
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    assert!(host.trim().is_empty() || !out.out.contains(host.trim()), "it read outside");
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn diff_tells_what_changed() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start(
        "diff",
        &[],
        &["sh", "-c", "echo x >/new; rm /etc/group; echo y >>/etc/passwd; mkdir -p /var/a/b"],
    );
    scene.ok(&["wait", &id]);
    let out = scene.ok(&["diff", &id]);
    let lines: Vec<_> = out.lines().collect();
    for wanted in
        ["A /new", "C /etc", "D /etc/group", "C /etc/passwd", "C /var", "A /var/a", "A /var/a/b"]
    {
        assert!(lines.contains(&wanted), "{wanted} is not in {lines:?}");
    }
    assert_eq!(lines.len(), 7, "{lines:?}");
    scene.ok(&["rm", &id]);
}

#[test]
fn export_and_import() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("export", &[], &["write", "/made", "100000"]);
    scene.ok(&["wait", &id]);
    let file = scene.engine.sandbox().join("export.tar");
    let file = file.to_string_lossy();
    scene.ok(&["export", "-o", &file, &id]);
    let tag = format!("{}:1", scene.name("imported"));
    scene.ok(&["import", "-c", "CMD [\"stat\", \"/made\"]", "-c", "ENV PATH=/bin", &file, &tag]);
    let out = scene.ok(&["run", "--rm", "--network", "none", &tag]);
    assert_eq!(out, "- 0644 0:0 100000 1 /made");
    scene.ok(&["rm", &id]);
    scene.ok(&["rmi", &tag]);
}

#[test]
fn volumes_keep_data_and_copy_up() {
    let Some(scene) = Scene::new() else { return };
    let name = scene.name("volume");
    let mount = format!("{name}:/data");
    scene.run(&["-v", &mount], &["sh", "-c", "echo kept >/data/file"]).good();
    assert_eq!(scene.run(&["-v", &mount], &["cat", "/data/file"]).good(), "kept\n");
    let read_only = format!("{name}:/data:ro");
    scene.run(&["-v", &read_only], &["try", "write", "/data/file"]).ended(1);
    let filled = scene.name("filled");
    let out = scene.run(&["-v", &format!("{filled}:/etc")], &["ls", "/etc"]).good();
    assert!(out.contains("passwd") && out.contains("group"), "copied up: {out}");
    let out = scene.ok(&["volume", "ls", "-q"]);
    assert!(out.contains(&name) && out.contains(&filled), "{out}");
    assert!(scene.ok(&["volume", "inspect", &name]).contains("_data"));
    scene.ok(&["volume", "rm", &name, &filled]);
    scene.docker.run(&["volume", "inspect", &name]).ended(1);
}

#[test]
fn binds_and_tmpfs() {
    let Some(scene) = Scene::new() else { return };
    let folder = scene.engine.sandbox().join("bind");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("file"), b"from outside\n").expect("a file");
    let source = folder.to_string_lossy();
    let bind = format!("{source}:/mnt");
    assert_eq!(scene.run(&["-v", &bind], &["cat", "/mnt/file"]).good(), "from outside\n");
    scene.run(&["-v", &bind], &["sh", "-c", "echo inside >/mnt/made"]).good();
    assert_eq!(std::fs::read(folder.join("made")).expect("made inside"), b"inside\n");
    let denied = scene.run(&["-v", &format!("{bind}:ro")], &["try", "write", "/mnt/x"]).ended(1);
    assert!(denied.contains("EROFS"), "{denied}");
    let mount = format!("type=bind,source={source},target=/mnt,readonly");
    scene.run(&["--mount", &mount], &["try", "write", "/mnt/x"]).ended(1);
    let mounts = scene.run(&["--tmpfs", "/scratch:size=1m,mode=1770"], &["mounts"]).good();
    let line = mounts.lines().find(|line| line.starts_with("/scratch tmpfs")).expect("a tmpfs");
    assert!(line.contains("size=1024k") && line.contains("mode=1770"), "{line}");
    let full =
        scene.run(&["--tmpfs", "/scratch:size=1m"], &["write", "/scratch/x", "2000000"]).ended(1);
    assert!(full.contains("No space left"), "{full}");
    let nested = "type=tmpfs,destination=/run/deep,tmpfs-size=65536";
    let mounts = scene.run(&["--mount", nested], &["mounts"]).good();
    assert!(mounts.contains("/run/deep tmpfs"), "{mounts}");
}

#[test]
fn shared_memory_and_default_mounts() {
    let Some(scene) = Scene::new() else { return };
    let mounts = scene.run(&["--shm-size", "8m"], &["mounts"]).good();
    let line = |start: &str| mounts.lines().find(|line| line.starts_with(start)).map(str::to_owned);
    assert!(line("/dev/shm tmpfs").is_some_and(|l| l.contains("size=8192k")), "{mounts}");
    assert!(
        line("/proc proc").is_some() && line("/sys sysfs").is_some_and(|l| l.contains("ro,")),
        "{mounts}"
    );
    assert!(line("/dev/mqueue mqueue").is_some() && line("/dev/pts devpts").is_some(), "{mounts}");
    let listed = scene.run(&[], &["ls", "/dev"]).good();
    for device in ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "fd", "shm"]
    {
        assert!(listed.lines().any(|name| name == device), "{device}: {listed}");
    }
    let hosts = scene
        .run(&["--hostname", "box", "--add-host", "peer:10.0.0.9"], &["cat", "/etc/hosts"])
        .good();
    assert!(hosts.contains("127.0.0.1\tlocalhost") && hosts.contains("10.0.0.9\tpeer"), "{hosts}");
}
