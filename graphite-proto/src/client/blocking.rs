//! The client for scripts and threads: the same calls without `async`, which block.
//!
//! Most users take it as `blocking::Client` of `graphite-client-tokio` or
//! `graphite-client-async-std`, by their feature `blocking`. What a call waits for, its errors, the
//! settings and what an outage does are those of [`super::Client`], which does all the work.
//!
//! # The end
//!
//! [`Client::close`] waits until the receiver has read everything, and tells. Who forgets it loses
//! nothing as long as the receiver is there: the last clone that is dropped waits for the same, for
//! [`close_timeout`](super::Builder::close_timeout) at most; what was left then is told by
//! [`Event::Abandoned`](crate::Event::Abandoned) alone. A thread on which a runtime runs, or is
//! entered, does not wait: the client ends by itself, unless the process ends before it. A client
//! that is never dropped, in a `static` or at `std::process::exit`, ends with the process: close it.
//!
//! A process that forks makes its clients afterwards: threads do not live in the child, and there the
//! calls of a client from before the fork wait for ever, whatever their time-out.
//!
//! # In asynchronous code
//!
//! A call that blocks would hold up all tasks of its thread. Within a task of its runtime, or within
//! that one's `block_on`, every call panics but those that never wait ([`Client::try_feed`],
//! [`Client::stats`] and the like): use [`super::Client`] there, or have a thread for calls that
//! block, as `spawn_blocking` does.
//!
//! Not here: the threads, which are the runtime's ([`Block`]), and feeders, sinks and reporters,
//! which are for tasks.

mod begin;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use crate::address::{Address, AddressError};
use crate::client::builder::Builder;
use crate::client::error::{
    BatchError, CloseError, ConnectError, FlushError, SendError, TryFeedError, TryFeedMultipleError,
};
use crate::client::handle;
use crate::client::runtime::Runtime;
use crate::event::Failure;
use crate::metric::Metric;
use crate::protocol::Protocol;
use crate::stats::Stats;

/// What a runtime gives to clients whose calls block.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*;
/// # use std::io;
/// # use graphite_proto::client::blocking::{Block, Client};
/// /// smol's own threads run the tasks.
/// impl Block for Smol {
///     type Host = ();
///
///     fn host(&self) -> io::Result<()> {
///         Ok(())
///     }
///
///     fn block_on<T>((): &(), future: impl Future<Output = T>) -> T {
///         smol::block_on(future)
///     }
///
///     fn end((): (), last: impl Future<Output = ()> + Send + 'static) {
///         smol::block_on(last);
///     }
/// }
///
/// let client = Client::<Smol>::connect(graphite())?;
/// client.send(("load", 0.42))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no runtime for a Graphite client whose calls block",
    note = "implement `graphite_proto::client::blocking::Block` for it"
)]
pub trait Block: Runtime {
    /// What runs the tasks of one client. Dropping it ends them.
    type Host: Send + Sync + 'static;

    /// Starts what runs the tasks of a client.
    ///
    /// # Errors
    ///
    /// There is no thread for it, or what else it takes.
    fn host(&self) -> io::Result<Self::Host>;

    /// Blocks this thread until a future is done, which is polled on it; where it begins a client,
    /// the tasks of that run on the host.
    ///
    /// # Panics
    ///
    /// Within a task, with a text that says so and what to use there.
    #[track_caller]
    fn block_on<T>(host: &Self::Host, future: impl Future<Output = T>) -> T;

