//! What handlers read from a request: path parameters, query, filters, body. A bad one is `Invalid`.

use super::budget::Share;
use super::json;
use super::kept::Kept;
use super::slot::{Slot, Slots};
use super::upload;
use super::version::Version;
use crate::engine::Engine;
use crate::{limits, task};
use bytes::Bytes;
use futures_util::FutureExt;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use shared::error::{Context, Error, Kind, Result};
use shared::net::body::RequestBody;
use shared::net::stop::Request as Counted;
use shared::net::tide::Parcel;
use std::collections::BTreeMap;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One request on its way to a handler.
pub struct Call {
    pub(super) request: tide::Request<Engine>,
    pub(super) slots: Slots,
    pub(super) kept: Kept,
    /// Held until the handler is done: what it decodes takes more than the text.
    pub(super) share: Share,
    /// The API version that the client speaks.
    pub version: Version,
}

impl Call {
    /// The managers.
    pub fn engine(&self) -> &Engine {
        self.request.state()
    }

    /// A part of the path, decoded.
    pub fn param(&self, name: &str) -> Result<String> {
        let text = self.request.param(name).map_err(|_| Error::internal("no such parameter"))?;
        let decoded = percent_decode_str(text).decode_utf8();
        Ok(decoded.context_kind(Kind::Invalid, "the path is not UTF-8")?.into_owned())
    }

    /// The query.
    pub fn query(&self) -> Query {
        let mut query = Query::default();
        for (key, value) in self.request.url().query_pairs() {
            query.0.entry(key.into_owned()).or_default().push(value.into_owned());
        }
        query
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.request.ext::<http::HeaderMap>()?;
        headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the request came from.
    pub fn peer(&self) -> Option<&shared::net::conn::Peer> {
        self.request.ext()
    }

    /// The body, the first time.
    fn body(&mut self) -> Result<RequestBody> {
        let parcel = self.request.ext::<Parcel<RequestBody>>();
        parcel.and_then(Parcel::take).ok_or_else(|| Error::internal("the body is read already"))
    }

    /// The body as a blocking reader, for code that runs in [`crate::task::blocking`]. `Unavailable`
    /// when too many bodies are being read.
    pub fn blocking_body(&mut self) -> Result<impl io::Read + Send + use<>> {
        let slot = self.slots.take()?;
        Ok(upload::reader(self.body()?, slot))
    }

    /// The right to hold a thread while the client reads, for [`super::reply::Reply::written`].
    pub fn slot(&self) -> Result<Slot> {
        self.slots.take()
    }

    /// Tells a stopping daemon how long this request may rightly take.
    pub fn declare(&self, duration: Duration) {
        if let Some(counted) = self.request.ext::<Arc<Counted>>() {
            counted.declare(duration);
        }
    }

    /// The body, at most [`limits::JSON_BYTES`].
    pub async fn bytes(&mut self) -> Result<Bytes> {
        let limit = limits::JSON_BYTES;
        let too_long =
            || Err::<Bytes, _>(TooLarge).context_kind(Kind::Invalid, "read the request's body");
        let mut body = self.body()?;
        if body.length().is_some_and(|length| length > limit) {
            return too_long();
        }
        let mut bytes = Vec::new();
        let until = Instant::now() + limits::JSON_PATIENCE;
        loop {
            // Mostly it is here: no timer.
            let chunk = match body.chunk().now_or_never() {
                Some(chunk) => chunk,
                None => {
                    let left = until.saturating_duration_since(Instant::now());
                    task::timeout(left, "the request's body did not come", body.chunk())
                        .await
                        .map_err(|late| late.with_kind(Kind::Invalid))?
                }
            };
            let chunk = chunk.context_kind(Kind::Invalid, "read the request's body")?;
            let Some(chunk) = chunk else { return Ok(Bytes::from(bytes)) };
            let length = bytes.len() as u64 + chunk.len() as u64;
            if length > limit {
                return too_long();
            }
            self.share.grow(length)?;
            bytes.extend_from_slice(&chunk);
        }
    }

    /// The body as JSON text. `Invalid` when there is none or it is said to be something else.
    pub async fn text(&mut self) -> Result<String> {
        self.check_media()?;
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            return Err(Error::invalid("invalid JSON: got EOF while reading request body"));
        }
        String::from_utf8(bytes.into()).context_kind(Kind::Invalid, "invalid JSON")
    }

