//! `run` and `create`.

use super::exit::{Failed, start_code};
use super::session::{self, End, Session};
use super::{Outcome, body, encode, output, progress, query};
use crate::args::create::{Create, Run};
use futures_util::stream::StreamExt;
use serde::Deserialize;
use shared::client::{Answered, Client, Content, Method};
use shared::error::{Context, Error, Kind, Result};
use std::io::IsTerminal;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// An error whose exit code is already known.
pub fn failed(error: &Error, code: i32) -> Error {
    let message = match error.find::<Answered>() {
        Some(_) => format!("Error response from daemon: {error}"),
        None => error.to_string(),
    };
    let failed: std::result::Result<(), _> = Err(Failed { code, message });
    match failed.context_kind(error.kind(), "coffer") {
        Err(error) => error,
        Ok(()) => Error::internal("coffer"),
    }
}

/// `coffer create`.
pub async fn create(client: &Client, args: Create) -> Outcome {
    let id = make(client, &args).await?;
    output::line(&id)?;
    Ok(0)
}

/// `coffer run`.
pub async fn run(client: &Client, mut args: Run) -> Outcome {
    if args.detach {
        if args.create.rm && args.create.attach.iter().any(|a| !a.is_empty()) {
            return Err(failed(&Error::invalid("Conflicting options: -a and -d"), 125));
        }
        args.create.attach.clear();
    }
    let keys = session::keys(args.detach_keys.as_deref()).map_err(|e| failed(&e, 125))?;
    let id = make(client, &args.create).await.map_err(|e| failed(&e, 125))?;
    let short = format!("/containers/{id}");
    if args.detach {
        start(client, &args.create, &id).await?;
        output::line(&id)?;
        return Ok(0);
    }
    let streams = body::streams(&args.create).map_err(|e| failed(&e, 125))?;
    let terminal = args.create.tty;
    if terminal && streams.input && !std::io::stdin().is_terminal() {
        remove_quietly(client, &args.create, &id).await;
        return Err(failed(&Error::invalid("the input device is not a TTY"), 125));
    }
    let attach = format!(
        "{short}/attach{}",
        query(&[
            ("stream", Some("1".into())),
            ("stdin", super::switch(streams.input)),
            ("stdout", super::switch(streams.output)),
            ("stderr", super::switch(streams.error)),
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
async fn make(client: &Client, args: &Create) -> Result<String> {
    let body = body::create(args)?;
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
