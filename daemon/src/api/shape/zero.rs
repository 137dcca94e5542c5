//! Docker answers every field of an object, also those that nobody set. The models leave those out, so
//! objects are completed from these texts. Values are what dockerd shows on a container for which nothing
//! was asked.

use serde_json::{Map, Value};

/// `HostConfig` of a container.
pub const HOST_CONFIG: &str = r#"{
"Binds":null,"ContainerIDFile":"","LogConfig":{"Type":"json-file","Config":{}},"NetworkMode":"default",
"PortBindings":null,"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":false,"VolumeDriver":"",
"VolumesFrom":null,"ConsoleSize":[0,0],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":null,
"DnsOptions":null,"DnsSearch":null,"ExtraHosts":null,"GroupAdd":null,"IpcMode":"private","Cgroup":"","Links":null,
"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,
"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":67108864,"Runtime":"","Isolation":"","CpuShares":0,
"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":null,"BlkioDeviceReadBps":null,
"BlkioDeviceWriteBps":null,"BlkioDeviceReadIOps":null,"BlkioDeviceWriteIOps":null,"CpuPeriod":0,"CpuQuota":0,
"CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"","Devices":null,
"DeviceCgroupRules":null,"DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":null,
"OomKillDisable":false,"PidsLimit":null,"Ulimits":null,"CpuCount":0,"CpuPercent":0,"IOMaximumIOps":0,
"IOMaximumBandwidth":0,"MaskedPaths":["/proc/asound","/proc/acpi","/proc/interrupts","/proc/kcore","/proc/keys",
"/proc/latency_stats","/proc/timer_list","/proc/timer_stats","/proc/sched_debug","/proc/scsi","/sys/firmware",
"/sys/devices/virtual/powercap"],"ReadonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys",
"/proc/sysrq-trigger"]}"#;

/// `Config` of a container and of an image.
pub const CONFIG: &str = r#"{
"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,
"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":[],"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"",
"Entrypoint":null,"OnBuild":null,"Labels":{}}"#;

/// `NetworkSettings` of a container without a network of the engine's.
pub const NETWORK_SETTINGS: &str = r#"{
"Bridge":"","SandboxID":"","SandboxKey":"","Ports":{},"HairpinMode":false,"LinkLocalIPv6Address":"",
"LinkLocalIPv6PrefixLen":0,"SecondaryIPAddresses":null,"SecondaryIPv6Addresses":null,"EndpointID":"",
"Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"",
"MacAddress":"","Networks":{}}"#;

/// One of its `Networks`.
pub const ENDPOINT: &str = r#"{
"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"","DriverOpts":null,"NetworkID":"","EndpointID":"",
"Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,
"DNSNames":null}"#;

/// `value` with the missing and null fields taken from `template`, which is one of this module's texts.
pub fn complete(value: Value, template: &str) -> Value {
    // The texts are checked by a test.
    let mut all: Map<String, Value> = serde_json::from_str(template).unwrap_or_default();
    if let Value::Object(given) = value {
        all.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_objects() {
        for text in [HOST_CONFIG, CONFIG, NETWORK_SETTINGS, ENDPOINT] {
            let completed = complete(serde_json::json!({"Mine": 1, "Cmd": null}), text);
            assert!(completed.as_object().unwrap().len() > 10);
            assert_eq!(completed["Mine"], 1);
        }
    }
}
