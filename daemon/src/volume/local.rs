//! The local driver: a folder `_data` under the volume's name, or, with `o=bind`, a folder of the host's, or
//! with a `type` a filesystem of its own (tmpfs, nfs), given to containers as data.
//! It never mounts anything, so two containers with the same tmpfs volume have a tmpfs each.

use shared::error::{Context, Error, Result};
use shared::shim::Mount;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder that holds a volume's files.
pub const DATA: &str = "_data";

/// Checks a name as Docker does; the sentences are its own.
pub fn check_name(name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if !first || !rest {
        return Err(Error::invalid(format!(
            "create {name}: {name:?} includes invalid characters for a local volume name, only \
             \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use \
             absolute path"
        )));
    }
    if name.len() == 1 {
        return Err(Error::invalid(format!(
            "create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )));
    }
    if name.len() > 255 {
        return Err(Error::invalid(format!("create {name}: a volume name has at most 255 bytes")));
    }
    Ok(())
}

/// Checks the options: none, or `type`, `device` and `o` as mount(8) has them.
pub fn check_options(name: &str, options: &BTreeMap<String, String>) -> Result<()> {
    for key in options.keys() {
        if !matches!(key.as_str(), "type" | "o" | "device") {
            return Err(Error::invalid(format!("create {name}: invalid option: {key:?}")));
        }
    }
    if options.is_empty() {
        return Ok(());
    }
    let value = |key: &str| options.get(key).map(String::as_str).unwrap_or_default();
    if is_bind(options) {
        if !shared::paths::is_plain_absolute(Path::new(value("device"))) {
            return Err(Error::invalid(format!(
                "create {name}: missing device in volume options: an absolute path is needed"
            )));
        }
        return Ok(());
    }
    for needed in ["device", "type"] {
        if value(needed).is_empty() {
            return Err(Error::invalid(format!(
                "create {name}: missing required option: {needed:?}"
            )));
        }
    }
    Ok(())
}

fn is_bind(options: &BTreeMap<String, String>) -> bool {
    let flags = options.get("o").map(String::as_str).unwrap_or_default();
    flags.split(',').any(|flag| matches!(flag, "bind" | "rbind"))
}

/// What containers mount in place of a folder, if the volume is a filesystem of its own. Blocking when it
/// has a host name in it.
pub fn mount(options: &BTreeMap<String, String>) -> Result<Option<Mount>> {
    let (Some(kind), Some(device)) = (options.get("type"), options.get("device")) else {
        return Ok(None);
    };
    if is_bind(options) {
        return Ok(None);
    }
    let flags = options.get("o").map(String::as_str).unwrap_or_default();
    let mut list = Vec::new();
    for flag in flags.split(',').filter(|flag| !flag.is_empty()) {
        list.push(match flag.strip_prefix("addr=") {
            Some(host) if kind.starts_with("nfs") => format!("addr={}", resolve(host)?),
            _ => flag.to_owned(),
        });
    }
    Ok(Some(Mount { kind: kind.clone(), source: device.clone(), options: list }))
}

/// The kernel takes addresses, people write names: mount.nfs looks them up, too.
fn resolve(host: &str) -> Result<std::net::IpAddr> {
    use std::net::ToSocketAddrs;
    let sentence = || format!("error resolving passed in network volume address {host}");
    let mut found = (host, 0u16).to_socket_addrs().with_context(sentence)?;
    found.next().map(|address| address.ip()).ok_or_else(|| Error::internal(sentence()))
}

/// Where the files of a volume are. `folder` is the volume's own.
pub fn data(folder: &Path, options: &BTreeMap<String, String>) -> PathBuf {
    match options.get("device") {
        Some(device) if is_bind(options) => PathBuf::from(device),
        _ => folder.join(DATA),
    }
}

/// Makes the folders; ones that exist are fine. Nobody but root may look into the volume's own folder,
/// the data has the mode of a fresh one.
pub fn make(folder: &Path) -> Result<()> {
    let make = |path: &Path, mode: u32| -> Result<()> {
        match fs::DirBuilder::new().mode(mode).create(path) {
            Ok(()) => {
                // The mode given to mkdir is cut by the umask.
                fs::set_permissions(path, fs::Permissions::from_mode(mode))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
        .with_context(|| format!("create {}", path.display()))
    };
    make(folder, 0o701)?;
    make(&folder.join(DATA), 0o755)
}

/// Bytes and whether there is anything at all. Blocking; symbolic links are not followed.
pub fn size(data: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // It went while we looked: its size is nothing.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("read {}", folder.display())),
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            total += metadata.blocks() * 512;
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_dockers_words() {
        assert!(check_name("data_1.x-y").is_ok());
        let error = check_name("a/b").unwrap_err().to_string();
        assert!(error.starts_with("create a/b: \"a/b\" includes invalid characters"), "{error}");
        assert!(check_name("-x").is_err());
        assert!(check_name("").is_err());
        assert!(check_name("x").unwrap_err().to_string().contains("too short"));
    }

    #[test]
    fn options_name_a_folder_or_are_refused() {
        let options = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
        };
        let bind = options(&[("type", "none"), ("o", "bind"), ("device", "/srv/x")]);
        assert!(check_options("v", &bind).is_ok());
        assert_eq!(data(Path::new("/v"), &bind), Path::new("/srv/x"));
        assert!(check_options("v", &options(&[("o", "bind")])).is_err());
        assert!(check_options("v", &options(&[("size", "1g")])).is_err());
        assert!(check_options("v", &options(&[("type", "tmpfs")])).is_err());
        let memory = options(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m,uid=5")]);
        assert!(check_options("v", &memory).is_ok());
        assert_eq!(data(Path::new("/v"), &memory), Path::new("/v/_data"));
        let found = mount(&memory).unwrap().unwrap();
        assert_eq!((found.kind.as_str(), found.options.len()), ("tmpfs", 2));
        assert_eq!(mount(&bind).unwrap(), None);
        let share = [("type", "nfs"), ("device", ":/x"), ("o", "addr=127.0.0.1,rw")];
        assert_eq!(mount(&options(&share)).unwrap().unwrap().options[0], "addr=127.0.0.1");
    }
}
