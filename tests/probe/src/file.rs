//! Applets about files. None of them follows a link that it was not asked to follow.

use crate::{Outcome, say};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

fn at(path: &str) -> impl FnOnce(io::Error) -> String + '_ {
    move |error| format!("{path}: {error}")
}

/// Splits leading `-x` options from the operands.
fn options(arguments: &[String]) -> (String, Vec<&str>) {
    let (flags, operands): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|a| a.starts_with('-') && a.len() > 1);
    (flags.iter().map(|f| &f[1..]).collect(), operands.iter().map(|o| o.as_str()).collect())
}

/// `cat [FILE]...`
pub fn cat(arguments: &[String]) -> Outcome {
    let mut out = io::stdout().lock();
    let copy = |from: &mut dyn Read, out: &mut dyn Write, name: &str| {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    out.write_all(&buffer[..read]).and_then(|()| out.flush()).map_err(at(name))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(at(name)(error)),
            }
        }
    };
    if arguments.is_empty() {
        copy(&mut io::stdin().lock(), &mut out, "standard input")?;
    }
    for name in arguments {
        match name.as_str() {
            "-" => copy(&mut io::stdin().lock(), &mut out, "standard input")?,
            _ => copy(&mut fs::File::open(name).map_err(at(name))?, &mut out, name)?,
        }
    }
    Ok(0)
}

/// `write PATH BYTES`
pub fn write(arguments: &[String]) -> Outcome {
    let [path, _] = arguments else { return Err("path and number of bytes".into()) };
    let mut left: usize = crate::number(arguments, 1, None)?;
    let mut file = fs::File::create(path).map_err(at(path))?;
    let block: Vec<u8> = (0..64 * 1024u32).map(|i| (i % 251) as u8).collect();
    while left > 0 {
        let part = left.min(block.len());
        file.write_all(&block[..part]).map_err(at(path))?;
        left -= part;
    }
    Ok(0)
}

/// `mkdir [-p] PATH...`
pub fn mkdir(arguments: &[String]) -> Outcome {
    let (flags, paths) = options(arguments);
    for path in paths {
        fs::DirBuilder::new()
            .recursive(flags.contains('p'))
            .mode(0o755)
            .create(path)
            .map_err(at(path))?;
    }
    Ok(0)
}

/// `touch PATH...`
pub fn touch(arguments: &[String]) -> Outcome {
    for path in arguments {
        let file = fs::OpenOptions::new().create(true).append(true).open(path).map_err(at(path))?;
        file.set_modified(std::time::SystemTime::now()).map_err(at(path))?;
    }
    Ok(0)
}

/// `rm [-r] PATH...`
pub fn remove(arguments: &[String]) -> Outcome {
    let (flags, paths) = options(arguments);
    for path in paths {
        let folder = fs::symlink_metadata(path).map_err(at(path))?.is_dir();
        let done = match folder && flags.contains('r') {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
        done.map_err(at(path))?;
    }
    Ok(0)
}

/// `ln [-s] TARGET LINK`
pub fn link(arguments: &[String]) -> Outcome {
    let (flags, paths) = options(arguments);
    let [target, link] = paths[..] else { return Err("target and link".into()) };
    let done = match flags.contains('s') {
        true => std::os::unix::fs::symlink(target, link),
        false => fs::hard_link(target, link),
    };
    done.map_err(at(link))?;
    Ok(0)
}

/// `chmod OCTAL FILE...`
pub fn chmod(arguments: &[String]) -> Outcome {
    let (mode, paths) = arguments.split_first().ok_or("mode and files")?;
    let mode = u32::from_str_radix(mode, 8).map_err(|_| format!("{mode}: not octal"))?;
    for path in paths {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(at(path))?;
    }
    Ok(0)
}

/// `chown UID:GID FILE...`
pub fn chown(arguments: &[String]) -> Outcome {
    let (owner, paths) = arguments.split_first().ok_or("owner and files")?;
    let (user, group) = owner.split_once(':').ok_or("owner is UID:GID")?;
    let parse = |text: &str| text.parse::<u32>().map_err(|_| format!("{text}: not a number"));
    let (user, group) = (parse(user)?, parse(group)?);
    for path in paths {
        std::os::unix::fs::lchown(path, Some(user), Some(group)).map_err(at(path))?;
    }
    Ok(0)
}

/// `readlink PATH...`
pub fn readlink(arguments: &[String]) -> Outcome {
    for path in arguments {
        say(&fs::read_link(path).map_err(at(path))?.to_string_lossy());
    }
    Ok(0)
}

/// `pwd`
pub fn pwd(_: &[String]) -> Outcome {
    say(&std::env::current_dir().map_err(at("."))?.to_string_lossy());
    Ok(0)
}

fn kind(file: &fs::Metadata) -> char {
    let kind = file.file_type();
    match () {
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_char_device() => 'c',
        () if kind.is_block_device() => 'b',
        () if kind.is_fifo() => 'p',
        () if kind.is_socket() => 's',
        () => '-',
    }
}

/// `stat PATH...`: type, octal mode, owner, size, links, path; `rdev` of devices is in the size's place.
pub fn stat(arguments: &[String]) -> Outcome {
    for path in arguments {
        let file = fs::symlink_metadata(path).map_err(at(path))?;
        let size = match kind(&file) {
            'c' | 'b' => {
                let device = file.rdev();
                format!("{},{}", rustix::fs::major(device), rustix::fs::minor(device))
            }
            _ => file.size().to_string(),
        };
        let (mode, user, group) = (file.mode() & 0o7777, file.uid(), file.gid());
        say(&format!("{} {mode:04o} {user}:{group} {size} {} {path}", kind(&file), file.nlink()));
    }
    Ok(0)
}

fn line(path: &Path, name: &str, long: bool) -> Result<String, String> {
    if !long {
        return Ok(name.to_owned());
    }
    let file = fs::symlink_metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mode = file.mode();
    let mut text = String::from(kind(&file));
    for (bit, letter) in (0..9).rev().zip("rwxrwxrwx".chars()) {
        text.push(if mode & (1 << bit) != 0 { letter } else { '-' });
    }
    text +=
        &format!(" {:2} {:5} {:5} {:9} {name}", file.nlink(), file.uid(), file.gid(), file.size());
    if let Ok(target) = fs::read_link(path) {
        text += &format!(" -> {}", target.display());
    }
    Ok(text)
}

/// `ls [-l] [-a] [PATH]...`
pub fn list(arguments: &[String]) -> Outcome {
    let (flags, mut paths) = options(arguments);
    if paths.is_empty() {
        paths.push(".");
    }
    let (long, all) = (flags.contains('l'), flags.contains('a'));
    for path in &paths {
        let file = fs::symlink_metadata(path).map_err(at(path))?;
        let folder = file.is_dir() || (!long && Path::new(path).is_dir());
        if !folder {
            say(&line(Path::new(path), path, long)?);
            continue;
        }
        if paths.len() > 1 {
            say(&format!("{path}:"));
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(at(path))? {
            names.push(entry.map_err(at(path))?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        for name in names.iter().filter(|name| all || !name.starts_with('.')) {
            say(&line(&Path::new(path).join(name), name, long)?);
        }
    }
    Ok(0)
}
