//! The docker client's verbs about the life of a container.

use crate::scene::{Scene, Verdict};
use harness::wait;

#[test]
fn run_gives_output_and_status() {
    let Some(scene) = Scene::new() else { return };
    assert_eq!(scene.run(&[], &["echo", "hello"]).good(), "hello\n");
    let output = scene.run(&[], &["sh", "-c", "echo out; echo err >&2; exit 42"]);
    assert_eq!((output.status, &output.out[..], &output.err[..]), (42, "out\n", "err\n"));
    let name = scene.name("gone");
    scene.run(&["--name", &name], &["true"]).good();
    assert_eq!(scene.ok(&["ps", "-aq", "--filter", &format!("name={name}")]), "");
}

#[test]
fn run_pipes_standard_input() {
    let Some(scene) = Scene::new() else { return };
    let input = b"0123456789abcdef\n".repeat(100_000);
    let words = ["run", "--rm", "-i", "--network", "none", "probe", "wc"];
    let output = scene.with_input(&words, &input);
    assert_eq!(output.good(), format!("100000 {}\n", input.len()));
    let words = ["run", "--rm", "-i", "--network", "none", "probe", "cat"];
    let output = scene.with_input(&words, &input);
    assert!(output.out.as_bytes() == input, "{} bytes came back", output.out.len());
}

#[test]
fn statuses_of_programs_that_cannot_run() {
    let Some(scene) = Scene::new() else { return };
    let missing = scene.run(&[], &["nope"]).ended(127);
    assert!(missing.contains("executable file not found in $PATH"), "{missing}");
    let forbidden = scene.run(&[], &["/etc/passwd"]).ended(126);
    assert!(forbidden.contains("permission denied"), "{forbidden}");
    scene.docker.run(&["run", "--rm", "--network", "none", "no-such-image:1", "true"]).ended(125);
}

#[test]
fn environment_directory_user_entrypoint() {
    let Some(scene) = Scene::new() else { return };
    let out = scene.run(&["-e", "A=b c", "-e", "EMPTY="], &["env"]).good();
    assert!(out.contains("A=b c\n") && out.contains("EMPTY=\n"), "{out}");
    assert!(out.contains("HOSTNAME=") && out.contains("HOME=/root\n"), "{out}");
    assert_eq!(scene.run(&["-w", "/var/made/here"], &["pwd"]).good(), "/var/made/here\n");
    assert_eq!(
        scene.run(&["-u", "guest"], &["id"]).good(),
        "uid=1000(guest) gid=1000(guest) groups=50(staff),1000(guest)\n"
            .replace("50(staff),1000(guest)", &groups(&scene))
    );
    assert!(scene.run(&["-u", "12:34"], &["id"]).good().starts_with("uid=12 gid=34"));
    assert_eq!(scene.run(&["--entrypoint", "/bin/echo"], &["x", "y"]).good(), "x y\n");
    assert_eq!(scene.run(&["--hostname", "box"], &["hostname"]).good(), "box\n");
    let ghost = scene.run(&["-u", "ghost"], &["id"]);
    assert!(
        ghost.err.contains("unable to find user ghost: no matching entries in passwd file"),
        "{}",
        ghost.err
    );
}

/// The order of further groups is the runtime's own.
fn groups(scene: &Scene) -> String {
    let out = scene.run(&["-u", "guest"], &["id"]).good();
    let groups =
        out.trim().rsplit_once("groups=").map(|(_, groups)| groups.to_owned()).expect("groups");
    assert!(groups.contains("50(staff)"), "{groups}");
    groups
}

#[test]
fn stop_start_restart_kill() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("life", &[], &["trap", "TERM=7", "USR1=say"]);
    scene.said(&id, "ready");
    scene.ok(&["kill", "-s", "USR1", &id]);
    scene.said(&id, "SIGUSR1");
    scene.ok(&["stop", &id]);
    assert_eq!(scene.inspect(&id, "/State/ExitCode"), 7);
    scene.ok(&["start", &id]);
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    scene.ok(&["restart", "-t", "5", &id]);
    assert_eq!(scene.inspect(&id, "/State/Running"), true);
    scene.ok(&["kill", &id]);
    assert_eq!(scene.ok(&["wait", &id]), "137");
    scene.ok(&["rm", &id]);
}

#[test]
fn pause_freezes() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("pause", &[], &["log", "100000", "30", "50"]);
    scene.said(&id, "00000003");
    scene.ok(&["pause", &id]);
    let pid = scene.inspect(&id, "/State/Pid").as_u64().expect("a pid");
    // What it wrote before it froze may still be on its way to the log.
    let mut before = String::new();
    wait::until_true("nothing more is written", || {
        let last = std::mem::replace(&mut before, scene.ok(&["logs", "--tail", "1", &id]));
        last == before
    });
    let frozen = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let first = frozen();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(frozen(), first, "it used the processor while it was paused");
    assert_eq!(scene.ok(&["logs", "--tail", "1", &id]), before);
    scene.ok(&["unpause", &id]);
    wait::until_true("it goes on", || scene.ok(&["logs", "--tail", "1", &id]) != before);
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn ps_with_filters_and_format() {
    let Some(scene) = Scene::new() else { return };
    let one = scene.start("one", &["--label", "x=1"], &["sleep", "1000"]);
    let two = scene.start("two", &["--label", "x=2"], &["sh", "-c", "exit 9"]);
    scene.ok(&["wait", &two]);
    let name = |n: &str| scene.name(n);
    let mine = format!("name={}", scene.name(""));
    let format = "{{.Names}} {{.State}} {{.Label \"x\"}}";
    let out = scene.ok(&["ps", "-a", "--filter", &mine, "--format", format]);
    assert_eq!(out, format!("{} exited 2\n{} running 1", name("two"), name("one")));
    let exited =
        scene.ok(&["ps", "-a", "-q", "--no-trunc", "--filter", &mine, "--filter", "exited=9"]);
    assert_eq!(exited, two);
    assert_eq!(scene.ok(&["ps", "-q", "--no-trunc", "--filter", &mine]), one);
    let table = scene.ok(&["ps", "-a", "--filter", &mine]);
    assert!(table.contains("Exited (9)") && table.contains("\"sleep 1000\""), "{table}");
    assert!(scene.ok(&["ps", "-as", "--filter", &mine]).contains("virtual"), "sizes");
}

