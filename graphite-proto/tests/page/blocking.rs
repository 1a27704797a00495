// What the examples of the client whose calls block run on: smol, and a receiver. They include it in
// lines that are not shown, wherefore it begins without `//!`.

include!("receiver.rs");

#[path = "../../examples/smol.rs"]
pub(crate) mod runtime;

use graphite_proto::client::blocking::{self, Block};
pub(crate) use runtime::Smol;

pub(crate) type Client = blocking::Client<Smol>;

impl Block for Smol {
    type Host = ();

    fn host(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn block_on<T>((): &(), future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    fn end((): (), last: impl Future<Output = ()> + Send + 'static) {
        smol::block_on(last);
    }
}
