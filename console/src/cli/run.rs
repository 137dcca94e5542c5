//! `run` and `create`.

use super::exit::{Outcome, failed, start_code};
use super::request::{encode, query};
use super::session::{self, End, Session};
use super::{body, output, progress};
use crate::args::create::{Create, Run};
use futures_util::stream::StreamExt;
use serde::Deserialize;
use shared::client::{Client, Content, Method};
use shared::error::{Context, Error, Kind, Result};
use std::io::IsTerminal;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// What contradicts itself, found before anything is made.
fn check(args: &Create) -> Result<()> {
    let restarts = args.restart.as_deref().is_some_and(|policy| !matches!(policy, "" | "no"));
    if args.rm && restarts {
        return Err(Error::invalid("conflicting options: cannot specify both --restart and --rm"));
    }
    let network = args.network.as_deref().unwrap_or("default");
    let own = !matches!(network, "default" | "bridge" | "host" | "none");
    if !args.network_alias.is_empty() && (!own || network.starts_with("container:")) {
        return Err(Error::invalid(
            "network-scoped aliases are only supported for user-defined networks",
        ));
    }
    Ok(())
}

/// `coffer create`.
pub async fn create(client: &Client, args: Create) -> Outcome {
    check(&args)?;
    let id = make(client, &args, body::streams(&args)).await?;
    output::line(&id)?;
    Ok(0)
}

/// `coffer run`.
pub async fn run(client: &Client, args: Run) -> Outcome {
    if args.detach && !args.create.attach.is_empty() {
        let words = "conflicting options: cannot specify both --attach and --detach";
        return Err(failed(&Error::invalid(words), 1));
    }
    check(&args.create).map_err(|e| failed(&e, 125))?;
    let streams = if args.detach { body::DETACHED } else { body::streams(&args.create) };
    let terminal = args.create.tty;
    if terminal && streams.input && !args.detach && !std::io::stdin().is_terminal() {
        return Err(failed(&Error::invalid("the input device is not a TTY"), 1));
    }
    let keys = session::keys(args.detach_keys.as_deref()).map_err(|e| failed(&e, 125))?;
    let id = make(client, &args.create, streams).await.map_err(|e| failed(&e, 125))?;
    let short = format!("/containers/{id}");
    if args.detach {
        start(client, &args.create, &id).await?;
        output::line(&id)?;
        return Ok(0);
    }
    let attach = format!(
        "{short}/attach{}",
        query(&[
            ("stream", Some("1".into())),
            ("stdin", super::request::switch(streams.input)),
            ("stdout", super::request::switch(streams.output)),
            ("stderr", super::request::switch(streams.error)),
        ])
    );
    let halves = client.hijack(&attach, Content::Nothing).await.map_err(|e| failed(&e, 125))?;
    let exit = waiting(client, &id, if args.create.rm { "removed" } else { "next-exit" })
        .await
        .map_err(|e| failed(&e, 125))?;
    start(client, &args.create, &id).await?;
    if terminal && std::io::stdout().is_terminal() {
        // A process that has already ended has no size.
        let _ = session::resize(client, &short).await;
    }
    let session = Session {
        object: short,
        terminal,
        input: streams.input,
        keys,
        signals_to: (args.sig_proxy && !terminal).then(|| id.clone()),
    };
    match session::talk(client, &session, halves).await? {
        End::Detached => Ok(0),
        End::Closed => exit.code().await,
    }
}

async fn remove_quietly(client: &Client, args: &Create, id: &str) {
    if args.rm {
        // It never ran; the error that is reported is the one before.
        let _ = client.delete(&format!("/containers/{id}")).await;
    }
}

async fn start(client: &Client, args: &Create, id: &str) -> Result<()> {
    if let Err(error) = client.act(&format!("/containers/{id}/start")).await {
        remove_quietly(client, args, id).await;
        return Err(failed(&error, start_code(&error)));
    }
    Ok(())
}

/// Creates; fetches the image first when it is missing and may be fetched.
async fn make(client: &Client, args: &Create, streams: body::Streams) -> Result<String> {
    let body = body::create(args, streams)?;
    let image = args.image_and_command.first().map_or("", String::as_str);
    let policy = args.pull.as_deref().unwrap_or("missing");
    if !matches!(policy, "missing" | "always" | "never") {
        return Err(Error::invalid(format!(
            "invalid pull option: '{policy}': must be one of \"always\", \"missing\" or \"never\""
        )));
    }
    if let Some(file) = args.cidfile.as_ref().filter(|f| std::path::Path::new(f).exists()) {
        return Err(Error::invalid(format!(
            "container ID file found, make sure the other container isn't running or delete {file}"
        )));
    }
    if policy == "always" {
        pull(client, image, args).await?;
    }
    let path = format!(
        "/containers/create{}",
        query(&[("name", args.name.clone()), ("platform", args.platform.clone())])
    );
    let created: Created = match client.post(&path, &body).await {
        Err(error)
            if error.kind() == Kind::NotFound
                && policy == "missing"
                && error.to_string().contains("No such image") =>
        {
            output::print_error_bytes(
                format!("Unable to find image '{}' locally\n", with_tag(image)).as_bytes(),
            )?;
            pull(client, image, args).await?;
            client.post(&path, &body).await?
        }
        other => other?,
    };
    for warning in created.warnings.unwrap_or_default() {
        output::print_error_bytes(format!("WARNING: {warning}\n").as_bytes())?;
    }
    if let Some(file) = &args.cidfile {
        std::fs::write(file, &created.id)
            .with_context(|| format!("failed to write the container ID to the file {file:?}"))?;
    }
    Ok(created.id)
}

fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_string() } else { format!("{image}:latest") }
}

async fn pull(client: &Client, image: &str, args: &Create) -> Result<()> {
    let path = format!("/images/create?fromImage={}", encode(&with_tag(image)));
    let mut lines =
        client.lines::<serde_json::Value>(Method::POST, &path, Content::Nothing).await?;
    let mut bar = progress::Progress::new(progress::Wish::of(args.quiet));
    while let Some(line) = lines.next().await {
        bar.event(&line?)?;
    }
    bar.finish();
    Ok(())
}

/// A wait that the daemon has already taken note of.
pub struct Waiting(shared::client::Body);

/// Begins to wait; when this returns the daemon cannot miss the exit any more.
pub async fn waiting(client: &Client, id: &str, condition: &str) -> Result<Waiting> {
    let path = format!("/containers/{id}/wait?condition={condition}");
    Ok(Waiting(client.stream(Method::POST, &path, Content::Nothing).await?))
}

impl Waiting {
    /// The exit code.
    pub async fn code(mut self) -> Outcome {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.0.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Ended {
            status_code: i32,
            #[serde(default)]
            error: Option<serde_json::Value>,
        }
        let ended: Ended = serde_json::from_slice(&bytes).context("decode the answer to wait")?;
        match ended.error.as_ref().and_then(|e| e["Message"].as_str()).filter(|m| !m.is_empty()) {
            Some(message) => Err(failed(&Error::internal(message), 125)),
            None => Ok(ended.status_code),
        }
    }
}
