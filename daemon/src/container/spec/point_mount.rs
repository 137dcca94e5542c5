//! `--mount` (`HostConfig.Mounts`) as a [`Point`], and what a tmpfs may be told. Pure.

use super::point::{Point, PointKind, check_volume_name, clean};
use shared::docker::{Mount, MountType};
use shared::error::{Error, Result};

/// Refuses with Docker's beginning of the sentence.
fn refuse(kind: &str, why: impl std::fmt::Display) -> Error {
    Error::invalid(format!("invalid mount config for type \"{kind}\": {why}"))
}

fn absolute(kind: &str, path: &str) -> Result<String> {
    clean(path).ok_or_else(|| {
        refuse(kind, format!("invalid mount path: '{path}' mount path must be absolute"))
    })
}

/// Refuses option groups that belong to another type.
fn foreign(kind: &str, fields: &[(&str, bool)]) -> Result<()> {
    match fields.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(refuse(kind, format!("field {name} must not be specified"))),
        None => Ok(()),
    }
}

/// One entry of `HostConfig.Mounts`.
pub fn point(mount: &Mount) -> Result<Point> {
    let kind = match mount.typ {
        Some(MountType::BIND) => "bind",
        Some(MountType::VOLUME) => "volume",
        Some(MountType::TMPFS) => "tmpfs",
        Some(MountType::IMAGE) => {
            return Err(Error::unimplemented("mounts of type \"image\" need API 1.48 or newer"));
        }
        Some(MountType::CLUSTER | MountType::NPIPE) | None => {
            let name = mount.typ.map(|t| t.to_string()).unwrap_or_default();
            return Err(refuse(&name, "mount type unknown"));
        }
    };
    let target = mount.target.as_deref().unwrap_or_default();
    if target.is_empty() {
        return Err(refuse(kind, "field Target must not be empty"));
    }
    let target = absolute(kind, target)?;
    if target == "/" {
        return Err(refuse(kind, "invalid specification: destination can't be '/'"));
    }
    let source = mount.source.as_deref().unwrap_or_default();
    let read_only = mount.read_only.unwrap_or_default();
    let base = Point { target, read_only, by_mount: true, ..Point::default() };
    match kind {
        "bind" => bind(mount, source, base),
        "volume" => volume(mount, source, base),
        _ => tmpfs(mount, source, base),
    }
}

fn bind(mount: &Mount, source: &str, base: Point) -> Result<Point> {
    if source.is_empty() {
        return Err(refuse("bind", "field Source must not be empty"));
    }
    foreign(
        "bind",
        &[
            ("VolumeOptions", mount.volume_options.is_some()),
            ("TmpfsOptions", mount.tmpfs_options.is_some()),
        ],
    )?;
    let options = mount.bind_options.clone().unwrap_or_default();
    Ok(Point {
        kind: PointKind::Bind,
        source: absolute("bind", source)?,
        propagation: options.propagation.map(|p| p.to_string()).unwrap_or_default(),
        flat: options.non_recursive.unwrap_or_default(),
        create_source: options.create_mountpoint.unwrap_or_default(),
        ..base
    })
}

fn volume(mount: &Mount, source: &str, base: Point) -> Result<Point> {
    foreign(
        "volume",
        &[
            ("BindOptions", mount.bind_options.is_some()),
            ("TmpfsOptions", mount.tmpfs_options.is_some()),
        ],
    )?;
    if source.is_empty() && base.read_only {
        return Err(refuse("volume", "must not set ReadOnly mode when using anonymous volumes"));
    }
    if !source.is_empty() {
        check_volume_name(source)?;
    }
    let options = mount.volume_options.clone().unwrap_or_default();
    let driver = options.driver_config.unwrap_or_default();
    let subpath = options.subpath.unwrap_or_default();
    if subpath.starts_with('/') || subpath.split('/').any(|part| part == "..") {
        return Err(refuse("volume", "subpath must be a relative path within the volume"));
    }
    Ok(Point {
        name: source.to_owned(),
        anonymous: source.is_empty(),
        driver: driver.name.unwrap_or_default(),
        driver_options: driver.options.unwrap_or_default().into_iter().collect(),
        labels: options.labels.unwrap_or_default().into_iter().collect(),
        copy_up: !options.no_copy.unwrap_or_default(),
        subpath,
        ..base
    })
}

