//! `/etc/hosts` and `/etc/resolv.conf` of a container, as text. Pure but for reading the host's files.

use super::Mode;
use shared::docker::HostConfig;
use std::fmt::Write;
use std::path::Path;

/// Name servers, search domains and resolver options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Addresses.
    pub servers: Vec<String>,
    /// Domains; a single `.` means none.
    pub search: Vec<String>,
    /// Such as `ndots:2`.
    pub options: Vec<String>,
}

impl Dns {
    /// What a container asks for, else what the daemon was told.
    pub fn of(host: &HostConfig, daemon: &Self) -> Self {
        let choose = |own: &Option<Vec<String>>, other: &[String]| match own {
            Some(list) if !list.is_empty() => list.clone(),
            _ => other.to_vec(),
        };
        Self {
            servers: choose(&host.dns, &daemon.servers),
            search: choose(&host.dns_search, &daemon.search),
            options: choose(&host.dns_options, &daemon.options),
        }
    }
}

/// Used when a container could reach a name server but the host's ones are only local.
const PUBLIC: [&str; 2] = ["8.8.8.8", "8.8.4.4"];

/// The text of `/etc/resolv.conf`: the host's own lines, replaced group by group by what was asked.
/// A namespace of its own cannot reach a name server on the host's loopback.
pub fn resolv_conf(host_text: &str, dns: &Dns, mode: &Mode) -> String {
    let lines = |key: &'static str| {
        host_text.lines().filter_map(move |line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(key)).then(|| words.collect::<Vec<_>>().join(" "))
        })
    };
    let own = *mode == Mode::None;
    let mut servers = dns.servers.clone();
    if servers.is_empty() {
        servers = lines("nameserver").filter(|ip| !own || !is_loopback(ip)).collect();
        if servers.is_empty() && own {
            servers = PUBLIC.iter().map(|ip| (*ip).to_owned()).collect();
        }
    }
    let search = if dns.search.is_empty() {
        lines("search").next_back().unwrap_or_default()
    } else {
        dns.search.join(" ")
    };
    let options = if dns.options.is_empty() {
        lines("options").next_back().unwrap_or_default()
    } else {
        dns.options.join(" ")
    };
    let mut text = String::new();
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !search.is_empty() && search != "." {
        let _ = writeln!(text, "search {search}");
    }
    if !options.is_empty() {
        let _ = writeln!(text, "options {options}");
    }
    text
}

fn is_loopback(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The text of `/etc/hosts`: with the host's network the host's own file, then what was asked.
pub fn hosts(host_text: &str, extra: &[String], mode: &Mode) -> String {
    let mut text = match mode {
        Mode::Host => host_text.to_owned(),
        _ => "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
              fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\n\
              ff02::2\tip6-allrouters\n"
            .to_owned(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for entry in extra {
        // `name:address` or `name=address`; an IPv6 address may stand in brackets.
        let Some((name, address)) = entry.split_once([':', '=']) else { continue };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let _ = writeln!(text, "{address}\t{name}");
    }
    text
}

/// A file of the host, empty when it cannot be read: a host without `/etc/hosts` is no error.
pub fn host_file(path: &str) -> String {
    std::fs::read_to_string(Path::new(path)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLV: &str =
        "# c\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nsearch a b\noptions ndots:1\n";

    #[test]
    fn a_namespace_of_its_own_loses_local_servers_only() {
        let none = Dns::default();
        assert_eq!(
            resolv_conf(RESOLV, &none, &Mode::None),
            "nameserver 10.0.0.1\nsearch a b\noptions ndots:1\n"
        );
        assert!(resolv_conf(RESOLV, &none, &Mode::Host).starts_with("nameserver 127.0.0.53\n"));
        assert!(resolv_conf("", &none, &Mode::None).starts_with("nameserver 8.8.8.8\n"));
    }

    #[test]
    fn what_was_asked_replaces_group_by_group() {
        let dns =
            Dns { servers: vec!["1.1.1.1".into()], search: vec![".".into()], options: vec![] };
        assert_eq!(resolv_conf(RESOLV, &dns, &Mode::None), "nameserver 1.1.1.1\noptions ndots:1\n");
    }

    #[test]
    fn extra_hosts_come_last() {
        let extra = ["db:10.1.1.1".to_owned(), "six=[::5]".to_owned()];
        let text = hosts("10.0.0.9 host", &extra, &Mode::Host);
        assert_eq!(text, "10.0.0.9 host\n10.1.1.1\tdb\n::5\tsix\n");
        assert!(hosts("x", &[], &Mode::None).starts_with("127.0.0.1\tlocalhost\n"));
    }
}
