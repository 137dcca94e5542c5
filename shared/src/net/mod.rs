//! HTTP over our own sockets: one stream type, hyper on it, bodies, takeover of connections, TLS.
//!
//! The server half knows neither routes nor tide's router: [`conn::serve`] drives one connection and
//! asks an [`conn::App`]; [`tide`] converts to tide's types and back. Nothing here spawns a task or
//! decides anything about the API. `unsafe` occurs in [`wire`] and [`unread`] only.

pub mod body;
#[cfg(feature = "serve")]
pub mod conn;
pub mod endpoint;
pub mod head;
#[cfg(feature = "serve")]
mod linger;
pub mod stop;
pub mod stream;
#[cfg(all(test, feature = "serve", feature = "client"))]
mod suite;
#[cfg(feature = "serve")]
pub mod tide;
pub mod timer;
pub mod unread;
pub mod upgrade;
pub mod wire;
