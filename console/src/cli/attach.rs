//! `attach`, and the console's.

use super::exit::Outcome;
use super::request::encode;
use super::run::waiting;
use super::session::{self, End, Session};
use crate::args::container::Attach;
use serde_json::Value;
use shared::client::Client;
use shared::error::{Error, Result};
use std::io::IsTerminal;

/// `coffer attach`.
pub async fn attach(client: &Client, args: Attach) -> Outcome {
    let wish = Wish {
        input: !args.no_stdin,
        keys: session::keys(args.detach_keys.as_deref())?,
        signals: args.sig_proxy,
    };
    match join(client, &args.container, &wish).await? {
        (End::Detached, _) => Err(session::detached()),
        (End::Closed, code) => Ok(code),
    }
}

struct Wish {
    input: bool,
    keys: Vec<u8>,
    signals: bool,
}

async fn join(client: &Client, container: &str, wish: &Wish) -> Result<(End, i32)> {
    let object = format!("/containers/{}", encode(container));
    let found: Value = client.get(&format!("{object}/json")).await?;
    let state = &found["State"];
    if state["Running"] != true {
        return Err(Error::conflict("You cannot attach to a stopped container, start it first"));
    }
    if state["Paused"] == true {
        return Err(Error::conflict("You cannot attach to a paused container, unpause it first"));
    }
    if state["Restarting"] == true {
        return Err(Error::conflict(
            "You cannot attach to a restarting container, wait until it is running",
        ));
    }
    let id = found["Id"].as_str().unwrap_or(container).to_string();
    let terminal = found["Config"]["Tty"] == true;
    let input = wish.input && found["Config"]["OpenStdin"] == true;
    if terminal && input && !std::io::stdin().is_terminal() {
        return Err(Error::invalid("the input device is not a TTY"));
    }
    let exit = waiting(client, &id, "not-running").await?;
    let halves = session::join(client, &object, input).await?;
    if terminal && std::io::stdout().is_terminal() {
        // It may end at any moment, and then has no size.
        let _ = session::resize(client, &object).await;
    }
    let session = Session {
        object,
        terminal,
        input,
        keys: wish.keys.clone(),
        signals_to: (wish.signals && !terminal).then_some(id),
    };
    match session::talk(client, &session, halves).await? {
        End::Detached => Ok((End::Detached, 0)),
        End::Closed => Ok((End::Closed, exit.code().await?)),
    }
}

/// Attaches on the console's terminal; returns what became of it. Without a terminal in the container
/// the console's keys would end it: then only its output is shown, and Ctrl-C comes back.
pub async fn terminal(client: &Client, container: &str) -> Result<String> {
    let found: Value = client.get(&format!("/containers/{}/json", encode(container))).await?;
    if found["Config"]["Tty"] != true {
        return Err(Error::conflict("it has no terminal to attach to; l shows its output"));
    }
    let wish = Wish { input: true, keys: session::keys(None)?, signals: false };
    Ok(match join(client, container, &wish).await? {
        (End::Detached, _) => "detached; it goes on".into(),
        (End::Closed, code) => format!("it has ended with code {code}"),
    })
}
