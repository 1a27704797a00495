//! The handle that callers hold: points in, answers out.
//!
//! Not here: the connection ([`super::driver`]) and the waiting ([`super::shared`]).

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::address::Address;
use crate::client::closing::Closing;
use crate::client::connect::Connect;
use crate::client::driver::Driver;
use crate::client::error::{
    BatchError, CloseError, ConnectError, FlushError, SendError, TryFeedError, TryFeedMultipleError,
};
use crate::client::feed::{Feed, Held};
use crate::client::queueing::{Queued, Single, stamp};
use crate::client::runtime::Runtime;
use crate::client::sending::Sending;
use crate::client::shared::Shared;
use crate::client::telling::{OnEvent, Telling};
use crate::client::waiters::Wait;
use crate::config::Config;
use crate::event::{Event, Failure};
use crate::metric::Metric;
use crate::protocol::Protocol;
use crate::stats::Stats;

/// How long a close waits for feeders that were asked for what they keep: one that is at work gives
/// it at its next call, as soon as its task is run. Before the time that the close itself has.
const GRACE: Duration = Duration::from_millis(250);

/// A client of one Graphite receiver. Clones share its connection and its queue.
///
/// The connection is owned by a task of its own, which reconnects by itself: a client that was made
/// once is good for ever. Dropping the last clone lets what is queued go out, for as long as
/// [`close_timeout`](super::Builder::close_timeout) allows and the runtime runs;
/// [`close`](Self::close) does the same and tells the result. A `main` that ends takes its runtime
/// along: await `close` there. What is left undelivered by a client that ends is told by
/// [`Event::Abandoned`](crate::Event::Abandoned).
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// let client = Client::connect(graphite).await?;
/// let clone = client.clone(); // For another task.
/// clone.send(("servers.web01.load", 0.42)).await?;
/// client.send_multiple([("servers.web01.users", 17), ("servers.web01.jobs", 3)]).await?;
/// client.close().await?;
/// assert_eq!(client.stats().confirmed, 3);
/// # Ok(()) });
/// ```
///
/// # When the queue is full
///
/// Room is given in the order of asking, to large points as to small ones, whichever call they
/// come by. Who was told that there is room has it for as long as it takes to come, but not beyond
/// 100 ms if nothing else is queued and others wait. A task that feeds without a pause gives others
/// their turn after 128 points, and so does a batch.
pub struct Client<R: Runtime> {
    handle: Arc<Handle<R>>,
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

/// State, counts and settings, in less than a kilobyte.
impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&*self.shared().lock()).finish()
    }
}

/// Ends the driver with the last clone.
struct Handle<R: Runtime> {
    shared: Arc<Shared<R>>,
    protocol: Protocol,
    address: Option<Address>,
}

impl<R: Runtime> Drop for Handle<R> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<R: Runtime> Client<R> {
    #[track_caller]
    pub(crate) fn start(
        runtime: R,
        config: Config,
        address: Option<Address>,
        connector: Arc<dyn Connect>,
        on_event: Option<OnEvent>,
        warning: Option<Event>,
    ) -> Self {
        let telling = Telling::new(on_event, address.as_ref(), config.protocol());
        let client = Self::without_driver(runtime, config, address);
        let shared = client.handle.shared.clone();
        client.runtime().spawn(Driver::new(shared, connector, telling, warning));
        client
    }

    pub(crate) fn without_driver(runtime: R, config: Config, address: Option<Address>) -> Self {
        let protocol = config.protocol();
        let shared = Shared::new(runtime, config);
        Self { handle: Arc::new(Handle { shared, protocol, address }) }
    }

    /// Waits for the first connection.
    pub(crate) async fn connected(&self) -> Result<(), ConnectError> {
        let shared = self.shared();
        let now = shared.now();
        let ticket = shared.with(|machine| machine.sender.connect(now));
        shared.wait(Wait::Ticket(ticket)).await.map_err(ConnectError::Unreachable)
    }

    pub(crate) fn shared(&self) -> &Shared<R> {
        &self.handle.shared
    }

    pub(crate) fn runtime(&self) -> &R {
        &self.shared().runtime
    }

    /// Returns the protocol that points are written in.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// assert_eq!(client.protocol(), graphite_proto::Protocol::Plaintext);
    /// # Ok(()) });
    /// ```
    pub fn protocol(&self) -> Protocol {
        self.handle.protocol
    }

    /// Returns where the receiver is, its port included; nothing of a client that connects by a
    /// function of the user's.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy("graphite.example.com")?;
    /// assert_eq!(client.address().unwrap().to_string(), "graphite.example.com:2003");
    /// # Ok(()) });
    /// ```
    pub fn address(&self) -> Option<&Address> {
        self.handle.address.as_ref()
    }

