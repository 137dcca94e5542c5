//! The folders below both roots, with their modes, made before anything is opened.

use shared::error::{Context, Error, Result};
use shared::id;
use shared::paths::Paths;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Others may pass through, to what is open to them below, but not look around.
const PASSABLE: u32 = 0o711;
/// Nobody else.
const PRIVATE: u32 = 0o700;

/// Makes both roots, resolves symbolic links in their paths, makes what stands in them, and gives the
/// daemon an empty folder for scratch. What was in the old one goes to the trash.
pub fn prepare(data: &Path, exec: &Path) -> Result<Paths> {
    let paths = Paths::new(root(data)?, root(exec)?);
    if paths.data == paths.exec {
        return Err(Error::invalid("data-root and exec-root are the same folder"));
    }
    for folder in [paths.containers(), paths.trash()] {
        make(&folder, PRIVATE)?;
    }
    make(&paths.volumes(), PASSABLE)?;
    renew(&paths)?;
    Ok(paths)
}

fn root(path: &Path) -> Result<PathBuf> {
    make(path, PASSABLE)?;
    path.canonicalize().with_context(|| format!("resolve {}", path.display()))
}

fn make(path: &Path, mode: u32) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(|| format!("create {}", path.display()))?;
    let metadata = path.metadata().with_context(|| format!("look at {}", path.display()))?;
    if metadata.permissions().mode() & 0o777 != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("set the mode of {}", path.display()))?;
    }
    Ok(())
}

fn renew(paths: &Paths) -> Result<()> {
    let old = paths.temporary();
    let aside = paths.trash().join(format!("tmp-{}", id::hex(&id::random::<8>())));
    match fs::rename(&old, aside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("move the old scratch folder away"),
    }
    make(&old, PRIVATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_links_and_scratch() {
        let base = std::env::temp_dir().join(format!("coffer-folder-{}", std::process::id()));
        fs::create_dir_all(base.join("real")).unwrap();
        std::os::unix::fs::symlink(base.join("real"), base.join("data")).unwrap();
        let (data, exec) = (base.join("data"), base.join("exec"));
        let paths = prepare(&data, &exec).unwrap();
        assert!(paths.data.ends_with("real"), "{:?}", paths.data);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&paths.containers()), 0o700);
        assert_eq!(mode(&paths.data), 0o711);
        fs::write(paths.temporary().join("left"), "x").unwrap();
        prepare(&data, &exec).unwrap();
        assert_eq!(fs::read_dir(paths.temporary()).unwrap().count(), 0);
        std::os::unix::fs::symlink(&exec, base.join("other")).unwrap();
        assert!(prepare(&base.join("other"), &exec).is_err());
        fs::remove_dir_all(&base).unwrap();
    }
}
