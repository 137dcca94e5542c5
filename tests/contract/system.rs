//! What an engine says about itself, versions and pages that are not there.

use crate::bench::Bench;
use serde_json::json;

#[test]
fn ping_says_what_a_client_needs_to_begin() {
    let bench = Bench::new();
    for method in ["GET", "HEAD"] {
        let answer = bench.client.open(method, "/_ping", &[], b"").expect("an answer");
        assert_eq!(answer.status, 200);
        let header =
            |name: &str| answer.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        assert!(header("api-version").is_some_and(|v| v.starts_with("1.")), "{:?}", answer.headers);
        assert_eq!(header("ostype").as_deref(), Some("linux"));
        assert!(header("cache-control").is_some_and(|v| v.contains("no-cache")));
        if method == "GET" {
            assert_eq!(answer.whole().expect("a body").text(), "OK");
        }
    }
}

#[test]
fn versions_are_checked_in_the_path() {
    let bench = Bench::new();
    let newest = bench.client.get("/version").expect(200).json()["ApiVersion"]
        .as_str()
        .expect("a version")
        .to_owned();
    bench.client.version(&newest).get("/info").expect(200);
    bench.client.version("1.24").get("/info").expect(200);
    let new = bench.client.version("1.99").get("/info");
    let words = "client version 1.99 is too new. Maximum supported API version is ";
    assert!(new.status == 400 && new.message().starts_with(words), "{}", new.text());
    let old = bench.client.version("1.1").get("/info");
    let words = "client version 1.1 is too old. Minimum supported API version is ";
    assert!(old.status == 400 && old.message().starts_with(words), "{}", old.text());
}

#[test]
fn version_and_info_have_their_fields() {
    let bench = Bench::new();
    let version = bench.client.get("/version").expect(200).json();
    for key in ["Version", "ApiVersion", "MinAPIVersion", "Os", "Arch", "KernelVersion"] {
        assert!(version[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {version}");
    }
    // Clients look for the key, though nothing of it need be written in Go.
    assert!(version["GoVersion"].is_string(), "{version}");
    assert!(version["Components"].as_array().is_some_and(|c| !c.is_empty()));
    let info = bench.client.get("/info").expect(200).json();
    for key in [
        "ID",
        "Driver",
        "LoggingDriver",
        "CgroupDriver",
        "KernelVersion",
        "Name",
        "DefaultRuntime",
        "DockerRootDir",
        "ServerVersion",
    ] {
        assert!(info[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {info}");
    }
    for key in ["ContainerdCommit", "RuncCommit", "InitCommit"] {
        assert_eq!(info[key]["ID"], info[key]["Expected"], "{key}");
    }
    assert!(info["NCPU"].as_u64() > Some(0) && info["MemTotal"].as_u64() > Some(0));
    assert_eq!(bench.client.get("/info").expect(200).json()["ID"], info["ID"]);
}

#[test]
fn a_known_path_with_an_unknown_method() {
    let bench = Bench::new();
    let answer = bench.client.call("PUT", "/containers/json", None);
    assert!(matches!(answer.status, 404 | 405), "{}", answer.status);
    assert_eq!(answer.message(), "page not found");
}

#[test]
fn disk_usage_counts_what_is_there() {
    let bench = Bench::new();
    let id = bench.create("counted", &["true"], json!({}));
    let usage = bench.client.get("/system/df").expect(200).json();
    let containers = usage["Containers"].as_array().expect("containers");
    assert!(containers.iter().any(|c| c["Id"] == id.as_str()), "{usage}");
    assert!(usage["Images"].as_array().is_some_and(|images| !images.is_empty()));
    assert!(usage["LayersSize"].as_u64() > Some(1000));
}

#[test]
fn several_requests_on_one_connection() {
    use std::io::{Read, Write};
    let bench = Bench::new();
    let mut stream = bench.client.connect().expect("a connection");
    let request = "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /_ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{request}{request}{last}").as_bytes()).expect("write");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("three answers");
    assert_eq!(text.matches("HTTP/1.1 200").count(), 3, "{text}");
}

#[test]
fn networks_none_and_host_are_there() {
    let bench = Bench::new();
    let list = bench.client.get("/networks").expect(200).json();
    for name in ["none", "host"] {
        let found = list.as_array().expect("a list").iter().find(|network| network["Name"] == name);
        let id = found.and_then(|network| network["Id"].as_str()).expect(name);
        let seen = bench.client.get(&format!("/networks/{name}")).expect(200).json();
        assert_eq!(seen["Id"], id);
        assert_eq!(seen["Driver"], if name == "none" { "null" } else { "host" });
    }
}
