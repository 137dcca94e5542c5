//! The `mounts` section: the filesystems that every container has, the network files, the wishes. Pure.

use super::point::{Point, PointKind};
use oci_spec::runtime::Mount;
use std::path::{Path, PathBuf};

/// Bytes of `/dev/shm` unless asked otherwise (Docker's default).
pub const SHM_BYTES: i64 = 64 << 20;

/// What `/dev/shm` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shm {
    /// An own one of so many bytes.
    Own(i64),
    /// None (`--ipc none`).
    None,
    /// The one at this path: the host's `/dev/shm`, or `/proc/<pid>/root/dev/shm` of the container
    /// whose IPC namespace is joined.
    At(PathBuf),
}

/// What the section is made from.
#[derive(Clone, Debug)]
pub struct Wishes<'a> {
    /// Mounts that the user asked for, volumes with their place.
    pub points: &'a [Point],
    /// `/etc/hostname`, `/etc/hosts`, `/etc/resolv.conf`: target and file on the host.
    pub files: &'a [(&'static str, PathBuf)],
    /// The init program on the host, with `--init`.
    pub init: Option<&'a Path>,
    /// Shared memory.
    pub shm: &'a Shm,
    /// The root filesystem is read-only.
    pub read_only: bool,
    /// Privileged: `/sys` and cgroups can be written.
    pub privileged: bool,
}

fn mount(target: &str, kind: &str, source: &str, options: &[&str]) -> Mount {
    let mut mount = Mount::default();
    mount
        .set_destination(target.into())
        .set_typ(Some(kind.to_owned()))
        .set_source(Some(source.into()))
        .set_options(Some(options.iter().map(|o| (*o).to_owned()).collect()));
    mount
}

fn usual(wishes: &Wishes) -> Vec<Mount> {
    let system = if wishes.privileged { "rw" } else { "ro" };
    let mut all = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", system]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", system]),
    ];
    // Queues are there whatever is shared: they follow the namespace, not the mount.
    all.push(mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]));
    match wishes.shm {
        Shm::Own(bytes) => {
            let size = format!("size={bytes}");
            let options = ["nosuid", "noexec", "nodev", "mode=1777", &size];
            all.push(mount("/dev/shm", "tmpfs", "shm", &options));
        }
        Shm::None => {}
        Shm::At(path) => {
            all.push(mount("/dev/shm", "bind", &path.to_string_lossy(), &["rbind", "rprivate"]));
        }
    }
    all
}

/// Memory options: Docker's cautious defaults, taken back by their opposites.
fn tmpfs_options(asked: &[String]) -> Vec<String> {
    let mut all: Vec<String> = ["noexec", "nosuid", "nodev"].map(str::to_owned).to_vec();
    for option in asked.iter().filter(|o| *o != "defaults") {
        let key = option.split('=').next().unwrap_or_default();
        all.retain(|have| {
            let have = have.split('=').next().unwrap_or_default();
            have != key && have != format!("no{key}") && format!("no{have}") != key
        });
        all.push(option.clone());
    }
    all
}

fn wish(point: &Point) -> Mount {
    if point.kind == PointKind::Tmpfs {
        let options = tmpfs_options(&point.options);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        return mount(&point.target, "tmpfs", "tmpfs", &options);
    }
    if !point.filesystem.is_empty() {
        let mut options: Vec<&str> = point.options.iter().map(String::as_str).collect();
        if point.read_only {
            options.push("ro");
        }
        return mount(&point.target, &point.filesystem, &point.source, &options);
    }
    let mut source = PathBuf::from(&point.source);
    if !point.subpath.is_empty() {
        source.push(&point.subpath);
    }
    let propagation =
        Some(point.propagation.as_str()).filter(|p| !p.is_empty()).unwrap_or("rprivate");
    let mut options = vec![if point.flat { "bind" } else { "rbind" }, propagation];
    if point.read_only {
        options.push("ro");
    }
    mount(&point.target, "bind", &source.to_string_lossy(), &options)
}

/// Stays writable below a read-only root.
const NEVER_READ_ONLY: [&str; 5] = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"];

