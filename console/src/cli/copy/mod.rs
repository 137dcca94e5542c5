//! `cp`: tar archives in and out, with Docker's rules for what the target becomes.

use super::exit::Outcome;
use super::output::{self, words};
use super::progress::{Progress, Wish};
use super::request::{encode, query, switch};
use super::transfer::{Sent, pieces, receive};
use crate::args::container::Copy;
use crate::rt;
use shared::client::{Client, Content, Method};
use shared::error::{Context, Error, Kind, Result};
use std::io::{IsTerminal, Read};
use std::path::{Component, Path, PathBuf};

mod archive;

/// One side of the copy.
#[derive(Debug, PartialEq, Eq)]
enum Side {
    /// `container:path`.
    Container(String, String),
    /// A path here.
    Here(String),
    /// A tar archive on standard input or output.
    Pipe,
}

/// Docker's rule: a path that begins with `/` or `.` is here, else what is before the first colon is a
/// container.
fn side(text: &str) -> Side {
    if text == "-" {
        return Side::Pipe;
    }
    match text.split_once(':') {
        Some((container, path)) if !text.starts_with(['/', '.']) => {
            Side::Container(container.into(), path.into())
        }
        _ => Side::Here(text.into()),
    }
}

/// `coffer cp`.
pub async fn copy(client: &Client, args: &Copy) -> Outcome {
    let wish = Wish::of(args.quiet);
    match (side(&args.source), side(&args.target)) {
        (Side::Container(id, path), Side::Pipe) => {
            let (_, body) = client.download(&archive_path(&id, &path)).await?;
            receive(body, None, "Copying", wish).await?;
        }
        (Side::Container(id, path), Side::Here(target)) => {
            out(client, &id, &path, &target, args, wish).await?;
        }
        (Side::Pipe, Side::Container(id, path)) => {
            let target = found(client, &id, &path).await?;
            if target.as_ref().is_none_or(|kind| *kind != Stands::Folder) {
                return Err(Error::invalid(format!(
                    "destination \"{id}:{path}\" must be a directory"
                )));
            }
            send(client, &id, &path, Box::new(std::io::stdin()), args, wish).await?;
        }
        (Side::Here(source), Side::Container(id, path)) => {
            into(client, &source, &id, &path, args, wish).await?
        }
        (Side::Container(..), Side::Container(..)) => {
            return Err(Error::invalid("copying between containers is not supported"));
        }
        _ => return Err(Error::invalid("must specify at least one container source")),
    }
    Ok(0)
}

fn archive_path(id: &str, path: &str) -> String {
    format!("/containers/{}/archive{}", encode(id), query(&[("path", Some(path.to_string()))]))
}

/// What a path in a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Folder,
    Other,
}

/// Bits of Go's file mode.
const GO_FOLDER: u64 = 1 << 31;

