//! A client whose calls block, on a runtime that has no thread for it.

use std::future::Future;
use std::io;

use super::MadeUp;
use crate::client::blocking::{Block, Client};

impl Block for MadeUp {
    type Host = ();

    fn host(&self) -> io::Result<()> {
        Err(io::ErrorKind::OutOfMemory.into())
    }

    fn block_on<T>((): &(), _future: impl Future<Output = T>) -> T {
        unreachable!("there is no host")
    }

    fn end((): (), _last: impl Future<Output = ()> + Send + 'static) {
        unreachable!("there is no host")
    }
}

#[test]
fn a_runtime_without_a_thread_for_a_client_is_an_error() {
    let error = Client::<MadeUp>::builder().connect_lazy("host").unwrap_err();
    let expected = "no connection came about: nothing runs the client's tasks: out of memory";
    assert_eq!(error.to_string(), expected);
}
