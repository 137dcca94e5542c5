//! `-v`, `--mount` and `--tmpfs`.

use super::object::{Object, set};
use crate::args::create::Create;
use crate::units;
use serde_json::{Value, json};
use shared::error::{Context, Error, Result};

/// Binds, mounts and tmpfs of HostConfig.
pub fn mounts(args: &Create, host: &mut Object) -> Result<()> {
    let binds: Vec<String> =
        args.volume.iter().filter(|v| v.contains(':')).map(|v| bind(v)).collect::<Result<_>>()?;
    if !binds.is_empty() {
        host.insert("Binds".into(), json!(binds));
    }
    if !args.mount.is_empty() {
        let all: Vec<Value> = args.mount.iter().map(|m| mount(m)).collect::<Result<_>>()?;
        host.insert("Mounts".into(), all.into());
    }
    let tmpfs: Object = args
        .tmpfs
        .iter()
        .map(|t| {
            let (path, options) = t.split_once(':').unwrap_or((t, ""));
            (path.to_string(), json!(options))
        })
        .collect();
    if !tmpfs.is_empty() {
        host.insert("Tmpfs".into(), tmpfs.into());
    }
    Ok(())
}

/// A source that begins with a dot is a path from here.
fn bind(text: &str) -> Result<String> {
    let Some((source, rest)) = text.split_once(':') else { return Ok(text.into()) };
    let source = if source.starts_with('.') { absolute(source)? } else { source.to_string() };
    Ok(format!("{source}:{rest}"))
}

fn absolute(path: &str) -> Result<String> {
    let whole = std::path::absolute(path).with_context(|| format!("make {path} absolute"))?;
    Ok(whole.to_string_lossy().into_owned())
}

/// `type=bind,source=..,target=..,readonly` as an object.
fn mount(text: &str) -> Result<Value> {
    let mut out = Object::new();
    let (mut bind, mut volume, mut tmpfs) = (Object::new(), Object::new(), Object::new());
    out.insert("Type".into(), json!("volume"));
    let truth = |value: &str| match value {
        "" | "1" | "true" | "t" => Ok(true),
        "0" | "false" | "f" => Ok(false),
        other => Err(Error::invalid(format!("invalid value for a mount option: {other}"))),
    };
    for field in text.split(',') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        match name.to_lowercase().as_str() {
            "type" => set(&mut out, "Type", Some(value.to_lowercase())),
            "source" | "src" if value.starts_with('.') => {
                set(&mut out, "Source", Some(absolute(value)?))
            }
            "source" | "src" => set(&mut out, "Source", Some(value)),
            "target" | "dst" | "destination" => set(&mut out, "Target", Some(value)),
            "readonly" | "ro" => set(&mut out, "ReadOnly", Some(truth(value)?)),
            "consistency" => set(&mut out, "Consistency", Some(value)),
            "bind-propagation" => set(&mut bind, "Propagation", Some(value)),
            "bind-nonrecursive" => set(&mut bind, "NonRecursive", Some(truth(value)?)),
            "volume-nocopy" => set(&mut volume, "NoCopy", Some(truth(value)?)),
            "volume-subpath" => set(&mut volume, "Subpath", Some(value)),
            "volume-driver" => nested(&mut volume, "DriverConfig", "Name", json!(value)),
            "volume-opt" | "volume-label" => {
                let (key, is) = value.split_once('=').unwrap_or((value, ""));
                if name == "volume-label" {
                    nested(&mut volume, "Labels", key, json!(is));
                } else {
                    let driver = volume.entry("DriverConfig").or_insert_with(|| json!({}));
                    driver["Options"][key] = json!(is);
                }
            }
            "tmpfs-size" => set(&mut tmpfs, "SizeBytes", Some(units::bytes(value)?)),
            "tmpfs-mode" => {
                let mode = i64::from_str_radix(value, 8).map_err(|_| {
                    Error::invalid(format!("invalid value for tmpfs-mode: {value}"))
                })?;
                set(&mut tmpfs, "Mode", Some(mode));
            }
            other => return Err(Error::invalid(format!("unexpected key '{other}' in '{field}'"))),
        }
    }
    if out.get("Target").is_none_or(|t| t == "") {
        return Err(Error::invalid(format!(
            "invalid argument {text:?} for \"--mount\" flag: target is required"
        )));
    }
    for (name, options) in
        [("BindOptions", bind), ("VolumeOptions", volume), ("TmpfsOptions", tmpfs)]
    {
        if !options.is_empty() {
            out.insert(name.into(), options.into());
        }
    }
    Ok(out.into())
}

fn nested(object: &mut Object, outer: &str, inner: &str, value: Value) {
    object.entry(outer).or_insert_with(|| json!({}))[inner] = value;
}
