//! Named volumes of the local driver.

use crate::bench::Bench;
use serde_json::json;

#[test]
fn created_listed_inspected_removed() {
    let bench = Bench::new();
    let name = bench.name("volume");
    let body = json!({"Name": name, "Labels": {"a": "b"}});
    let made = bench.client.post_json("/volumes/create", &body).expect(201).json();
    assert_eq!(
        (&made["Name"], &made["Driver"], &made["Scope"]),
        (&json!(name), &json!("local"), &json!("local"))
    );
    let seen = bench.client.get(&format!("/volumes/{name}")).expect(200).json();
    assert_eq!(seen["Labels"], json!({"a": "b"}));
    assert!(seen["Mountpoint"].as_str().is_some_and(|path| path.ends_with("/_data")), "{seen}");
    // Creating it again finds it.
    bench.client.post_json("/volumes/create", &json!({"Name": name})).expect(201);
    let list = bench.client.get("/volumes").expect(200).json();
    let found =
        list["Volumes"].as_array().expect("a list").iter().filter(|v| v["Name"] == name).count();
    assert_eq!(found, 1);
    bench.client.delete(&format!("/volumes/{name}")).expect(204);
    bench.client.get(&format!("/volumes/{name}")).expect(404);
}

#[test]
fn one_in_use_stays() {
    let bench = Bench::new();
    let name = bench.name("used");
    let more = json!({"HostConfig": {"Binds": [format!("{name}:/data")]}});
    let id = bench.create("user", &["true"], more);
    let answer = bench.client.delete(&format!("/volumes/{name}"));
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(answer.message(), format!("remove {name}: volume is in use - [{id}]"));
    bench.client.delete(&format!("/containers/{id}?v=1")).expect(204);
    // A named one is nobody's to remove but its user's.
    bench.client.get(&format!("/volumes/{name}")).expect(200);
    bench.client.delete(&format!("/volumes/{name}")).expect(204);
}

#[test]
fn anonymous_ones_go_with_their_container() {
    let bench = Bench::new();
    let id = bench.create("anonymous", &["true"], json!({"Volumes": {"/data": {}}}));
    let mounts = bench.inspect(&id)["Mounts"].clone();
    assert_eq!(
        (&mounts[0]["Type"], &mounts[0]["Destination"]),
        (&json!("volume"), &json!("/data"))
    );
    let name = mounts[0]["Name"].as_str().expect("a name").to_owned();
    assert_eq!(name.len(), 64);
    bench.client.get(&format!("/volumes/{name}")).expect(200);
    bench.client.delete(&format!("/containers/{id}?v=1")).expect(204);
    bench.client.get(&format!("/volumes/{name}")).expect(404);
}

#[test]
fn volumes_of_another_container() {
    let bench = Bench::new();
    let name = bench.name("shared");
    let host = json!({"HostConfig": {"Binds": [format!("{name}:/data"), "/tmp:/host"]}});
    let donor = bench.create("donor", &["true"], host);
    let points = |mode: &str| -> Vec<(String, bool)> {
        let from = json!({"HostConfig": {"VolumesFrom": [format!("{donor}{mode}")]}});
        let id = bench.create(&format!("taker{}", mode.trim_start_matches(':')), &["true"], from);
        let mounts = bench.inspect(&id)["Mounts"].clone();
        let mounts = mounts.as_array().expect("mounts");
        let mut points: Vec<(String, bool)> = mounts
            .iter()
            .map(|m| (m["Destination"].as_str().expect("a path").to_owned(), m["RW"] == true))
            .collect();
        points.sort();
        points
    };
    assert_eq!(points(""), [("/data".to_owned(), true), ("/host".to_owned(), true)]);
    assert_eq!(points(":ro"), [("/data".to_owned(), false), ("/host".to_owned(), false)]);
    for from in ["nobody", &format!("{donor}:x")] {
        let body = bench.body(&["true"], json!({"HostConfig": {"VolumesFrom": [from]}}));
        bench.client.post_json("/containers/create", &body).expect(400);
    }
}
