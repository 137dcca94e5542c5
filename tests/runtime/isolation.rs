//! What a container sees and may do, and that an image cannot lead the runtime outside.

use crate::scene::Scene;
use serde_json::json;
use std::os::unix::fs::symlink;

#[test]
fn its_own_name_processes_and_mounts() {
    let Some(mut scene) = Scene::new(&["sh", "-c", "hostname; ps; mounts"]) else { return };
    scene.spec["root"]["readonly"] = json!(true);
    let (code, out) = scene.foreground();
    assert_eq!(code, 0, "{out}");
    assert!(out.starts_with("scene\n"), "{out}");
    let host = std::fs::read_dir("/proc").expect("proc").count();
    assert!(out.lines().count() < host, "{out}");
    assert!(!out.contains(scene.path("rootfs").to_str().expect("utf-8")), "{out}");
}

#[test]
fn masked_and_read_only_paths() {
    let commands = "cat /proc/timer_list; echo seen; write /proc/sys/kernel/domainname 1";
    let Some(scene) = Scene::new(&["sh", "-c", commands]) else { return };
    scene.write();
    let output = scene.run(&["run", scene.id()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "seen\n", "{error}");
    assert!(error.to_lowercase().contains("read-only"), "{error}");
}

#[test]
fn capabilities_and_no_new_privileges() {
    let Some(scene) = Scene::new(&["cat", "/proc/self/status"]) else { return };
    let (_, out) = scene.foreground();
    let field = |name: &str| {
        let line = out.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default().to_owned()
    };
    let kill = format!("{:016x}", 1 << 5);
    assert_eq!((field("CapEff:"), field("CapBnd:")), (kill.clone(), kill));
    assert_eq!((field("CapAmb:"), field("NoNewPrivs:")), (format!("{:016x}", 0), "1".to_owned()));
}

#[test]
fn a_filter_of_system_calls() {
    let Some(mut scene) = Scene::new(&["mkdir", "/tmp/x"]) else { return };
    scene.spec["linux"]["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18}],
    });
    scene.write();
    let output = scene.run(&["run", scene.id()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && error.contains("os error 18") || error.contains("ross-device"),
        "{error}"
    );
    assert!(!scene.path("rootfs/tmp/x").exists());
}

#[test]
fn devices_are_there_and_no_others() {
    let Some(scene) = Scene::new(&["sh", "-c", "ls /dev; cat /dev/null; try mknod /dev/kmsg"])
    else {
        return;
    };
    let (_, out) = scene.foreground();
    for name in ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin"] {
        assert!(out.lines().any(|line| line.trim() == name), "{name} is missing: {out}");
    }
}

#[test]
fn symlinks_of_an_image_stay_inside() {
    let Some(mut scene) = Scene::new(&["true"]) else { return };
    let outside = scene.path("outside");
    std::fs::create_dir(&outside).expect("make a folder");
    let up =
        format!("{}{}", "../".repeat(20), outside.strip_prefix("/").expect("absolute").display());
    symlink(&up, scene.path("rootfs/relative")).expect("link");
    symlink(&outside, scene.path("rootfs/absolute")).expect("link");
    let source = scene.path("config.json");
    for link in ["relative", "absolute"] {
        let mount = json!({"destination": format!("/{link}/file"), "type": "bind", "source": source,
            "options": ["bind"]});
        scene.spec["mounts"].as_array_mut().expect("mounts").push(mount);
    }
    let (code, _) = scene.foreground();
    assert_eq!(code, 0);
    let found = std::fs::read_dir(&outside).expect("list").count();
    assert_eq!(found, 0, "something was made outside of the root");
}

#[test]
fn proc_must_be_a_plain_folder() {
    let Some(scene) = Scene::new(&["true"]) else { return };
    std::fs::remove_dir(scene.path("rootfs/proc")).expect("remove");
    symlink("/tmp", scene.path("rootfs/proc")).expect("link");
    scene.write();
    let said = scene.refused(&["create", scene.id()]);
    assert!(said.contains("must be mounted on ordinary directory"), "{said}");
}

#[test]
fn sysctls_of_the_host_are_refused() {
    let Some(mut scene) = Scene::new(&["sysctl", "net.ipv4.ip_forward"]) else { return };
    scene.spec["linux"]["sysctl"] = json!({"net.ipv4.ip_forward": "1"});
    let (code, out) = scene.foreground();
    assert!(code == 0 && out.contains('1'), "{out}");
    scene.spec["linux"]["sysctl"] = json!({"kernel.panic": "1"});
    scene.write();
    let said = scene.refused(&["create", scene.id()]);
    assert!(said.contains("not in a separate kernel namespace"), "{said}");
}
