//! `exec`, and the console's shell.

use super::body;
use super::exit::Outcome;
use super::exit::failed;
use super::exit::start_code;
use super::request::encode;
use super::session::{self, End, Session};
use crate::args::container::Exec;
use crate::rt;
use serde_json::{Value, json};
use shared::client::{Client, Content};
use shared::error::{Error, Result};
use std::io::IsTerminal;
use std::time::Duration;

/// What to run.
struct Plan {
    container: String,
    body: Value,
    terminal: bool,
    input: bool,
    keys: Vec<u8>,
}

/// `coffer exec`.
pub async fn exec(client: &Client, args: Exec) -> Outcome {
    let Some((container, command)) = args.container_and_command.split_first() else {
        return Err(Error::invalid("which container?"));
    };
    if args.tty && args.interactive && !args.detach && !std::io::stdin().is_terminal() {
        return Err(failed(&Error::invalid("the input device is not a TTY"), 1));
    }
    let env = body::environment(&args.env, &args.env_file)?;
    let body = json!({
        "AttachStdin": args.interactive && !args.detach,
        "AttachStdout": !args.detach,
        "AttachStderr": !args.detach,
        "Tty": args.tty,
        "Env": env,
        "Cmd": command,
        "Privileged": args.privileged,
        "User": args.user.clone().unwrap_or_default(),
        "WorkingDir": args.workdir.clone().unwrap_or_default(),
        "DetachKeys": args.detach_keys.clone().unwrap_or_default(),
    });
    let plan = Plan {
        container: container.clone(),
        body,
        terminal: args.tty,
        input: args.interactive,
        keys: session::keys(args.detach_keys.as_deref())?,
    };
    if args.detach {
        let id = create(client, &plan).await?;
        let start = json!({"Detach": true, "Tty": args.tty});
        client
            .whole(
                shared::client::Method::POST,
                &format!("/exec/{id}/start"),
                Content::json(&start)?,
            )
            .await
            .map_err(|error| failed(&error, start_code_of_exec(&error)))?;
        return Ok(0);
    }
    match talk(client, &plan).await? {
        (End::Detached, _) => Err(session::detached()),
        (End::Closed, code) => Ok(code),
    }
}

async fn create(client: &Client, plan: &Plan) -> Result<String> {
    let path = format!("/containers/{}/exec", encode(&plan.container));
    let made: Value = client.post(&path, &plan.body).await?;
    match made["Id"].as_str() {
        Some(id) => Ok(id.to_string()),
        None => Err(Error::internal("the daemon's answer to exec has no id")),
    }
}

/// Docker's code of an exec that could not be started: 126 or 127, and 1 for anything else.
fn start_code_of_exec(error: &Error) -> i32 {
    match start_code(error) {
        125 => 1,
        code => code,
    }
}

async fn talk(client: &Client, plan: &Plan) -> Result<(End, i32)> {
    let id = create(client, plan).await?;
    let mut start = json!({"Detach": false, "Tty": plan.terminal});
    let size = crossterm::terminal::size()
        .ok()
        .filter(|_| plan.terminal && std::io::stdout().is_terminal());
    if let Some((width, height)) = size {
        start["ConsoleSize"] = json!([height, width]);
    }
    let halves = client
        .hijack(&format!("/exec/{id}/start"), Content::json(&start)?)
        .await
        .map_err(|error| failed(&error, start_code_of_exec(&error)))?;
    let session = Session {
        object: format!("/exec/{id}"),
        terminal: plan.terminal,
        input: plan.input,
        keys: plan.keys.clone(),
        signals_to: None,
    };
    if size.is_some() {
        // A process that has already ended has no size.
        let _ = session::resize(client, &session.object).await;
    }
    let end = session::talk(client, &session, halves).await?;
    if end == End::Detached {
        return Ok((end, 0));
    }
    Ok((end, exit_code(client, &id).await?))
}

/// The exit code. Its output may end a moment before the process: the daemon is asked until it knows.
async fn exit_code(client: &Client, id: &str) -> Result<i32> {
    for pause in [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000] {
        let state: Value = client.get(&format!("/exec/{id}/json")).await?;
        match state["ExitCode"].as_i64().and_then(|code| i32::try_from(code).ok()) {
            Some(code) if state["Running"] != true => return Ok(code),
            _ => rt::sleep(Duration::from_millis(pause)).await,
        }
    }
    Err(Error::timeout("the process closed its output but goes on running"))
}

/// Where bash is, if it is there.
const BASH: [&str; 3] = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];

/// A shell in a container on the console's terminal; returns what became of it.
pub async fn shell(client: &Client, container: &str) -> Result<String> {
    let mut program = "sh";
    for path in BASH {
        // Looked up as a file: trying to run it would write an error on the user's terminal.
        let found = format!("/containers/{}/archive?path={}", encode(container), encode(path));
        if client.head(&found).await.is_ok() {
            program = path;
            break;
        }
    }
    let body = json!({
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Tty": true, "Cmd": [program],
    });
    let keys = session::keys(None)?;
    let plan = Plan { container: container.into(), body, terminal: true, input: true, keys };
    Ok(match talk(client, &plan).await? {
        (End::Detached, _) => "detached from the shell; it goes on".into(),
        (End::Closed, 0) => "the shell has ended".into(),
        (End::Closed, code) => format!("the shell ended with code {code}"),
    })
}
