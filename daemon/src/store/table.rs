//! Typed records and their keys and values on disk.
//!
//! A key is `0/<table>/<id>`: the first part is the namespace, one until there are more. A value is
//! `[version u8][codec u8][payload]`; the only codec is `J`, JSON.

use serde::{Serialize, de::DeserializeOwned};
use shared::error::{Context, Error, Result};

/// The namespace of every key.
pub const NAMESPACE: &str = "0";
/// The codec of every value.
pub const JSON: u8 = b'J';

/// A value of one table.
pub trait Record: Serialize + DeserializeOwned + Send + 'static {
    /// The table's short name, such as `ct`. Never change it: it is on disk.
    const TABLE: &'static str;
    /// The version that [`Record::encode`] writes.
    const VERSION: u8;

    /// Reads a value of an older version. A golden file proves each.
    fn migrate(from: u8, _payload: &[u8]) -> Result<Self> {
        Err(Error::internal(format!("no migration of {} from version {from}", Self::TABLE)))
    }

    /// As bytes on disk.
    fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![Self::VERSION, JSON];
        serde_json::to_writer(&mut bytes, self)
            .with_context(|| format!("encode a record of {}", Self::TABLE))?;
        Ok(bytes)
    }

    /// From bytes on disk, whatever version wrote them.
    fn decode(bytes: &[u8]) -> Result<Self> {
        let (version, payload) = match bytes {
            [version, JSON, payload @ ..] => (*version, payload),
            _ => return Err(Error::internal(format!("a record of {} has no head", Self::TABLE))),
        };
        match version.cmp(&Self::VERSION) {
            std::cmp::Ordering::Equal => serde_json::from_slice(payload)
                .with_context(|| format!("decode a record of {}", Self::TABLE)),
            std::cmp::Ordering::Less => Self::migrate(version, payload),
            std::cmp::Ordering::Greater => Err(Error::internal(format!(
                "a record of {} has version {version}, newer than {}",
                Self::TABLE,
                Self::VERSION
            ))),
        }
    }
}

/// The key of one record.
pub fn key<R: Record>(id: &str) -> Vec<u8> {
    format!("{NAMESPACE}/{}/{id}", R::TABLE).into_bytes()
}

/// The id in a key of `R`'s table.
pub fn id<R: Record>(key: &[u8]) -> Result<String> {
    let head = NAMESPACE.len() + 1 + R::TABLE.len() + 1;
    let id = key.get(head..).unwrap_or_default();
    String::from_utf8(id.to_vec()).with_context(|| format!("read a key of {}", R::TABLE))
}

/// The first key behind every key that begins with `prefix`.
pub fn end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Name {
        id: String,
    }
    impl Record for Name {
        const TABLE: &'static str = "cn";
        const VERSION: u8 = 2;
        fn migrate(from: u8, payload: &[u8]) -> Result<Self> {
            assert_eq!(from, 1);
            Ok(Self { id: String::from_utf8_lossy(payload).into_owned() })
        }
    }

    #[test]
    fn golden_bytes_and_migration() {
        let name = Name { id: "x".into() };
        assert_eq!(name.encode().unwrap(), b"\x02J{\"id\":\"x\"}");
        assert_eq!(Name::decode(b"\x01Jold").unwrap().id, "old");
        assert!(Name::decode(b"\x03J{}").unwrap_err().to_string().contains("newer"));
        assert!(Name::decode(b"").is_err());
        assert_eq!(key::<Name>("web"), b"0/cn/web");
        assert_eq!(id::<Name>(b"0/cn/web").unwrap(), "web");
    }

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(end(b"0/cn/"), b"0/cn0");
        assert_eq!(end(b"a\xff"), b"b");
    }
}
