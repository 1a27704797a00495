//! The client for scripts, cron jobs and threads: the same calls without `async`.
//!
//! ```no_run
//! use graphite_client_tokio::blocking::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::connect("graphite.example.com")?;
//!     client.send(("backup.web01.bytes", 17_301_504))?;
//!     client.close()?; // The receiver has read it.
//!     Ok(())
//! }
//! ```
//!
//! A client and its clones have a thread of their own, `graphite-client`, with a runtime of tokio's
//! that nobody else uses; it ends with the last clone. What that waits for stands at
//! [`proto::client::blocking`](crate::proto::client::blocking). Threads may share a client.
//!
//! Within a task of tokio's, or within its `block_on` (all of `#[tokio::main]`), the calls that wait
//! panic, and so do those that begin a client: await [`crate::Client`] there, or call within
//! `tokio::task::spawn_blocking`. Not here: what the calls do, which is the client layer's.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::thread::{self, JoinHandle};

use graphite_proto::client::blocking::{self, Block};
use tokio::runtime::{Builder as RuntimeBuilder, Handle};
use tokio::sync::oneshot;

use crate::runtime::Tokio;

/// A client for scripts and threads; see [`proto::client::blocking`](blocking).
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; let graphite = graphite();
/// let client = graphite_client_tokio::blocking::Client::connect(graphite)?;
/// client.send(("backup.web01.bytes", 17_301_504))?;
/// client.close()?; // The receiver has read it.
/// assert!(received().starts_with("backup.web01.bytes 17301504 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Client = blocking::Client<Tokio>;

/// Makes a [`Client`]: the settings of [`crate::Builder`], then one of the same ways to begin.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; let graphite = graphite();
/// let builder = graphite_client_tokio::blocking::Client::builder().prefix("backup.web01");
/// let client = builder.connect(graphite)?;
/// client.send(("bytes", 17_301_504))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Builder = graphite_proto::client::Builder<Tokio, blocking::Blocking>;

const WITHIN: &str = "this call of graphite_client_tokio::blocking is made within an asynchronous \
    task of tokio's, whose thread it would block: await the calls of \
    graphite_client_tokio::Client there, or make this one within tokio::task::spawn_blocking";

/// What the thread of a client does at last.
type Last = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The thread of a client.
pub struct Host {
    handle: Handle,
    last: oneshot::Sender<Last>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl Block for Tokio {
    type Host = Host;

    fn host(&self) -> io::Result<Host> {
        let runtime = RuntimeBuilder::new_current_thread().enable_io().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (last, lasts) = oneshot::channel::<Last>();
        let run = move || {
            runtime.block_on(async {
                // A host that is dropped has nothing to do at last.
                if let Ok(last) = lasts.await {
                    last.await;
                }
            });
        };
        let thread = thread::Builder::new().name("graphite-client".into()).spawn(run)?;
        Ok(Host { handle, last, thread })
    }

    fn block_on<T>(host: &Host, future: impl Future<Output = T>) -> T {
        // A context alone does not tell: a thread of `spawn_blocking` has one, and may wait. Only
        // tokio knows, and says so by a panic of its own, which is reported before ours.
        if Handle::try_current().is_ok() {
            let wait = AssertUnwindSafe(|| host.handle.block_on(async {}));
            assert!(panic::catch_unwind(wait).is_ok(), "{WITHIN}");
        }
        host.handle.block_on(future)
    }

    fn end(host: Host, last: impl Future<Output = ()> + Send + 'static) {
        let told = host.last.send(Box::pin(last));
        // Where a runtime is entered this thread may be the one that runs the receiver, or ours.
        if told.is_ok() && Handle::try_current().is_err() {
            // A panic has been reported on that thread.
            let _ = host.thread.join();
        }
    }
}
