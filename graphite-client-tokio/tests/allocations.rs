//! What the client allocates on tokio, counted in a process of its own.

use graphite_client_tokio as client;

#[path = "../../graphite-proto/tests/client/allocations.rs"]
mod allocations;

/// What the test takes from its runtime.
mod rt {
    use std::alloc::Layout;

    use tokio::runtime::Builder;

    /// Returns whether the runtime allocates this whatever it runs: tokio links a woken task into
    /// its queues by the task's own memory.
    pub(crate) fn is_own(_: Layout) -> bool {
        false
    }

    /// Runs a test with several threads and with one.
    pub(crate) fn on_each(mut test: impl AsyncFnMut(&str)) {
        let (mut several, one) = (Builder::new_multi_thread(), Builder::new_current_thread());
        several.worker_threads(2);
        for (name, mut builder) in [("several threads", several), ("one thread", one)] {
            builder.enable_all().build().expect("runtime").block_on(test(name));
        }
    }
}
