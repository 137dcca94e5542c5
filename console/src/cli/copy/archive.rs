//! Packing a path into a tar archive and unpacking one, streaming. An archive from a container is not
//! to be trusted: nothing is written outside the target, whatever names and links it holds.

use crate::cli::progress::Progress;
use crate::rt;
use futures_util::stream::StreamExt;
use shared::client::Body;
use shared::error::{Context, Error, Result};
use std::io::{PipeReader, PipeWriter, Write};
use std::path::{Component, Path, PathBuf};

/// What becomes of the first part of each name in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// It stays: below the target.
    Keep,
    /// It is left out: what is inside goes into the target.
    Inside,
    /// The target stands in its place.
    Instead,
}

/// Whose the files will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// As in the archive.
    Kept,
    /// Ours.
    Ours,
}

/// Unpacks what the daemon sends; returns the bytes of the archive.
pub async fn unpack(
    mut body: Body,
    target: PathBuf,
    rename: Rename,
    owner: Owner,
    mut progress: Progress,
) -> Result<u64> {
    let (reader, mut writer) = std::io::pipe().context("make a pipe")?;
    let writing = rt::blocking(move || extract(reader, &target, rename, owner));
    let feeding = async move {
        let mut done = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            done += chunk.len() as u64;
            let (back, wrote) = rt::blocking(move || {
                let wrote = writer.write_all(&chunk);
                (writer, wrote)
            })
            .await;
            writer = back;
            if wrote.is_err() {
                // The unpacking has failed and says why.
                break;
            }
            progress.bytes("Copying", done, 0);
        }
        Ok::<_, Error>(done)
    };
    let (fed, written) = futures_util::future::join(feeding, writing).await;
    written?;
    fed
}

/// Where an entry goes; `None` for one that has nothing to write.
fn place(name: &Path, target: &Path, rename: Rename) -> Result<Option<PathBuf>> {
    let mut parts = Vec::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Error::invalid(format!(
                    "the archive has a name with ..: {}",
                    name.display()
                )));
            }
        }
    }
    let skip = usize::from(rename != Rename::Keep);
    if parts.is_empty() || (rename == Rename::Inside && parts.len() <= skip) {
        return Ok(None);
    }
    Ok(Some(parts.into_iter().skip(skip).fold(target.to_path_buf(), |path, part| path.join(part))))
}

fn extract(reader: PipeReader, target: &Path, rename: Rename, owner: Owner) -> Result<()> {
    let mut archive = tar::Archive::new(reader);
    archive.set_preserve_ownerships(owner == Owner::Kept);
    let mut links = Vec::new();
    for entry in archive.entries().context("read the archive")? {
        let mut entry = entry.context("read the archive")?;
        let name = entry.path().context("read a name in the archive")?.into_owned();
        let Some(path) = place(&name, target, rename)? else { continue };
        // A link that the archive made may not lead later entries out of the target.
        guard(&path, target)?;
        let what = || format!("write {}", path.display());
        entry.set_preserve_permissions(true);
        entry.set_preserve_mtime(true);
        let kind = entry.header().entry_type();
        if kind.is_hard_link() {
            let to =
                entry.link_name().context("read a link in the archive")?.map(|l| l.into_owned());
            if let Some(to) = to.map(|to| place(&to, target, rename)).transpose()?.flatten() {
                guard(&to, target)?;
                links.push((to, path));
            }
            continue;
        }
        if kind.is_dir() {
            if !path.is_dir() {
                std::fs::create_dir(&path).with_context(what)?;
            }
            continue;
        }
        if path.symlink_metadata().is_ok_and(|m| m.is_symlink() || m.is_file()) {
            std::fs::remove_file(&path).with_context(what)?;
        }
        entry.unpack(&path).with_context(what)?;
    }
    for (to, path) in links {
        std::fs::hard_link(&to, &path)
            .with_context(|| format!("link {} to {}", path.display(), to.display()))?;
    }
    // What follows the end of the archive is read, so that the other side is not cut off.
    let mut rest = archive.into_inner();
    std::io::copy(&mut rest, &mut std::io::sink()).context("read the archive").map(|_| ())
}

/// Refuses a path of which a folder below the target is a link.
fn guard(path: &Path, target: &Path) -> Result<()> {
    let mut at = path.parent();
    while let Some(folder) = at.filter(|f| f.starts_with(target) && *f != target) {
        if folder.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            return Err(Error::invalid(format!(
                "the archive leads through a link: {}",
                path.display()
            )));
        }
        at = folder.parent();
    }
    Ok(())
}

/// Packs a path under a name, or what is inside it without one.
pub fn pack(source: &Path, name: Option<&str>, follow: bool, writer: PipeWriter) -> Result<()> {
    let mut builder = tar::Builder::new(std::io::BufWriter::with_capacity(64 * 1024, writer));
    builder.follow_symlinks(false);
    let what = || format!("read {}", source.display());
    let real =
        if follow { source.canonicalize().with_context(what)? } else { source.to_path_buf() };
    let result = match (real.symlink_metadata().with_context(what)?.is_dir(), name) {
        (true, name) => builder.append_dir_all(name.unwrap_or("."), &real),
        (false, name) => {
            let last =
                source.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            builder.append_path_with_name(&real, name.unwrap_or(&last))
        }
    };
    match result.and_then(|()| builder.into_inner()) {
        Ok(out) => close(out),
        // The daemon refused the archive and says why.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error).with_context(what),
    }
}

/// Standard base64, as in Docker's header.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for byte in text.bytes().filter(|b| *b != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Ends an archive that is being written.
fn close(mut out: impl Write) -> Result<()> {
    out.flush().context("write the archive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_target() {
        let target = Path::new("/t");
        assert!(place(Path::new("a/../../x"), target, Rename::Keep).is_err());
        assert_eq!(
            place(Path::new("/a/b"), target, Rename::Keep).unwrap().unwrap(),
            Path::new("/t/a/b")
        );
        assert_eq!(
            place(Path::new("a/b"), target, Rename::Instead).unwrap().unwrap(),
            Path::new("/t/b")
        );
        assert_eq!(
            place(Path::new("a"), target, Rename::Instead).unwrap().unwrap(),
            Path::new("/t")
        );
        assert_eq!(place(Path::new("a"), target, Rename::Inside).unwrap(), None);
        assert_eq!(base64("eyJhIjoxfQ==").unwrap(), b"{\"a\":1}");
    }

    #[test]
    fn a_link_in_the_archive_leads_nowhere() {
        let folder = std::env::temp_dir().join(format!("coffer-archive-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("in")).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        let mut builder = tar::Builder::new(writer);
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "evil", "/tmp").unwrap();
        let mut file = tar::Header::new_gnu();
        file.set_size(1);
        file.set_mode(0o644);
        builder.append_data(&mut file, "evil/coffer-owned", &b"x"[..]).unwrap();
        drop(builder.into_inner().unwrap());
        let error = extract(reader, &folder.join("in"), Rename::Keep, Owner::Ours).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(error.to_string().contains("leads through a link"), "{error}");
    }
}
