//! Parts of a request's address: encoded words, queries and filters. Knows no verb.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::error::Result;

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value as it may stand in a path or a query.
pub fn encode(value: &str) -> String {
    utf8_percent_encode(value, KEPT).to_string()
}

/// `name=value` pairs as a query; pairs without a value are left out.
pub fn query(pairs: &[(&str, Option<String>)]) -> String {
    let set = pairs.iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("{name}={}", encode(value)))
    });
    let joined = set.collect::<Vec<_>>().join("&");
    if joined.is_empty() { joined } else { format!("?{joined}") }
}

/// A switch as a value of a query.
pub fn switch(on: bool) -> Option<String> {
    on.then(|| "1".to_string())
}

/// Docker's filters, `name=value` each, as the JSON that the API takes.
pub fn filters(given: &[String]) -> Result<Option<String>> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut map: std::collections::BTreeMap<&str, Vec<&str>> = Default::default();
    for one in given {
        let (name, value) = one.split_once('=').ok_or_else(|| {
            shared::error::Error::invalid(format!(
                "invalid argument {one:?} for \"-f, --filter\" flag: bad format of filter (expected name=value)"
            ))
        })?;
        map.entry(name.trim()).or_default().push(value.trim());
    }
    Ok(Some(serde_json::json!(map).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        let pairs = [("a", Some("x y/&".to_string())), ("b", None), ("c", switch(true))];
        assert_eq!(query(&pairs), "?a=x%20y%2F%26&c=1");
        assert_eq!(query(&[("a", None)]), "");
        let given = ["status=running".to_string(), "status=paused".into(), "label=a=b".into()];
        let json = filters(&given).unwrap().unwrap();
        assert_eq!(json, r#"{"label":["a=b"],"status":["running","paused"]}"#);
        assert!(filters(&["x".to_string()]).is_err());
    }
}
