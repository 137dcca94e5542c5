//! Files of a container as tar: `archive` in and out, `export`.

use crate::api::reply::{Reply, TAR};
use crate::api::request::Call;
use crate::container::io::archive::{self, Owner, Replace, Unpack};
use crate::{limits, task};
use serde_json::to_vec;
use shared::error::{Context, Error, Result};
use std::io::Read;

/// Header that carries what is at a path, as base64 of JSON.
const STAT: &str = "x-docker-container-path-stat";

fn path(call: &Call) -> Result<String> {
    let query = call.query();
    let path =
        query.text("path").ok_or_else(|| Error::invalid("bad parameter: pathcannot be empty"))?;
    Ok(path.to_owned())
}

/// What is at the path, encoded for the header.
async fn look(call: &Call, id: &str, path: &str) -> Result<String> {
    let reached = call.engine().containers.reach(id).await?;
    let (who, path) = (id.to_owned(), path.to_owned());
    let stat = task::blocking("look at a container's file", move || {
        archive::stat(&reached.root, &path, &who)
    })
    .await?;
    Ok(base64(&to_vec(&stat).context("encode what is at the path")?))
}

/// `HEAD /containers/{id}/archive`.
pub async fn stat(call: Call) -> Result<Reply> {
    let (id, path) = (call.param("id")?, path(&call)?);
    Reply::status(200).header(STAT, &look(&call, &id, &path).await?)
}

/// `GET /containers/{id}/archive`.
pub async fn get(call: Call) -> Result<Reply> {
    let (id, path) = (call.param("id")?, path(&call)?);
    let stat = look(&call, &id, &path).await?;
    let containers = &call.engine().containers;
    let reached = containers.reach(&id).await?;
    containers.record(&id, "archive-path").await?;
    let reply = Reply::written(call.slot()?, TAR, "pack a container's files", move |out| {
        archive::pack(&reached.root, &path, &id, out)
    });
    reply.header(STAT, &stat)
}

/// `PUT /containers/{id}/archive`.
pub async fn put(mut call: Call) -> Result<Reply> {
    let (id, path, query) = (call.param("id")?, path(&call)?, call.query());
    let body = call.blocking_body()?;
    let containers = call.engine().containers.clone();
    let reached = containers.reach(&id).await?;
    reached.check_writable()?;
    let of_user = query.flag("copyUIDGID");
    let replace = match query.flag("noOverwriteDirNonDir") {
        true => Replace::SameKind,
        false => Replace::All,
    };
    let who = id.clone();
    task::blocking("unpack into a container", move || {
        let mut body = body;
        let owner = match of_user {
            true => {
                let (uid, gid) = reached.user()?;
                Owner::User { uid, gid }
            }
            false => Owner::Archive,
        };
        let how = Unpack { replace, owner };
        let unpacked = archive::unpack(&reached.root, &path, &who, &mut body, how);
        // What follows the archive's end must be read, or the client sees its connection break instead
        // of the answer. Of what is refused that goes for the rest of a small archive.
        let rest = if unpacked.is_ok() { u64::MAX } else { limits::REFUSED_REST };
        let read = std::io::copy(&mut body.by_ref().take(rest), &mut std::io::sink());
        unpacked?;
        read.context("read the rest")?;
        Ok::<(), Error>(())
    })
    .await?;
    containers.record(&id, "extract-to-dir").await?;
    Ok(Reply::status(200))
}

/// `GET /containers/{id}/export`.
pub async fn export(call: Call) -> Result<Reply> {
    let id = call.param("id")?;
    let containers = &call.engine().containers;
    let reached = containers.reach(&id).await?;
    containers.record(&id, "export").await?;
    Ok(Reply::written(call.slot()?, "application/octet-stream", "export a container", move |out| {
        let boundary = reached.boundary()?;
        archive::export(&reached.root, boundary, out)
    }))
}

/// Standard base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, at| word << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
