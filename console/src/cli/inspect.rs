//! `inspect`: everything about an object, as a JSON list or by a template.

use super::exit::{BAD_TEMPLATE, Outcome, failed};
use super::output;
use super::output::json::indented;
use super::output::template::Template;
use super::request::encode;
use crate::args::system::Inspect;
use serde_json::Value;
use serde_json::value::RawValue;
use shared::client::Client;
use shared::error::{Context, Error, Kind, Result};

/// What an object can be, in the order in which Docker looks.
const KINDS: [&str; 4] = ["container", "image", "network", "volume"];

/// `coffer inspect`.
pub async fn any(client: &Client, args: &Inspect) -> Outcome {
    match args.kind.as_deref() {
        Some(kind) if KINDS.contains(&kind) => run(client, &[kind], args).await,
        Some(kind) => Err(Error::invalid(format!(
            "unknown type: {kind:?}: must be one of \"container\", \"image\", \"network\", \"volume\""
        ))),
        None => run(client, &KINDS, args).await,
    }
}

/// `coffer container inspect` and its like.
pub async fn one(client: &Client, kind: &str, args: &Inspect) -> Outcome {
    run(client, &[kind], args).await
}

async fn run(client: &Client, kinds: &[&str], args: &Inspect) -> Outcome {
    let template = args.format.as_deref().filter(|f| *f != "json").map(Template::parse);
    let template = template.transpose().map_err(|error| failed(&parsing(&error), BAD_TEMPLATE))?;
    let (mut found, mut code) = (Vec::new(), 0);
    for name in &args.names {
        match find(client, kinds, name, args.size).await {
            Ok(value) => found.push(value),
            Err(error) if super::exit::code_of(&error) == 3 => return Err(error),
            Err(error) => {
                let words = match kinds {
                    [_] => format!("Error response from daemon: {error}\n"),
                    _ => format!("Error: {error}\n"),
                };
                output::print_error_bytes(words.as_bytes())?;
                code = 1;
            }
        }
    }
    if let Some(template) = &template {
        for (kind, value) in &found {
            let value: Value = serde_json::from_str(value.get()).context("read the object")?;
            output::line(&template.render_as(&value, type_of(kind)).map_err(|e| parsing(&e))?)?;
        }
        return Ok(code);
    }
    let all: Vec<&str> = found.iter().map(|(_, value)| value.get()).collect();
    let all = format!("[{}]", all.join(","));
    match args.format {
        Some(_) => output::line(&all)?,
        None => output::line(&indented(&all))?,
    }
    Ok(code)
}

fn parsing(error: &Error) -> Error {
    Error::invalid(format!("template parsing error: {error}"))
}

/// Docker's type of what is shown.
fn type_of(kind: &str) -> &'static str {
    match kind {
        "container" => "Container",
        "image" => "Image",
        "network" => "NetworkObject",
        _ => "Volume",
    }
}

/// What it is, and the object in the daemon's own words.
type Object<'a> = (&'a str, Box<RawValue>);

async fn find<'a>(
    client: &Client,
    kinds: &[&'a str],
    name: &str,
    size: bool,
) -> Result<Object<'a>> {
    let mut last = None;
    for kind in kinds {
        let path = match *kind {
            "container" if size => format!("/containers/{}/json?size=1", encode(name)),
            "container" => format!("/containers/{}/json", encode(name)),
            "image" => format!("/images/{}/json", encode(name)),
            "network" => format!("/networks/{}", encode(name)),
            _ => format!("/volumes/{}", encode(name)),
        };
        match client.get(&path).await {
            Ok(value) => return Ok((kind, value)),
            Err(error)
                if error.kind() == Kind::NotFound
                    || kinds.len() > 1 && error.kind() == Kind::Invalid =>
            {
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match last.filter(|_| kinds.len() == 1) {
        Some(error) => Err(error),
        None => Err(Error::not_found(format!("No such object: {name}"))),
    }
}
