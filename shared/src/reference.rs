//! Names of images: `registry/repository:tag@digest`, with Docker's short forms made whole.
//!
//! The grammar is that of the distribution project's `reference` package, the sentences are Docker's.
//! Nothing here knows which images exist.

use crate::error::{Error, Result};
use crate::id::Digest;
use std::fmt;

/// The registry that a name without one belongs to.
pub const DEFAULT_DOMAIN: &str = "docker.io";
/// The tag of a name without one.
pub const DEFAULT_TAG: &str = "latest";
/// Put before a one-part repository of the default registry.
const OFFICIAL: &str = "library/";
/// Characters of domain and path at most (distribution's `NameTotalLengthMax`).
const NAME_MAX: usize = 255;
/// Characters of a tag at most.
const TAG_MAX: usize = 128;

/// A parsed name. Its parts are always whole: `busybox` has the domain `docker.io` and the path
/// `library/busybox`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Parses a name as people write it. Errors are [`crate::error::Kind::Invalid`] with Docker's texts.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::invalid(format!(
                "invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            )));
        }
        let (domain, remainder) = split_domain(text);
        let (rest, digest) = match remainder.split_once('@') {
            Some((rest, digest)) => (rest.to_owned(), Some(parse_digest(digest)?)),
            None => (remainder, None),
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest.as_str(), None),
        };
        if path.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid_because("repository name must be lowercase"));
        }
        let tag_is_good = tag.is_none_or(is_tag);
        if !is_domain(&domain) || !path.split('/').all(is_component) || !tag_is_good {
            return Err(Error::invalid("invalid reference format"));
        }
        if domain.len() + 1 + path.len() > NAME_MAX {
            return Err(Error::invalid(format!(
                "repository name must not be more than {NAME_MAX} characters"
            )));
        }
        Ok(Self { path: path.to_owned(), tag: tag.map(str::to_owned), domain, digest })
    }

    /// A repository and a tag given apart, as `POST /images/{name}/tag` does. An empty tag is the default.
    pub fn from_parts(repository: &str, tag: &str) -> Result<Self> {
        let mut reference = Self::parse(repository)?;
        if reference.digest.is_some() {
            return Err(Error::invalid("cannot create a tag with a digest reference"));
        }
        if reference.repository() == Digest::ALGORITHM {
            return Err(Error::invalid(
                "refusing to create an ambiguous tag using digest algorithm as name",
            ));
        }
        if !tag.is_empty() {
            if !is_tag(tag) {
                return Err(Error::invalid("invalid tag format"));
            }
            reference.tag = Some(tag.to_owned());
        }
        Ok(reference.or_latest())
    }

    /// The registry, such as `docker.io` or `127.0.0.1:5000`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository within the registry, such as `library/busybox`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same with tag `latest` if there is neither tag nor digest.
    pub fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The repository as people write it, without tag and digest: `busybox`.
    pub fn repository(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return format!("{}/{}", self.domain, self.path);
        }
        match self.path.strip_prefix(OFFICIAL) {
            Some(short) if !short.contains('/') => short.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// As people write it: `busybox:latest`.
    pub fn familiar(&self) -> String {
        self.with_suffix(self.repository())
    }

    /// With nothing left out: `docker.io/library/busybox:latest`. Parsing it gives the same reference.
    pub fn canonical(&self) -> String {
        self.with_suffix(format!("{}/{}", self.domain, self.path))
    }

    fn with_suffix(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest.as_str());
        }
        text
    }
}

