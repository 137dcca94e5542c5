//! The daemon and its shims as processes of the host: control group, OOM score, who may speak to a shim.

use crate::scene::Scene;
use harness::engine::{Engine, Launch};
use harness::{leak, program, wait};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// CAP_SYS_RESOURCE: needed to make oneself less likely to be killed.
const SYS_RESOURCE: u32 = 24;

fn ours() -> Option<Scene> {
    let scene = Scene::new()?;
    if scene.engine.is_docker() {
        program::skip("about cofferd");
        return None;
    }
    Some(scene)
}

fn read(path: String) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")).trim().to_owned()
}

fn daemon(engine: &Engine) -> u32 {
    engine.pid().expect("a daemon")
}

/// The shim of a container: the parent of its first process.
fn shim(scene: &Scene, id: &str) -> u32 {
    let pid = scene.inspect(id, "/State/Pid");
    let status = read(format!("/proc/{pid}/status"));
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent");
    line.trim().parse().expect("a number")
}

fn has_capability(number: u32) -> bool {
    let status = read("/proc/self/status".into());
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("a line");
    u64::from_str_radix(line.trim(), 16).expect("a number") & (1 << number) != 0
}

#[test]
fn a_control_group_of_its_own() {
    let Some(mut scene) = ours() else { return };
    scene.engine.stop();
    let path = format!("/{}/daemon", scene.engine.sandbox().name());
    let arguments = vec!["--daemon-cgroup".into(), path.clone()];
    scene.engine.launch_as(Launch { arguments, ..Launch::default() });
    let groups = read(format!("/proc/{}/cgroup", daemon(&scene.engine)));
    let inside = |line: &&str| line.ends_with(&path);
    assert!(groups.lines().any(|line| inside(&line)), "{groups}");
    for controller in ["memory", "pids", "cpu"] {
        let named = |line: &&str| {
            line.split(':').nth(1).is_some_and(|c| c.split(',').any(|c| c == controller))
        };
        assert!(groups.lines().filter(named).all(|line| inside(&line)), "{controller}: {groups}");
    }
    // What it starts is not in it: it may be killed as a whole.
    let id = scene.start("beside", &["-m", "64m"], &["sleep", "1000"]);
    for pid in [scene.inspect(&id, "/State/Pid").to_string(), shim(&scene, &id).to_string()] {
        let groups = read(format!("/proc/{pid}/cgroup"));
        assert!(!groups.contains(&path), "{groups}");
    }
    scene.ok(&["rm", "-f", &id]);
    // The group is the operator's, and stays.
    scene.engine.stop();
    leak::remove_cgroups(scene.engine.sandbox().name());
    scene.engine.launch();
}

#[test]
fn daemon_and_shims_are_spared_by_the_oom_killer() {
    let Some(scene) = ours() else { return };
    let id = scene.start("spared", &["--oom-score-adj", "300"], &["sleep", "1000"]);
    let adjust = |pid: u32| read(format!("/proc/{pid}/oom_score_adj"));
    let container = scene.inspect(&id, "/State/Pid").as_u64().expect("a pid") as u32;
    assert_eq!(adjust(container), "300", "a container does not inherit the shim's");
    if has_capability(SYS_RESOURCE) {
        assert_eq!(adjust(daemon(&scene.engine)), "-500");
        assert_eq!(adjust(shim(&scene, &id)), "-998");
        let plain = scene.start("plain", &[], &["cat", "/proc/self/oom_score_adj"]);
        scene.ok(&["wait", &plain]);
        assert_eq!(scene.ok(&["logs", &plain]), "0");
        assert_eq!(scene.ok(&["exec", &id, "cat", "/proc/self/oom_score_adj"]), "300");
        scene.ok(&["rm", &plain]);
    } else {
        let said = scene.engine.log().matches("cannot set the daemon's oom_score_adj").count();
        assert_eq!(said, 1, "one warning where the kernel refuses");
        program::skip("CAP_SYS_RESOURCE is missing here: the scores themselves are not checked");
    }
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn a_shim_obeys_its_own_user_only() {
    let Some(scene) = ours() else { return };
    let id = scene.start("private", &[], &["sleep", "1000"]);
    let bundle = scene.engine.exec_root().join(&id);
    let socket = bundle.join("shim.sock");
    let mode = |path: &Path| path.metadata().expect("its mode").permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    // Even when the way to it is open.
    let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode));
    for path in [scene.engine.sandbox().path(), &scene.engine.exec_root(), &bundle] {
        open(path, 0o755).expect("open a folder");
    }
    open(&socket, 0o666).expect("open the socket");
    let copy = scene.engine.sandbox().join("client");
    std::fs::copy(program::built("coffer"), &copy).expect("copy a program");
    open(&copy, 0o755).expect("make it executable");
    let speak = |user: u32| {
        let mut command = Command::new(&copy);
        command.arg("-H").arg(format!("unix://{}", socket.display())).arg("version");
        let output = command.uid(user).gid(user).env_clear().current_dir("/").output();
        assert!(!output.expect("run a client").status.success(), "a shim speaks no HTTP");
    };
    speak(65534);
    wait::until_true("it is refused", || scene.engine.log().contains("user 65534 is refused"));
    speak(0);
    assert!(!scene.engine.log().contains("user 0 is refused"));
    assert_eq!(scene.ok(&["exec", &id, "echo", "alive"]), "alive");
    scene.ok(&["rm", "-f", &id]);
}