/// What stands at a path in a container, from the header of Docker's `HEAD archive`.
async fn found(client: &Client, id: &str, path: &str) -> Result<Option<Stands>> {
    let headers = match client.head(&archive_path(id, path)).await {
        Ok(headers) => headers,
        Err(error) if error.kind() == Kind::NotFound => {
            // Without a body the daemon cannot say whether the container or the path is missing.
            client.get::<serde_json::Value>(&format!("/containers/{}/json", encode(id))).await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let value = headers
        .get("x-docker-container-path-stat")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let bytes = archive::base64(value)
        .ok_or_else(|| Error::internal("the daemon's answer has no path stat"))?;
    let stat: serde_json::Value = serde_json::from_slice(&bytes).context("decode the path stat")?;
    let folder = stat["mode"].as_u64().unwrap_or(0) & GO_FOLDER != 0;
    Ok(Some(if folder { Stands::Folder } else { Stands::Other }))
}

async fn out(
    client: &Client,
    id: &str,
    path: &str,
    target: &str,
    args: &Copy,
    wish: Wish,
) -> Result<()> {
    let flags = archive_path(id, path);
    let (_, body) = client.download(&flags).await?;
    let place = Path::new(target).to_path_buf();
    let exists_as_folder = place.is_dir();
    if !exists_as_folder && target.ends_with('/') {
        return Err(Error::invalid(format!("destination directory {target:?} does not exist")));
    }
    if let Some(parent) = place.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        return Err(Error::not_found(format!(
            "invalid output path: directory \"{}\" does not exist",
            parent.display()
        )));
    }
    // Its own name below an existing folder; else the target's name instead. `path/.` means the inside.
    let rename = match (exists_as_folder, path.ends_with("/.")) {
        (true, true) => archive::Rename::Inside,
        (true, false) => archive::Rename::Keep,
        (false, _) => archive::Rename::Instead,
    };
    let owner = if args.archive { archive::Owner::Kept } else { archive::Owner::Ours };
    let bytes = archive::unpack(body, place, rename, owner, Progress::new(wish)).await?;
    copied(bytes, target, wish)
}

/// Says what was done, to a person only.
fn copied(bytes: u64, target: &str, wish: Wish) -> Result<()> {
    if wish == Wish::Hidden || !std::io::stderr().is_terminal() {
        return Ok(());
    }
    let size = words::size(bytes as f64);
    output::print_error_bytes(format!("Successfully copied {size} to {target}\n").as_bytes())
}

async fn into(
    client: &Client,
    source: &str,
    id: &str,
    path: &str,
    args: &Copy,
    wish: Wish,
) -> Result<()> {
    let from = Path::new(source);
    let meta = if args.follow_link { from.metadata() } else { from.symlink_metadata() };
    let meta = meta.with_context(|| format!("lstat {source}"))?;
    let path = if path.is_empty() { "/" } else { path };
    let target = found(client, id, path).await?;
    let contents = source.ends_with("/.") || source == ".";
    let (folder, name) = match target {
        Some(Stands::Folder) => {
            (path.to_string(), if contents { None } else { Some(own_name(from)?) })
        }
        Some(Stands::Other) if meta.is_dir() => {
            return Err(Error::invalid("cannot copy directory"));
        }
        None if path.ends_with('/') && !meta.is_dir() => {
            return Err(Error::invalid("no such directory"));
        }
        Some(Stands::Other) | None => {
            let trimmed = path.trim_end_matches('/');
            let (parent, last) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
            (
                if parent.is_empty() { "/".into() } else { parent.to_string() },
                Some(last.to_string()),
            )
        }
    };
    let (reader, writer) = std::io::pipe().context("make a pipe")?;
    let (from, links) = (from.to_path_buf(), args.follow_link);
    let packing = rt::blocking(move || archive::pack(&from, name.as_deref(), links, writer));
    let sending = send(client, id, &folder, Box::new(reader), args, wish);
    let (packed, sent) = futures_util::future::join(packing, sending).await;
    let bytes = sent?;
    packed?;
    copied(bytes, &format!("{id}:{path}"), wish)
}

/// The last part of a path, also of `..` and of one through links.
fn own_name(path: &Path) -> Result<String> {
    let whole: PathBuf = match path.components().next_back() {
        Some(Component::Normal(_)) => path.to_path_buf(),
        _ => path.canonicalize().with_context(|| format!("resolve {}", path.display()))?,
    };
    Ok(whole.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned()))
}

async fn send(
    client: &Client,
    id: &str,
    path: &str,
    file: Box<dyn Read + Send>,
    args: &Copy,
    wish: Wish,
) -> Result<u64> {
    let flags = query(&[
        ("path", Some(path.to_string())),
        ("copyUIDGID", switch(args.archive)),
        ("noOverwriteDirNonDir", Some("1".into())),
    ]);
    let sent = Sent::default();
    let mut progress = Progress::new(wish);
    let target = format!("/containers/{}/archive{flags}", encode(id));
    let work = client.whole(Method::PUT, &target, Content::Upload(pieces(file, sent.clone())));
    futures_util::pin_mut!(work);
    loop {
        let tick = rt::sleep(std::time::Duration::from_millis(100));
        futures_util::pin_mut!(tick);
        match futures_util::future::select(work.as_mut(), tick).await {
            futures_util::future::Either::Left((result, _)) => {
                return result.map(|_| sent.load(std::sync::atomic::Ordering::Relaxed));
            }
            futures_util::future::Either::Right(_) => {
                progress.bytes("Copying", sent.load(std::sync::atomic::Ordering::Relaxed), 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_side_is_which() {
        assert_eq!(side("web:/a:b"), Side::Container("web".into(), "/a:b".into()));
        assert_eq!(side("./web:x"), Side::Here("./web:x".into()));
        assert_eq!(side("/a:b"), Side::Here("/a:b".into()));
        assert_eq!((side("-"), side("a")), (Side::Pipe, Side::Here("a".into())));
        assert_eq!(own_name(Path::new("a/b/")).unwrap(), "b");
    }
}