fn tmpfs(mount: &Mount, source: &str, base: Point) -> Result<Point> {
    foreign(
        "tmpfs",
        &[
            ("BindOptions", mount.bind_options.is_some()),
            ("VolumeOptions", mount.volume_options.is_some()),
            ("Source", !source.is_empty()),
        ],
    )?;
    let asked = mount.tmpfs_options.clone().unwrap_or_default();
    let mut options = Vec::new();
    if base.read_only {
        options.push("ro".to_owned());
    }
    if let Some(mode) = asked.mode.filter(|m| *m != 0) {
        options.push(format!("mode={mode:o}"));
    }
    if let Some(size) = asked.size_bytes.filter(|s| *s != 0) {
        if size < 0 {
            return Err(refuse("tmpfs", format!("invalid tmpfs size: {size}")));
        }
        options.push(format!("size={size}"));
    }
    options.extend(asked.options.iter().flatten().map(|pair| pair.join("=")));
    check_tmpfs(&options)?;
    Ok(Point { kind: PointKind::Tmpfs, options, ..base })
}

/// Words and keys that a tmpfs understands (mount(8), tmpfs(5)).
pub fn check_tmpfs(options: &[String]) -> Result<()> {
    const WORDS: [&str; 33] = [
        "ro",
        "rw",
        "exec",
        "noexec",
        "suid",
        "nosuid",
        "dev",
        "nodev",
        "sync",
        "async",
        "dirsync",
        "remount",
        "mand",
        "nomand",
        "atime",
        "noatime",
        "diratime",
        "nodiratime",
        "relatime",
        "norelatime",
        "strictatime",
        "nostrictatime",
        "bind",
        "rbind",
        "unbindable",
        "runbindable",
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "defaults",
    ];
    const KEYS: [&str; 6] = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"];
    for option in options {
        let known = match option.split_once('=') {
            Some((key, value)) => !value.is_empty() && KEYS.contains(&key),
            None => WORDS.contains(&option.as_str()),
        };
        if !known {
            return Err(Error::invalid(format!("invalid tmpfs option [{option:?}]")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::docker::{MountTmpfsOptions, MountVolumeOptions};

    fn mount(typ: MountType, source: &str, target: &str) -> Mount {
        Mount {
            typ: Some(typ),
            source: Some(source.into()),
            target: Some(target.into()),
            ..Mount::default()
        }
    }

    #[test]
    fn each_type_becomes_a_point() {
        let bind = point(&mount(MountType::BIND, "/a", "/b")).unwrap();
        assert_eq!((bind.kind, bind.create_source), (PointKind::Bind, false));
        let volume = point(&mount(MountType::VOLUME, "", "/b")).unwrap();
        assert!(volume.anonymous && volume.copy_up);
        let mut tmpfs = mount(MountType::TMPFS, "", "/t");
        tmpfs.tmpfs_options =
            Some(MountTmpfsOptions { size_bytes: Some(4096), mode: Some(0o700), options: None });
        assert_eq!(point(&tmpfs).unwrap().options, ["mode=700", "size=4096"]);
    }

    #[test]
    fn mistakes_in_dockers_words() {
        let mut confused = mount(MountType::BIND, "/a", "/b");
        confused.volume_options = Some(MountVolumeOptions::default());
        let rows = [
            (
                mount(MountType::BIND, "/a", ""),
                "invalid mount config for type \"bind\": field Target must not be empty",
            ),
            (
                mount(MountType::BIND, "", "/b"),
                "invalid mount config for type \"bind\": field Source must not be empty",
            ),
            (
                mount(MountType::TMPFS, "/a", "/b"),
                "invalid mount config for type \"tmpfs\": field Source must not be specified",
            ),
            (
                mount(MountType::BIND, "a", "/b"),
                "invalid mount config for type \"bind\": invalid mount path: 'a' mount path must be absolute",
            ),
            (
                confused,
                "invalid mount config for type \"bind\": field VolumeOptions must not be specified",
            ),
        ];
        for (mount, want) in rows {
            assert_eq!(point(&mount).unwrap_err().message(), want);
        }
        assert!(check_tmpfs(&["size=1m".into(), "foo".into()]).is_err());
    }
}
