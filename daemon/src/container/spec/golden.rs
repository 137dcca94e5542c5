//! Whole specs against the files in `golden/`. `INSTA_UPDATE=always` rewrites them; read the difference.

use super::*;
use serde_json::{Value, json};
use std::time::Instant;

/// Sorts what has no order: sets of capabilities.
fn tidy(spec: &Spec) -> Value {
    let mut value = serde_json::to_value(spec).unwrap();
    if let Some(sets) = value["process"]["capabilities"].as_object_mut() {
        for list in sets.values_mut().filter_map(Value::as_array_mut) {
            list.sort_by_key(|c| c.as_str().unwrap_or_default().to_owned());
        }
    }
    value
}

fn spec(body: &ContainerCreateBody) -> Spec {
    let asked = body.host_config.clone().unwrap_or_default();
    let host = host::Host::able();
    let security =
        security::Security::decide(&asked, &host, security::Defaults::default()).unwrap();
    let ipc = namespace::ipc(&asked).unwrap();
    let private = namespace::Place::New;
    let places = namespace::Places {
        net: namespace::Place::At("/proc/42/ns/net".into()),
        pid: private.clone(),
        ipc: if ipc == namespace::Mode::Host { namespace::Place::Host } else { private.clone() },
        uts: private.clone(),
        cgroup: namespace::Place::Host,
    };
    let identity = user::resolve("", &[], "root:x:0:0::/root:/bin/sh\n", "").unwrap();
    let mut points = point::points(body, &[]).unwrap();
    for point in points.iter_mut().filter(|p| p.kind == point::PointKind::Volume) {
        point.source = format!("/data/volumes/{}/_data", point.name);
    }
    let files = [("/etc/hostname", PathBuf::from("/data/containers/1/hostname"))];
    build(Input {
        body,
        rootfs: Path::new("/run/coffer/1/rootfs"),
        hostname: "box",
        cgroup: "/coffer/1",
        identity: &identity,
        security: &security,
        devices: device::devices(&asked).unwrap(),
        places: &places,
        shm: mount::Shm::Own(asked.shm_size.filter(|s| *s > 0).unwrap_or(mount::SHM_BYTES)),
        points: &points,
        files: &files,
        init: asked.init.unwrap_or_default().then(|| Path::new("/usr/libexec/coffer-init")),
    })
    .unwrap()
}

fn body(text: Value) -> ContainerCreateBody {
    serde_json::from_value(text).unwrap()
}

fn golden(name: &str, body: &ContainerCreateBody) {
    insta::with_settings!({snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&tidy(&spec(body))).unwrap());
    });
}

#[test]
fn plain() {
    golden("plain", &body(json!({"Cmd": ["sleep", "9"], "Env": ["A=1"]})));
}

#[test]
fn rich() {
    golden(
        "rich",
        &body(json!({
            "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["id"], "Tty": true, "WorkingDir": "/srv",
            "HostConfig": {
                "Memory": 67108864, "NanoCpus": 1500000000_i64, "PidsLimit": 50, "CpusetCpus": "0",
                "CapAdd": ["NET_ADMIN"], "CapDrop": ["MKNOD"], "ReadonlyRootfs": true, "Init": true,
                "Binds": ["/srv/data:/data:ro,rslave", "vol:/var/lib/x"], "Tmpfs": {"/tmp": "size=1m,exec"},
                "Ulimits": [{"Name": "nofile", "Soft": 64, "Hard": 128}], "OomScoreAdj": 500, "ShmSize": 1048576,
                "Sysctls": {"kernel.shmmax": "1000000"}, "SecurityOpt": ["no-new-privileges"],
                "ConsoleSize": [24, 80], "DeviceCgroupRules": ["c 10:200 rwm"],
                "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "rw"}],
            }
        })),
    );
}

#[test]
fn a_spec_is_made_in_no_time() {
    let body = body(json!({"Cmd": ["true"]}));
    let started = Instant::now();
    const ROUNDS: u32 = 50;
    for _ in 0..ROUNDS {
        serde_json::to_vec(&spec(&body)).unwrap();
    }
    let each = started.elapsed() / ROUNDS;
    // Debug builds are some ten times slower than what is shipped; the point is that it stays far
    // below a start.
    assert!(each.as_micros() < 10_000, "{each:?}");
}
