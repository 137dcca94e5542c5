//! Copies programs and units to where a distribution's package would put them.

use crate::build::{self, Profile};
use crate::step;
use shared::error::{Context, Result};
use std::path::{Path, PathBuf};

const PROGRAMS: [&str; 5] = ["cofferd", "coffer", "coffer-shim", "coffer-init", "coffer-runtime"];
const UNITS: [&str; 2] = ["cofferd.service", "cofferd.socket"];

/// The task: `--prefix PATH` (`/usr/local`) and `--root PATH` (`/`) say where to.
pub fn run(arguments: &[String]) -> Result<()> {
    build::build(Profile::Dist)?;
    let root = PathBuf::from(step::value(arguments, "--root").unwrap_or("/"));
    let prefix = step::value(arguments, "--prefix").unwrap_or("/usr/local");
    let binaries = root.join(prefix.trim_start_matches('/')).join("bin");
    for name in PROGRAMS {
        place(&Profile::Dist.folder().join(name), &binaries.join(name))?;
    }
    let units = root.join("etc/systemd/system");
    for name in UNITS {
        let source = step::workspace().join("assets/systemd").join(name);
        let text = std::fs::read_to_string(&source)
            .with_context(|| format!("read {}", source.display()))?
            .replace("/usr/local/bin", &format!("{}/bin", prefix.trim_end_matches('/')));
        let target = units.join(name);
        std::fs::create_dir_all(&units).with_context(|| format!("make {}", units.display()))?;
        std::fs::write(&target, text).with_context(|| format!("write {}", target.display()))?;
        println!("{}", target.display());
    }
    println!("now: systemctl daemon-reload && systemctl enable --now cofferd.socket");
    Ok(())
}

/// A new file under the old name: a program that runs is not written to.
fn place(source: &Path, target: &Path) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let fresh = target.with_extension("new");
    std::fs::copy(source, &fresh)
        .and_then(|_| std::fs::rename(&fresh, target))
        .with_context(|| format!("copy {} to {}", source.display(), target.display()))?;
    println!("{}", target.display());
    Ok(())
}
