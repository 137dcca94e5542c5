//! `top`, `port` and `diff`.

use super::exit::Outcome;
use super::output;
use super::output::grid::Grid;
use super::request::{encode, query};
use crate::args::container::{Port, Top};
use serde_json::Value;
use shared::client::Client;
use shared::docker::ContainerTopResponse;
use shared::error::Error;

/// `coffer top`.
pub async fn top(client: &Client, args: &Top) -> Outcome {
    let Some((container, options)) = args.container_and_options.split_first() else {
        return Err(Error::invalid("which container?"));
    };
    let options = (!options.is_empty()).then(|| options.join(" "));
    let path = format!("/containers/{}/top{}", encode(container), query(&[("ps_args", options)]));
    let found: ContainerTopResponse = client.get(&path).await?;
    // Docker's columns of processes are wider than others.
    let mut grid = Grid::new(found.titles.unwrap_or_default()).at_least(20);
    for row in found.processes.unwrap_or_default() {
        grid.push(row);
    }
    output::print(&grid.to_string())?;
    Ok(0)
}

/// `coffer port`.
pub async fn port(client: &Client, args: &Port) -> Outcome {
    let found: Value = client.get(&format!("/containers/{}/json", encode(&args.container))).await?;
    let whole = |p: &String| if p.contains('/') { p.clone() } else { format!("{p}/tcp") };
    let wanted = args.port.as_ref().map(whole);
    let mut lines = Vec::new();
    for (inside, bindings) in found["NetworkSettings"]["Ports"].as_object().into_iter().flatten() {
        for binding in bindings.as_array().into_iter().flatten() {
            let (ip, port) = (
                binding["HostIp"].as_str().unwrap_or_default(),
                binding["HostPort"].as_str().unwrap_or_default(),
            );
            let address =
                if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
            match &wanted {
                Some(wanted) if wanted == inside => lines.push(address),
                Some(_) => {}
                None => lines.push(format!("{inside} -> {address}")),
            }
        }
    }
    if let Some(wanted) = args.port.as_ref().filter(|_| lines.is_empty()) {
        return Err(Error::not_found(format!(
            "Error: No public port '{wanted}' published for {}",
            args.container
        )));
    }
    lines.sort();
    for line in lines {
        output::line(&line)?;
    }
    Ok(0)
}

/// `coffer diff`.
pub async fn diff(client: &Client, container: &str) -> Outcome {
    let found: Value = client.get(&format!("/containers/{}/changes", encode(container))).await?;
    for change in found.as_array().into_iter().flatten() {
        let letter = match change["Kind"].as_i64() {
            Some(0) => 'C',
            Some(1) => 'A',
            _ => 'D',
        };
        output::line(&format!("{letter} {}", change["Path"].as_str().unwrap_or_default()))?;
    }
    Ok(0)
}
