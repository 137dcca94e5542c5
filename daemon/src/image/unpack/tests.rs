//! What unpacking must do to good, odd and hostile layers, on both forms of whiteouts.

use super::*;
use nix::unistd::geteuid;
use recipe::Pieces;
use sha2::Digest as _;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("coffer-unpack-{}", shared::id::hex(&shared::id::random::<6>()));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(path.join("fs")).unwrap();
        Self(path)
    }

    fn target(&self, whiteouts: Whiteouts) -> Target {
        Target { folder: self.0.clone(), whiteouts }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

struct Layer(tar::Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn add(mut self, path: &str, kind: EntryType, mode: u32, link: &str, data: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(if geteuid().is_root() { 1000 } else { 0 });
        header.set_gid(0);
        header.set_mtime(1_600_000_000);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    fn file(self, path: &str, data: &[u8]) -> Self {
        self.add(path, EntryType::Regular, 0o644, "", data)
    }

    fn folder(self, path: &str) -> Self {
        self.add(path, EntryType::Directory, 0o750, "", b"")
    }

    fn link(self, path: &str, kind: EntryType, target: &str) -> Self {
        self.add(path, kind, 0o777, target, b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn assemble(target: &Target, unpacked: &Unpacked) -> Vec<u8> {
    let files = File::open(target.files()).unwrap();
    let attic = File::open(target.attic()).ok();
    let pieces = Pieces {
        recipe: &target.recipe(),
        files: files.as_fd(),
        attic: attic.as_ref().map(|a| a.as_fd()),
        displaced: &unpacked.displaced,
    };
    let mut out = Vec::new();
    pieces.assemble(&mut out).unwrap();
    out
}

#[test]
fn a_layer_becomes_files_and_the_same_stream_again() {
    let scratch = Scratch::new();
    let target = scratch.target(Whiteouts::Marker);
    let big = vec![b'x'; 3 << 20];
    let tar = Layer::new()
        .folder("./")
        .folder("bin/")
        .add("bin/su", EntryType::Regular, 0o4755, "", b"program")
        .link("bin/hard", EntryType::Link, "bin/su")
        .link("sbin", EntryType::Symlink, "bin")
        .file("sbin/through", b"a link")
        .file("/deep/er/big", &big)
        .file("empty", b"")
        .add("pipe", EntryType::Fifo, 0o600, "", b"")
        .bytes();
    let unpacked = unpack(&tar[..], &target).unwrap();
    let digest = Digest::from_sha256(&sha2::Sha256::digest(&tar).into());
    assert_eq!((&unpacked.diff_id, unpacked.tar_bytes), (&digest, tar.len() as u64));

    let fs = target.files();
    let su = fs.join("bin/su").symlink_metadata().unwrap();
    assert_eq!((su.mode() & 0o7777, su.mtime(), su.nlink()), (0o4755, 1_600_000_000, 2));
    if geteuid().is_root() {
        assert_eq!(su.uid(), 1000);
    }
    assert_eq!(std::fs::read(fs.join("bin/through")).unwrap(), b"a link");
    assert_eq!(std::fs::metadata(fs.join("deep/er/big")).unwrap().len(), 3 << 20);
    assert!(fs.join("pipe").symlink_metadata().unwrap().file_type().is_fifo());
    let bin = fs.join("bin").metadata().unwrap();
    assert_eq!((bin.permissions().mode() & 0o777, bin.mtime()), (0o750, 1_600_000_000));
    assert_eq!(assemble(&target, &unpacked), tar);
}

#[test]
fn later_entries_replace_earlier_ones_and_the_stream_stays_whole() {
    let scratch = Scratch::new();
    let target = scratch.target(Whiteouts::Marker);
    let tar = Layer::new()
        .file("a", b"first")
        .file("a", b"second one")
        .folder("d")
        .file("d/inner", b"inside")
        .file("d", b"now a file")
        .file("d", b"again")
        .link("s", EntryType::Symlink, "/etc")
        .file("s", b"no link any more")
        .bytes();
    let unpacked = unpack(&tar[..], &target).unwrap();
    assert_eq!(std::fs::read(target.files().join("a")).unwrap(), b"second one");
    assert_eq!(std::fs::read(target.files().join("d")).unwrap(), b"again");
    assert_eq!(std::fs::read(target.files().join("s")).unwrap(), b"no link any more");
    assert_eq!(assemble(&target, &unpacked), tar);
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let outside = Scratch::new();
    let secret = outside.0.join("victim");
    std::fs::write(&secret, "untouched").unwrap();
    let escape = |layer: Layer| {
        let scratch = Scratch::new();
        let result = unpack(&layer.bytes()[..], &scratch.target(Whiteouts::Marker));
        (result, scratch)
    };
    let (result, _scratch) = escape(Layer::new().file("../../victim", b"x"));
    assert!(result.unwrap_err().to_string().contains("leads out"));
    let parent = outside.0.to_str().unwrap();
    let through = Layer::new().link("l", EntryType::Symlink, parent).file("l/victim", b"x");
    let (result, scratch) = escape(through);
    // The link is resolved as if the layer were the root, where its target is not.
    assert!(result.is_err() || !scratch.0.join("fs/l/victim").exists());
    let (result, _scratch) =
        escape(Layer::new().link("h", EntryType::Link, secret.to_str().unwrap()));
    assert!(result.is_err());
    let up = Layer::new().link("u", EntryType::Symlink, "../../..").file("u/victim2", b"x");
    let (result, scratch) = escape(up);
    assert!(result.is_err() || scratch.0.join("fs/victim2").exists());
    assert_eq!(std::fs::read(&secret).unwrap(), b"untouched");
}

#[test]
fn whiteouts_in_the_form_of_the_snapshotter() {
    let layer = || {
        Layer::new()
            .file("dir/.wh.gone", b"")
            .file("dir/.wh..wh..opq", b"")
            .file(".wh..wh.plnk", b"")
            .file("kept", b"x")
            .file(".wh.kept", b"")
            .file(".wh.reborn", b"")
            .folder("reborn")
            .bytes()
    };
    let scratch = Scratch::new();
    let target = scratch.target(Whiteouts::Marker);
    let unpacked = unpack(&layer()[..], &target).unwrap();
    for name in ["dir/.wh.gone", "dir/.wh..wh..opq", "kept", "reborn/.wh..wh..opq"] {
        assert!(target.files().join(name).exists(), "{name}");
    }
    assert!(!target.files().join(".wh.kept").exists());
    assert_eq!(assemble(&target, &unpacked), layer());

    if !geteuid().is_root() {
        eprintln!("skipped: whiteouts of overlayfs need root");
        return;
    }
    let scratch = Scratch::new();
    let target = scratch.target(Whiteouts::Overlay);
    let unpacked = unpack(&layer()[..], &target).unwrap();
    let gone = target.files().join("dir/gone").symlink_metadata().unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    for folder in ["dir", "reborn"] {
        let value = xattr::get(target.files().join(folder), "trusted.overlay.opaque").unwrap();
        assert_eq!(value.as_deref(), Some(&b"y"[..]), "{folder}");
    }
    assert_eq!(assemble(&target, &unpacked), layer());
}

#[test]
fn compressed_streams_have_two_digests() {
    let tar = Layer::new().file("f", b"content").bytes();
    let packed = zstd::encode_all(&tar[..], 1).unwrap();
    let scratch = Scratch::new();
    let unpacked = unpack(&packed[..], &scratch.target(Whiteouts::Marker)).unwrap();
    let digest = |bytes: &[u8]| Digest::from_sha256(&sha2::Sha256::digest(bytes).into());
    assert_eq!((unpacked.diff_id, unpacked.blob), (digest(&tar), digest(&packed)));

    let scratch = Scratch::new();
    let cut = &packed[..packed.len() / 2];
    assert!(unpack(cut, &scratch.target(Whiteouts::Marker)).is_err());
}

#[test]
fn odd_entries_are_refused_with_their_reason() {
    let refuse = |layer: Layer, reason: &str| {
        let scratch = Scratch::new();
        let error = unpack(&layer.bytes()[..], &scratch.target(Whiteouts::Marker)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    };
    refuse(Layer::new().add("v", EntryType::new(b'V'), 0, "", b""), "unhandled tar entry");
    refuse(Layer::new().file(".", b"x"), "root is no folder");
    refuse(Layer::new().file("f", b"x").file("f/below", b"x"), "Not a directory");
    refuse(Layer::new().add("s", EntryType::GNUSparse, 0, "", b""), "sparse");
}

/// Bytes changed at random must give an error or a layer, never a panic, a hang or a huge allocation.
#[test]
fn mutilated_archives_are_survived() {
    let good = Layer::new()
        .folder("d/")
        .file("d/f", &[b'x'; 700])
        .link("l", EntryType::Symlink, "d")
        .file("l/through", b"y")
        .link("h", EntryType::Link, "d/f")
        .file("d/.wh.z", b"")
        .file("d/f", b"again")
        .bytes();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..300 {
        let mut bytes = good.clone();
        let header = random(bytes.len() / 512) * 512;
        for _ in 0..=random(3) {
            bytes[header + random(345)] = [0, 0x80, 0xff, b'7', b'.', b'/'][random(6)];
        }
        // A right sum, so that the change is not refused at the door.
        let sum: u32 = (0..512)
            .map(|i| u32::from(if (148..156).contains(&i) { b' ' } else { bytes[header + i] }))
            .sum();
        bytes[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.truncate(bytes.len() - random(3) * random(512));
        let scratch = Scratch::new();
        let target = scratch.target(Whiteouts::Marker);
        if let Ok(unpacked) = unpack(&bytes[..], &target) {
            let whole = std::panic::catch_unwind(|| assemble(&target, &unpacked));
            assert_eq!(whole.expect("what was unpacked can be put together"), bytes);
        }
    }
}
