//! The executor of the client: the only file here that names it.

use std::future::Future;

/// Runs a connection beside its user; it ends with the connection.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    async_std::task::spawn(future);
}