    /// Has the host run a last future, for as long as that takes, and then end. It waits for that,
    /// unless this thread may run tasks, and never panics: it is called by a `drop`.
    fn end(host: Self::Host, last: impl Future<Output = ()> + Send + 'static);
}

/// The calls of a client that block: those of [`Client`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Blocking;

/// A client of one Graphite receiver, for scripts and threads. Clones share its connection and its
/// queue; see the [module](self) for its end.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
/// # use page::*; let graphite = graphite();
/// let client = Client::connect(graphite)?;
/// let other = client.clone(); // For another thread.
/// std::thread::spawn(move || other.send(("jobs.done", 1))).join().unwrap()?;
/// client.close()?; // The receiver has read it.
/// assert!(received().starts_with("jobs.done 1 "));
///
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client<R: Block> {
    handle: Arc<Handle<R>>,
}

impl<R: Block> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

/// State, counts and settings, in less than a kilobyte.
impl<R: Block> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.client.fmt(f)
    }
}

/// Ends the client, and then the host, with the last clone.
struct Handle<R: Block> {
    client: handle::Client<R>,
    /// There until the drop.
    host: Option<R::Host>,
}

impl<R: Block> Drop for Handle<R> {
    fn drop(&mut self) {
        let client = self.client.clone();
        // What is left is told by an event.
        let last = async move { drop(client.close().await) };
        if let Some(host) = self.host.take() {
            R::end(host, last);
        }
    }
}

impl<R: Block + Default> Client<R> {
    /// Connects with the default settings, as [`super::Client::connect`] does.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// assert!(client.is_connected());
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The address makes no sense, or no connection came about within 3 attempts.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn connect<A>(addr: A) -> Result<Self, ConnectError>
    where
        A: TryInto<Address, Error: Into<AddressError>>,
    {
        Self::builder().connect(addr)
    }

    /// Begins a client with settings of its own.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().prefix("backup.web01").connect(graphite)?;
    /// client.send(("bytes", 17_301_504))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> Builder<R, Blocking> {
        Builder::on(R::default())
    }
}

impl<R: Block> Client<R> {
    #[track_caller]
    fn begin(
        builder: Builder<R, Blocking>,
        connect: impl AsyncFnOnce(Builder<R>) -> Result<handle::Client<R>, ConnectError>,
    ) -> Result<Self, ConnectError> {
        let host = builder.runtime().host().map_err(|error| {
            let Failure { kind, text, .. } = error.into();
            let text = format!("nothing runs the client's tasks: {text}");
            ConnectError::Unreachable(Failure::new(kind, text))
        })?;
        let client = R::block_on(&host, connect(builder.awaited()))?;
        Ok(Self { handle: Arc::new(Handle { client, host: Some(host) }) })
    }

