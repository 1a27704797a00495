// What the examples on these pages run on: tokio, and a receiver. They include it in lines that are
// not shown, wherefore it begins without `//!`.

include!("receiver.rs");

/// Runs an example with a receiver.
pub(crate) fn run(example: impl AsyncFnOnce(SocketAddr) -> Outcome) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(example(graphite())).expect("the example runs");
}
