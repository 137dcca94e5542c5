//! Who is read when, without waiting.

use super::*;

fn own_group() -> Source {
    let cgroup = format!("/coffer-sampler-{}", std::process::id());
    Layout::detect().unwrap().group(&cgroup).unwrap().create().unwrap();
    let pid = i32::try_from(std::process::id()).unwrap();
    Source { id: ContainerId::generate(), cgroup, pid, own_network: true }
}

struct Made(String);
impl Drop for Made {
    fn drop(&mut self) {
        Layout::detect().unwrap().group(&self.0).unwrap().remove().unwrap();
    }
}

#[test]
fn a_new_container_is_read_at_once_and_a_watcher_sees_it() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: making a control group needs root");
        return;
    }
    let sampler = Sampler::new().unwrap();
    let source = own_group();
    let _made = Made(source.cgroup.clone());
    let (id, watch) = (source.id.clone(), sampler.watch());
    sampler.look_at(watch.id(), Interest { all: true, ..Interest::default() }).unwrap();
    sampler.clone().run().unwrap();
    sampler.track(source).unwrap();
    let limit = Duration::from_secs(5);
    let samples = task::block_on(task::timeout(limit, "a sample", watch.next())).unwrap();
    assert_eq!(samples[0].id, id.as_str());
    let second = task::block_on(task::timeout(limit, "another", watch.next())).unwrap();
    assert!(second[0].time_nanos > samples[0].time_nanos);
    let pair = sampler.read(&id).unwrap();
    assert!(pair.before.is_some() && pair.cpus > 0);
    sampler.freeze(&id);
    assert_eq!(sampler.read(&id).unwrap_err().kind(), Kind::NotFound);
    assert!(sampler.history(&id).len() >= 2, "the history outlives the container");
    sampler.forget(&id);
    assert!(sampler.history(&id).is_empty());
}

#[test]
fn a_watch_that_is_gone_is_not_looked_for() {
    let sampler = Sampler::new().unwrap();
    let id = sampler.watch().id().to_owned();
    let error = sampler.look_at(&id, Interest::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(!sampler.0.interest().all);
    assert!(sampler.0.watches().is_empty());
}
