// What the examples on the page of the client layer run on: the runtime of `examples/smol.rs`, and a
// receiver. They include it in lines that are not shown, wherefore it begins without `//!`.

include!("receiver.rs");

#[path = "../../examples/smol.rs"]
pub(crate) mod runtime;

pub(crate) use runtime::Smol;

pub(crate) type Client = graphite_proto::client::Client<Smol>;
pub(crate) type Reporter = graphite_proto::client::Reporter<Smol>;

/// Runs an example with a receiver.
pub(crate) fn run(example: impl AsyncFnOnce(SocketAddr) -> Outcome) {
    smol::block_on(example(graphite())).expect("the example runs");
}
