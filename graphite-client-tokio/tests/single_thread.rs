//! The tests of the client on tokio with a single thread.

use graphite_client_tokio as client;

#[path = "../../graphite-proto/tests/client/mod.rs"]
mod suite;

#[path = "rt/mod.rs"]
mod runtime;

/// What the tests take from their runtime.
mod rt {
    pub(crate) use crate::runtime::*;

    pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
        run(&mut tokio::runtime::Builder::new_current_thread(), test)
    }
}
