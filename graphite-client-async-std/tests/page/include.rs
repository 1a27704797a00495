// What the examples on these pages run on: async-std, and a receiver. They include it in lines that
// are not shown, wherefore it begins without `//!`.

include!("receiver.rs");

/// Runs an example with a receiver.
pub(crate) fn run(example: impl AsyncFnOnce(SocketAddr) -> Outcome) {
    async_std::task::block_on(example(graphite())).expect("the example runs");
}
