//! `logs`, of one container as Docker prints them, or of several with their names in front.

use super::exit::Outcome;
use super::output;
use super::request::{encode, query, switch};
use super::session::Demultiplexer;
use crate::args::container::Logs;
use crate::units::moment;
use futures_util::future::try_join_all;
use futures_util::stream::StreamExt;
use serde_json::Value;
use shared::client::{Client, Content, Method};
use shared::error::{Error, Result};
use shared::frame::Stream;

/// `coffer logs`.
pub async fn logs(client: &Client, args: &Logs) -> Outcome {
    if args.tail != "all" && args.tail.parse::<i64>().is_err() {
        return Err(Error::invalid(format!("invalid value for \"tail\": {:?}", args.tail)));
    }
    if let [one] = args.containers.as_slice() {
        show(client, args, one, None).await?;
        return Ok(0);
    }
    let width = args.containers.iter().map(|c| crate::text::width(c)).max().unwrap_or(0);
    let all = args.containers.iter().map(|name| {
        let prefix = format!("{name}{} | ", " ".repeat(width - crate::text::width(name)));
        async move { show(client, args, name, Some(prefix)).await }
    });
    try_join_all(all).await?;
    Ok(0)
}

async fn show(client: &Client, args: &Logs, name: &str, prefix: Option<String>) -> Result<()> {
    let object = format!("/containers/{}", encode(name));
    let found: Value = client.get(&format!("{object}/json")).await?;
    let raw = found["Config"]["Tty"] == true;
    let now = crate::rt::now();
    let path = format!(
        "{object}/logs{}",
        query(&[
            ("stdout", Some("1".into())),
            ("stderr", Some("1".into())),
            ("follow", switch(args.follow)),
            ("timestamps", switch(args.timestamps)),
            ("details", switch(args.details)),
            ("tail", Some(args.tail.clone())),
            ("since", args.since.as_ref().map(|t| moment(t, now)).transpose()?),
            ("until", args.until.as_ref().map(|t| moment(t, now)).transpose()?),
        ])
    );
    let mut body = client.stream(Method::GET, &path, Content::Nothing).await?;
    let mut frames = Demultiplexer::default();
    let mut lines = [Lines::new(prefix.clone()), Lines::new(prefix)];
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        match raw {
            true => lines[0].print(&chunk, Stream::Stdout)?,
            false => frames.split(&chunk, |stream, bytes| {
                lines[usize::from(stream == Stream::Stderr)].print(bytes, stream)
            })?,
        }
    }
    lines[0].finish(Stream::Stdout)?;
    lines[1].finish(Stream::Stderr)
}

/// Puts a prefix in front of whole lines; without one bytes pass as they are.
struct Lines {
    prefix: Option<String>,
    rest: Vec<u8>,
}

/// A line that does not end is printed in pieces of this size.
const PIECE: usize = 64 * 1024;

impl Lines {
    fn new(prefix: Option<String>) -> Self {
        Self { prefix, rest: Vec::new() }
    }

    fn print(&mut self, bytes: &[u8], stream: Stream) -> Result<()> {
        let Some(prefix) = &self.prefix else { return write(bytes, stream) };
        self.rest.extend_from_slice(bytes);
        let end = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() > PIECE => self.rest.len(),
            None => return Ok(()),
        };
        let mut out = Vec::with_capacity(end + 64);
        for line in self.rest[..end].split_inclusive(|byte| *byte == b'\n') {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(line);
        }
        self.rest.drain(..end);
        write(&out, stream)
    }

    fn finish(&mut self, stream: Stream) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        self.print(b"\n", stream)
    }
}

fn write(bytes: &[u8], stream: Stream) -> Result<()> {
    match stream {
        Stream::Stdout => output::print_bytes(bytes),
        Stream::Stderr => output::print_error_bytes(bytes),
    }
}
