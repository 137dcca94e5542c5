//! The engine and its host as `/version` and `/info` show them.

use crate::api::version;
use crate::config::build;
use crate::probe::Host;
use shared::docker::{SystemVersion, SystemVersionComponents};
use std::collections::HashMap;

/// Go's name of the processor architecture.
pub fn architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `GET /version`.
pub fn version(host: &Host) -> SystemVersion {
    let text = |text: &str| Some(text.to_owned());
    let api = version::MAX.to_string();
    let min = version::MIN.to_string();
    let details = [
        ("ApiVersion", api.as_str()),
        ("MinAPIVersion", &min),
        ("Arch", architecture(host.machine)),
        ("BuildTime", build::TIME),
        ("GitCommit", build::COMMIT),
        ("KernelVersion", &host.kernel),
        ("Os", "linux"),
        ("Experimental", "false"),
    ];
    let details: HashMap<String, String> =
        details.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let component = |name: &str, details| SystemVersionComponents {
        name: name.to_owned(),
        version: build::VERSION.to_owned(),
        details: Some(details),
    };
    SystemVersion {
        platform: Some(shared::docker::SystemVersionPlatform { name: "Coffer".to_owned() }),
        components: Some(vec![
            component("Engine", details),
            component("coffer-shim", HashMap::new()),
        ]),
        version: text(build::VERSION),
        api_version: Some(api),
        min_api_version: Some(min),
        git_commit: text(build::COMMIT),
        os: text("linux"),
        arch: text(architecture(host.machine)),
        kernel_version: text(&host.kernel),
        build_time: text(build::TIME),
        experimental: Some(false),
        // Clients look for the key; nothing of this engine is written in Go.
        go_version: text(""),
    }
}
