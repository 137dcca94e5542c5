//! The only error type: a kind for machines, a chain of sentences for people.
//!
//! There is no `From` for foreign errors on purpose: `?` on an `io::Error` compiles only after
//! [`Context::context`] has said what was being done. Sentences are lower case without a full stop.

use std::error::Error as StdError;
use std::fmt;

/// What a caller can do about an error. Each server maps it to its own codes in one `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// The request itself is wrong; repeating it cannot help. HTTP 400.
    Invalid,
    /// Credentials are missing or wrong. HTTP 401.
    Unauthorized,
    /// The caller may not do this. HTTP 403.
    Forbidden,
    /// The named object does not exist. HTTP 404.
    NotFound,
    /// The object exists but its state forbids the request. HTTP 409.
    Conflict,
    /// This build, host or configuration does not have the feature. HTTP 501.
    Unimplemented,
    /// Not now: shutting down, overloaded, or a part is off. HTTP 503.
    Unavailable,
    /// A limit of time ran out. HTTP 500.
    Timeout,
    /// Our fault, or the host's. HTTP 500.
    Internal,
}

/// An error: kind, sentence, and what caused it.
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `Result` with our error as the default.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {$(
        #[doc = concat!("An error of kind [`Kind::", stringify!($kind), "`].")]
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(Kind::$kind, message)
        }
    )*};
}

impl Error {
    /// An error without a cause.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    constructors! {
        invalid => Invalid, unauthorized => Unauthorized, forbidden => Forbidden,
        not_found => NotFound, conflict => Conflict, unimplemented => Unimplemented,
        unavailable => Unavailable, timeout => Timeout, internal => Internal,
    }

    /// The same error with a mark as its cause, to be found with [`Error::find`]: a cause without words
    /// is not printed.
    pub fn marked(self, mark: impl StdError + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(mark)), ..self }
    }

    /// What machines go by.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The same error judged anew, its sentences kept.
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The outermost sentence alone, without its causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The cause, if it is of type `E`, however deep in the chain.
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Error {
    /// The whole chain, outermost sentence first, joined by `: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut next: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = next {
            match error.downcast_ref::<Error>() {
                Some(own) => write!(f, ": {}", own.message)?,
                None => match error.to_string().as_str() {
                    "" => {}
                    words => write!(f, ": {words}")?,
                },
            }
            next = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|s| &**s as &(dyn StdError + 'static))
    }
}

/// Says what was being done when something failed.
pub trait Context<T> {
    /// Wraps the error in a sentence. A foreign error becomes [`Kind::Internal`]; ours keeps its kind.
    fn context(self, message: impl Into<String>) -> Result<T>;
    /// The same with a sentence that is only built on failure.
    fn with_context<S: Into<String>>(self, message: impl FnOnce() -> S) -> Result<T>;
    /// The same, judged on the spot.
    fn context_kind(self, kind: Kind, message: impl Into<String>) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> Context<T> for std::result::Result<T, E> {
    fn context(self, message: impl Into<String>) -> Result<T> {
        self.with_context(|| message)
    }

    fn with_context<S: Into<String>>(self, message: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| {
            let source: Box<dyn StdError + Send + Sync> = Box::new(error);
            let kind = source.downcast_ref::<Error>().map_or(Kind::Internal, |own| own.kind);
            Error { kind, message: message().into(), source: Some(source) }
        })
    }

    fn context_kind(self, kind: Kind, message: impl Into<String>) -> Result<T> {
        self.context(message).map_err(|error| error.with_kind(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_whole_chain_once() {
        let io = std::io::Error::from_raw_os_error(2);
        let error = Err::<(), _>(io).context("read /proc/42/stat").context("inspect web");
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "inspect web: read /proc/42/stat: No such file or directory (os error 2)"
        );
        assert_eq!(error.kind(), Kind::Internal);
        assert!(error.find::<std::io::Error>().is_some());
    }

    #[test]
    fn context_keeps_our_kind() {
        let error = Err::<(), _>(Error::not_found("No such container: x")).context("start");
        assert_eq!(error.unwrap_err().kind(), Kind::NotFound);
    }
}
