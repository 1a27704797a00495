//! The client as a `futures::Sink`, for pipelines of streams.
//!
//! Not here: anything that [`Client`] does not do already.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Sink;

use crate::client::error::SendError;
use crate::client::handle::Client;
use crate::client::line::Place;
use crate::client::queueing::{Single, stamp};
use crate::client::runtime::Runtime;
use crate::client::waiters::{Key, Wait};
use crate::metric::Metric;
use crate::ticket::Ticket;
use crate::value::Timestamp;

/// A sink of points. It holds one point that found the queue full; `poll_ready` waits for room.
///
/// Flushing waits until everything is written, or proven to be read under
/// [`Delivery::Confirmed`](crate::Delivery::Confirmed). Closing the sink flushes it and leaves
/// the client open for its other clones.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::Metric; page::run(async |graphite| {
/// use futures::{SinkExt as _, StreamExt as _, stream};
///
/// let client = Client::connect(graphite).await?;
/// let points = stream::iter(0..1000).map(|i| Ok(Metric::new(format!("jobs.{i}"), i)));
/// points.forward(client.sink()).await?; // Ends with a flush.
/// assert_eq!(client.stats().written, 1000);
/// # Ok(()) });
/// ```
pub struct MetricSink<R: Runtime> {
    client: Client<R>,
    /// The point that waits for room, with the moment it came.
    held: Option<(Metric<'static>, Timestamp)>,
    /// Where it stands in line.
    place: Place,
    /// The flush that is waited for, for as long as no further point comes.
    flush: Option<Ticket>,
    key: Option<Key>,
}

impl<R: Runtime> Client<R> {
    /// Returns a sink for streams of points; it shares this client's queue and connection.
    ///
    /// ```
    /// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
    /// # use page::*; use futures::SinkExt as _; use graphite_proto::Metric;
    /// # page::run(async |graphite| {
    /// let mut sink = Client::connect(graphite).await?.sink();
    /// sink.send(Metric::new("load", 0.42)).await?;
    /// # Ok(()) });
    /// ```
    pub fn sink(&self) -> MetricSink<R> {
        let client = self.clone();
        MetricSink { client, held: None, place: Place::default(), flush: None, key: None }
    }
}

impl<R: Runtime> MetricSink<R> {
    /// Queues the held point when there is room for it.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = &mut *self;
        let shared = this.client.shared();
        let Some((metric, timestamp)) = &this.held else { return Poll::Ready(Ok(())) };
        let mut point = Single::new(metric, *timestamp);
        let result = ready!(shared.poll_queue(&mut point, &mut this.place, false, cx));
        (this.held, this.flush) = (None, None);
        Poll::Ready(result.map(drop))
    }
}

impl<R: Runtime> Sink<Metric<'static>> for MetricSink<R> {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.held.is_none() {
            ready!(self.client.shared().poll_give_way(cx));
        }
        self.poll_held(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, metric: Metric<'static>) -> Result<(), SendError> {
        let this = &mut *self;
        let timestamp = stamp(&metric, this.client.runtime());
        let mut point = Single::new(&metric, timestamp);
        match this.client.shared().try_queue(&mut point, &mut this.place, false) {
            Some(result) => {
                this.flush = None;
                result.map(drop)
            }
            None => {
                this.held = Some((metric, timestamp));
                Ok(())
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_held(cx))?;
        let this = &mut *self;
        let shared = this.client.shared();
        let begin = || shared.with(|machine| machine.sender.ticket());
        let ticket = *this.flush.get_or_insert_with(begin);
        let answer = ready!(shared.poll_wait(&mut this.key, Wait::Ticket(ticket), cx));
        this.flush = None;
        Poll::Ready(answer.map_err(|failure| this.client.undelivered(failure)))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_flush(cx)
    }
}

impl<R: Runtime> fmt::Debug for MetricSink<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricSink")
            .field("client", &self.client)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime> Drop for MetricSink<R> {
    fn drop(&mut self) {
        self.client.shared().leave(&mut self.place);
        self.client.shared().forget(&mut self.key);
    }
}
