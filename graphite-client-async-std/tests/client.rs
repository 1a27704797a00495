//! The tests of the client on async-std.

use graphite_client_async_std as client;

#[path = "../../graphite-proto/tests/client/mod.rs"]
mod suite;

#[cfg(feature = "blocking")]
#[path = "../../graphite-proto/tests/client/blocking.rs"]
mod blocking;

#[path = "../../graphite-proto/tests/client/exports.rs"]
mod exports;

#[path = "../../graphite-proto/tests/client/streams_of_futures.rs"]
mod streams;

mod net {
    pub(crate) use async_std::net::TcpStream;
    pub(crate) use async_std::os::unix::net::UnixStream;
}

/// What the tests take from their runtime.
mod rt {
    use std::time::Duration;

    pub(crate) use crate::streams::*;

    pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
        async_std::task::block_on(timeout(crate::suite::LIMIT, test)).expect("the test hangs")
    }

    pub(crate) fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        async_std::task::spawn(task)
    }

    /// Has a thread of the runtime's run what may block.
    #[cfg(feature = "blocking")]
    pub(crate) async fn unblock<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
        async_std::task::spawn_blocking(act).await
    }

    pub(crate) async fn sleep(duration: Duration) {
        async_std::task::sleep(duration).await;
    }

    /// Waits for a future, but not longer than this.
    pub(crate) async fn timeout<T>(
        duration: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        async_std::future::timeout(duration, future).await.ok()
    }
}
