//! Archives in and out: `load`, `save`, `import`, `export`.

use super::exit::{Failed, Outcome, failed};
use super::output::{self, BrokenPipe};
use super::progress::{Progress, Wish};
use super::request::{encode, query};
use crate::args::image::{Export, Import, Load, Save};
use crate::rt;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::Value;
use shared::client::{Body, Client, Content, Method};
use shared::error::{Context, Error, Result};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at once.
const CHUNK: usize = 128 * 1024;

/// Bytes that have been sent so far; shared between the upload and its progress.
pub type Sent = Arc<AtomicU64>;

/// A file in pieces; reading happens on other threads.
pub fn pieces(
    file: impl Read + Send + 'static,
    sent: Sent,
) -> BoxStream<'static, io::Result<bytes::Bytes>> {
    stream::unfold(Some((file, sent)), |state| async move {
        let (mut file, sent) = state?;
        let (file, read) = rt::blocking(move || {
            let mut buffer = vec![0; CHUNK];
            let read = file.read(&mut buffer).map(|length| {
                buffer.truncate(length);
                buffer
            });
            (file, read)
        })
        .await;
        match read {
            Ok(buffer) if buffer.is_empty() => None,
            Ok(buffer) => {
                sent.fetch_add(buffer.len() as u64, Ordering::Relaxed);
                Some((Ok(buffer.into()), Some((file, sent))))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// Where an archive comes from, and its length if that is known.
fn source(path: Option<&str>) -> Result<(Box<dyn Read + Send>, u64)> {
    match path {
        None | Some("-") => Ok((Box::new(io::stdin()), 0)),
        Some(path) => {
            let file = File::open(path).with_context(|| format!("open {path}"))?;
            let length = file.metadata().with_context(|| format!("look at {path}"))?.len();
            Ok((Box::new(file), length))
        }
    }
}

/// `coffer load`.
pub async fn load(client: &Client, args: &Load) -> Outcome {
    if args.input.is_none() && io::stdin().is_terminal() {
        return Err(Error::invalid("requested load from stdin, but stdin is empty"));
    }
    let (file, total) = source(args.input.as_deref())?;
    let path = format!("/images/load{}", query(&[("quiet", Some("1".into()))]));
    for line in upload(client, &path, file, total, "Loading", Wish::of(args.quiet)).await? {
        if let Some(said) = line["stream"].as_str() {
            output::print(said)?;
        }
    }
    Ok(0)
}

/// Sends an archive and gathers the lines of the answer.
async fn upload(
    client: &Client,
    path: &str,
    file: Box<dyn Read + Send>,
    total: u64,
    label: &str,
    wish: Wish,
) -> Result<Vec<Value>> {
    let sent = Sent::default();
    let mut progress = Progress::new(wish);
    let body = Content::Upload(pieces(file, sent.clone()));
    let mut lines = Vec::new();
    let answer = async {
        let mut answer = client.lines::<Value>(Method::POST, path, body).await?;
        let mut all = Vec::new();
        while let Some(line) = answer.next().await {
            all.push(line?);
        }
        Ok::<_, Error>(all)
    };
    futures_util::pin_mut!(answer);
    loop {
        let tick = rt::sleep(std::time::Duration::from_millis(100));
        futures_util::pin_mut!(tick);
        match futures_util::future::select(answer.as_mut(), tick).await {
            futures_util::future::Either::Left((all, _)) => {
                for line in all? {
                    if let Some(error) = line["error"].as_str() {
                        progress.finish();
                        return Err(Error::internal(error));
                    }
                    lines.push(line);
                }
                progress.finish();
                return Ok(lines);
            }
            futures_util::future::Either::Right(_) => {
                progress.bytes(label, sent.load(Ordering::Relaxed), total);
            }
        }
    }
}

/// Writes an archive to a file, by a temporary one beside it, or to standard output.
pub async fn receive(mut body: Body, target: Option<&str>, label: &str, wish: Wish) -> Result<()> {
    let mut progress = Progress::new(wish);
    let mut done = 0;
    let Some(path) = target.filter(|t| *t != "-") else {
        if io::stdout().is_terminal() {
            return Err(failed(
                &Error::invalid(
                    "cowardly refusing to save to a terminal. Use the -o flag or redirect",
                ),
                1,
            ));
        }
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            output::print_bytes(&chunk)?;
            done += chunk.len() as u64;
            progress.bytes(label, done, 0);
        }
        return Ok(());
    };
    let parent = std::path::Path::new(path).parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        parent
            .metadata()
            .with_context(|| format!("invalid output path: stat {}", parent.display()))?;
    }
    let unfinished = format!("{path}.part-{}", std::process::id());
    let result = async {
        let mut file = File::create(&unfinished).with_context(|| format!("create {unfinished}"))?;
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            file.write_all(&chunk).with_context(|| format!("write {unfinished}"))?;
            done += chunk.len() as u64;
            progress.bytes(label, done, 0);
        }
        std::fs::rename(&unfinished, path).with_context(|| format!("rename {unfinished} to {path}"))
    }
    .await;
    if result.is_err() {
        // The error that is reported is the one before; what is left of the file goes with it.
        let _ = std::fs::remove_file(&unfinished);
    }
    result
}

/// With what was being done in front, unless the error says all itself.
fn prefixed(what: &str, error: Error) -> Error {
    match error.find::<Failed>().is_some() || error.find::<BrokenPipe>().is_some() {
        true => error,
        false => Error::new(error.kind(), format!("{what}: {error}")),
    }
}

/// `coffer save`.
pub async fn save(client: &Client, args: &Save) -> Outcome {
    let names: Vec<String> =
        args.images.iter().map(|name| format!("names={}", encode(name))).collect();
    let path = format!("/images/get?{}", names.join("&"));
    let body = client.stream(Method::GET, &path, Content::Nothing).await?;
    receive(body, args.output.as_deref(), "Saving", Wish::Shown)
        .await
        .map_err(|error| prefixed("failed to save image", error))?;
    Ok(0)
}

/// `coffer export`.
pub async fn export(client: &Client, args: &Export) -> Outcome {
    let path = format!("/containers/{}/export", encode(&args.container));
    let body = client.stream(Method::GET, &path, Content::Nothing).await?;
    receive(body, args.output.as_deref(), "Exporting", Wish::Shown)
        .await
        .map_err(|error| prefixed("failed to export container", error))?;
    Ok(0)
}

/// `coffer import`.
pub async fn import(client: &Client, args: &Import) -> Outcome {
    let (repository, tag) = super::image::split(args.image.as_deref().unwrap_or(""));
    let mut pairs = vec![
        ("fromSrc", Some("-".to_string())),
        ("repo", Some(repository).filter(|r| !r.is_empty())),
        ("tag", tag),
        ("message", args.message.clone()),
        ("platform", args.platform.clone()),
    ];
    pairs.extend(args.change.iter().map(|change| ("changes", Some(change.clone()))));
    let path = format!("/images/create{}", query(&pairs));
    let (file, total) = source(Some(&args.file))?;
    let lines = upload(client, &path, file, total, "Importing", Wish::Shown).await?;
    if let Some(id) = lines.iter().rev().find_map(|line| line["status"].as_str()) {
        output::line(id)?;
    }
    Ok(0)
}
