//! The client for scripts, cron jobs and threads: the same calls without `async`.
//!
//! ```no_run
//! use graphite_client_async_std::blocking::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::connect("graphite.example.com")?;
//!     client.send(("backup.web01.bytes", 17_301_504))?;
//!     client.close()?; // The receiver has read it.
//!     Ok(())
//! }
//! ```
//!
//! A client's tasks run on the threads that async-std has for the whole process. What dropping the
//! last clone waits for stands at [`proto::client::blocking`](crate::proto::client::blocking).
//! Threads may share a client.
//!
//! Within a task, or within `task::block_on` (all of `#[async_std::main]`), the calls that wait
//! panic, and so do those that begin a client: await [`crate::Client`] there, or call within
//! `async_std::task::spawn_blocking`. Not here: what the calls do, which is the client layer's.

use std::future::Future;
use std::io;
use std::sync::mpsc;

use async_std::task;
use graphite_proto::client::blocking::{self, Block};

use crate::runtime::AsyncStd;

/// A client for scripts and threads; see [`proto::client::blocking`](blocking).
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; let graphite = graphite();
/// let client = graphite_client_async_std::blocking::Client::connect(graphite)?;
/// client.send(("backup.web01.bytes", 17_301_504))?;
/// client.close()?; // The receiver has read it.
/// assert!(received().starts_with("backup.web01.bytes 17301504 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Client = blocking::Client<AsyncStd>;

/// Makes a [`Client`]: the settings of [`crate::Builder`], then one of the same ways to begin.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; let graphite = graphite();
/// let builder = graphite_client_async_std::blocking::Client::builder().prefix("backup.web01");
/// let client = builder.connect(graphite)?;
/// client.send(("bytes", 17_301_504))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Builder = graphite_proto::client::Builder<AsyncStd, blocking::Blocking>;

const WITHIN: &str = "this call of graphite_client_async_std::blocking is made within an \
    asynchronous task of async-std's, whose thread it would block: await the calls of \
    graphite_client_async_std::Client there, or make this one within \
    async_std::task::spawn_blocking";

impl Block for AsyncStd {
    /// async-std's threads are there as long as the process.
    type Host = ();

    fn host(&self) -> io::Result<()> {
        Ok(())
    }

    fn block_on<T>((): &(), future: impl Future<Output = T>) -> T {
        assert!(task::try_current().is_none(), "{WITHIN}");
        task::block_on(future)
    }

    fn end((): (), last: impl Future<Output = ()> + Send + 'static) {
        let (done, is_done) = mpsc::channel::<()>();
        task::spawn(async move {
            last.await;
            drop(done);
        });
        // Not by `block_on`, which a thread that ends has no place for any more.
        if task::try_current().is_none() {
            let _ = is_done.recv();
        }
    }
}