#[test]
fn rename_and_update() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("before", &[], &["sleep", "1000"]);
    scene.ok(&["rename", &id, &scene.name("after")]);
    assert_eq!(scene.inspect(&scene.name("after"), "/Id"), id);
    scene.ok(&[
        "update",
        "--memory",
        "64m",
        "--memory-swap",
        "64m",
        "--pids-limit",
        "50",
        "--cpus",
        "0.5",
        &id,
    ]);
    assert_eq!(scene.inspect(&id, "/HostConfig/Memory"), 64 << 20);
    assert_eq!(scene.inspect(&id, "/HostConfig/NanoCpus"), 500_000_000);
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn restart_policies() {
    let Some(scene) = Scene::new() else { return };
    let id =
        scene.start("retry", &["--restart", "on-failure:2"], &["sh", "-c", "echo try; exit 3"]);
    wait::until_true("it has given up", || {
        scene.inspect(&id, "/State/Status") == "exited" && scene.inspect(&id, "/RestartCount") == 2
    });
    assert_eq!(scene.ok(&["logs", &id]), "try\ntry\ntry");
    let always = scene.start(
        "always",
        &["--restart", "always"],
        &["sh", "-c", "echo up; sleep 0.1; exit 0"],
    );
    wait::until_true("it was started again", || {
        scene.inspect(&always, "/RestartCount").as_u64() > Some(1)
    });
    scene.ok(&["stop", "-t", "1", &always]);
    assert_eq!(scene.inspect(&always, "/State/Running"), false);
    scene.ok(&["rm", "-f", &id, &always]);
}

#[test]
fn health_checks() {
    let Some(scene) = Scene::new() else { return };
    let flags = [
        "--health-cmd",
        "cat /healthy",
        "--health-interval",
        "200ms",
        "--health-retries",
        "2",
        "--health-timeout",
        "5s",
    ];
    let id = scene.start("health", &flags, &["sleep", "1000"]);
    // One look, since the next failure may come between two.
    let health = scene.inspect(&id, "/State/Health");
    let early = health["FailingStreak"].as_u64() < Some(2);
    assert_eq!(health["Status"], if early { "starting" } else { "unhealthy" }, "{health}");
    wait::until_true("unhealthy", || scene.inspect(&id, "/State/Health/Status") == "unhealthy");
    assert!(scene.inspect(&id, "/State/Health/FailingStreak").as_u64() >= Some(2));
    assert_eq!(scene.inspect(&id, "/State/Health/Log/0/ExitCode"), 1);
    scene.ok(&["exec", &id, "touch", "/healthy"]);
    wait::until_true("healthy", || scene.inspect(&id, "/State/Health/Status") == "healthy");
    assert!(scene.ok(&["ps", "--filter", "health=healthy"]).contains("(healthy)"));
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn init_reaps_orphans() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("init", &["--init"], &["orphans", "5"]);
    scene.said(&id, "left 5");
    wait::until_true("the orphans are gone and were waited for", || {
        let table = scene.ok(&["exec", &id, "ps"]);
        !table.contains("sleep 0.05") && !table.contains(" Z ")
    });
    scene.ok(&["stop", "-t", "10", &id]);
    scene.ok(&["rm", &id]);
}

#[test]
fn namespaces_of_others() {
    let Some(scene) = Scene::new() else { return };
    let id = scene.start("first", &["--ipc", "shareable"], &["sleep", "1000"]);
    let own = |kind: &str| {
        let pid = scene.inspect(&id, "/State/Pid");
        std::fs::read_link(format!("/proc/{pid}/ns/{kind}"))
            .expect("a namespace")
            .to_string_lossy()
            .into_owned()
    };
    let container = format!("container:{id}");
    let out = scene.run(&["--pid", &container], &["ps"]).good();
    assert!(out.contains("sleep 1000"), "{out}");
    let out = scene.run(&["--ipc", &container], &["readlink", "/proc/self/ns/ipc"]).good();
    assert_eq!(out.trim(), own("ipc"));
    let words = ["run", "--rm", "--network", &container, "probe", "readlink", "/proc/self/ns/net"];
    assert_eq!(scene.ok(&words), own("net"));
    let host = std::fs::read_link("/proc/self/ns/pid").expect("a namespace");
    let out = scene.run(&["--pid", "host"], &["readlink", "/proc/self/ns/pid"]).good();
    assert_eq!(out.trim(), host.to_string_lossy());
    let out = scene.run(&["--uts", "host"], &["hostname"]).good();
    assert_eq!(out, std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name"));
    scene.ok(&["rm", "-f", &id]);
}

#[test]
fn networks_none_and_host() {
    let Some(scene) = Scene::new() else { return };
    let none = scene.run(&[], &["interfaces"]).good();
    assert!(none.lines().any(|line| line == "lo") && !none.contains("eth"), "{none}");
    let words = ["run", "--rm", "--network", "host", "probe", "readlink", "/proc/self/ns/net"];
    let host = std::fs::read_link("/proc/self/ns/net").expect("a namespace");
    assert_eq!(scene.ok(&words), host.to_string_lossy());
}
