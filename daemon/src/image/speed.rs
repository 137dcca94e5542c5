//! How fast an image of 200 MB in 20,000 files is loaded and removed. Run by hand, on a quiet machine:
//! `cargo test --release -p daemon --lib image::speed -- --ignored --nocapture`. `COFFER_SPEED_ROOT` names
//! the folder to work in.

use super::tests::{Bench, sha, tar};
use super::{Force, Parents};
use crate::task;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const FILES: usize = 20_000;
const FILE_BYTES: usize = 10_000;

/// Words with some variety, so that gzip has about as much to do as with programs.
fn content(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    while bytes.len() < FILE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = (state >> 40) as u16 & 0x3ff;
        bytes.extend_from_slice(format!("{word:x} ").as_bytes());
    }
    bytes.truncate(FILE_BYTES);
    bytes
}

fn layer() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for number in 0..FILES {
        let data = content(number as u64 + 1);
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        let path = format!("data/{:03}/file-{number}", number / 100);
        tar.append_data(&mut header, path, &data[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

fn archive(name: &str, layer: &[u8], packed: &[u8]) -> Vec<u8> {
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]},
        "rootfs": {"type": "layers", "diff_ids": [sha(layer).as_str()]},
    });
    let config = config.to_string().into_bytes();
    let path = format!("{}.json", sha(&config).digits());
    let table =
        serde_json::json!([{"Config": path, "RepoTags": [name], "Layers": ["l/layer.tar"]}]);
    let table = table.to_string().into_bytes();
    tar(&[("l/layer.tar", packed), (&path, &config), ("manifest.json", &table)])
}

/// Seconds of processor time that this process has used.
fn processor() -> f64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

#[test]
#[ignore = "a measurement, not a test"]
fn load_and_remove() {
    task::block_on(async {
        let root =
            std::env::var_os("COFFER_SPEED_ROOT").map_or_else(std::env::temp_dir, PathBuf::from);
        let root = root.join(format!("coffer-speed-{}", std::process::id()));
        let layer = layer();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&layer).unwrap();
        let gzip = gzip.finish().unwrap();
        std::fs::create_dir_all(&root).unwrap();
        for (kind, packed) in [("plain", &layer), ("gzip", &gzip)] {
            let archive = archive("speed:1", &layer, packed);
            if let Some(keep) = std::env::var_os("COFFER_SPEED_KEEP") {
                std::fs::write(PathBuf::from(keep).join(format!("{kind}.tar")), &archive).unwrap();
            }
            for _ in 0..3 {
                let bench = Bench::at(root.clone()).await;
                let archive = archive.clone();
                let (started, before) = (Instant::now(), processor());
                bench.load(archive).await.unwrap();
                let (loaded, busy) = (started.elapsed(), processor() - before);
                let started = Instant::now();
                let stopped: &(dyn Fn(&shared::id::ContainerId) -> bool + Sync) = &|_| false;
                bench.images.remove("speed:1", Force::No, Parents::Prune, stopped).await.unwrap();
                let removed = started.elapsed();
                let speed = layer.len() as f64 / 1e6 / loaded.as_secs_f64();
                println!(
                    "{kind}: load {loaded:.2?} = {speed:.0} MB/s (processor {busy:.2} s), remove {removed:.2?}"
                );
                bench.trash.wait_until_empty(Duration::from_secs(600)).unwrap();
                bench.stop().await;
            }
        }
        std::fs::remove_dir_all(&root).unwrap();
    });
}