impl fmt::Display for Reference {
    /// As people write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

fn invalid_because(reason: &str) -> Error {
    Error::invalid(format!("invalid reference format: {reason}"))
}

/// The part before the first slash is a registry if it looks like a host.
fn split_domain(text: &str) -> (String, String) {
    let looks_like_host = |first: &str| {
        first.contains(['.', ':']) || first == "localhost" || first.to_lowercase() != first
    };
    let (domain, remainder) = match text.split_once('/') {
        Some((first, rest)) if looks_like_host(first) => (first, rest),
        _ => (DEFAULT_DOMAIN, text),
    };
    let domain = if domain == "index.docker.io" { DEFAULT_DOMAIN } else { domain };
    if domain == DEFAULT_DOMAIN && !remainder.is_empty() && !remainder.contains('/') {
        return (domain.to_owned(), format!("{OFFICIAL}{remainder}"));
    }
    (domain.to_owned(), remainder.to_owned())
}

fn parse_digest(text: &str) -> Result<Digest> {
    let bad = || Error::invalid("invalid reference format");
    let (algorithm, digits) = text.split_once(':').ok_or_else(bad)?;
    if algorithm != Digest::ALGORITHM {
        let named = matches!(algorithm, "sha384" | "sha512");
        return Err(if named { Error::invalid("unsupported digest algorithm") } else { bad() });
    }
    if digits.len() != 64 && digits.len() >= 32 {
        return Err(Error::invalid("invalid checksum digest length"));
    }
    Digest::parse(text).map_err(|_| bad())
}

/// `host`, `host:port` or `[ipv6]:port`.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    if port.is_some_and(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    }
    host.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    if !is_plain(first) || !is_plain(last) {
        return false;
    }
    bytes.split(|b| is_plain(*b)).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
    })
}

fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first
        && text.len() <= TAG_MAX
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_become_whole() {
        for (text, canonical, familiar) in [
            ("busybox", "docker.io/library/busybox", "busybox"),
            ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
            ("bar/busybox", "docker.io/bar/busybox", "bar/busybox"),
            ("index.docker.io/busybox", "docker.io/library/busybox", "busybox"),
            ("docker.io/library/a__b:x", "docker.io/library/a__b:x", "a__b:x"),
            ("localhost/x", "localhost/x", "localhost/x"),
            ("127.0.0.1:5000/a/b-c:T.1", "127.0.0.1:5000/a/b-c:T.1", "127.0.0.1:5000/a/b-c:T.1"),
            ("[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"),
            ("library/busybox", "docker.io/library/busybox", "busybox"),
            ("a---b", "docker.io/library/a---b", "a---b"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.canonical(), canonical, "{text}");
            assert_eq!(reference.familiar(), familiar, "{text}");
            assert_eq!(Reference::parse(canonical).unwrap(), reference, "{text}");
        }
    }

    #[test]
    fn a_digest_stays_beside_a_tag() {
        let digits = "a".repeat(64);
        let text = format!("busybox:1@sha256:{digits}");
        let reference = Reference::parse(&text).unwrap();
        assert_eq!(reference.tag(), Some("1"));
        assert_eq!(reference.digest().unwrap().digits(), digits);
        assert_eq!(reference.familiar(), text);
        assert_eq!(reference.clone().or_latest(), reference);
    }

    #[test]
    fn mistakes_get_dockers_words() {
        let long = "a/".repeat(130) + "a";
        for (text, message) in [
            ("UPPER", "invalid reference format: repository name must be lowercase"),
            ("UP:1", "invalid reference format: repository name must be lowercase"),
            ("", "invalid reference format"),
            ("a//b", "invalid reference format"),
            ("a:", "invalid reference format"),
            ("a..b", "invalid reference format"),
            ("-a", "invalid reference format"),
            ("a_-b", "invalid reference format"),
            ("a:b:c", "invalid reference format"),
            ("a@sha256:12", "invalid reference format"),
            ("a b", "invalid reference format"),
            ("../x", "invalid reference format"),
            ("host:port/x", "invalid reference format"),
            (&long, "repository name must not be more than 255 characters"),
        ] {
            assert_eq!(Reference::parse(text).unwrap_err().to_string(), message, "{text}");
        }
        let digits = "b".repeat(64);
        assert!(
            Reference::parse(&digits)
                .unwrap_err()
                .to_string()
                .starts_with("invalid repository name")
        );
    }

    #[test]
    fn repository_and_tag_may_come_apart() {
        let reference = Reference::from_parts("a/b", "").unwrap();
        assert_eq!(reference.familiar(), "a/b:latest");
        assert_eq!(Reference::from_parts("a/b:x", "y").unwrap().familiar(), "a/b:y");
        assert!(Reference::from_parts("a", "-bad").is_err());
        let digest = format!("a@sha256:{}", "c".repeat(64));
        assert!(Reference::from_parts(&digest, "1").is_err());
    }
}