    /// The body as a value.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        json::decode(self.text().await?.as_bytes())
    }

    /// The body as a value; `None` without a body, or when it is `null`.
    pub async fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let bytes = self.bytes().await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        json::decode(&bytes)
    }

    fn check_media(&self) -> Result<()> {
        let Some(media) = self.header("content-type") else {
            return Err(Error::invalid("Content-Type specified () must be 'application/json'"));
        };
        let kind = media.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(Error::invalid(format!("Content-Type specified ({media}) must be 'application/json'")))
    }
}

/// The cause of a refusal that is 413 rather than 400.
#[derive(Debug)]
pub struct TooLarge;

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it is longer than {} bytes", limits::JSON_BYTES)
    }
}

impl std::error::Error for TooLarge {}

/// The query of a request.
#[derive(Clone, Debug, Default)]
pub struct Query(BTreeMap<String, Vec<String>>);

/// Filters as Docker's lists take them: key to values.
pub type Filters = BTreeMap<String, Vec<String>>;

impl Query {
    /// The first value of a key, if it is not empty.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.first().map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Every value of a key.
    pub fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// The key is there, with or without a value.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Docker's notion of a flag: everything but the listed words is true.
    pub fn flag(&self, key: &str) -> bool {
        self.flag_or(key, false)
    }

    /// The same with a default for an absent key.
    pub fn flag_or(&self, key: &str, default: bool) -> bool {
        let Some(text) = self.0.get(key).and_then(|values| values.first()) else { return default };
        !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "no" | "false" | "none")
    }

    /// A number, in the words of Go's parser when it is none.
    pub fn number<T: FromStr>(&self, key: &str) -> Result<Option<T>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let bad = |_| Error::invalid(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"));
        text.parse().map(Some).map_err(bad)
    }

    /// `filters`: `{"label": ["a=b"]}`, or the older `{"label": {"a=b": true}}`.
    pub fn filters(&self) -> Result<Filters> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Values {
            List(Vec<String>),
            Table(BTreeMap<String, bool>),
        }
        let Some(text) = self.text("filters") else { return Ok(Filters::new()) };
        let parsed: BTreeMap<String, Values> =
            serde_json::from_str(text).map_err(|error| no_filters(text, &error))?;
        let list = |values| match values {
            Values::List(list) => list,
            Values::Table(table) => {
                table.into_iter().filter(|(_, on)| *on).map(|(value, _)| value).collect()
            }
        };
        Ok(parsed.into_iter().map(|(key, values)| (key, list(values))).collect())
    }
}

/// Filters that are no JSON, in the words of Go's parser.
fn no_filters(text: &str, error: &serde_json::Error) -> Error {
    let said = json::complaint(text.as_bytes());
    Error::invalid(said.unwrap_or_else(|| format!("invalid filters: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Query {
        let mut query = Query::default();
        for (key, value) in pairs {
            query.0.entry((*key).into()).or_default().push((*value).into());
        }
        query
    }

    #[test]
    fn flags_and_numbers_as_docker_reads_them() {
        let query = query(&[("a", "1"), ("b", "False"), ("c", ""), ("d", "yes"), ("n", "x")]);
        let flags = ["a", "b", "c", "d", "e"].map(|key| query.flag(key));
        assert_eq!(flags, [true, false, false, true, false]);
        let error = query.number::<i64>("n").unwrap_err();
        assert_eq!(error.to_string(), "strconv.ParseInt: parsing \"x\": invalid syntax");
        assert_eq!(query.number::<i64>("zzz").unwrap(), None);
    }

    #[test]
    fn filters_in_both_forms() {
        let new = query(&[("filters", r#"{"label":["a=b"]}"#)]).filters().unwrap();
        let old = query(&[("filters", r#"{"label":{"a=b":true,"c":false}}"#)]).filters().unwrap();
        assert_eq!(new, old);
        assert_eq!(new["label"], ["a=b"]);
        let error = query(&[("filters", "x")]).filters().unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
    }
}
