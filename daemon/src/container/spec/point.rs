//! What the user wants mounted: `-v`, `--mount`, `--tmpfs` and the image's volumes as one list.
//!
//! Pure. Volumes are only named here: the volume manager makes them and tells where they are.

use super::point_mount;
use serde::{Deserialize, Serialize};
use shared::docker::ContainerCreateBody;
use shared::error::{Error, Result};
use std::collections::BTreeMap;

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// A file or folder of the host.
    Bind,
    /// A volume.
    #[default]
    Volume,
    /// Memory.
    Tmpfs,
}

/// One wish. Stored with the container once a volume's name and place are decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Point {
    /// What is mounted.
    pub kind: PointKind,
    /// Absolute and clean path in the container.
    pub target: String,
    /// Path on the host: given for binds, decided for volumes, empty for tmpfs.
    pub source: String,
    /// The volume's name; empty until an anonymous one is named.
    pub name: String,
    /// The user did not name the volume: it goes with `--rm` and `rm -v`.
    pub anonymous: bool,
    /// Volume driver; empty means `local`.
    pub driver: String,
    /// Options for the volume driver.
    pub driver_options: BTreeMap<String, String>,
    /// Labels of a volume that is made for this.
    pub labels: BTreeMap<String, String>,
    /// A folder inside the volume.
    pub subpath: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// Docker's word for propagation; empty means `rprivate`.
    pub propagation: String,
    /// What stood behind the second colon of `-v`, as `inspect` shows it.
    pub mode: String,
    /// An empty volume is filled with what the image has there.
    pub copy_up: bool,
    /// The source is made when it does not exist (`-v`, not `--mount`).
    pub create_source: bool,
    /// Only the top of the source is bound, not what is mounted below it.
    pub flat: bool,
    /// Mount options of a tmpfs, or of `filesystem`.
    pub options: Vec<String>,
    /// Type of a volume that is a filesystem of its own; empty for a folder.
    pub filesystem: String,
    /// It came from `HostConfig.Mounts`.
    pub by_mount: bool,
}

/// A path without double slashes, `.` and `..`; `None` when it is not absolute.
pub fn clean(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// A name that the local volume driver takes.
fn is_volume_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.len() >= 2
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Refuses a bad volume name in Docker's words.
pub fn check_volume_name(name: &str) -> Result<()> {
    match is_volume_name(name) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "create {name}: \"{name}\" includes invalid characters for a local volume name, only \
             \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use \
             absolute path"
        ))),
    }
}

const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/// One entry of `HostConfig.Binds`: `[source:]target[:mode]`.
fn bind(text: &str, driver: &str) -> Result<Point> {
    let bad = || Error::invalid(format!("invalid volume specification: '{text}'"));
    let parts: Vec<&str> = text.splitn(4, ':').collect();
    let (source, target, mode) = match parts[..] {
        [target] if !target.is_empty() => ("", target, ""),
        [source, target] if !source.is_empty() && is_mode(target) && source.starts_with('/') => {
            ("", source, target)
        }
        [source, target] if !source.is_empty() => (source, target, ""),
        [source, target, mode] if !source.is_empty() => (source, target, mode),
        _ => return Err(bad()),
    };
    let mut point = Point { mode: mode.to_owned(), driver: driver.to_owned(), ..Point::default() };
    let kind = if source.starts_with('/') { "bind" } else { "volume" };
    let inner = |why: String| {
        Error::invalid(format!(
            "invalid volume specification: '{text}': invalid mount config for type \"{kind}\": {why}"
        ))
    };
    point.target = clean(target).ok_or_else(|| {
        inner(format!("invalid mount path: '{target}' mount path must be absolute"))
    })?;
    if point.target == "/" {
        return Err(inner("invalid specification: destination can't be '/'".into()));
    }
    point.copy_up = true;
    apply_mode(&mut point, mode)?;
    if let Some(path) = clean(source) {
        point.kind = PointKind::Bind;
        point.source = path;
        point.create_source = true;
        point.copy_up = false;
        point.driver.clear();
    } else if source.is_empty() {
        point.anonymous = true;
    } else {
        check_volume_name(source)?;
        point.name = source.to_owned();
        if mode.is_empty() && matches!(driver, "" | "local") {
            // Docker shows this mode for local volumes that are named this way.
            point.mode = "z".to_owned();
        }
    }
    Ok(point)
}

fn is_mode(text: &str) -> bool {
    !text.is_empty() && apply_mode(&mut Point::default(), text).is_ok()
}

/// `ro,z,rslave,nocopy`: each kind of word once.
fn apply_mode(point: &mut Point, mode: &str) -> Result<()> {
    let bad = || Error::invalid(format!("invalid mode: {mode}"));
    let (mut access, mut label, mut copy) = (false, false, false);
    for word in mode.split(',').filter(|_| !mode.is_empty()) {
        let taken = match word {
            "ro" | "rw" => {
                point.read_only = word == "ro";
                std::mem::replace(&mut access, true)
            }
            "z" | "Z" => std::mem::replace(&mut label, true),
            "nocopy" => {
                point.copy_up = false;
                std::mem::replace(&mut copy, true)
            }
            "copy" | "consistent" | "cached" | "delegated" | "default" => false,
            word if PROPAGATIONS.contains(&word) => {
                !std::mem::replace(&mut point.propagation, word.to_owned()).is_empty()
            }
            _ => return Err(bad()),
        };
        if taken {
            return Err(bad());
        }
    }
    Ok(())
}

