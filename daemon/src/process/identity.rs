//! Who this engine is: a stable id, and labels found on the host.

use shared::error::{Context, Error, Result};
use shared::id;
use shared::paths::Paths;
use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::fs::OpenOptionsExt;

/// The engine's id, made on the first start.
pub fn engine_id(paths: &Paths) -> Result<String> {
    let path = paths.engine_id();
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let text = text.trim();
            if text.is_empty() || text.len() > 64 || !text.is_ascii() {
                return Err(Error::internal(format!("{} holds no engine id", path.display())));
            }
            return Ok(text.to_owned());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    }
    let made = uuid();
    let what = || format!("write {}", path.display());
    let scratch = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&scratch)
        .with_context(what)?;
    file.write_all(made.as_bytes()).with_context(what)?;
    file.sync_all().with_context(what)?;
    std::fs::rename(&scratch, &path).with_context(what)?;
    Ok(made)
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let mut bytes = id::random::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = id::hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// `node_ip=` and `SN=`, as far as they can be found; an unknown value means no label. One that the
/// configuration sets itself is left to it.
pub fn labels(configured: &[String]) -> Vec<String> {
    let mut labels = configured.to_vec();
    for (key, value) in [("node_ip", node_address()), ("SN", serial_number())] {
        let set = labels.iter().any(|label| label.split_once('=').is_some_and(|(k, _)| k == key));
        if let (Some(value), false) = (value, set) {
            labels.push(format!("{key}={value}"));
        }
    }
    labels
}

/// The address that packets to the outside would carry. Connecting a UDP socket sends nothing.
fn node_address() -> Option<String> {
    [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")].iter().find_map(|(from, to)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        let address = socket.local_addr().ok()?.ip();
        (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
    })
}

/// The machine's serial number from the firmware's tables, readable by root.
fn serial_number() -> Option<String> {
    let text = std::fs::read_to_string("/sys/class/dmi/id/product_serial").ok()?;
    let text = text.trim();
    let filler = ["", "0", "none", "not specified", "to be filled by o.e.m.", "default string"];
    (!filler.contains(&text.to_ascii_lowercase().as_str())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays() {
        let base = std::env::temp_dir().join(format!("coffer-id-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let paths = Paths::new(&base, "/nowhere");
        let first = engine_id(&paths).unwrap();
        assert_eq!(first.len(), 36);
        assert_eq!(engine_id(&paths).unwrap(), first);
        std::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn the_configuration_may_set_the_labels_itself() {
        let labels = labels(&["node_ip=9.9.9.9".into()]);
        assert_eq!(labels.iter().filter(|label| label.starts_with("node_ip=")).count(), 1);
    }
}
