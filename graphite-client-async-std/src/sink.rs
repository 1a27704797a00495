//! The client as a `futures::Sink`, for pipelines of streams.
//!
//! Not here: anything that [`Client`] does not do already.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Sink;

use crate::client::Client;
use crate::error::SendError;
use crate::proto::{Failure, Metric, Ticket};
use crate::shared::{Stamp, Wait};

/// A sink of points. It holds one point that found the queue full; `poll_ready` waits for room.
///
/// Flushing waits until everything is written, or proven to be read under
/// [`Delivery::Confirmed`](crate::Delivery::Confirmed). Closing the sink flushes it and leaves
/// the client open for its other clones.
#[derive(Debug)]
pub struct MetricSink {
    client: Client,
    /// The point that waits for room, with the moment it came.
    held: Option<(Metric<'static>, Stamp)>,
    /// The wait for its room.
    room: Option<Ticket>,
    /// The flush that is waited for, for as long as no further point comes.
    flush: Option<Ticket>,
    key: Option<usize>,
}

impl MetricSink {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, held: None, room: None, flush: None, key: None }
    }

    /// Waits for an answer.
    fn poll_answer(&mut self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let Self { client, key, .. } = self;
        client.shared().poll_wait(key, Wait::Ticket(ticket), cx)
    }

    /// Queues the held point when there is room for it.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        while let Some((metric, mut stamp)) = self.held.take() {
            match self.client.try_queue(&metric, &mut stamp, false, &mut self.room) {
                Ok(result) => {
                    (self.room, self.flush) = (None, None);
                    result?;
                }
                Err(room) => {
                    self.held = Some((metric, stamp));
                    // The answer is looked at again, under the lock that the point is queued by.
                    drop(ready!(self.poll_answer(room, cx)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Sink<Metric<'static>> for MetricSink {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_held(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, metric: Metric<'static>) -> Result<(), SendError> {
        let this = &mut *self;
        let mut stamp = Stamp::now_for(&metric);
        match this.client.try_queue(&metric, &mut stamp, false, &mut this.room) {
            Ok(result) => {
                (this.room, this.flush) = (None, None);
                result.map(drop)
            }
            Err(_) => {
                this.held = Some((metric, stamp));
                Ok(())
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_held(cx))?;
        let begin = || self.client.shared().with(|machine| machine.sender.ticket());
        let ticket = self.flush.unwrap_or_else(begin);
        self.flush = Some(ticket);
        let answer = ready!(self.poll_answer(ticket, cx));
        self.flush = None;
        Poll::Ready(answer.map_err(|failure| self.client.undelivered(failure)))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_flush(cx)
    }
}

impl Drop for MetricSink {
    fn drop(&mut self) {
        self.client.shared().forget(&mut self.key);
    }
}
