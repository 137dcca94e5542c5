//! Who the program runs as: mappings of a new user namespace, and names looked up in the container's
//! own `/etc/passwd` and `/etc/group` (passwd(5), group(5)).
#![allow(unsafe_code)] // plain id system calls: nix refuses some of them for lack of a thread's view

use oci_spec::runtime::{Linux, LinuxIdMapping, Process};
use shared::error::{Context, Error, Result};

/// Numbers, and the home that goes with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// `/` if the user has no entry.
    pub home: String,
}

/// Writes the mappings of a new user namespace, from outside.
pub fn map(pid: i32, linux: &Linux) -> Result<()> {
    let write = |file: &str, mappings: &Option<Vec<LinuxIdMapping>>| {
        let Some(mappings) = mappings.as_deref().filter(|m| !m.is_empty()) else { return Ok(()) };
        let line =
            |m: &LinuxIdMapping| format!("{} {} {}\n", m.container_id(), m.host_id(), m.size());
        let text: String = mappings.iter().map(line).collect();
        let path = format!("/proc/{pid}/{file}");
        std::fs::write(&path, text).with_context(|| format!("write {path}"))
    };
    write("uid_map", linux.uid_mappings())?;
    write("gid_map", linux.gid_mappings())
}

/// Root of the user namespace that was just entered.
pub fn become_root() -> Result<()> {
    // SAFETY: no pointers but an empty list.
    let done = unsafe {
        libc::syscall(libc::SYS_setresgid, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_setresuid, 0, 0, 0) == 0
    };
    if !done {
        return Err(std::io::Error::last_os_error()).context("become root of the user namespace");
    }
    Ok(())
}

/// The process's user: `user.username` by the container's files if it is set, else the numbers.
pub fn resolve(process: &Process) -> Result<Identity> {
    let user = process.user();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let given = user.additional_gids().clone().unwrap_or_default();
    match user.username().as_deref().filter(|name| !name.is_empty()) {
        None => {
            let entry = entries(&read("/etc/passwd")).find(|e| e.uid == user.uid());
            let home = entry.map_or("/".to_owned(), |e| e.home);
            Ok(Identity { uid: user.uid(), gid: user.gid(), groups: given, home })
        }
        Some(name) => {
            let mut found = look_up(name, &read("/etc/passwd"), &read("/etc/group"))?;
            found.groups.extend(given);
            Ok(found)
        }
    }
}

struct Entry {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

fn entries(passwd: &str) -> impl Iterator<Item = Entry> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        Some(Entry {
            name: (*fields.first()?).to_owned(),
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
            home: fields
                .get(5)
                .filter(|h| !h.is_empty())
                .map_or("/".to_owned(), |h| (*h).to_owned()),
        })
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        Some(Group {
            name: fields.first()?,
            gid: fields.get(2)?.parse().ok()?,
            members: fields.get(3).copied().unwrap_or_default(),
        })
    })
}

/// `user`, `user:group`, by name or number; a number needs no entry. Docker's words for what is missing.
fn look_up(wanted: &str, passwd: &str, group: &str) -> Result<Identity> {
    let (user, asked_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|g| !g.is_empty())),
        None => (wanted, None),
    };
    let number: Option<u32> = user.parse().ok();
    let by_name = entries(passwd).find(|e| e.name == user);
    let entry = by_name.or_else(|| entries(passwd).find(|e| Some(e.uid) == number));
    let mut found = match (entry, number) {
        (Some(e), _) => {
            let member = |g: &Group<'_>| g.members.split(',').any(|m| m == e.name);
            let further = groups(group).filter(member).map(|g| g.gid).collect();
            Identity { uid: e.uid, gid: e.gid, groups: further, home: e.home }
        }
        (None, Some(uid)) => Identity { uid, home: "/".to_owned(), ..Identity::default() },
        (None, None) if user.is_empty() => Identity { home: "/".to_owned(), ..Identity::default() },
        (None, None) => {
            return Err(Error::invalid(format!(
                "unable to find user {user}: no matching entries in passwd file"
            )));
        }
    };
    if let Some(asked) = asked_group {
        let by_name = groups(group).find(|g| g.name == asked).map(|g| g.gid);
        found.gid = by_name.or_else(|| asked.parse().ok()).ok_or_else(|| {
            Error::invalid(format!(
                "unable to find group {asked}: no matching entries in group file"
            ))
        })?;
        found.groups.clear();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/false\n";
    const GROUP: &str = "root:x:0:\nlog:x:40:web,root\nstaff:x:50:\n";

    #[test]
    fn names_and_numbers() {
        let web = look_up("web", PASSWD, GROUP).unwrap();
        assert_eq!((web.uid, web.gid, web.home.as_str()), (33, 34, "/srv"));
        assert_eq!(web.groups, [40]);
        let both = look_up("33:staff", PASSWD, GROUP).unwrap();
        assert_eq!((both.uid, both.gid, both.groups.len()), (33, 50, 0));
        let bare = look_up("1000:1001", PASSWD, GROUP).unwrap();
        assert_eq!((bare.uid, bare.gid, bare.home.as_str()), (1000, 1001, "/"));
    }

    #[test]
    fn what_is_missing() {
        let error = look_up("nope", PASSWD, GROUP).unwrap_err();
        let text = "unable to find user nope: no matching entries in passwd file";
        assert_eq!(error.to_string(), text);
        let error = look_up("web:nope", PASSWD, GROUP).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unable to find group nope: no matching entries in group file"
        );
    }
}