    /// Returns whether there is a connection just now. That of an idle receiver that has gone away
    /// without a word is one until something is sent; whether points get through is told by
    /// [`stats`](Self::stats), and by [`on_event`](super::Builder::on_event).
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// assert!(!client.is_connected());
    /// client.send(("load", 0.42)).await?;
    /// assert!(client.is_connected());
    /// # Ok(()) });
    /// ```
    pub fn is_connected(&self) -> bool {
        self.shared().lock().sender.is_connected()
    }

    /// Returns why the last connection, or the last attempt at one, ended; nothing as long as none
    /// has. It stays when the receiver is back.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy("127.0.0.1:1")?; // Nobody listens there.
    /// let _ = client.send(("load", 0.42)).await;
    /// assert!(client.last_failure().unwrap().text.starts_with("connect to 127.0.0.1:1: "));
    /// # Ok(()) });
    /// ```
    pub fn last_failure(&self) -> Option<Failure> {
        self.shared().lock().sender.last_failure().cloned()
    }

    /// Queues a point and waits until it is written; under
    /// [`Delivery::Confirmed`](crate::Delivery::Confirmed) until it is proven to be read.
    ///
    /// A point without a timestamp gets the time of the call. If the queue is full this waits for
    /// room first. Under `Confirmed` a lone task gets one point a proof, each of which costs a
    /// connection: use [`feed`](Self::feed) and [`flush`](Self::flush) there.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use graphite_proto::client::SendError; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// match client.send(("load", 0.42)).await {
    ///     Err(SendError::Queued(failure)) => eprintln!("it goes out later: {failure}"),
    ///     result => result?,
    /// }
    /// client.send(("load", 0.42, 1_700_000_000)).await?; // With a time of its own.
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, or the receiver could not be reached within
    /// [`max_attempts`](super::Builder::max_attempts). After [`SendError::Queued`] the point is
    /// still queued: [`flush`](Self::flush), do not send it again.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped while it waits for room has queued nothing; later the point stays
    /// queued.
    pub async fn send<'a>(&self, metric: impl Into<Metric<'a>>) -> Result<(), SendError> {
        let metric = metric.into();
        let timestamp = stamp(&metric, self.runtime());
        if let Some(queued) = self.shared().send_through(&metric, timestamp) {
            return self.out(queued).await;
        }
        let mut held = Held::new(self.shared(), metric, timestamp, true);
        let queued = poll_fn(|cx| held.poll_queue(cx)).await?;
        self.out(queued).await
    }

    /// Queues a batch of any size and waits until it is written, or proven to be read.
    ///
    /// Points without a timestamp get the time of the call. An empty batch does nothing. At a full
    /// queue batches take turns with each other and with single points.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// client.send_multiple((0..1000).map(|job| (format!("jobs.{job}.seconds"), 0.5))).await?;
    ///
    /// let error = client.send_multiple([("a", 1), ("b c", 2), ("d", 3)]).await.unwrap_err();
    /// assert_eq!(error.queued, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The first point that cannot be queued, by its index: the points before it are in. Or the
    /// receiver could not be reached; then the whole batch is queued: [`flush`](Self::flush), do
    /// not send it again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves in the queue what was queued so far.
    pub fn send_multiple<'c, 'a: 'c, I>(
        &'c self,
        metrics: I,
    ) -> impl Future<Output = Result<(), BatchError>> + Send
    where
        I: IntoIterator<Item: Into<Metric<'a>>, IntoIter: Send> + Send,
    {
        let metrics = metrics.into_iter();
        async move {
            let queued = Sending::new(self.shared()).queue(metrics.map(Into::into)).await?;
            let (queued, Some(done)) = queued else { return Ok(()) };
            self.out(done).await.map_err(|source| BatchError { queued, source })
        }
    }

    /// Queues a point and returns at once if there is room for it, else waits for room.
    ///
    /// A point without a timestamp gets the time of the call.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// for order in 0..1000 {
    ///     client.feed(("orders", order)).await?;
    /// }
    /// client.flush().await?; // Now they are written.
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, or the queue is full and the receiver could not be reached within
    /// [`max_attempts`](super::Builder::max_attempts); the point is not queued then.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped before it is done has not queued the point.
    pub fn feed<'a>(
        &self,
        metric: impl Into<Metric<'a>>,
    ) -> impl Future<Output = Result<(), SendError>> {
        Feed::new(self.shared(), metric)
    }

    /// Queues a point if there is room for it; never waits. While others wait for room
    /// ([`feed`](Self::feed), [`send`](Self::send) and so on) there is none for this call: it does
    /// not overtake them.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// if let Err(error) = client.try_feed(("load", 0.42)) {
    ///     eprintln!("graphite: {error}"); // The queue is full, say.
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The point cannot be sent, the queue is full, or the client is closed.
    pub fn try_feed<'a>(&self, metric: impl Into<Metric<'a>>) -> Result<(), TryFeedError> {
        let metric = metric.into();
        let timestamp = stamp(&metric, self.runtime());
        if self.shared().feed_quickly(&metric, timestamp) {
            return Ok(());
        }
        Ok(self.shared().try_feed(&mut Single::new(&metric, timestamp))?)
    }

    /// Queues a batch if there is room for all of it, and else nothing of it; never waits, and does
    /// not overtake those who wait for room. The points stand together, in their order. Under
    /// [`Overflow::DropOldest`](crate::Overflow::DropOldest) older points make room.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::builder().connect_lazy(graphite)?;
    /// let report = [("servers.web01.users", 17), ("servers.web01.jobs", 3)];
    /// if let Err(error) = client.try_feed_multiple(report) {
    ///     eprintln!("graphite: {error}"); // The queue is full, say.
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// A point cannot be sent, which alone counts as rejected; the queue has no room for all, so that
    /// all do; or the client is closed. Several points that take more than the whole queue never
    /// find room.
    pub fn try_feed_multiple<'a, I>(&self, metrics: I) -> Result<(), TryFeedMultipleError>
    where
        I: IntoIterator<Item: Into<Metric<'a>>>,
    {
        self.shared().try_feed_multiple(metrics.into_iter().map(Into::into))
    }

    /// Waits until points are out that were just queued.
    pub(crate) async fn out(&self, queued: Queued) -> Result<(), SendError> {
        let answer = match queued.answer {
            Some(answer) => answer,
            None => self.shared().wait(Wait::Ticket(queued.ticket)).await,
        };
        answer.map_err(|failure| self.undelivered(failure))
    }

    /// Waits until everything that is queued now is written; under
    /// [`Delivery::Confirmed`](crate::Delivery::Confirmed) until it is proven to be read.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// client.feed(("load", 0.42)).await?;
    /// client.flush().await?;
    /// assert_eq!(client.stats().written, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The receiver could not be reached within [`max_attempts`](super::Builder::max_attempts);
    /// everything is still queued. Or points were dropped from a full queue meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let ticket = self.shared().with(|machine| machine.sender.ticket());
        let outcome = self.shared().wait(Wait::Ticket(ticket)).await;
        outcome.map_err(|failure| match self.undelivered(failure) {
            SendError::Dropped => FlushError::Dropped,
            SendError::Queued(failure) => FlushError::Queued(failure),
            _ => FlushError::Closed,
        })
    }

    /// Flushes, closes the writing side and waits for the receiver's end of file, all within
    /// [`close_timeout`](super::Builder::close_timeout). `Ok` means that the receiver has read
    /// everything; what an earlier connection that was lost had taken before the last `window`
    /// bytes counts as read, which is what the window is for ([`Delivery`](crate::Delivery)). What
    /// [feeders](super::Feeder) hold goes along.
    /// Further calls, of clones too, give the same result; whatever would queue a point then says
    /// that the client is closed.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// client.feed(("load", 0.42)).await?;
    /// if let Err(error) = client.close().await {
    ///     eprintln!("graphite: {} points are in doubt: {error}", error.undelivered);
    /// }
    /// assert!(client.feed(("load", 0.42)).await.is_err());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    ///
    /// The number of points that are not known to be delivered; those that a feeder has kept, and
    /// found no room for, among them.
    ///
    /// # Cancel safety
    ///
    /// The closing goes on when the future is dropped; call again for the result.
    pub async fn close(&self) -> Result<(), CloseError> {
        let shared = self.shared();
        let closing = Closing(shared);
        let until = shared.now() + GRACE.min(shared.lock().sender.close_timeout() / 4);
        poll_fn(|cx| {
            if !shared.gather() || shared.now() >= until {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        drop(closing);
        let ended = shared.wait(Wait::Closed).await;
        let machine = shared.lock();
        match machine.sender.unproven() + machine.left {
            0 => Ok(()),
            undelivered => {
                let source = machine.sender.last_failure().cloned().or_else(|| ended.err());
                Err(CloseError { undelivered, source })
            }
        }
    }

    /// Returns what became of the points so far.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let client = Client::connect(graphite).await?;
    /// client.send(("load", 0.42)).await?;
    /// let stats = client.stats();
    /// assert_eq!((stats.accepted, stats.written, stats.dropped), (1, 1, 0));
    /// # Ok(()) });
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared().lock().sender.stats()
    }

    /// Returns how often the function given to [`on_event`](super::Builder::on_event) panicked. The
    /// client goes on each time; the event counts as told.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; page::run(async |graphite| {
    /// let builder = Client::builder().on_event(|event| panic!("{event}"));
    /// let client = builder.connect(graphite).await?;
    /// client.close().await?;
    /// assert_eq!(client.event_panics(), 1);
    /// # Ok(()) });
    /// ```
    pub fn event_panics(&self) -> u64 {
        self.shared().event_panics()
    }

    /// Says why a point that is queued did not go out.
    pub(crate) fn undelivered(&self, failure: Failure) -> SendError {
        match failure.kind {
            // The machine's word for a point that was dropped; no connection fails so.
            io::ErrorKind::StorageFull => SendError::Dropped,
            _ if self.shared().lock().is_over() => SendError::Closed,
            _ => SendError::Queued(failure),
        }
    }
}
