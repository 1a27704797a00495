//! The tests of the client on tokio with several threads.

use graphite_client_tokio as client;

#[path = "../../graphite-proto/tests/client/mod.rs"]
mod suite;

#[cfg(feature = "blocking")]
#[path = "../../graphite-proto/tests/client/blocking.rs"]
mod blocking;

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

    /// Has a thread of the runtime's run what may block.
    #[cfg(feature = "blocking")]
    pub(crate) async fn unblock<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(act).await.expect("thread")
    }
}
