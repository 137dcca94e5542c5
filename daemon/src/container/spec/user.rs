//! "user", "user:group", "uid", "uid:gid" -> numbers, by the container's own passwd and group files.
//!
//! Pure: gets the texts of both files. Never reads a file itself (see `container/account.rs`).

use shared::error::{Error, Result};

/// Who a process runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups; the first is `gid` itself, so that it cannot be given up.
    pub groups: Vec<u32>,
    /// Home folder by passwd, `/` without an entry.
    pub home: String,
}

/// Ids above this are refused, as runc does.
const ID_MAX: u32 = i32::MAX as u32;

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        Some(Account { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next().filter(|n| !n.is_empty())?;
        let gid = fields.nth(1)?.parse().ok()?;
        Some(Group { name, gid, members: fields.next().unwrap_or_default() })
    })
}

fn number(text: &str) -> Option<Result<u32>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(
        text.parse()
            .ok()
            .filter(|id| *id <= ID_MAX)
            .ok_or_else(|| Error::invalid("uids and gids must be in range 0-2147483647")),
    )
}

/// A group by name, else by number.
fn group_id(asked: &str, group: &str) -> Result<u32> {
    if let Some(found) = groups(group).find(|g| g.name == asked) {
        return Ok(found.gid);
    }
    number(asked).unwrap_or_else(|| {
        Err(Error::invalid(format!(
            "unable to find group {asked}: no matching entries in group file"
        )))
    })
}

/// Resolves `asked` (empty means root) and the further groups `add` (`--group-add`).
///
/// # Errors
/// `Invalid`, in Docker's words, for a user or group that the files do not name.
pub fn resolve(asked: &str, add: &[String], passwd: &str, group: &str) -> Result<Identity> {
    let (user, of_group) = match asked.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|g| !g.is_empty())),
        None => (asked, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let entry = accounts(passwd).find(|a| a.name == user).or_else(|| {
        accounts(passwd).find(|a| number(user).is_some_and(|id| id.ok() == Some(a.uid)))
    });
    let mut identity = Identity { home: "/".into(), ..Identity::default() };
    match &entry {
        Some(found) => {
            identity.uid = found.uid;
            identity.gid = found.gid;
            if !found.home.is_empty() {
                identity.home = found.home.to_owned();
            }
        }
        None => {
            identity.uid = number(user).unwrap_or_else(|| {
                let text =
                    format!("unable to find user {user}: no matching entries in passwd file");
                Err(Error::invalid(text))
            })?;
        }
    }
    if let Some(asked) = of_group {
        identity.gid = group_id(asked, group)?;
    }
    identity.groups = vec![identity.gid];
    if of_group.is_none()
        && let Some(found) = entry
    {
        let member = |g: &Group| g.members.split(',').any(|m| m.trim() == found.name);
        extend(&mut identity.groups, groups(group).filter(member).map(|g| g.gid));
    }
    for name in add {
        let gid = group_id(name, group)?;
        extend(&mut identity.groups, std::iter::once(gid));
    }
    Ok(identity)
}

fn extend(groups: &mut Vec<u32>, more: impl Iterator<Item = u32>) {
    for gid in more {
        if !groups.contains(&gid) {
            groups.push(gid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/var/www:/bin/false\nodd\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\ndisk:x:6:root,web\naudio:x:29:web\n";

    fn go(asked: &str) -> Result<Identity> {
        resolve(asked, &[], PASSWD, GROUP)
    }

    #[test]
    fn names_and_numbers() {
        let rows = [
            ("", 0, 0, vec![0, 6], "/root"),
            ("web", 33, 34, vec![34, 6, 29], "/var/www"),
            ("33", 33, 34, vec![34, 6, 29], "/var/www"),
            ("web:disk", 33, 6, vec![6], "/var/www"),
            ("1000", 1000, 0, vec![0], "/"),
            ("1000:1001", 1000, 1001, vec![1001], "/"),
            (":audio", 0, 29, vec![29], "/root"),
        ];
        for (asked, uid, gid, groups, home) in rows {
            let want = Identity { uid, gid, groups, home: home.into() };
            assert_eq!(go(asked).unwrap(), want, "{asked:?}");
        }
    }

    #[test]
    fn unknown_ones_are_named() {
        let text = |asked| go(asked).unwrap_err().message().to_owned();
        assert_eq!(text("ghost"), "unable to find user ghost: no matching entries in passwd file");
        assert_eq!(
            text("0:ghost"),
            "unable to find group ghost: no matching entries in group file"
        );
        assert_eq!(text("4294967295"), "uids and gids must be in range 0-2147483647");
    }

    #[test]
    fn further_groups_are_added_once() {
        let add = ["audio".to_owned(), "6".to_owned(), "77".to_owned()];
        assert_eq!(resolve("web", &add, PASSWD, GROUP).unwrap().groups, [34, 6, 29, 77]);
    }
}
