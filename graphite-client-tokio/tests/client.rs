//! The tests of the client on tokio with several threads.

use graphite_client_tokio as client;

#[path = "../../graphite-proto/tests/client/mod.rs"]
mod suite;

#[path = "../../graphite-proto/tests/client/exports.rs"]
mod exports;

#[path = "rt/mod.rs"]
mod runtime;

/// What the tests take from their runtime.
mod rt {
    pub(crate) use crate::runtime::*;

    pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
        run(tokio::runtime::Builder::new_multi_thread().worker_threads(2), test)
    }
}
