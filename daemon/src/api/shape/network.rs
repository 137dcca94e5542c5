//! Networks as lists and inspect show them.

use super::time::NEVER;
use crate::network::Network;
use serde_json::{Value, json};

/// One network.
pub fn inspect(network: &Network) -> Value {
    json!({
        "Name": network.name,
        "Id": network.id.as_str(),
        "Created": NEVER,
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv4": true,
        "EnableIPv6": false,
        "IPAM": { "Driver": "default", "Options": null, "Config": null },
        "Internal": false,
        "Attachable": false,
        "Ingress": false,
        "ConfigFrom": { "Network": "" },
        "ConfigOnly": false,
        "Containers": {},
        "Options": {},
        "Labels": {},
    })
}
