//! What a container may not do, and how it is allowed to.

use crate::scene::{Scene, Verdict};

fn line(text: &str, name: &str) -> String {
    let found = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    found.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn capabilities() {
    let Some(scene) = Scene::new() else { return };
    let plain = scene.run(&[], &["caps"]).good();
    assert_eq!(line(&plain, "CapEff"), "00000000a80425fb");
    let more = scene.run(&["--cap-add", "SYS_TIME"], &["caps"]).good();
    assert_eq!(line(&more, "CapBnd"), "00000000aa0425fb");
    let none = scene.run(&["--cap-drop", "ALL"], &["caps"]).good();
    assert_eq!(line(&none, "CapEff"), "0000000000000000");
    let one = scene.run(&["--cap-drop", "ALL", "--cap-add", "CHOWN"], &["caps"]).good();
    assert_eq!(line(&one, "CapEff"), "0000000000000001");
    let user = scene.run(&["-u", "guest"], &["caps"]).good();
    assert_eq!(line(&user, "CapEff"), "0000000000000000");
}

#[test]
fn seccomp() {
    let Some(scene) = Scene::new() else { return };
    let plain = scene.run(&[], &["caps"]).good();
    assert_eq!(line(&plain, "Seccomp"), "2");
    assert_eq!(scene.run(&[], &["try", "unshare"]).ended(1), "EPERM\n");
    assert_eq!(scene.run(&[], &["try", "mount"]).ended(1), "EPERM\n");
    let open = scene.run(&["--security-opt", "seccomp=unconfined"], &["caps"]).good();
    assert_eq!(line(&open, "Seccomp"), "0");
    assert_eq!(
        scene.run(&["--security-opt", "seccomp=unconfined"], &["try", "unshare"]).good(),
        "ok\n"
    );
}

#[test]
fn no_new_privileges() {
    let Some(scene) = Scene::new() else { return };
    assert_eq!(line(&scene.run(&[], &["caps"]).good(), "NoNewPrivs"), "0");
    let set = scene.run(&["--security-opt", "no-new-privileges"], &["caps"]).good();
    assert_eq!(line(&set, "NoNewPrivs"), "1");
}

#[test]
fn a_read_only_root() {
    let Some(scene) = Scene::new() else { return };
    assert_eq!(scene.run(&["--read-only"], &["try", "write", "/x"]).ended(1), "EROFS\n");
    let flags = ["--read-only", "--tmpfs", "/tmp"];
    assert_eq!(scene.run(&flags, &["try", "write", "/tmp/x"]).good(), "ok\n");
}

#[test]
fn masked_and_read_only_paths() {
    let Some(scene) = Scene::new() else { return };
    for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list"] {
        if std::path::Path::new(path).exists() {
            assert_eq!(scene.run(&[], &["cat", path]).good(), "", "{path}");
        }
    }
    for path in ["/proc/acpi", "/sys/firmware"] {
        if std::path::Path::new(path).exists() {
            assert_eq!(scene.run(&[], &["ls", path]).good(), "", "{path}");
        }
    }
    let denied = scene.run(&[], &["try", "write", "/proc/sys/kernel/hostname"]).ended(1);
    assert!(denied.contains("EROFS"), "{denied}");
    if std::path::Path::new("/proc/sysrq-trigger").exists() {
        let denied = scene.run(&[], &["try", "write", "/proc/sysrq-trigger"]).ended(1);
        assert!(denied.contains("EROFS"), "{denied}");
    }
}

#[test]
fn privileged() {
    let Some(scene) = Scene::new() else { return };
    if scene.engine.is_docker() {
        return harness::program::skip("runc asks for capabilities that this machine may lack");
    }
    let caps = scene.run(&["--privileged"], &["caps"]).good();
    assert_eq!(line(&caps, "Seccomp"), "0");
    let own = std::fs::read_to_string("/proc/self/status").expect("our own status");
    let bound = own.lines().find(|l| l.starts_with("CapBnd")).expect("a line").replace('\t', " ");
    assert_eq!(line(&caps, "CapEff"), line(&bound, "CapBnd"));
    assert_eq!(scene.run(&["--privileged"], &["try", "mount"]).good(), "ok\n");
    let mounts = scene.run(&["--privileged"], &["mounts"]).good();
    assert!(mounts.lines().any(|l| l.starts_with("/sys sysfs rw")), "{mounts}");
}

#[test]
fn devices() {
    let Some(scene) = Scene::new() else { return };
    assert_eq!(
        scene.run(&[], &["sh", "-c", "cat /dev/null; echo x >/dev/null; stat /dev/null"]).good(),
        "c 0666 0:0 1,3 1 /dev/null\n"
    );
    let out = scene.run(&["--device", "/dev/null:/dev/other:r"], &["stat", "/dev/other"]).good();
    assert!(out.starts_with("c ") && out.contains("1,3"), "{out}");
    // A node can be made, but what is not allowed cannot be opened.
    let made = scene.run(&[], &["try", "mknod", "/tmp/null"]).good();
    assert_eq!(made, "ok\n");
    // One that is there by another way: an empty loop device, which can be read to its end.
    let empty = std::fs::read_to_string("/sys/block/loop7/size").is_ok_and(|s| s.trim() == "0");
    if !empty || !std::path::Path::new("/dev/loop7").exists() {
        return harness::program::skip("there is no empty /dev/loop7 to be denied");
    }
    let denied = scene.run(&["-v", "/dev/loop7:/dev/disk"], &["cat", "/dev/disk"]).ended(1);
    assert!(denied.contains("Operation not permitted"), "{denied}");
    assert_eq!(
        scene.run(&["--device", "/dev/loop7:/dev/disk:r"], &["cat", "/dev/disk"]).good(),
        ""
    );
    let rule = ["-v", "/dev/loop7:/dev/disk", "--device-cgroup-rule", "b 7:7 r"];
    assert_eq!(scene.run(&rule, &["cat", "/dev/disk"]).good(), "");
}

#[test]
fn groups_and_users() {
    let Some(scene) = Scene::new() else { return };
    let out = scene.run(&["--group-add", "50", "--group-add", "777"], &["id"]).good();
    assert!(out.contains("50(staff)") && out.contains("777"), "{out}");
    let out = scene.run(&["-u", "1000:50"], &["id"]).good();
    assert!(out.starts_with("uid=1000(guest) gid=50(staff)"), "{out}");
}
