//! Verbs that change containers: each target is tried, its name printed or its error told.

use super::exit::Outcome;
use super::exit::failed;
use super::request::{encode, query, switch};
use super::run::waiting;
use super::session::{self, End, Session};
use super::{body, exit, output};
use crate::args::container::{Kill, Remove, Rename, Start, Stop, Update};
use serde_json::Value;
use shared::client::Client;
use shared::error::{Error, Kind, Result};
use std::cell::RefCell;
use std::future::Future;

/// Tries every target; 1 when one has failed.
pub async fn each<F: Future<Output = Result<String>>>(
    targets: &[String],
    work: impl Fn(String) -> F,
) -> Outcome {
    let mut code = 0;
    for target in targets {
        match work(target.clone()).await {
            Ok(said) if said.is_empty() => {}
            Ok(said) => output::line(&said)?,
            Err(error) if exit::code_of(&error) == 3 => return Err(error),
            Err(error) => {
                output::print_error_bytes(
                    format!("Error response from daemon: {error}\n").as_bytes(),
                )?;
                code = 1;
            }
        }
    }
    Ok(code)
}

/// A verb without flags.
pub async fn plain(client: &Client, verb: &str, targets: &[String]) -> Outcome {
    each(targets, |target| async move {
        client.act(&format!("/containers/{}/{verb}", encode(&target))).await?;
        Ok(target)
    })
    .await
}

/// `coffer start`.
pub async fn start(client: &Client, args: Start) -> Outcome {
    if !args.attach && !args.interactive {
        return start_all(client, &args.containers).await;
    }
    let [name] = args.containers.as_slice() else {
        return Err(Error::invalid("you cannot start and attach multiple containers at once"));
    };
    let object = format!("/containers/{}", encode(name));
    let found: Value = client.get(&format!("{object}/json")).await?;
    let id = found["Id"].as_str().unwrap_or(name).to_string();
    let terminal = found["Config"]["Tty"] == true;
    let input = args.interactive && found["Config"]["OpenStdin"] == true;
    let halves = session::join(client, &object, input).await?;
    let removed = found["HostConfig"]["AutoRemove"] == true;
    let exit = waiting(client, &id, if removed { "removed" } else { "next-exit" }).await?;
    client.act(&format!("{object}/start")).await.map_err(|e| failed(&e, 1))?;
    if terminal {
        // It may already have ended, and then has no size.
        let _ = session::resize(client, &object).await;
    }
    let keys = session::keys(args.detach_keys.as_deref())?;
    let signals_to = (!terminal).then_some(id);
    let session = Session { object, terminal, input, keys, signals_to };
    match session::talk(client, &session, halves).await? {
        End::Detached => Ok(0),
        End::Closed => exit.code().await,
    }
}

/// Starts each; those that could not be are named once more at the end, as Docker does.
async fn start_all(client: &Client, targets: &[String]) -> Outcome {
    let missed = RefCell::new(Vec::new());
    let code = each(targets, |target| {
        let missed = &missed;
        async move {
            let started = client.act(&format!("/containers/{}/start", encode(&target))).await;
            started.map(|_| target.clone()).inspect_err(|_| missed.borrow_mut().push(target))
        }
    })
    .await?;
    let missed = missed.into_inner();
    if !missed.is_empty() {
        let words = format!("Error: failed to start containers: {}\n", missed.join(", "));
        output::print_error_bytes(words.as_bytes())?;
    }
    Ok(code)
}

/// `coffer stop` and `coffer restart`.
pub async fn stop(client: &Client, verb: &str, args: &Stop) -> Outcome {
    let flags =
        query(&[("t", args.timeout.map(|t| t.to_string())), ("signal", args.signal.clone())]);
    let flags = &flags;
    each(&args.containers, |target| async move {
        client.act(&format!("/containers/{}/{verb}{flags}", encode(&target))).await?;
        Ok(target)
    })
    .await
}

/// `coffer kill`.
pub async fn kill(client: &Client, args: &Kill) -> Outcome {
    let flags = query(&[("signal", Some(args.signal.clone()))]);
    let flags = &flags;
    each(&args.containers, |target| async move {
        client.act(&format!("/containers/{}/kill{flags}", encode(&target))).await?;
        Ok(target)
    })
    .await
}

/// `coffer rm`.
pub async fn remove(client: &Client, args: &Remove) -> Outcome {
    let flags = query(&[
        ("force", switch(args.force)),
        ("v", switch(args.volumes)),
        ("link", switch(args.link)),
    ]);
    let flags = &flags;
    let force = args.force;
    each(&args.containers, |target| async move {
        match client.delete(&format!("/containers/{}{flags}", encode(&target))).await {
            Ok(_) => Ok(target),
            // Whoever insists wants it gone: said, but no failure.
            Err(error) if force && error.kind() == Kind::NotFound => {
                output::print_error_bytes(format!("{}\n", exit::message(&error)).as_bytes())?;
                Ok(String::new())
            }
            Err(error) => Err(error),
        }
    })
    .await
}

/// `coffer wait`.
pub async fn wait(client: &Client, targets: &[String]) -> Outcome {
    each(targets, |target| async move {
        let code = waiting(client, &encode(&target), "not-running").await?.code().await?;
        Ok(code.to_string())
    })
    .await
}

/// `coffer rename`.
pub async fn rename(client: &Client, args: &Rename) -> Outcome {
    let path = format!(
        "/containers/{}/rename{}",
        encode(&args.container),
        query(&[("name", Some(args.name.clone()))])
    );
    let Err(error) = client.act(&path).await else { return Ok(0) };
    if exit::code_of(&error) == 3 {
        return Err(error);
    }
    let said = exit::message(&error);
    let words = format!("{said}\nError: failed to rename container named {}", args.container);
    Err(failed(&Error::new(error.kind(), words), 1))
}

/// `coffer update`.
pub async fn update(client: &Client, args: &Update) -> Outcome {
    let mut changes = body::limits(&args.limits)?;
    if let Some(policy) = &args.restart {
        changes.insert("RestartPolicy".into(), body::restart(policy)?);
    }
    if changes.is_empty() {
        return Err(Error::invalid("you must provide one or more flags when using this command"));
    }
    let changes = &changes;
    each(&args.containers, |target| async move {
        let answer: Value =
            client.post(&format!("/containers/{}/update", encode(&target)), changes).await?;
        for warning in answer["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str)
        {
            output::print_error_bytes(format!("WARNING: {warning}\n").as_bytes())?;
        }
        Ok(target)
    })
    .await
}
