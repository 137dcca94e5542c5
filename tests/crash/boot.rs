//! The machine stops without a word and boots again: another boot id, no processes, no control groups,
//! perhaps an empty exec root. The next daemon wipes what is stale and starts what policies want.

use crate::{create, engine, finish, inspect, numbers, run};
use harness::engine::{Engine, Launch};
use harness::http::encode;
use harness::remains::signal;
use harness::{leak, wait};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Whether the exec root is in memory, as `/run` is, or was not cleared by the boot.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ExecRoot {
    Gone,
    Kept,
}

/// In a mount namespace of its own, where the boot id is the file's that comes first.
const BOOTED: &str = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";

/// Ends the daemon and everything else of it at once, as the loss of power does, and boots.
fn reboot(engine: &mut Engine, number: u32, exec_root: ExecRoot) {
    let name = engine.sandbox().name().to_owned();
    engine.kill();
    // Shims first: nobody is to see how a container ends.
    let mut processes = leak::processes(&name);
    processes.sort_by_key(|(_, command)| !command.contains("--bundle"));
    for (pid, _) in processes {
        signal(pid, Signal::SIGKILL);
    }
    leak::thaw(&name);
    wait::until_true("everything has ended", || {
        leak::processes(&name).iter().all(|(pid, _)| !leak::runs(*pid))
    });
    leak::remove_cgroups(&name);
    if exec_root == ExecRoot::Gone {
        std::fs::remove_dir_all(engine.exec_root()).expect("clear the exec root");
    }
    let id = engine.sandbox().join(&format!("boot{number}"));
    std::fs::write(&id, format!("00000000-0000-4000-8000-{number:012}\n")).expect("a boot id");
    let id = id.display().to_string();
    let before = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BOOTED, &id];
    let before = before.map(str::to_owned).to_vec();
    engine.launch_as(Launch { before, ..Launch::default() });
}

fn policy(name: &str) -> Value {
    json!({"RestartPolicy": {"Name": name}})
}

fn state(engine: &Engine, id: &str) -> Value {
    inspect(engine, id)["State"].clone()
}

fn dies(engine: &Engine, id: &str) -> Vec<String> {
    let filters = encode(&json!({"event": ["die"], "container": [id]}).to_string());
    let until = time::OffsetDateTime::now_utc().unix_timestamp() + 1;
    let path = format!("/events?since=1&until={until}&filters={filters}");
    let text = engine.client().get(&path).expect(200).text();
    let told = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    told.map(|event| event["Actor"]["Attributes"]["exitCode"].to_string()).collect()
}

#[test]
fn another_boot_wipes_what_was_and_starts_by_policy() {
    let Some((mut engine, before)) = engine() else { return };
    for (number, exec_root) in [(1, ExecRoot::Gone), (2, ExecRoot::Kept)] {
        booted_again(&mut engine, number, exec_root);
        engine.remove_containers();
    }
    finish(&engine, &before);
}

fn booted_again(engine: &mut Engine, number: u32, exec_root: ExecRoot) {
    let client = engine.client();
    let start = |name: &str, host: Value| run(engine, name, &["log", "1000000", "60", "100"], host);
    let plain = start("plain", json!({}));
    let paused = start("paused", json!({}));
    let removed = start("removed", json!({"AutoRemove": true}));
    let again = ["always", "unless-stopped", "on-failure"].map(|name| start(name, policy(name)));
    let stopped = start("stopped", policy("unless-stopped"));
    let ended = run(engine, "ended", &["sh", "-c", "exit 3"], json!({}));
    let created = create(engine, "created", &["true"], json!({}));
    client.post(&format!("/containers/{paused}/pause")).expect(204);
    client.post(&format!("/containers/{stopped}/stop?t=0")).expect(204);
    client.post(&format!("/containers/{ended}/wait")).expect(200);
    wait::until_true("it writes", || numbers(engine, &plain).len() > 3);
    let old: Vec<_> = again.iter().map(|id| state(engine, id)["Pid"].clone()).collect();

    reboot(engine, number, exec_root);
    for id in [&plain, &paused] {
        let now = state(engine, id);
        let seen = (&now["Status"], &now["ExitCode"], &now["Pid"], &now["Paused"]);
        assert_eq!(
            seen,
            (&json!("exited"), &json!(255), &json!(0), &json!(false)),
            "{exec_root:?}"
        );
        assert!(now["FinishedAt"].as_str() > now["StartedAt"].as_str(), "{now}");
        assert_eq!(dies(engine, id), ["\"255\""]);
    }
    let kept = numbers(engine, &plain);
    assert!(kept.len() > 3 && kept.iter().copied().eq(1..=kept.len() as u64), "{kept:?}");
    let seen =
        |id: &str| (state(engine, id)["Status"].clone(), state(engine, id)["ExitCode"].clone());
    assert_eq!(seen(&ended), (json!("exited"), json!(3)));
    assert_eq!(seen(&created), (json!("created"), json!(0)));
    assert_eq!(seen(&stopped), (json!("exited"), json!(137)));
    wait::until_true("--rm is kept", || {
        engine.client().get(&format!("/containers/{removed}/json")).status == 404
    });
    for (id, old) in again.iter().zip(old) {
        let now = wait::until("its policy starts it", wait::LIMIT, || {
            let now = state(engine, id);
            (now["Status"] == "running").then_some(now)
        });
        assert!(leak::runs(now["Pid"].as_u64().expect("a pid") as u32), "{now}");
        assert_ne!(now["Pid"], old, "{now}");
    }
    // What ended can be started, and everything obeys.
    engine.client().post(&format!("/containers/{plain}/start")).expect(204);
    for id in again.iter().chain([&plain]) {
        engine.client().post(&format!("/containers/{id}/kill")).expect(204);
        engine.client().post(&format!("/containers/{id}/stop?t=0"));
    }
}
