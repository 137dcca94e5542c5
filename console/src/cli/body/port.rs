//! `-p` and `--expose`.

use super::object::Object;
use crate::args::create::Create;
use serde_json::{Value, json};
use shared::error::{Error, Result};
use std::collections::BTreeMap;

/// A published port.
#[derive(Debug, PartialEq, Eq)]
struct Published {
    /// `80/tcp`.
    inside: String,
    address: String,
    /// Empty lets the daemon choose.
    outside: String,
}

/// `[address:][port[-port]:]port[-port][/protocol]`.
fn parse(text: &str) -> Result<Vec<Published>> {
    let bad = || Error::invalid(format!("invalid containerPort: {text}"));
    let (spec, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(Error::invalid(format!("invalid proto: {protocol}")));
    }
    let (outer, inside) = spec.rsplit_once(':').unwrap_or(("", spec));
    let (address, outside) = match outer.rsplit_once(':') {
        Some((address, port)) => (address.trim_start_matches('[').trim_end_matches(']'), port),
        None if outer.contains('.') => (outer, ""),
        None => ("", outer),
    };
    let range = |text: &str| -> Result<Vec<u16>> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (low, high): (u16, u16) =
            (low.parse().map_err(|_| bad())?, high.parse().map_err(|_| bad())?);
        if low == 0 || low > high { Err(bad()) } else { Ok((low..=high).collect()) }
    };
    let inside = range(inside)?;
    let outside: Vec<String> = match outside {
        "" => vec![String::new(); inside.len()],
        text => range(text)?.iter().map(u16::to_string).collect(),
    };
    if inside.len() != outside.len() {
        return Err(Error::invalid(format!(
            "invalid ranges specified for container and host ports: {text}"
        )));
    }
    let pair = |(inside, outside): (u16, String)| Published {
        inside: format!("{inside}/{protocol}"),
        address: address.to_string(),
        outside,
    };
    Ok(inside.into_iter().zip(outside).map(pair).collect())
}

fn all(args: &Create) -> Result<Vec<Published>> {
    let mut out = Vec::new();
    for text in &args.publish {
        out.extend(parse(text)?);
    }
    Ok(out)
}

/// ExposedPorts of the body: exposed and published ones.
pub fn exposed(args: &Create, body: &mut Object) -> Result<()> {
    let mut ports: Object = all(args)?.into_iter().map(|p| (p.inside, json!({}))).collect();
    for text in &args.expose {
        ports.extend(parse(text)?.into_iter().map(|p| (p.inside, json!({}))));
    }
    if !ports.is_empty() {
        body.insert("ExposedPorts".into(), ports.into());
    }
    Ok(())
}

/// PortBindings of HostConfig.
pub fn published(args: &Create, host: &mut Object) -> Result<()> {
    let mut ports: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for p in all(args)? {
        ports
            .entry(p.inside)
            .or_default()
            .push(json!({"HostIp": p.address, "HostPort": p.outside}));
    }
    if !ports.is_empty() {
        host.insert("PortBindings".into(), json!(ports));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_publish() {
        let one = |text: &str| {
            let all = parse(text).unwrap();
            all.iter()
                .map(|p| format!("{}|{}|{}", p.address, p.outside, p.inside))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(one("80"), "||80/tcp");
        assert_eq!(one("8080:80/udp"), "|8080|80/udp");
        assert_eq!(one("127.0.0.1:8080:80"), "127.0.0.1|8080|80/tcp");
        assert_eq!(one("127.0.0.1::80"), "127.0.0.1||80/tcp");
        assert_eq!(one("[::1]:1-2:3-4"), "::1|1|3/tcp ::1|2|4/tcp");
        for bad in ["x", "1:x", "0", "1-2:3", "1:2:3:y", "80/foo"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
