//! `info`, `version` and the prunes.

use super::exit::{BAD_TEMPLATE, Outcome, failed};
use super::output::template::Template;
use super::output::words;
use super::request::{filters, query};
use super::{image, output};
use crate::args::prune::{Prune, PruneNamed};
use crate::args::system::Shown;
use serde_json::{Value, json};
use shared::client::{Client, Content, Method};
use shared::error::{Context, Error, Result};

/// `coffer info`.
pub async fn info(client: &Client, args: &Shown) -> Outcome {
    let mut found: Value = client.get("/info").await?;
    if let Some(format) = &args.format {
        found["ClientInfo"] = ours();
        return shown(&found, format, |template| template.render(&found));
    }
    let n = |name: &str| words::plain(found.get(name));
    let mut text = format!(
        "Client:\n Version: {}\n\nServer:\n Containers: {}\n  Running: {}\n  Paused: {}\n  Stopped: {}\n Images: {}\n",
        env!("CARGO_PKG_VERSION"),
        n("Containers"),
        n("ContainersRunning"),
        n("ContainersPaused"),
        n("ContainersStopped"),
        n("Images")
    );
    for (title, field) in [
        ("Server Version", "ServerVersion"),
        ("Storage Driver", "Driver"),
        ("Logging Driver", "LoggingDriver"),
        ("Cgroup Driver", "CgroupDriver"),
        ("Cgroup Version", "CgroupVersion"),
        ("Default Runtime", "DefaultRuntime"),
        ("Kernel Version", "KernelVersion"),
        ("Operating System", "OperatingSystem"),
        ("OSType", "OSType"),
        ("Architecture", "Architecture"),
        ("CPUs", "NCPU"),
        ("Name", "Name"),
        ("ID", "ID"),
        ("Docker Root Dir", "DockerRootDir"),
        ("Debug Mode", "Debug"),
        ("Live Restore Enabled", "LiveRestoreEnabled"),
    ] {
        if found.get(field).is_some_and(|v| !v.is_null()) {
            text.push_str(&format!(" {title}: {}\n", crate::text::clean(&n(field))));
        }
    }
    if let Some(memory) = found["MemTotal"].as_f64() {
        text.push_str(&format!(" Total Memory: {}\n", words::binary_size(memory)));
    }
    for label in found["Labels"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&format!(" Label: {}\n", crate::text::clean(label)));
    }
    output::print(&text)?;
    for warning in found["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output::print_error_bytes(format!("{}\n", crate::text::clean(warning)).as_bytes())?;
    }
    Ok(0)
}

/// `coffer version`.
pub async fn version(client: &Client, args: &Shown) -> Outcome {
    let found: Value = client.get("/version").await?;
    if let Some(format) = &args.format {
        let mut client = ours();
        client["ApiVersion"] = found["ApiVersion"].clone();
        let both = json!({"Client": client, "Server": found});
        return shown(&both, format, |template| template.render_as(&both, "Versions"));
    }
    let mut text =
        format!("Client: coffer\n Version:       {}\n\nServer:\n", env!("CARGO_PKG_VERSION"));
    for (title, field) in [
        ("Version", "Version"),
        ("API version", "ApiVersion"),
        ("Minimum API", "MinAPIVersion"),
        ("Git commit", "GitCommit"),
        ("Built", "BuildTime"),
        ("OS", "Os"),
        ("Arch", "Arch"),
        ("Kernel", "KernelVersion"),
    ] {
        let value = words::plain(found.get(field));
        if !value.is_empty() {
            text.push_str(&format!(
                " {:<14} {}\n",
                format!("{title}:"),
                crate::text::clean(&value)
            ));
        }
    }
    output::print(&text)?;
    Ok(0)
}

/// What this program is, with Docker's names of the fields.
fn ours() -> Value {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let (version, os) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    json!({"Version": version, "Os": os, "Arch": arch, "Context": "default"})
}

/// By a template, or whole as JSON.
fn shown(value: &Value, format: &str, render: impl FnOnce(&Template) -> Result<String>) -> Outcome {
    let text = match format {
        "json" => value.to_string(),
        template => {
            let template = Template::parse(template);
            let template = template.map_err(|error| failed(&parsing(&error), BAD_TEMPLATE))?;
            render(&template)?
        }
    };
    output::line(&text)?;
    Ok(0)
}

fn parsing(error: &Error) -> Error {
    Error::invalid(format!("template parsing error: {error}"))
}

/// Asks, as Docker does whatever standard input is; anything but yes is no.
fn sure(force: bool, warning: &str) -> Result<bool> {
    if force {
        return Ok(true);
    }
    output::print(&format!("WARNING! {warning}\nAre you sure you want to continue? [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn prune(client: &Client, kind: &str, given: &[String]) -> Result<Value> {
    let path = format!("/{kind}/prune{}", query(&[("filters", filters(given)?)]));
    let (_, bytes) = client.whole(Method::POST, &path, Content::Nothing).await?;
    serde_json::from_slice(&bytes).context("decode the answer to prune")
}

fn report(title: &str, gone: &str, answer: &Value) -> Outcome {
    if !gone.is_empty() {
        output::print(&format!("{title}:\n{gone}\n\n"))?;
    }
    let space = words::size(answer["SpaceReclaimed"].as_f64().unwrap_or(0.0));
    output::line(&format!("Total reclaimed space: {space}"))?;
    Ok(0)
}

fn names(list: &Value) -> String {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// `coffer container prune`.
pub async fn prune_containers(client: &Client, args: &Prune) -> Outcome {
    if !sure(args.force, "This will remove all stopped containers.")? {
        return Ok(0);
    }
    let answer = prune(client, "containers", &args.filter).await?;
    report("Deleted Containers", &names(&answer["ContainersDeleted"]), &answer)
}

/// `coffer image prune`.
pub async fn prune_images(client: &Client, args: &PruneNamed) -> Outcome {
    let all = "This will remove all images without at least one container associated to them.";
    let dangling = "This will remove all dangling images.";
    if !sure(args.prune.force, if args.all { all } else { dangling })? {
        return Ok(0);
    }
    let mut given = args.prune.filter.clone();
    given.push(format!("dangling={}", !args.all));
    let answer = prune(client, "images", &given).await?;
    // In this list Docker begins the words with a small letter.
    let gone = image::deleted(&answer["ImagesDeleted"]);
    let gone = gone.replace("Untagged:", "untagged:").replace("Deleted:", "deleted:");
    report("Deleted Images", &gone, &answer)
}

/// `coffer volume prune`.
pub async fn prune_volumes(client: &Client, args: &PruneNamed) -> Outcome {
    let all = "This will remove all local volumes not used by at least one container.";
    let anonymous = "This will remove anonymous local volumes not used by at least one container.";
    if !sure(args.prune.force, if args.all { all } else { anonymous })? {
        return Ok(0);
    }
    let mut given = args.prune.filter.clone();
    if args.all {
        given.push("all=true".into());
    }
    let answer = prune(client, "volumes", &given).await?;
    report("Deleted Volumes", &names(&answer["VolumesDeleted"]), &answer)
}