/// The section: shallow targets before deep ones; a wish replaces the usual mount at its target.
pub fn mounts(wishes: &Wishes) -> Vec<Mount> {
    let wished = |target: &Path| wishes.points.iter().any(|p| Path::new(&p.target) == target);
    let own_dev = wished(Path::new("/dev"));
    let mut all = usual(wishes);
    all.retain(|m| !(wished(m.destination()) || own_dev && m.destination().starts_with("/dev")));
    let files = wishes.files.iter().filter(|(target, _)| !wished(Path::new(target)));
    let mut later: Vec<Mount> = files
        .map(|(target, file)| {
            mount(target, "bind", &file.to_string_lossy(), &["rbind", "rprivate"])
        })
        .collect();
    if let Some(init) = wishes.init {
        let options = ["bind", "ro"];
        later.push(mount(super::process::INIT_TARGET, "bind", &init.to_string_lossy(), &options));
    }
    if wishes.read_only {
        let usual = all
            .iter_mut()
            .filter(|m| !NEVER_READ_ONLY.iter().any(|keep| m.destination() == Path::new(keep)));
        for mount in usual.chain(later.iter_mut()) {
            let mut options = mount.options().clone().unwrap_or_default();
            if !options.iter().any(|o| o == "ro" || o == "rw") {
                options.push("ro".to_owned());
            }
            mount.set_options(Some(options));
        }
    }
    later.extend(wishes.points.iter().map(wish));
    later.sort_by_key(|m| m.destination().components().count());
    all.extend(later);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(kind: PointKind, source: &str, target: &str) -> Point {
        Point { kind, source: source.into(), target: target.into(), ..Point::default() }
    }

    fn lines(points: &[Point], read_only: bool, shm: &Shm) -> Vec<String> {
        let files = [("/etc/hosts", PathBuf::from("/d/hosts"))];
        let wishes =
            Wishes { points, files: &files, init: None, shm, read_only, privileged: false };
        let line = |m: &Mount| {
            let options = m.options().as_ref().unwrap().join(",");
            format!(
                "{} {} {options}",
                m.destination().display(),
                m.source().as_ref().unwrap().display()
            )
        };
        mounts(&wishes).iter().map(line).collect()
    }

    #[test]
    fn shallow_before_deep_and_wishes_replace() {
        let points = [
            point(PointKind::Bind, "/h/deep", "/a/b/c"),
            point(PointKind::Volume, "/v", "/a"),
            point(PointKind::Bind, "/h/hosts", "/etc/hosts"),
            point(PointKind::Tmpfs, "", "/dev/shm"),
        ];
        let got = lines(&points, false, &Shm::Own(SHM_BYTES));
        let tail = &got[got.len() - 4..];
        assert_eq!(
            tail,
            [
                "/a /v rbind,rprivate",
                "/etc/hosts /h/hosts rbind,rprivate",
                "/dev/shm tmpfs noexec,nosuid,nodev",
                "/a/b/c /h/deep rbind,rprivate",
            ]
        );
        assert_eq!(got.iter().filter(|l| l.starts_with("/dev/shm ")).count(), 1);
    }

    #[test]
    fn an_own_dev_brings_what_is_below() {
        let got = lines(&[point(PointKind::Bind, "/dev", "/dev")], false, &Shm::Own(1));
        assert_eq!(got.iter().filter(|l| l.starts_with("/dev")).count(), 1);
    }

    #[test]
    fn a_read_only_root_spares_wishes_and_memory() {
        let got = lines(&[point(PointKind::Volume, "/v", "/a")], true, &Shm::Own(1));
        let line = |target: &str| {
            got.iter().find(|l| l.starts_with(&format!("{target} "))).cloned().unwrap()
        };
        assert!(line("/etc/hosts").ends_with("rbind,rprivate,ro"));
        assert!(line("/a").ends_with("rbind,rprivate"));
        assert!(!line("/dev/shm").contains(",ro"));
    }

    #[test]
    fn a_volume_may_be_a_filesystem_of_its_own() {
        let memory = Point {
            filesystem: "tmpfs".to_owned(),
            options: vec!["size=1m".to_owned()],
            read_only: true,
            ..point(PointKind::Volume, "none", "/m")
        };
        let got = lines(&[memory], false, &Shm::Own(1));
        assert!(got.contains(&"/m none size=1m,ro".to_owned()), "{got:?}");
    }

    #[test]
    fn shared_memory_modes() {
        assert!(!lines(&[], false, &Shm::None).iter().any(|l| l.starts_with("/dev/shm")));
        let host = lines(&[], false, &Shm::At("/dev/shm".into()));
        assert!(host.contains(&"/dev/shm /dev/shm rbind,rprivate".to_owned()));
    }

    #[test]
    fn memory_options_take_defaults_back() {
        let asked = ["exec", "size=1m", "mode=700"].map(str::to_owned);
        assert_eq!(tmpfs_options(&asked), ["nosuid", "nodev", "exec", "size=1m", "mode=700"]);
    }
}