/// One entry of `HostConfig.Tmpfs`: target and options.
fn tmpfs(target: &str, options: &str) -> Result<Point> {
    let refuse =
        |why: String| Error::invalid(format!("invalid mount config for type \"tmpfs\": {why}"));
    let target = clean(target).ok_or_else(|| {
        refuse(format!("invalid mount path: '{target}' mount path must be absolute"))
    })?;
    if target == "/" {
        return Err(refuse("invalid specification: destination can't be '/'".into()));
    }
    let options: Vec<String> =
        options.split(',').filter(|o| !o.is_empty()).map(str::to_owned).collect();
    point_mount::check_tmpfs(&options)?;
    let read_only = options.iter().any(|o| o == "ro");
    Ok(Point { kind: PointKind::Tmpfs, target, options, read_only, ..Point::default() })
}

/// Everything that is to be mounted, in the order asked. An image's volume gives way to a wish for
/// the same target.
///
/// # Errors
/// `Invalid`, in Docker's words; two wishes for one target are "Duplicate mount point".
pub fn points(asked: &ContainerCreateBody, image_volumes: &[String]) -> Result<Vec<Point>> {
    let mut all: Vec<Point> = Vec::new();
    let add =
        |all: &mut Vec<Point>, point: Point| match all.iter().any(|p| p.target == point.target) {
            true => Err(Error::invalid(format!("Duplicate mount point: {}", point.target))),
            false => {
                all.push(point);
                Ok(())
            }
        };
    let host = asked.host_config.clone().unwrap_or_default();
    let driver = host.volume_driver.as_deref().unwrap_or_default();
    for text in host.binds.iter().flatten() {
        add(&mut all, bind(text, driver)?)?;
    }
    for mount in host.mounts.iter().flatten() {
        add(&mut all, point_mount::point(mount)?)?;
    }
    let tmpfs_wishes: BTreeMap<_, _> = host.tmpfs.iter().flatten().collect();
    for (target, options) in tmpfs_wishes {
        add(&mut all, tmpfs(target, options)?)?;
    }
    let own = asked.volumes.iter().flatten();
    let mut volumes: Vec<&String> = own.chain(image_volumes).collect();
    volumes.sort();
    for text in volumes {
        let point = bind(text, driver).and_then(|point| match point.anonymous {
            true => Ok(point),
            false => Err(Error::invalid(format!("invalid volume specification: '{text}'"))),
        })?;
        if !all.iter().any(|p| p.target == point.target) {
            all.push(point);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::docker::HostConfig;

    fn go(binds: &[&str]) -> Result<Vec<Point>> {
        let binds = Some(binds.iter().map(|b| (*b).to_owned()).collect());
        let host_config = Some(HostConfig { binds, ..HostConfig::default() });
        points(&ContainerCreateBody { host_config, ..Default::default() }, &["/img".to_owned()])
    }

    #[test]
    fn binds_and_volumes() {
        let got = go(&["/a//b/../c:/x/:ro,rslave", "data:/d:nocopy", "/anon"]).unwrap();
        assert_eq!(
            (got[0].kind, got[0].source.as_str(), got[0].target.as_str()),
            (PointKind::Bind, "/a/c", "/x")
        );
        assert!(got[0].read_only && got[0].propagation == "rslave" && got[0].create_source);
        assert_eq!(
            (got[1].kind, got[1].name.as_str(), got[1].copy_up),
            (PointKind::Volume, "data", false)
        );
        assert!(got[2].anonymous && got[2].copy_up);
        assert_eq!((got[3].target.as_str(), got[3].anonymous), ("/img", true));
    }

    #[test]
    fn an_images_volume_gives_way() {
        let got = go(&["data:/img"]).unwrap();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].name, "data");
    }

    #[test]
    fn mistakes_in_dockers_words() {
        let rows = [
            (
                "./x:/y",
                "create ./x: \"./x\" includes invalid characters for a local volume name, only \
              \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
            ),
            ("", "invalid volume specification: ''"),
            ("/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"),
            ("/a:/b:foo", "invalid mode: foo"),
            ("/a:/b:ro,rw", "invalid mode: ro,rw"),
            (
                "/a:b",
                "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid \
              mount path: 'b' mount path must be absolute",
            ),
            (
                "/a:/",
                "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid \
              specification: destination can't be '/'",
            ),
        ];
        for (text, want) in rows {
            assert_eq!(go(&[text]).unwrap_err().message(), want, "{text}");
        }
        assert_eq!(go(&["/a:/b", "x1:/b"]).unwrap_err().message(), "Duplicate mount point: /b");
    }
}