    #[track_caller]
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        // It is there until the last clone is dropped.
        let host = self.handle.host.as_ref().expect("a client that is used has its host");
        R::block_on(host, future)
    }

    /// Returns the protocol that points are written in.
    pub fn protocol(&self) -> Protocol {
        self.handle.client.protocol()
    }

    /// Queues a point and waits until it is written, as [`super::Client::send`] does.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// client.send(("backup.web01.bytes", 17_301_504))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, or the receiver could not be reached within
    /// [`max_attempts`](super::Builder::max_attempts). After [`SendError::Queued`] the point is
    /// still queued: [`flush`](Self::flush), do not send it again.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn send<'a>(&self, metric: impl Into<Metric<'a>>) -> Result<(), SendError> {
        self.block_on(self.handle.client.send(metric))
    }

    /// Queues a batch of any size and waits until it is written, as
    /// [`super::Client::send_multiple`] does.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// client.send_multiple((0..1000).map(|job| (format!("jobs.{job}.seconds"), 0.5)))?;
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first point that cannot be queued, by its index: the points before it are in. Or the
    /// receiver could not be reached; then the whole batch is queued: [`flush`](Self::flush), do
    /// not send it again.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn send_multiple<'a, I>(&self, metrics: I) -> Result<(), BatchError>
    where
        I: IntoIterator<Item: Into<Metric<'a>>, IntoIter: Send> + Send,
    {
        self.block_on(self.handle.client.send_multiple(metrics))
    }

    /// Queues a point and returns at once if there is room for it, else waits for room.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// for order in 0..1000 {
    ///     client.feed(("orders", order))?;
    /// }
    /// client.flush()?; // Now they are written.
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, or the queue is full and the receiver could not be reached within
    /// [`max_attempts`](super::Builder::max_attempts); the point is not queued then.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn feed<'a>(&self, metric: impl Into<Metric<'a>>) -> Result<(), SendError> {
        self.block_on(self.handle.client.feed(metric))
    }

    /// Queues a point if there is room for it; never waits, so that it may be called anywhere.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// if let Err(error) = client.try_feed(("load", 0.42)) {
    ///     eprintln!("graphite: {error}"); // The queue is full, say.
    /// }
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, the queue is full, or the client is closed.
    pub fn try_feed<'a>(&self, metric: impl Into<Metric<'a>>) -> Result<(), TryFeedError> {
        self.handle.client.try_feed(metric)
    }

    /// Queues a batch if there is room for all of it, and else nothing of it; never waits, as
    /// [`super::Client::try_feed_multiple`].
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// client.try_feed_multiple([("servers.web01.users", 17), ("servers.web01.jobs", 3)])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A point cannot be sent, the queue has no room for all, or the client is closed.
    pub fn try_feed_multiple<'a, I>(&self, metrics: I) -> Result<(), TryFeedMultipleError>
    where
        I: IntoIterator<Item: Into<Metric<'a>>>,
    {
        self.handle.client.try_feed_multiple(metrics)
    }

    /// Waits until everything that is queued now is written, as [`super::Client::flush`] does.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// client.feed(("load", 0.42))?;
    /// client.flush()?;
    /// assert_eq!(client.stats().written, 1);
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The receiver could not be reached within [`max_attempts`](super::Builder::max_attempts);
    /// everything is still queued. Or points were dropped from a full queue meanwhile.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn flush(&self) -> Result<(), FlushError> {
        self.block_on(self.handle.client.flush())
    }

    /// Waits until the receiver has read everything, for
    /// [`close_timeout`](super::Builder::close_timeout) at most, as [`super::Client::close`] does.
    /// Further calls, of clones too, give the same result.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// client.feed(("load", 0.42))?;
    /// if let Err(error) = client.close() {
    ///     eprintln!("graphite: {} points are in doubt: {error}", error.undelivered);
    /// }
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The number of points that are not known to be delivered.
    ///
    /// # Panics
    ///
    /// Within a task of the client's runtime.
    #[track_caller]
    pub fn close(&self) -> Result<(), CloseError> {
        self.block_on(self.handle.client.close())
    }

    /// Returns where the receiver is; see [`address`](handle::Client::address) of the other client.
    pub fn address(&self) -> Option<&Address> {
        self.handle.client.address()
    }

    /// Returns whether there is a connection just now; see
    /// [`is_connected`](handle::Client::is_connected) of the other client.
    pub fn is_connected(&self) -> bool {
        self.handle.client.is_connected()
    }

    /// Returns why the last connection, or the last attempt at one, ended.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::builder().connect_lazy("127.0.0.1:1")?; // Nobody listens there.
    /// let _ = client.send(("load", 0.42));
    /// assert!(client.last_failure().unwrap().text.starts_with("connect to 127.0.0.1:1: "));
    /// # std::mem::forget(client); // Its drop would wait for the receiver.
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last_failure(&self) -> Option<Failure> {
        self.handle.client.last_failure()
    }

    /// Returns what became of the points so far.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/blocking.rs")); }
    /// # use page::*; let graphite = graphite();
    /// let client = Client::connect(graphite)?;
    /// client.send(("load", 0.42))?;
    /// assert_eq!(client.stats().written, 1);
    ///
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.handle.client.stats()
    }

    /// Returns how often the function given to [`on_event`](super::Builder::on_event) panicked, as
    /// it does if it calls the client.
    pub fn event_panics(&self) -> u64 {
        self.handle.client.event_panics()
    }
}
